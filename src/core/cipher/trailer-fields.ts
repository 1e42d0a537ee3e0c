/**
 * The 100 bytes inside a trailer, and the list of runs. What enters to be parsed was authenticated before; it is parsed
 * strictly all the same: every field within its bounds, every reserved byte zero, so that a writer's mistake is found and
 * not interpreted.
 * @see docs/spec/object-format.md, "Trailer"
 */
import { TAG_BYTES } from '../../contracts/object-format.ts';
import type { ObjectChecksum, PartRun } from '../../contracts/object-cipher.ts';
import { GatewayError } from '../../errors/gateway-error.ts';
import type { Checksum, ChecksumAlgorithm, ChecksumType } from '../../s3/body/checksums.ts';
import { MAX_OFFSET, MAX_PARTS } from './sizes.ts';

export interface TrailerFields {
  readonly kind: 'single' | 'final' | 'layout';
  /** The client's last part number; 0 for a single PUT. */
  readonly lastPartNumber: number;
  /** Of the object; of this part alone in a final part. */
  readonly plainSizeBytes: number;
  /** Of the object; 0 in a final part, whose writer does not know it. */
  readonly storedSizeBytes: number;
  /** Of the plaintext. Absent as well where its type is one that this release does not know. */
  readonly checksum?: ObjectChecksum & {
    /** Whether it is one of the object: always, but in a final part. */
    readonly isOfWhole: boolean;
  };
  /** Stored bytes of the sealed run list that stands before the trailer; 0 where the runs fit into the trailer. */
  readonly extensionBytes: number;
  readonly runCount: number;
  /** Empty where there is an extension. */
  readonly runs: readonly PartRun[];
}

/** What a writer says; the runs are those of a layout. */
export interface NewTrailer extends Pick<
  TrailerFields,
  'kind' | 'lastPartNumber' | 'plainSizeBytes' | 'storedSizeBytes'
> {
  readonly checksum?:
    | (Checksum & {
        /** `undefined`: FULL_OBJECT. */
        readonly type?: ChecksumType;
        /** In a final part: of the object, and not of this part. */
        readonly isOfWhole?: boolean;
      })
    | undefined;
  readonly runs?: readonly PartRun[];
}

const TRAILER_FIELDS_BYTES = 100;
const VERSION = 1;
const KINDS = ['single', 'final', 'layout'] as const;
const CHECKSUMS: readonly { readonly algorithm: ChecksumAlgorithm; readonly bytes: number }[] = [
  { algorithm: 'CRC32', bytes: 4 },
  { algorithm: 'CRC32C', bytes: 4 },
  { algorithm: 'CRC64NVME', bytes: 8 },
  { algorithm: 'SHA1', bytes: 20 },
  { algorithm: 'SHA256', bytes: 32 },
  { algorithm: 'MD5', bytes: 16 },
];
const COMPOSITE = 0x80;
const OF_WHOLE = 0x40;
const CHECKSUM_AT = 22;
const MAX_CHECKSUM_BYTES = 32;
const RUNS_AT = 60;
const RUN_BYTES = 10;
const INLINE_RUNS = 4;

/** Gives the stored bytes of the extension that so many runs need (`ext` in the specification). */
export function extensionBytesOf(runCount: number): number {
  return runCount > INLINE_RUNS ? runCount * RUN_BYTES + TAG_BYTES : 0;
}

/** Writes trailer fields; runs that need an extension are left out. @throws GatewayError InvalidDigest (a wrong length) */
export function encodeTrailerFields(trailer: NewTrailer): Buffer {
  const { kind, lastPartNumber, plainSizeBytes, storedSizeBytes, checksum, runs = [] } = trailer;
  const fields = Buffer.alloc(TRAILER_FIELDS_BYTES);
  const extensionBytes = extensionBytesOf(runs.length);
  fields.writeUInt8(VERSION, 0);
  fields.writeUInt8(1 + KINDS.indexOf(kind), 1);
  fields.writeUInt16BE(lastPartNumber, 2);
  fields.writeBigUInt64BE(BigInt(plainSizeBytes), 4);
  fields.writeBigUInt64BE(BigInt(storedSizeBytes), 12);
  const type = CHECKSUMS.findIndex(({ algorithm }) => algorithm === checksum?.algorithm);
  // SHA512 was verified on its way here; its value has no room in a trailer.
  if (checksum !== undefined && type >= 0) {
    if (CHECKSUMS[type]?.bytes !== checksum.value.length) {
      throw new GatewayError('InvalidDigest', {
        detail: `a ${checksum.algorithm} of ${checksum.value.length} bytes`,
      });
    }
    const ofWhole = kind === 'final' && checksum.isOfWhole === true ? OF_WHOLE : 0;
    fields.writeUInt8((1 + type) | ofWhole | (checksum.type === 'COMPOSITE' ? COMPOSITE : 0), 20);
    fields.writeUInt8(checksum.value.length, 21);
    checksum.value.copy(fields, CHECKSUM_AT);
  }
  fields.writeUInt32BE(extensionBytes, 54);
  fields.writeUInt16BE(runs.length, 58);
  if (extensionBytes === 0) encodeRuns(runs).copy(fields, RUNS_AT);
  return fields;
}

