/**
 * Keeps unwrapped data keys for a short while, so that a small read of an object that is read often does not pay for its
 * unwrapping each time (with a remote keyring: does not call it). Bounded in number and time; an entry is found only by
 * version, wrapped key and context together, so that a wrapped key that was moved is still refused by the keyring.
 */
import type { KeyObject } from 'node:crypto';
import { LRUCache } from 'lru-cache';
import type { Keyring } from '../../contracts/keyring.ts';

export interface CachingKeyringOptions {
  readonly maxKeys: number;
  /** Counted from the unwrapping, not from the last use. */
  readonly maxAgeMs: number;
}

/** Puts a cache of data keys in front of a keyring. Failures are not kept. */
export function createCachingKeyring(keyring: Keyring, { maxKeys, maxAgeMs }: CachingKeyringOptions): Keyring {
  const keys = new LRUCache<string, KeyObject>({ max: maxKeys, ttl: maxAgeMs });
  return {
    id: keyring.id,
    newDataKey: keyring.newDataKey,
    unwrap: async (wrapped, context) => {
      const name = `${wrapped.kekVersion}:${context.length}:${context.toString('latin1')}${wrapped.wrapped.toString('latin1')}`;
      const kept = keys.get(name);
      if (kept !== undefined) return kept;
      const dataKey = await keyring.unwrap(wrapped, context);
      keys.set(name, dataKey);
      return dataKey;
    },
  };
}
