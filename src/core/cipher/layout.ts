/**
 * Where the parts and segments of a stored object stand: a layout -> offsets. Pure arithmetic on what the trailers said;
 * a wrong layout gives wrong keys, so nothing that it places opens.
 * @see docs/spec/object-format.md, "Layouts" and "Reading"
 */
import type { ObjectLayout, PartRun } from '../../contracts/object-cipher.ts';
import { GatewayError } from '../../errors/gateway-error.ts';
import type { Part } from './segment.ts';
import {
  CELL_BYTES,
  MAX_SINGLE_PLAIN_BYTES,
  SEGMENT_BYTES,
  SEGMENT_OVERHEAD_BYTES,
} from '../../contracts/object-format.ts';
import { ordinaryStoredSize, segmentCount, singlePlainSize, singleStoredSize } from './sizes.ts';

/** A part and where it starts, in bytes of the plaintext and of the stored object. */
export interface PositionedPart extends Part {
  readonly plainStart: number;
  readonly storedStart: number;
}

/** A segment and where it starts. */
export interface PositionedSegment {
  readonly part: PositionedPart;
  readonly index: number;
  readonly isLast: boolean;
  readonly plainStart: number;
  readonly plainBytes: number;
  readonly storedStart: number;
  readonly storedBytes: number;
}

/** Gives the layout of a single PUT. @throws GatewayError IntegrityFailure (no object has that stored size) */
export function singleLayout(storedSizeBytes: number): ObjectLayout {
  const plainSizeBytes = singlePlainSize(storedSizeBytes);
  if (plainSizeBytes === undefined || plainSizeBytes > MAX_SINGLE_PLAIN_BYTES) {
    throw new GatewayError('IntegrityFailure', { detail: `no object has ${storedSizeBytes} stored bytes` });
  }
  return { kind: 's', plainSizeBytes, storedSizeBytes, runs: [], endsInFinalPart: false };
}

/** Gives the parts from the one that holds a byte of the plaintext on. */
export function* partsFrom(layout: ObjectLayout, plainOffset: number): Generator<PositionedPart, void, undefined> {
  const { kind, runs, storedSizeBytes, endsInFinalPart } = layout;
  if (kind === 's') yield singlePart(layout);
  let plainStart = 0;
  let storedStart = 0;
  for (const [at, run] of runs.entries()) {
    const { firstNumber, count, plainSizeBytes: length } = run;
    const isFinal = endsInFinalPart && at === runs.length - 1;
    const ordinary = isFinal ? count - 1 : count;
    const storedLength = ordinaryStoredSize(length);
    // Thousands of parts before the one that is wanted are passed by arithmetic.
    for (let i = Math.max(0, Math.floor((plainOffset - plainStart) / length)); i < ordinary; i += 1) {
      yield {
        role: 1,
        number: firstNumber + i,
        plainSizeBytes: length,
        plainStart: plainStart + i * length,
        storedStart: storedStart + i * storedLength,
      };
    }
    plainStart += ordinary * length;
    storedStart += ordinary * storedLength;
    if (isFinal) {
      const number = firstNumber + ordinary;
      // A layout part may stand before it: it is found from the end.
      const finalStart = storedSizeBytes - singleStoredSize(length);
      yield { role: 2, number, plainSizeBytes: length, plainStart, storedStart: finalStart };
    }
  }
}

/** The one part of a single PUT. */
const singlePart = ({ plainSizeBytes }: ObjectLayout): PositionedPart => ({
  role: 0,
  number: 0,
  plainSizeBytes,
  plainStart: 0,
  storedStart: 0,
});

/** Places a segment of a part; `count` are all of that part. */
function segmentAt(part: PositionedPart, index: number, count: number): PositionedSegment {
  const isLast = index === count - 1;
  const plainBytes = isLast ? part.plainSizeBytes - index * SEGMENT_BYTES : SEGMENT_BYTES;
  return {
    part,
    index,
    isLast,
    plainStart: part.plainStart + index * SEGMENT_BYTES,
    plainBytes,
    storedStart: part.storedStart + index * CELL_BYTES,
    storedBytes: plainBytes + SEGMENT_OVERHEAD_BYTES,
  };
}

/** Gives the same as `segmentsOf`, at once; for a read that is in memory whole. */
export function segmentsInMemory(layout: ObjectLayout, first: number, last: number): readonly PositionedSegment[] {
  if (layout.kind !== 's') return [...segmentsOf(layout, first, last)];
  const part = singlePart(layout);
  const count = segmentCount(part.role, part.plainSizeBytes);
  const segments: PositionedSegment[] = [];
  for (let index = Math.floor(first / SEGMENT_BYTES); index * SEGMENT_BYTES <= last && index < count; index += 1) {
    segments.push(segmentAt(part, index, count));
  }
  return segments;
}

/** Gives the segments that hold the plaintext bytes `first` to `last`, inclusive, in order. */
export function* segmentsOf(
  layout: ObjectLayout,
  first: number,
  last: number,
): Generator<PositionedSegment, void, undefined> {
  if (last < first) return;
  for (const part of partsFrom(layout, first)) {
    if (part.plainStart > last) return;
    const count = segmentCount(part.role, part.plainSizeBytes);
    // The last segment of an ordinary part is longer than the others: what lies behind its start is still in it.
    let index = Math.min(Math.floor(Math.max(0, first - part.plainStart) / SEGMENT_BYTES), count - 1);
    for (; index >= 0 && index < count; index += 1) {
      const segment = segmentAt(part, index, count);
      if (segment.plainStart > last) return;
      yield segment;
    }
  }
}

/** Gathers parts in ascending order into runs: one for each longest sequence of consecutive numbers of one length. */
export function runsOf(parts: Iterable<{ readonly number: number; readonly plainSizeBytes: number }>): PartRun[] {
  const runs: { firstNumber: number; count: number; plainSizeBytes: number }[] = [];
  for (const { number, plainSizeBytes } of parts) {
    const last = runs.at(-1);
    if (last?.plainSizeBytes === plainSizeBytes && last.firstNumber + last.count === number) last.count += 1;
    else runs.push({ firstNumber: number, count: 1, plainSizeBytes });
  }
  return runs;
}

/** Gives the sum of the parts' plaintext and how much their ordinary ones take in the store, in bytes. */
export function sumsOf(runs: readonly PartRun[], endsInFinalPart: boolean): { plain: number; ordinaryStored: number } {
  let plain = 0;
  let ordinaryStored = 0;
  for (const { count, plainSizeBytes } of runs) {
    plain += count * plainSizeBytes;
    ordinaryStored += count * ordinaryStoredSize(plainSizeBytes);
  }
  if (endsInFinalPart) ordinaryStored -= ordinaryStoredSize(runs.at(-1)?.plainSizeBytes ?? 0);
  return { plain, ordinaryStored };
}
