/**
 * A range of the plaintext -> the stored bytes that cover it, and the plan to open them. Pure arithmetic on offsets;
 * whether the store gave what was asked for is found out when segments are opened.
 * @see docs/spec/object-format.md, "Reading"
 */
import type { StoredView } from '../../contracts/object-cipher.ts';
import { GatewayError } from '../../errors/gateway-error.ts';
import type { ByteRange } from '../../s3/request.ts';
import { CELL_BYTES, MAX_OFFSET, SEGMENT_BYTES, singleStoredSize, TRAILER_BYTES } from './sizes.ts';

export interface ReadPlan {
  /** What is given of the plaintext; `last` is inclusive, and `first - 1` where nothing is given. */
  readonly first: number;
  readonly last: number;
  readonly firstSegment: number;
  /** Inclusive; `firstSegment - 1` where there is none. */
  readonly lastSegment: number;
  /** Stored bytes before the first segment of interest, which a suffix read skips. */
  readonly skippedBytes: number;
  /** Stored bytes after the last segment of interest: 160 where the trailer comes whole, 0 to 159 otherwise. */
  readonly trailingBytes: number;
}

/** Gives the stored bytes to ask for, as a `Range` header value. */
export function storedRange(range: ByteRange): string {
  switch (range.kind) {
    case 'closed':
      return `bytes=${cellOf(range.first)}-${cellsEnd(range.last) - 1}`;
    case 'open':
      return `bytes=${cellOf(range.first)}-`;
    case 'suffix':
      return `bytes=-${singleStoredSize(cut(range.length) + SEGMENT_BYTES - 1)}`;
  }
}

/** Plans a read of a single-PUT object. @throws GatewayError InvalidRange, IntegrityFailure */
export function planRead(plainSizeBytes: number, stored: StoredView, range: ByteRange | undefined): ReadPlan {
  const [first, last] = resolve(plainSizeBytes, range);
  const storedEnd =
    range?.kind === 'closed' ? Math.min(cellsEnd(range.last), stored.storedSizeBytes) : stored.storedSizeBytes;
  const firstSegment = Math.floor(first / SEGMENT_BYTES);
  const lastSegment = Math.floor(last / SEGMENT_BYTES);
  const segmentsEnd = Math.min((lastSegment + 1) * CELL_BYTES, singleStoredSize(plainSizeBytes) - TRAILER_BYTES);
  const skippedBytes = firstSegment * CELL_BYTES - stored.firstStoredByte;
  if (!(skippedBytes >= 0 && skippedBytes < (range?.kind === 'suffix' ? CELL_BYTES : 1))) {
    throw new GatewayError('IntegrityFailure', 'open', { detail: 'the store gave other bytes than were asked for' });
  }
  return { first, last, firstSegment, lastSegment, skippedBytes, trailingBytes: storedEnd - segmentsEnd };
}

function resolve(size: number, range: ByteRange | undefined): readonly [first: number, last: number] {
  if (range === undefined) return [0, size - 1];
  const first = range.kind === 'suffix' ? Math.max(0, size - range.length) : range.first;
  const last = range.kind === 'closed' ? Math.min(range.last, size - 1) : size - 1;
  if (first < 0 || first > last) {
    throw new GatewayError('InvalidRange', 'open', { clientHeaders: { 'Content-Range': `bytes */${size}` } });
  }
  return [first, last];
}

/** Offset of the stored segment that holds a byte of the plaintext. */
function cellOf(offset: number): number {
  return Math.floor(cut(offset) / SEGMENT_BYTES) * CELL_BYTES;
}

function cellsEnd(last: number): number {
  return cellOf(last) + CELL_BYTES;
}

function cut(offset: number): number {
  return Math.min(offset, MAX_OFFSET);
}
