/**
 * One version of a key-encryption key: made from a seed, and used to wrap data keys by AES-256-KWP under a key of its own
 * for each context, so that a wrapped key opens only in its context.
 * @see docs/spec/object-format.md, "Keys"; RFC 5649; RFC 5869
 */
import { createCipheriv, createDecipheriv, createSecretKey, hkdfSync, type KeyObject } from 'node:crypto';

/** Length of every data key, in bytes. */
export const DATA_KEY_BYTES = 32;
/** 32 bytes of key, padded and wrapped. */
const WRAPPED_BYTES = 40;
const WRAP = 'id-aes256-wrap-pad';
/** The alternative initial value of RFC 5649 section 3. */
const INITIAL_VALUE = Buffer.from('a65959a6', 'hex');
const SEED_LABEL = Buffer.from('sallyport/1/kek-seed');
const WRAP_LABEL = Buffer.from('sallyport/1/kek');
const NO_SALT = Buffer.alloc(0);

/** Derives the key-encryption key of one version from a seed. */
export function kekFromSeed(seed: Buffer, version: number): KeyObject {
  const versionBytes = Buffer.alloc(4);
  versionBytes.writeUInt32BE(version);
  return derive(createSecretKey(seed), Buffer.concat([SEED_LABEL, versionBytes]));
}

/** Wraps a 32-byte data key for a context; gives 40 bytes. */
export function wrapDataKey(kek: KeyObject, context: Buffer, dataKey: Buffer): Buffer {
  return wrapPadded(wrappingKey(kek, context), dataKey);
}

/** Verified: gives the data key, or `undefined` where the wrapped key is not of this KEK and context. */
export function unwrapDataKey(kek: KeyObject, context: Buffer, wrapped: Buffer): KeyObject | undefined {
  if (wrapped.length !== WRAPPED_BYTES) return undefined;
  const dataKey = unwrapPadded(wrappingKey(kek, context), wrapped);
  return dataKey?.length === DATA_KEY_BYTES ? createSecretKey(dataKey) : undefined;
}

/** AES-256-KWP. @see RFC 5649 */
export function wrapPadded(key: KeyObject, plain: Buffer): Buffer {
  const cipher = createCipheriv(WRAP, key, INITIAL_VALUE);
  return Buffer.concat([cipher.update(plain), cipher.final()]);
}

/** Verified: gives what was wrapped, or `undefined` where it was not by this key. @see RFC 5649 */
export function unwrapPadded(key: KeyObject, wrapped: Buffer): Buffer | undefined {
  const decipher = createDecipheriv(WRAP, key, INITIAL_VALUE);
  try {
    return Buffer.concat([decipher.update(wrapped), decipher.final()]);
  } catch {
    return undefined;
  }
}

function wrappingKey(kek: KeyObject, context: Buffer): KeyObject {
  return derive(kek, Buffer.concat([WRAP_LABEL, context]));
}

function derive(from: KeyObject, info: Buffer): KeyObject {
  return createSecretKey(Buffer.from(hkdfSync('sha256', from, NO_SALT, info, 32)));
}
