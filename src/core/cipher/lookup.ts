/**
 * The trailers of a stored object -> its layout. What enters was written to the store by anybody; what leaves was
 * authenticated under the data key and fits the stored size. Of a regular upload the trailer knows the last part only, and
 * the rest stays a hypothesis until segments open.
 * @see docs/spec/object-format.md, "Reading"
 */
import type { KeyObject } from 'node:crypto';
import type { ObjectLayout, PartRun, ReadStored } from '../../contracts/object-cipher.ts';
import { GatewayError } from '../../errors/gateway-error.ts';
import { deriveOnce } from './derived-keys.ts';
import type { ObjectKind } from './envelope.ts';
import { segmentsOf, singleLayout, sumsOf } from './layout.ts';
import { SALT_BYTES, TRAILER_BYTES } from '../../contracts/object-format.ts';
import { openSegment, segmentKey } from './segment.ts';
import { MAX_OFFSET, MAX_PARTS, MIN_PART_BYTES, ordinaryPlainSize, singleStoredSize, sizeMark } from './sizes.ts';
import { parseRuns, type TrailerFields } from './trailer-fields.ts';
import { openExtension, openTrailer } from './trailer.ts';

/** Verified: reads the trailers of an object. @throws GatewayError IntegrityFailure; what `read` throws */
export async function lookupLayout(
  dataKey: KeyObject,
  kind: ObjectKind,
  storedSizeBytes: number,
  read: ReadStored,
): Promise<ObjectLayout> {
  if (!(storedSizeBytes >= TRAILER_BYTES && storedSizeBytes <= MAX_OFFSET)) throw notOfThisFormat();
  const trailers: Trailers = { dataKey, storedSizeBytes, read };
  if (kind === 's') {
    const layout = singleLayout(storedSizeBytes);
    const { fields } = await trailerAt(trailers, storedSizeBytes);
    requireTrailerOf(layout, fields);
    return withChecksum(layout, fields);
  }
  const last = await trailerAt(trailers, storedSizeBytes);
  switch (last.fields.kind) {
    case 'single':
      throw notOfThisFormat();
    case 'layout':
      return withLayoutPart(trailers, last, undefined);
    case 'final':
      return await withFinalPart(trailers, last.fields);
  }
}

/** Holds the last trailer of an object against its layout. @throws GatewayError IntegrityFailure */
export function requireTrailerOf(layout: ObjectLayout, trailer: TrailerFields): void {
  const { kind, runs, endsInFinalPart } = layout;
  const lastRun = runs.at(-1);
  const expected = {
    kind: kind === 's' ? 'single' : endsInFinalPart ? 'final' : 'layout',
    lastPartNumber: lastRun === undefined ? 0 : lastRun.firstNumber + lastRun.count - 1,
    plainSizeBytes: endsInFinalPart ? lastRun?.plainSizeBytes : layout.plainSizeBytes,
    storedSizeBytes: endsInFinalPart ? 0 : layout.storedSizeBytes,
  };
  const isOurs =
    trailer.kind === expected.kind &&
    trailer.lastPartNumber === expected.lastPartNumber &&
    trailer.plainSizeBytes === expected.plainSizeBytes &&
    trailer.storedSizeBytes === expected.storedSizeBytes;
  if (!isOurs) throw notOfThisFormat();
}

interface Trailers {
  readonly dataKey: KeyObject;
  /** Of the whole object. */
  readonly storedSizeBytes: number;
  readonly read: ReadStored;
}

interface FoundTrailer {
  readonly fields: TrailerFields;
  readonly bytes: Buffer;
  /** Offset where it starts. */
  readonly start: number;
}

/** Where a final part stands behind the layout part. */
interface FinalPart {
  readonly number: number;
  readonly plainSizeBytes: number;
}

async function trailerAt({ dataKey, read }: Trailers, end: number): Promise<FoundTrailer> {
  const start = end - TRAILER_BYTES;
  const bytes = await readExactly(read, start, end);
  return { fields: openTrailer(dataKey, bytes), bytes, start };
}

/** The parts of an upload that ends in an ordinary part, or in the final part that stands behind its layout part. */
async function withLayoutPart(
  trailers: Trailers,
  { fields, bytes, start }: FoundTrailer,
  final: FinalPart | undefined,
): Promise<ObjectLayout> {
  const { dataKey, storedSizeBytes, read } = trailers;
  if (fields.kind !== 'layout' || fields.storedSizeBytes !== storedSizeBytes) throw notOfThisFormat();
  let runs: readonly PartRun[] = fields.runs;
  const extensionStart = start - fields.extensionBytes;
  if (fields.extensionBytes > 0) {
    if (extensionStart < 0) throw notOfThisFormat();
    const sealed = await readExactly(read, extensionStart, start);
    runs = parseRuns(openExtension(dataKey, bytes, sealed), fields);
  }
  requireRoles(runs, final);
  if (sumsOf(runs, final !== undefined).ordinaryStored > extensionStart) throw notOfThisFormat();
  const layout: ObjectLayout = {
    kind: 'm',
    plainSizeBytes: fields.plainSizeBytes,
    storedSizeBytes,
    runs,
    endsInFinalPart: final !== undefined,
  };
  return withChecksum(layout, fields);
}

