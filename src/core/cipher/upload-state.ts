/**
 * What is kept of an upload while it is in progress, beside it in the store: the state, which holds its wrapped key and what
 * the client said when it began it, and a record of each part that was taken. All of it is authenticated under the data key
 * and bound to bucket, key and the store's id of the upload. What enters may have been written, swapped or withheld by the
 * store: nothing of it is used before it has opened, but the wrapped key itself.
 * @see docs/spec/object-format.md, "State of an upload"
 */
import { createCipheriv, createDecipheriv, createHash, createSecretKey, hkdfSync, type KeyObject } from 'node:crypto';
import type { ObjectAddress, PartRecord, UploadTerms } from '../../contracts/object-cipher.ts';
import type { WrappedKey } from '../../contracts/keyring.ts';
import { GatewayError } from '../../errors/gateway-error.ts';
import { RESERVED_PREFIX } from '../../s3/reserved-keys.ts';
import { encodeEnvelope, parseEnvelope } from './envelope.ts';
import { objectContext } from './object-context.ts';
import { SALT_BYTES, TAG_BYTES } from '../../contracts/object-format.ts';
import { decodeRecord, decodeTerms, encodeRecord, encodeTerms } from './upload-fields.ts';
import { noSuchUpload } from './upload-id.ts';

/** The upload that a state is of. */
export interface UploadContext {
  readonly dataKey: KeyObject;
  readonly address: ObjectAddress;
  readonly storeUploadId: string;
}

export type Random = (sizeBytes: number) => Buffer;

const VERSION = 1;
const NONCE = Buffer.alloc(12);
const NO_SALT = Buffer.alloc(0);
const MAX_STATE_BYTES = 4096;
const LABELS = {
  state: 'sallyport/1/upload-state',
  record: 'sallyport/1/upload-part',
  fingerprint: 'sallyport/1/upload-fingerprint',
} as const;
const RECORD = /^[A-Za-z0-9_-]{16,512}$/;

/** Names the folder of an upload. Whoever lists it learns neither key nor id. */
export function uploadFolder({ bucketId, key }: ObjectAddress, storeUploadId: string): string {
  const fields = ['sallyport/1/upload', bucketId, key, storeUploadId].map((field) => Buffer.from(field));
  const hash = createHash('sha256');
  for (const field of fields) hash.update(lengthOf(field)).update(field);
  return `${RESERVED_PREFIX}uploads/${hash.digest('base64url')}/`;
}

/** Writes the state of an upload. */
export function sealState(context: UploadContext, wrappedKey: WrappedKey, terms: UploadTerms, random: Random): Buffer {
  const envelope = Buffer.from(encodeEnvelope({ kind: 'm', ...wrappedKey }));
  const sealed = seal(context, LABELS.state, encodeTerms(terms), random);
  return Buffer.concat([Buffer.of(VERSION), lengthOf(envelope), envelope, sealed]);
}

/** Unverified: reads the wrapped key; `open` gives the rest. @throws GatewayError NoSuchUpload, NotImplemented */
export function parseState(bytes: Buffer): {
  readonly wrappedKey: WrappedKey;
  /** @throws GatewayError NoSuchUpload unless the state was made with this data key for this upload */
  readonly open: (context: UploadContext) => UploadTerms;
} {
  const end = bytes.length < 5 || bytes.length > MAX_STATE_BYTES ? Infinity : 5 + bytes.readUInt32BE(1);
  if (bytes[0] !== VERSION || end > bytes.length) throw noSuchUpload('the state of the upload is malformed');
  const { kind, ...wrappedKey } = envelopeOf(bytes.toString('latin1', 5, end));
  if (kind !== 'm') throw noSuchUpload('the state of the upload is malformed');
  return {
    wrappedKey,
    open: (context) => {
      const terms = open(context, LABELS.state, bytes.subarray(end));
      if (terms === undefined) throw noSuchUpload('the state of the upload is not authentic');
      return decodeTerms(terms);
    },
  };
}

function envelopeOf(text: string): ReturnType<typeof parseEnvelope> {
  try {
    return parseEnvelope(text);
  } catch (error) {
    if (!(error instanceof GatewayError) || error.code !== 'IntegrityFailure') throw error;
    throw noSuchUpload('the state of the upload is malformed');
  }
}

/** Names an ETag in a record. */
export function etagDigest(etag: string): string {
  return createHash('sha256').update(etag).digest('hex').slice(0, 32);
}

/** Tells whether two attempts of a part brought the same bytes, and nothing else to anybody. */
export interface Fingerprint {
  readonly update: (chunk: Buffer) => void;
  /** Of what has passed; nothing may pass after it was requested. */
  readonly value: () => Buffer;
}

/**
 * GMAC, several times as fast as a hash. One key and one nonce for all parts of an upload make it a universal hash; that is
 * enough, and safe, because a value never leaves but inside a sealed record.
 */
export function createFingerprint({ dataKey, address, storeUploadId }: UploadContext): Fingerprint {
  const key = keyOf({ dataKey, address, storeUploadId }, LABELS.fingerprint, NO_SALT);
  const mac = createCipheriv('aes-256-gcm', key, NONCE);
  let value: Buffer | undefined;
  return {
    update: (chunk) => void mac.setAAD(chunk),
    value: () => {
      if (value === undefined) {
        mac.final();
        value = mac.getAuthTag();
      }
      return value;
    },
  };
}

/** Writes a record, as the last part of a key. */
export function sealRecord(context: UploadContext, record: PartRecord, random: Random): string {
  return seal(context, LABELS.record, encodeRecord(record), random).toString('base64url');
}

/** Reads a record; `undefined`: it is none of this upload's. */
export function openRecord(context: UploadContext, text: string): PartRecord | undefined {
  if (!RECORD.test(text)) return undefined;
  const fields = open(context, LABELS.record, Buffer.from(text, 'base64url'));
  return fields && decodeRecord(fields);
}

function seal(context: UploadContext, label: string, fields: Buffer, random: Random): Buffer {
  const salt = random(SALT_BYTES);
  const cipher = createCipheriv('aes-256-gcm', keyOf(context, label, salt), NONCE);
  return Buffer.concat([salt, cipher.update(fields), cipher.final(), cipher.getAuthTag()]);
}

function open(context: UploadContext, label: string, sealed: Buffer): Buffer | undefined {
  if (sealed.length < SALT_BYTES + TAG_BYTES) return undefined;
  const key = keyOf(context, label, sealed.subarray(0, SALT_BYTES));
  const decipher = createDecipheriv('aes-256-gcm', key, NONCE, { authTagLength: TAG_BYTES });
  decipher.setAuthTag(sealed.subarray(-TAG_BYTES));
  try {
    return Buffer.concat([decipher.update(sealed.subarray(SALT_BYTES, -TAG_BYTES)), decipher.final()]);
  } catch {
    return undefined;
  }
}

/** Of what is sealed every salt is new, and so is the key that it gives: no nonce is used twice. */
function keyOf({ dataKey, address, storeUploadId }: UploadContext, label: string, salt: Buffer): KeyObject {
  const id = createHash('sha256').update(storeUploadId).digest();
  const info = Buffer.concat([Buffer.from(label), objectContext(address, 'm'), id]);
  return createSecretKey(Buffer.from(hkdfSync('sha256', dataKey, salt, info, 32)));
}

function lengthOf(field: Buffer): Buffer {
  const length = Buffer.alloc(4);
  length.writeUInt32BE(field.length);
  return length;
}
