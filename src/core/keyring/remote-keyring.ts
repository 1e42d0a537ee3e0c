/** What keyrings that call a service have in common. */
import type { KeyObject } from 'node:crypto';
import type { HealthReport } from '../../contracts/health.ts';
import type { DataKey, Keyring, WrappedKey } from '../../contracts/keyring.ts';

export interface RemoteKeyring extends Keyring {
  readonly newDataKey: (context: Buffer) => Promise<DataKey>;
  readonly unwrap: (wrapped: WrappedKey, context: Buffer) => Promise<KeyObject>;
  readonly health: () => HealthReport;
  /** Aborts calls in progress and closes the connections. */
  readonly close: () => Promise<void>;
}

export const MAX_KEK_VERSION = 0xffff_ffff;

const MIN_WRAPPED_BYTES = 24;
const MAX_WRAPPED_BYTES = 256;

/** Tells whether a wrapped key fits into an envelope. @see docs/spec/object-format.md, "Envelope" */
export function isEnvelopeSized(wrapped: Buffer): boolean {
  return wrapped.length >= MIN_WRAPPED_BYTES && wrapped.length <= MAX_WRAPPED_BYTES;
}
