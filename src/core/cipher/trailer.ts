/**
 * The sealed trailer: salt[12] || commitment[32] || AES-256-GCM(fields[100]) || tag[16], and the list of runs that may
 * stand before it under the same key. The commitment names the data key: whoever can craft two wraps cannot make one
 * stored object open in two ways. What leaves has been authenticated.
 * @see docs/spec/object-format.md, "Trailer"
 */
import { createCipheriv, createDecipheriv, createSecretKey, timingSafeEqual, type KeyObject } from 'node:crypto';
import { GatewayError } from '../../errors/gateway-error.ts';
import { derive, deriveOnce, type Derive } from './derived-keys.ts';
import { SALT_BYTES, TAG_BYTES, TRAILER_BYTES } from '../../contracts/object-format.ts';
import { parseTrailerFields, type TrailerFields } from './trailer-fields.ts';

const CIPHER = 'aes-256-gcm';
const CIPHER_OPTIONS = { authTagLength: TAG_BYTES };
const LABEL = Buffer.from('sallyport/1/trailer');
const FIELDS_NONCE = Buffer.alloc(12);
const EXTENSION_NONCE = Buffer.from('000000000000000000000001', 'hex');
const FIELDS_AT = SALT_BYTES + 32;

/** Seals trailer fields under a fresh 12-byte salt; gives 160 bytes. */
export function sealTrailer(dataKey: KeyObject, salt: Buffer, fields: Buffer): Buffer {
  const { key, commitment } = trailerKeys(dataKey, salt, derive);
  return Buffer.concat([salt, commitment, seal(key, FIELDS_NONCE, fields)], TRAILER_BYTES);
}

/** Seals a list of runs under the salt of its trailer; gives 16 bytes more. */
export function sealExtension(dataKey: KeyObject, salt: Buffer, runs: Buffer): Buffer {
  return seal(trailerKeys(dataKey, salt, derive).key, EXTENSION_NONCE, runs);
}

/** What was opened last under a data key, as long as that lives: the same bytes under the same key say the same again. */
const opened = new WeakMap<KeyObject, { readonly trailer: Buffer; readonly fields: TrailerFields }>();

/** Verified: opens the 160 bytes of a trailer of any kind. @throws GatewayError IntegrityFailure */
export function openTrailer(dataKey: KeyObject, trailer: Buffer): TrailerFields {
  const last = opened.get(dataKey);
  if (last?.trailer.equals(trailer) === true) return last.fields;
  const fields = openAnew(dataKey, trailer);
  // A copy: the bytes are those of a connection, or of a store's answer.
  opened.set(dataKey, { trailer: Buffer.from(trailer), fields });
  return fields;
}

function openAnew(dataKey: KeyObject, trailer: Buffer): TrailerFields {
  const { key, commitment } = trailerKeys(dataKey, saltOf(trailer), deriveOnce);
  if (!timingSafeEqual(commitment, trailer.subarray(SALT_BYTES, FIELDS_AT))) throw notAuthentic();
  return parseTrailerFields(open(key, FIELDS_NONCE, trailer.subarray(FIELDS_AT)));
}

/** Verified: opens the list of runs that stands before a trailer. @throws GatewayError IntegrityFailure */
export function openExtension(dataKey: KeyObject, trailer: Buffer, sealed: Buffer): Buffer {
  return open(trailerKeys(dataKey, saltOf(trailer), deriveOnce).key, EXTENSION_NONCE, sealed);
}

function seal(key: KeyObject, nonce: Buffer, plain: Buffer): Buffer {
  const cipher = createCipheriv(CIPHER, key, nonce, CIPHER_OPTIONS);
  const sealed = cipher.update(plain);
  cipher.final();
  return Buffer.concat([sealed, cipher.getAuthTag()]);
}

function open(key: KeyObject, nonce: Buffer, sealed: Buffer): Buffer {
  const decipher = createDecipheriv(CIPHER, key, nonce, CIPHER_OPTIONS);
  decipher.setAuthTag(sealed.subarray(-TAG_BYTES));
  const plain = decipher.update(sealed.subarray(0, -TAG_BYTES));
  try {
    decipher.final();
  } catch {
    throw notAuthentic();
  }
  return plain;
}

function saltOf(trailer: Buffer): Buffer {
  return trailer.subarray(0, SALT_BYTES);
}

function trailerKeys(dataKey: KeyObject, salt: Buffer, derived: Derive): { key: KeyObject; commitment: Buffer } {
  return derived(dataKey, salt, LABEL, 64, (both) => ({
    key: createSecretKey(both.subarray(0, 32)),
    commitment: both.subarray(32),
  }));
}

function notAuthentic(): GatewayError {
  return new GatewayError('IntegrityFailure', { detail: 'the trailer is not authentic' });
}