/** All parts are ordinary but a final one: at least 5 MiB, and none with the number that only a final part has. */
function requireRoles(runs: readonly PartRun[], final: FinalPart | undefined): void {
  const last = runs.at(-1);
  if (last === undefined) throw notOfThisFormat();
  const lastNumber = last.firstNumber + last.count - 1;
  if (final === undefined) {
    if (lastNumber === MAX_PARTS) throw notOfThisFormat();
  } else if (lastNumber !== final.number || last.plainSizeBytes !== final.plainSizeBytes) throw notOfThisFormat();
  for (const run of runs) {
    const ordinary = run === last && final !== undefined ? run.count - 1 : run.count;
    if (ordinary > 0 && run.plainSizeBytes < MIN_PART_BYTES) throw notOfThisFormat();
  }
}

/** The parts of an upload whose last bytes are a final part. */
async function withFinalPart(trailers: Trailers, fields: TrailerFields): Promise<ObjectLayout> {
  const { storedSizeBytes } = trailers;
  const final = { number: fields.lastPartNumber, plainSizeBytes: fields.plainSizeBytes };
  const finalStart = storedSizeBytes - singleStoredSize(final.plainSizeBytes);
  if (finalStart < 0 || (final.plainSizeBytes >= MIN_PART_BYTES && final.number < MAX_PARTS)) throw notOfThisFormat();
  if (sizeMark(storedSizeBytes) === 'layout') {
    const inserted = await withInsertedLayoutPart(trailers, finalStart, final);
    if (inserted !== undefined) return inserted;
  }
  const layout = regularLayout(storedSizeBytes, finalStart, final);
  await requireFirstPart(trailers, layout);
  return withChecksum(layout, fields);
}

/** The trailer of a final part may hold a checksum of that part alone. */
function withChecksum(layout: ObjectLayout, { checksum }: TrailerFields): ObjectLayout {
  if (checksum?.isOfWhole !== true) return layout;
  const { algorithm, value, type } = checksum;
  return { ...layout, checksum: { algorithm, value, type } };
}

/**
 * Only the key of an ordinary part says how long such parts are. Without this look, parts that were repeated or left out
 * would shift what a range gives of the final part.
 */
async function requireFirstPart({ dataKey, read }: Trailers, layout: ObjectLayout): Promise<void> {
  const [segment] = segmentsOf(layout, 0, 0);
  if (segment === undefined || segment.part.role === 2) return;
  const cell = await readExactly(read, segment.storedStart, segment.storedStart + segment.storedBytes);
  openSegment(segmentKey(dataKey, cell.subarray(0, SALT_BYTES), segment.part, deriveOnce), segment, cell);
}

/** Gives `undefined` where there is none and need not be one: an upload of 10,000 parts may have any stored size. */
async function withInsertedLayoutPart(
  trailers: Trailers,
  finalStart: number,
  final: FinalPart,
): Promise<ObjectLayout | undefined> {
  try {
    if (finalStart < TRAILER_BYTES) throw notOfThisFormat();
    return await withLayoutPart(trailers, await trailerAt(trailers, finalStart), final);
  } catch (error) {
    const isMissing = error instanceof GatewayError && error.code === 'IntegrityFailure';
    if (isMissing && final.number === MAX_PARTS) return undefined;
    throw error;
  }
}

/** Parts 1 to n - 1 of one length, and the final one right behind. */
function regularLayout(storedSizeBytes: number, finalStart: number, final: FinalPart): ObjectLayout {
  const before = final.number - 1;
  const each = before === 0 ? 0 : ordinaryPlainSize(finalStart / before);
  if (before === 0 ? finalStart !== 0 : finalStart % before !== 0) throw notOfThisFormat();
  if (each === undefined || (before > 0 && each < MIN_PART_BYTES)) throw notOfThisFormat();
  const plainSizeBytes = before * each + final.plainSizeBytes;
  if (final.number < MAX_PARTS && storedSizeBytes !== singleStoredSize(plainSizeBytes)) throw notOfThisFormat();
  // Part 10,000 may be as long as the others.
  const runs =
    each === final.plainSizeBytes || before === 0
      ? [{ firstNumber: 1, count: final.number, plainSizeBytes: final.plainSizeBytes }]
      : [
          { firstNumber: 1, count: before, plainSizeBytes: each },
          { firstNumber: final.number, count: 1, plainSizeBytes: final.plainSizeBytes },
        ];
  return { kind: 'm', plainSizeBytes, storedSizeBytes, runs, endsInFinalPart: true };
}

async function readExactly(read: ReadStored, start: number, end: number): Promise<Buffer> {
  const bytes = await read({ first: start, last: end - 1 });
  if (bytes.length !== end - start) throw notOfThisFormat();
  return bytes;
}

function notOfThisFormat(): GatewayError {
  return new GatewayError('IntegrityFailure', { detail: 'the trailers do not fit the stored object' });
}
