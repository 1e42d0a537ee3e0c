/**
 * Several keyrings as one: new data keys are wrapped by the current one, and a wrapped key goes to the keyring that its
 * envelope names. One that is not configured makes an object unavailable, never lost.
 */
import type { Keyring } from '../../contracts/keyring.ts';
import { GatewayError } from '../../errors/gateway-error.ts';

/** Stands for the local keyring, which envelopes do not name. */
export const LOCAL = 'local';

/** Puts keyrings together. @throws Error (one line for the operator) where the current one is not among them */
export function createKeyrings(keyrings: ReadonlyMap<string, Keyring>, currentId: string): Keyring {
  const current = keyrings.get(currentId);
  if (current === undefined) throw new Error(`keyring: there is no keyring ${currentId} to wrap new keys`);
  return {
    newDataKey: current.newDataKey,
    wrap: current.wrap,
    current: current.current,
    unwrap: (wrapped, context) => {
      const id = wrapped.keyringId ?? LOCAL;
      // Envelopes leave it out; a spelling of its own would make two names of one keyring.
      const keyring = wrapped.keyringId === LOCAL ? undefined : keyrings.get(id);
      if (keyring !== undefined) return keyring.unwrap(wrapped, context);
      throw new GatewayError('ServiceUnavailable', { detail: `no keyring ${id} is configured` });
    },
  };
}
