/**
 * The sealed trailer: salt[12] || commitment[32] || AES-256-GCM(fields[100]) || tag[16]. The commitment names the data
 * key: whoever can craft two wraps cannot make one stored object open in two ways. What leaves has been authenticated.
 * @see docs/spec/object-format.md, "Trailer"
 */
import { createCipheriv, createDecipheriv, createSecretKey, timingSafeEqual, type KeyObject } from 'node:crypto';
import { GatewayError } from '../../errors/gateway-error.ts';
import { derive, deriveOnce, type Derive } from './derived-keys.ts';
import { SALT_BYTES, TAG_BYTES } from './segment.ts';
import { TRAILER_BYTES } from './sizes.ts';
import { parseTrailerFields, type TrailerFields } from './trailer-fields.ts';

const CIPHER = 'aes-256-gcm';
const CIPHER_OPTIONS = { authTagLength: TAG_BYTES };
const LABEL = Buffer.from('sallyport/1/trailer');
const NONCE = Buffer.alloc(12);
const FIELDS_AT = SALT_BYTES + 32;

/** Seals trailer fields under a fresh 12-byte salt; gives 160 bytes. */
export function sealTrailer(dataKey: KeyObject, salt: Buffer, fields: Buffer): Buffer {
  const { key, commitment } = trailerKeys(dataKey, salt, derive);
  const cipher = createCipheriv(CIPHER, key, NONCE, CIPHER_OPTIONS);
  const sealed = cipher.update(fields);
  cipher.final();
  return Buffer.concat([salt, commitment, sealed, cipher.getAuthTag()], TRAILER_BYTES);
}

/** Verified: opens the 160 bytes of a trailer of any kind. @throws GatewayError IntegrityFailure */
export function openTrailer(dataKey: KeyObject, trailer: Buffer): TrailerFields {
  const { key, commitment } = trailerKeys(dataKey, trailer.subarray(0, SALT_BYTES), deriveOnce);
  if (!timingSafeEqual(commitment, trailer.subarray(SALT_BYTES, FIELDS_AT))) throw notAuthentic();
  const decipher = createDecipheriv(CIPHER, key, NONCE, CIPHER_OPTIONS);
  decipher.setAuthTag(trailer.subarray(-TAG_BYTES));
  const fields = decipher.update(trailer.subarray(FIELDS_AT, -TAG_BYTES));
  try {
    decipher.final();
  } catch {
    throw notAuthentic();
  }
  return parseTrailerFields(fields);
}

function trailerKeys(dataKey: KeyObject, salt: Buffer, derived: Derive): { key: KeyObject; commitment: Buffer } {
  return derived(dataKey, salt, LABEL, 64, (both) => ({
    key: createSecretKey(both.subarray(0, 32)),
    commitment: both.subarray(32),
  }));
}

function notAuthentic(): GatewayError {
  return new GatewayError('IntegrityFailure', 'open', { detail: 'the trailer is not authentic' });
}
