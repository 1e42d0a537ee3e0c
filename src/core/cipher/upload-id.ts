/**
 * The id of an upload beside which nothing is kept: the store's id and the wrapped data key, authenticated under that key
 * and bound to bucket and key. Commands use it for uploads of their own, and clients hold such ids of uploads that an earlier
 * release began. What enters is text from a client; nothing of it is used before its HMAC holds, but the wrapped key itself.
 * @see docs/spec/object-format.md, "Upload id"
 */
import { createHmac, createSecretKey, hkdfSync, timingSafeEqual, type KeyObject } from 'node:crypto';
import type { WrappedKey } from '../../contracts/keyring.ts';
import { GatewayError } from '../../errors/gateway-error.ts';

/** What an upload id says before it is verified. */
export interface ParsedUploadId {
  readonly wrappedKey: WrappedKey;
  readonly storeUploadId: string;
  /** Throws unless the id was made with this data key for this bucket and key. @throws GatewayError NoSuchUpload */
  readonly verify: (dataKey: KeyObject, context: Buffer) => void;
}

const VERSION = 1;
const MAC_BYTES = 32;
const LABEL = Buffer.from('sallyport/1/upload-id');
const NO_SALT = Buffer.alloc(0);
const MAX_ID_CHARS = 4096;
// As in an envelope: no keyring is asked about more.
const MIN_WRAPPED_BYTES = 24;
const MAX_WRAPPED_BYTES = 256;
const KEYRING_ID = /^(?:[a-z0-9][a-z0-9-]{0,31})?$/;

/** Writes the id. */
export function encodeUploadId(
  wrappedKey: WrappedKey,
  dataKey: KeyObject,
  context: Buffer,
  storeUploadId: string,
): string {
  const head = Buffer.alloc(5);
  head.writeUInt8(VERSION);
  head.writeUInt32BE(wrappedKey.kekVersion, 1);
  const fields = [Buffer.from(wrappedKey.keyringId ?? ''), wrappedKey.wrapped, Buffer.from(storeUploadId)];
  const body = Buffer.concat([head, ...fields.flatMap((field) => [lengthOf(field), field])]);
  return Buffer.concat([body, mac(dataKey, body, context)]).toString('base64url');
}

/** Unverified: reads the id. @throws GatewayError NoSuchUpload */
export function parseUploadId(uploadId: string): ParsedUploadId {
  if (uploadId.length > MAX_ID_CHARS) throw noSuchUpload('the upload id is too long');
  const bytes = Buffer.from(uploadId, 'base64url');
  if (bytes.toString('base64url') !== uploadId) throw noSuchUpload('the upload id is not canonical base64url');
  const body = bytes.subarray(0, -MAC_BYTES);
  const kekVersion = body.length < 5 || body.readUInt8(0) !== VERSION ? 0 : body.readUInt32BE(1);
  const [keyring, wrapped, id, ...more] = readFields(body.subarray(5));
  if (kekVersion === 0 || keyring === undefined || wrapped === undefined || id === undefined || more.length > 0) {
    throw noSuchUpload('the upload id is malformed');
  }
  const keyringId = keyring.toString('latin1');
  const isBounded = wrapped.length >= MIN_WRAPPED_BYTES && wrapped.length <= MAX_WRAPPED_BYTES;
  if (!KEYRING_ID.test(keyringId) || !isBounded) throw noSuchUpload('the upload id is malformed');
  return {
    wrappedKey: keyringId === '' ? { kekVersion, wrapped } : { keyringId, kekVersion, wrapped },
    storeUploadId: id.toString(),
    verify: (dataKey, context) => {
      const expected = mac(dataKey, body, context);
      if (!timingSafeEqual(expected, bytes.subarray(-MAC_BYTES))) throw noSuchUpload('the upload id is not authentic');
    },
  };
}

/** Tells whether a text has the form of such an id. The store's own ids have it no more often than one in 2^40 or so. */
export function isSealedId(uploadId: string): boolean {
  try {
    parseUploadId(uploadId);
    return true;
  } catch {
    return false;
  }
}

export function noSuchUpload(detail: string): GatewayError {
  return new GatewayError('NoSuchUpload', { detail });
}

/** Reads length-prefixed fields to the end; a field that goes beyond it gives none at all. */
function readFields(bytes: Buffer): Buffer[] {
  const fields: Buffer[] = [];
  for (let at = 0; at < bytes.length;) {
    if (at + 4 > bytes.length) return [];
    const end = at + 4 + bytes.readUInt32BE(at);
    if (end > bytes.length) return [];
    fields.push(bytes.subarray(at + 4, end));
    at = end;
  }
  return fields;
}

function lengthOf(field: Buffer): Buffer {
  const length = Buffer.alloc(4);
  length.writeUInt32BE(field.length);
  return length;
}

function mac(dataKey: KeyObject, body: Buffer, context: Buffer): Buffer {
  const key = createSecretKey(Buffer.from(hkdfSync('sha256', dataKey, NO_SALT, LABEL, 32)));
  return createHmac('sha256', key).update(body).update(context).digest();
}
