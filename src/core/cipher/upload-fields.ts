/**
 * The bytes inside the state of an upload and inside the record of a part. What enters to be read was authenticated before;
 * it is read strictly all the same.
 * @see docs/spec/object-format.md, "State of an upload"
 */
import type { PartRecord, UploadTerms } from '../../contracts/object-cipher.ts';
import type { ChecksumAlgorithm } from '../../s3/body/checksums.ts';
import { noSuchUpload } from './upload-id.ts';

const TERMS_BYTES = 16;
const RECORD_BYTES = 78;
const ETAG_BYTES = 16;
const FINGERPRINT_BYTES = 16;
const MAX_CHECKSUM_BYTES = 32;
const ALGORITHMS: readonly ChecksumAlgorithm[] = ['CRC32', 'CRC32C', 'CRC64NVME', 'SHA1', 'SHA256', 'MD5'];
const TYPES = ['FULL_OBJECT', 'COMPOSITE'] as const;
const ONLY_IF_NONE = 1;
const DEFERRED = 1;

/** Writes what a client said when it began an upload. */
export function encodeTerms({ checksum, onlyIfNone }: UploadTerms): Buffer {
  const fields = Buffer.alloc(TERMS_BYTES);
  if (checksum !== undefined) {
    fields.writeUInt8(1 + ALGORITHMS.indexOf(checksum.algorithm), 0);
    fields.writeUInt8(1 + TYPES.indexOf(checksum.type), 1);
  }
  fields.writeUInt8(onlyIfNone ? ONLY_IF_NONE : 0, 2);
  return fields;
}

/** Reads it. @throws GatewayError NoSuchUpload (of a writer that says more than this release understands) */
export function decodeTerms(fields: Buffer): UploadTerms {
  const [algorithm = 0, type = 0, flags = 0] = fields;
  const checksum = { algorithm: ALGORITHMS[algorithm - 1], type: TYPES[type - 1] };
  const isKnown =
    fields.length === TERMS_BYTES &&
    flags <= ONLY_IF_NONE &&
    (algorithm === 0) === (type === 0) &&
    (algorithm === 0 || (checksum.algorithm !== undefined && checksum.type !== undefined)) &&
    isZero(fields, 3);
  if (!isKnown) throw noSuchUpload('the state of the upload is of another release');
  const onlyIfNone = flags === ONLY_IF_NONE;
  return checksum.algorithm === undefined || checksum.type === undefined
    ? { checksum: undefined, onlyIfNone }
    : { checksum: { algorithm: checksum.algorithm, type: checksum.type }, onlyIfNone };
}

/** Writes what is known of a part that was taken. */
export function encodeRecord(record: PartRecord): Buffer {
  const fields = Buffer.alloc(RECORD_BYTES);
  const { number, slot, plainSizeBytes, isDeferred, etagDigest, fingerprint, checksum } = record;
  fields.writeUInt16BE(number, 0);
  fields.writeUInt16BE(slot, 2);
  fields.writeUInt8(isDeferred ? DEFERRED : 0, 4);
  fields.writeUIntBE(plainSizeBytes, 6, 6);
  fields.write(etagDigest, 12, ETAG_BYTES, 'hex');
  fingerprint?.copy(fields, 28, 0, FINGERPRINT_BYTES);
  // One whose value has no room was verified as it came, and no upload can ask for it (`createdChecksum`).
  if (checksum !== undefined && ALGORITHMS.includes(checksum.algorithm)) {
    fields.writeUInt8(1 + ALGORITHMS.indexOf(checksum.algorithm), 44);
    fields.writeUInt8(checksum.value.length, 45);
    checksum.value.copy(fields, 46);
  }
  return fields;
}

/** Reads it; `undefined`: it says more than this release understands. */
export function decodeRecord(fields: Buffer): PartRecord | undefined {
  if (fields.length !== RECORD_BYTES) return undefined;
  const flags = fields.readUInt8(4);
  const algorithm = fields.readUInt8(44);
  const length = fields.readUInt8(45);
  const known = ALGORITHMS[algorithm - 1];
  const isKnown =
    flags <= DEFERRED &&
    fields[5] === 0 &&
    length <= MAX_CHECKSUM_BYTES &&
    (algorithm === 0 ? length === 0 : known !== undefined) &&
    isZero(fields, 46 + length);
  if (!isKnown) return undefined;
  const fingerprint = fields.subarray(28, 28 + FINGERPRINT_BYTES);
  return {
    number: fields.readUInt16BE(0),
    slot: fields.readUInt16BE(2),
    isDeferred: flags === DEFERRED,
    plainSizeBytes: fields.readUIntBE(6, 6),
    etagDigest: fields.toString('hex', 12, 12 + ETAG_BYTES),
    fingerprint: isZero(fingerprint, 0) ? undefined : fingerprint,
    checksum: known && { algorithm: known, value: fields.subarray(46, 46 + length) },
  };
}

function isZero(fields: Buffer, from: number): boolean {
  return !fields.subarray(from).some((byte) => byte !== 0);
}