/** Writes a list of runs, 10 bytes each. */
export function encodeRuns(runs: readonly PartRun[]): Buffer {
  const bytes = Buffer.alloc(runs.length * RUN_BYTES);
  for (const [index, { firstNumber, count, plainSizeBytes }] of runs.entries()) {
    bytes.writeUInt16BE(firstNumber, index * RUN_BYTES);
    bytes.writeUInt16BE(count, index * RUN_BYTES + 2);
    bytes.writeUIntBE(plainSizeBytes, index * RUN_BYTES + 4, 6);
  }
  return bytes;
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
  const inline = extensionBytes === 0 ? Math.min(runCount, INLINE_RUNS) * RUN_BYTES : 0;
  requireZero(fields, RUNS_AT + inline, TRAILER_FIELDS_BYTES);

  if ((kind === 'single') !== (lastPartNumber === 0) || lastPartNumber > MAX_PARTS) throw malformed();
  if ((kind === 'final') !== (storedSizeBytes === 0)) throw malformed();
  if ((kind === 'layout') !== runCount > 0 || runCount > MAX_PARTS) throw malformed();
  if (extensionBytes !== extensionBytesOf(runCount)) throw malformed();

  const known = { kind, lastPartNumber, plainSizeBytes, storedSizeBytes, extensionBytes, runCount };
  const runs = inline === 0 ? [] : parseRuns(fields.subarray(RUNS_AT, RUNS_AT + inline), known);
  const checksum = readChecksum(fields, kind);
  return checksum === undefined ? { ...known, runs } : { ...known, runs, checksum };
}

/** Reads the runs of a layout and holds them against its trailer. @throws GatewayError IntegrityFailure */
export function parseRuns(
  bytes: Buffer,
  trailer: Pick<TrailerFields, 'runCount' | 'lastPartNumber' | 'plainSizeBytes'>,
): PartRun[] {
  if (bytes.length !== trailer.runCount * RUN_BYTES) throw malformed();
  const runs = Array.from({ length: trailer.runCount }, (_, index) => ({
    firstNumber: bytes.readUInt16BE(index * RUN_BYTES),
    count: bytes.readUInt16BE(index * RUN_BYTES + 2),
    plainSizeBytes: bytes.readUIntBE(index * RUN_BYTES + 4, 6),
  }));
  requireRuns(runs, trailer);
  return runs;
}

function readSize(fields: Buffer, at: number): number {
  const size = fields.readBigUInt64BE(at);
  if (size > BigInt(MAX_OFFSET)) throw malformed();
  return Number(size);
}

function readChecksum(fields: Buffer, kind: TrailerFields['kind']): TrailerFields['checksum'] {
  const type = fields.readUInt8(20);
  const length = fields.readUInt8(21);
  if (length > MAX_CHECKSUM_BYTES || (type === 0 && length !== 0)) throw malformed();
  requireZero(fields, CHECKSUM_AT + length, CHECKSUM_AT + MAX_CHECKSUM_BYTES);
  const flags = kind === 'final' ? COMPOSITE | OF_WHOLE : COMPOSITE;
  const row = CHECKSUMS[(type & ~flags) - 1];
  if (row === undefined) return undefined;
  if (row.bytes !== length) throw malformed();
  return {
    algorithm: row.algorithm,
    value: fields.subarray(CHECKSUM_AT, CHECKSUM_AT + length),
    type: (type & COMPOSITE) === 0 ? 'FULL_OBJECT' : 'COMPOSITE',
    isOfWhole: kind !== 'final' || (type & OF_WHOLE) !== 0,
  };
}

/** Ascending, each as long as it can be, up to the last part, and as long together as the object. */
function requireRuns(
  runs: readonly PartRun[],
  { lastPartNumber, plainSizeBytes }: Pick<TrailerFields, 'lastPartNumber' | 'plainSizeBytes'>,
): void {
  let last = 0;
  let length = -1;
  let sum = 0;
  for (const run of runs) {
    const continues = run.firstNumber === last + 1 && run.plainSizeBytes === length;
    if (run.firstNumber <= last || run.count === 0 || continues) throw malformed();
    last = run.firstNumber + run.count - 1;
    length = run.plainSizeBytes;
    sum += run.count * length;
  }
  if (last !== lastPartNumber || sum !== plainSizeBytes) throw malformed();
}

function requireZero(fields: Buffer, from: number, to: number): void {
  if (fields.subarray(from, to).some((byte) => byte !== 0)) throw malformed();
}

function malformed(): GatewayError {
  return new GatewayError('IntegrityFailure', { detail: 'the trailer is malformed' });
}
