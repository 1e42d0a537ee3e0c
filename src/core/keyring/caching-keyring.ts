/**
 * Keeps unwrapped data keys for a short while, so that a small read of an object that is read often does not pay for its
 * unwrapping each time (with a remote keyring: does not call it). Bounded in number and time; an entry is found only by
 * keyring, version, wrapped key and context together, so that a wrapped key that was moved is still refused by the keyring.
 */
import type { KeyObject } from 'node:crypto';
import { LRUCache } from 'lru-cache';
import type { Keyring, WrappedKey } from '../../contracts/keyring.ts';
import type { KeyCacheSettings } from '../../contracts/keyring-settings.ts';
import { createSingleFlight } from '../../platform/single-flight.ts';

/** Puts a cache of data keys in front of a keyring. Those who ask at once share one answer; failures are not kept. */
export function createCachingKeyring(keyring: Keyring, { maxKeys, maxAgeSeconds }: KeyCacheSettings): Keyring {
  const keys = new LRUCache<string, KeyObject>({ max: maxKeys, ttl: maxAgeSeconds * 1000 });
  const calls = createSingleFlight<KeyObject>();
  return {
    newDataKey: keyring.newDataKey,
    wrap: keyring.wrap,
    current: keyring.current,
    unwrap: (wrapped, context) => {
      const name = nameOf(wrapped, context);
      const known = keys.get(name);
      if (known !== undefined) return known;
      const unwrap = async (): Promise<KeyObject> => {
        const dataKey = await keyring.unwrap(wrapped, context);
        keys.set(name, dataKey);
        return dataKey;
      };
      return calls.join(unwrap, name);
    },
  };
}

/** No two wrapped keys or contexts share a name: ids hold no colon, lengths are said. */
function nameOf({ keyringId, kekVersion, wrapped }: WrappedKey, context: Buffer): string {
  return `${keyringId ?? ''}:${kekVersion}:${context.length}:${context.toString('latin1')}${wrapped.toString('latin1')}`;
}
