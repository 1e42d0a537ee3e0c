/**
 * What is wanted of the plaintext -> the stored bytes that it needs. Pure arithmetic on offsets; whether the store gave
 * what was requested is found out when segments are opened.
 * @see docs/spec/object-format.md, "Reading"
 */
import type { ObjectLayout, StoredExtent } from '../../contracts/object-cipher.ts';
import { GatewayError } from '../../errors/gateway-error.ts';
import type { ByteRange } from '../../s3/request/request.ts';
import { partsFrom, segmentsOf } from './layout.ts';
import { CELL_BYTES, SEGMENT_BYTES } from '../../contracts/object-format.ts';
import { MAX_OFFSET, singleStoredSize } from './sizes.ts';

export type Wanted = ByteRange | { readonly part: number } | undefined;

export interface ReadPlan {
  /** What is given of the plaintext; `last` is inclusive, and `first - 1` where nothing is given. */
  readonly first: number;
  readonly last: number;
  readonly extent: StoredExtent;
}

/** Gives the stored bytes to ask for before anything is known of the object, as a `Range` header value. */
export function storedRange(range: ByteRange): string {
  switch (range.kind) {
    case 'closed':
      return `bytes=${cellOf(range.first)}-${cellOf(range.last) + CELL_BYTES - 1}`;
    case 'open':
      return `bytes=${cellOf(range.first)}-`;
    case 'suffix':
      return `bytes=-${singleStoredSize(cut(range.length) + SEGMENT_BYTES - 1)}`;
  }
}

/** Plans a read. @throws GatewayError InvalidRange (with Content-Range), InvalidPartNumber */
export function planRead(layout: ObjectLayout, wanted: Wanted): ReadPlan {
  const { kind, plainSizeBytes, storedSizeBytes } = layout;
  const whole = { first: 0, last: plainSizeBytes - 1, extent: { first: 0, last: storedSizeBytes - 1 } };
  if (wanted === undefined) return whole;
  if ('part' in wanted) {
    if (kind === 'm') return planPart(layout, wanted.part);
    if (wanted.part === 1) return whole;
    throw new GatewayError('InvalidPartNumber', { detail: 'the object has one part' });
  }
  const { first, last } = clip(plainSizeBytes, wanted);
  const needed = extentOf(layout, first, last);
  // What is requested to the end of the object brings the trailer, and with it the commitment to the key.
  return {
    first,
    last,
    extent: wanted.kind === 'closed' ? needed : { first: needed.first, last: storedSizeBytes - 1 },
  };
}

function planPart(layout: ObjectLayout, number: number): ReadPlan {
  for (const part of partsFrom(layout, plainOffsetOf(layout, number))) {
    if (part.number > number) break;
    if (part.number < number) continue;
    const first = part.plainStart;
    const last = first + part.plainSizeBytes - 1;
    const isEmpty = part.plainSizeBytes === 0;
    const extent = isEmpty ? { first: part.storedStart, last: part.storedStart - 1 } : extentOf(layout, first, last);
    return { first, last, extent };
  }
  throw new GatewayError('InvalidPartNumber', { detail: `the object has no part ${number}` });
}

/** Offset in the plaintext of a part, or of one before it. */
function plainOffsetOf({ runs }: ObjectLayout, number: number): number {
  let offset = 0;
  for (const { firstNumber, count, plainSizeBytes } of runs) {
    if (number < firstNumber + count) return offset + Math.max(0, number - firstNumber) * plainSizeBytes;
    offset += count * plainSizeBytes;
  }
  return offset;
}

function extentOf(layout: ObjectLayout, first: number, last: number): StoredExtent {
  const [begin] = segmentsOf(layout, first, first);
  const [end] = segmentsOf(layout, last, last);
  if (begin === undefined || end === undefined) throw new RangeError('a range outside of the object');
  return { first: begin.storedStart, last: end.storedStart + end.storedBytes - 1 };
}

function clip(size: number, range: ByteRange): { readonly first: number; readonly last: number } {
  const first = range.kind === 'suffix' ? Math.max(0, size - range.length) : range.first;
  const last = range.kind === 'closed' ? Math.min(range.last, size - 1) : size - 1;
  if (first < 0 || first > last) {
    throw new GatewayError('InvalidRange', { clientHeaders: { 'content-range': `bytes */${size}` } });
  }
  return { first, last };
}

/** Offset of the stored segment that holds a byte of the plaintext of a single PUT. */
function cellOf(offset: number): number {
  return Math.floor(cut(offset) / SEGMENT_BYTES) * CELL_BYTES;
}

function cut(offset: number): number {
  return Math.min(offset, MAX_OFFSET);
}
