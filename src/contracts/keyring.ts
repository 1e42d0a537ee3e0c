import type { KeyObject } from 'node:crypto';

/** A data key as it stands in an object's metadata. */
export interface WrappedKey {
  /** The keyring that wrapped it; absent: the local one. */
  readonly keyringId?: string;
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
  /** Makes a data key, at once where that takes no call. @throws GatewayError ServiceUnavailable */
  readonly newDataKey: (context: Buffer) => DataKey | Promise<DataKey>;
  /** Wraps a data key that exists for another bucket or key, or by the current version. @throws GatewayError ServiceUnavailable */
  readonly wrap: (dataKey: KeyObject, context: Buffer) => Promise<WrappedKey>;
  /**
   * Gives the data key, at once where that takes no call.
   * @throws GatewayError IntegrityFailure (wrong context, altered), ServiceUnavailable (unknown version, keyring down)
   */
  readonly unwrap: (wrapped: WrappedKey, context: Buffer) => KeyObject | Promise<KeyObject>;
  /** What new data keys are wrapped by. @throws GatewayError ServiceUnavailable */
  readonly current: () => Promise<Pick<WrappedKey, 'keyringId' | 'kekVersion'>>;
}
