/**
 * The 100 bytes inside a trailer. What enters to be parsed was authenticated before; it is parsed strictly all the same:
 * every field within its bounds, every reserved byte zero, so that a writer's mistake is found and not interpreted.
 * @see docs/spec/object-format.md, "Trailer"
 */
import { GatewayError } from '../../errors/gateway-error.ts';
import type { ChecksumAlgorithm } from '../../s3/request.ts';
import { MAX_OFFSET, MAX_PARTS } from './sizes.ts';

const TRAILER_FIELDS_BYTES = 100;

/** `count` parts with consecutive numbers and one length. */
interface PartRun {
  readonly firstNumber: number;
  readonly count: number;
  readonly plainSizeBytes: number;
}

/** A checksum of the plaintext as it stands in a trailer. */
export interface TrailerChecksum {
  readonly algorithm: ChecksumAlgorithm;
  readonly value: Buffer;
}

export interface TrailerFields {
  readonly kind: 'single' | 'final' | 'layout';
  /** The client's last part number; 0 for a single PUT. */
  readonly lastPartNumber: number;
  /** Of the object; of this part alone in a final part. */
  readonly plainSizeBytes: number;
  /** Of the object; 0 in a final part, whose writer does not know it. */
  readonly storedSizeBytes: number;
  /** Of the plaintext. Absent as well where its type is one that this release does not know. */
  readonly checksum?: TrailerChecksum;
  /** Stored bytes of the sealed run list that stands before the trailer; 0 where the runs fit into the trailer. */
  readonly extensionBytes: number;
  readonly runCount: number;
  /** Empty where there is an extension. */
  readonly runs: readonly PartRun[];
}

const VERSION = 1;
const KINDS = ['single', 'final', 'layout'] as const;
const CHECKSUMS: readonly { readonly algorithm: ChecksumAlgorithm; readonly bytes: number }[] = [
  { algorithm: 'CRC32', bytes: 4 },
  { algorithm: 'CRC32C', bytes: 4 },
  { algorithm: 'CRC64NVME', bytes: 8 },
  { algorithm: 'SHA1', bytes: 20 },
  { algorithm: 'SHA256', bytes: 32 },
];
const CHECKSUM_AT = 22;
const MAX_CHECKSUM_BYTES = 32;
const RUNS_AT = 60;
const RUN_BYTES = 10;
const INLINE_RUNS = 4;

/** Writes the trailer fields of a single PUT. @throws GatewayError InvalidDigest (a checksum of the wrong length) */
export function encodeSingleTrailer(
  plainSizeBytes: number,
  storedSizeBytes: number,
  checksum?: TrailerChecksum,
): Buffer {
  const fields = Buffer.alloc(TRAILER_FIELDS_BYTES);
  fields.writeUInt8(VERSION, 0);
  fields.writeUInt8(1 + KINDS.indexOf('single'), 1);
  fields.writeBigUInt64BE(BigInt(plainSizeBytes), 4);
  fields.writeBigUInt64BE(BigInt(storedSizeBytes), 12);
  if (checksum !== undefined) {
    const type = CHECKSUMS.findIndex(({ algorithm }) => algorithm === checksum.algorithm);
    if (CHECKSUMS[type]?.bytes !== checksum.value.length) {
      throw new GatewayError('InvalidDigest', 'seal', {
        detail: `a ${checksum.algorithm} of ${checksum.value.length} bytes`,
      });
    }
    fields.writeUInt8(1 + type, 20);
    fields.writeUInt8(checksum.value.length, 21);
    checksum.value.copy(fields, CHECKSUM_AT);
  }
  return fields;
}

/** Reads the trailer fields of any kind. @throws GatewayError IntegrityFailure */
export function parseTrailerFields(fields: Buffer): TrailerFields {
  const kind = KINDS[fields.readUInt8(1) - 1];
  if (fields.length !== TRAILER_FIELDS_BYTES || fields.readUInt8(0) !== VERSION || kind === undefined)
    throw malformed();
  const lastPartNumber = fields.readUInt16BE(2);
  const plainSizeBytes = readSize(fields, 4);
  const storedSizeBytes = readSize(fields, 12);
  const extensionBytes = fields.readUInt32BE(54);
  const runCount = fields.readUInt16BE(58);
  const runs = extensionBytes === 0 ? readRuns(fields, Math.min(runCount, INLINE_RUNS)) : [];
  requireZero(fields, RUNS_AT + runs.length * RUN_BYTES, TRAILER_FIELDS_BYTES);

  if ((kind === 'single') !== (lastPartNumber === 0) || lastPartNumber > MAX_PARTS) throw malformed();
  if ((kind === 'final') !== (storedSizeBytes === 0)) throw malformed();
  if ((kind === 'layout') !== runCount > 0 || runCount > MAX_PARTS) throw malformed();
  if (extensionBytes !== (runCount > INLINE_RUNS ? runCount * RUN_BYTES + 16 : 0)) throw malformed();
  if (runs.length > 0) requireRuns(runs, lastPartNumber, plainSizeBytes);

  const known = { kind, lastPartNumber, plainSizeBytes, storedSizeBytes, extensionBytes, runCount, runs };
  const checksum = readChecksum(fields);
  return checksum === undefined ? known : { ...known, checksum };
}

function readSize(fields: Buffer, at: number): number {
  const size = fields.readBigUInt64BE(at);
  if (size > BigInt(MAX_OFFSET)) throw malformed();
  return Number(size);
}

function readChecksum(fields: Buffer): TrailerChecksum | undefined {
  const type = fields.readUInt8(20);
  const length = fields.readUInt8(21);
  if (length > MAX_CHECKSUM_BYTES || (type === 0 && length !== 0)) throw malformed();
  requireZero(fields, CHECKSUM_AT + length, CHECKSUM_AT + MAX_CHECKSUM_BYTES);
  const row = CHECKSUMS[type - 1];
  if (row === undefined) return undefined;
  if (row.bytes !== length) throw malformed();
  return { algorithm: row.algorithm, value: fields.subarray(CHECKSUM_AT, CHECKSUM_AT + length) };
}

function readRuns(fields: Buffer, count: number): PartRun[] {
  return Array.from({ length: count }, (_, index) => {
    const at = RUNS_AT + index * RUN_BYTES;
    return {
      firstNumber: fields.readUInt16BE(at),
      count: fields.readUInt16BE(at + 2),
      plainSizeBytes: fields.readUIntBE(at + 4, 6),
    };
  });
}

/** Ascending, without overlap, up to the last part, and as long together as the object. */
function requireRuns(runs: readonly PartRun[], lastPartNumber: number, plainSizeBytes: number): void {
  let last = 0;
  let sum = 0;
  for (const run of runs) {
    if (run.firstNumber <= last || run.count === 0) throw malformed();
    last = run.firstNumber + run.count - 1;
    sum += run.count * run.plainSizeBytes;
  }
  if (last !== lastPartNumber || sum !== plainSizeBytes) throw malformed();
}

function requireZero(fields: Buffer, from: number, to: number): void {
  if (fields.subarray(from, to).some((byte) => byte !== 0)) throw malformed();
}

function malformed(): GatewayError {
  return new GatewayError('IntegrityFailure', 'open', { detail: 'the trailer is malformed' });
}
