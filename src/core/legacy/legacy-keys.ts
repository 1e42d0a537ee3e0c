/**
 * The key-encryption keys of other encrypting gateways, and the data keys that they wrapped. What enters is metadata that
 * whoever may write to the store may have written; what leaves is a key whose wrap held. Seeds and keys stand in no error.
 * @see docs/migrating-legacy.md; RFC 5649; RFC 5869
 */
import { createDecipheriv, createHash, createSecretKey, hkdfSync, type KeyObject } from 'node:crypto';

const DATA_KEY_BYTES = 32;
const UNWRAP = 'id-aes256-wrap-pad';
/** The alternative initial value of RFC 5649 section 3. */
const INITIAL_VALUE = Buffer.from('a65959a6', 'hex');
const V1_SALT = sha256(Buffer.from('s3proxy-kek-salt-v1'));
const V1_INFO = Buffer.from('s3proxy/kek/v1');

/** What releases wrapped with that lost the key which they were given: no secret at all. */
export const ZERO_KEK = createSecretKey(Buffer.alloc(32));

/** The two ways to make a key-encryption key from the same seed. */
export interface SeededKeks {
  /** SHA-256 of the seed. */
  readonly hashed: KeyObject;
  /** HKDF-SHA256 of the seed, version "1". */
  readonly v1: KeyObject;
}

/** Derives both key-encryption keys of a seed. */
export function keksOf(seed: Buffer): SeededKeks {
  return {
    hashed: createSecretKey(sha256(seed)),
    v1: createSecretKey(Buffer.from(hkdfSync('sha256', seed, V1_SALT, V1_INFO, 32))),
  };
}

/** Verified: gives the 32-byte data key, or `undefined` where this key did not wrap it. */
export function unwrapped(kek: KeyObject, wrapped: Buffer): KeyObject | undefined {
  const decipher = createDecipheriv(UNWRAP, kek, INITIAL_VALUE);
  try {
    const dataKey = Buffer.concat([decipher.update(wrapped), decipher.final()]);
    return dataKey.length === DATA_KEY_BYTES ? createSecretKey(dataKey) : undefined;
  } catch {
    return undefined;
  }
}

function sha256(bytes: Buffer): Buffer {
  return createHash('sha256').update(bytes).digest();
}
