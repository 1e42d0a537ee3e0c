import type { KeyObject } from 'node:crypto';

/** A data key as it stands in an object's metadata. */
export interface WrappedKey {
  /** Version of the key-encryption key, >= 1. */
  readonly kekVersion: number;
  readonly wrapped: Buffer;
}

export interface DataKey extends WrappedKey {
  /** 32 bytes. */
  readonly dataKey: KeyObject;
}

/**
 * Sole holder of wrapping keys. `context` is the 32-byte hash of docs/spec/object-format.md that binds a wrapped key to
 * its place.
 */
export interface Keyring {
  /** What the audit calls it, such as `local`. */
  readonly id: string;
  /** @throws GatewayError ServiceUnavailable */
  readonly newDataKey: (context: Buffer) => Promise<DataKey>;
  /** @throws GatewayError IntegrityFailure (wrong place, altered), ServiceUnavailable (unknown version, keyring down) */
  readonly unwrap: (wrapped: WrappedKey, context: Buffer) => Promise<KeyObject>;
}
