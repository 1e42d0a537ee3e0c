import { GatewayError } from '../../errors/gateway-error.ts';
import type { ByteRange } from './request.ts';

/**
 * Far over the largest object (5 TiB) and far under 2^53, so that offset arithmetic on a clamped bound stays exact;
 * clients do send `bytes=0-18446744073709551615` for "to the end".
 */
const MAX_OFFSET = 2 ** 48;

const SINGLE_RANGE = /^bytes=(\d*)-(\d*)$/i;

/**
 * Parses a `Range` header; `undefined` for all that S3 answers with the whole object: several ranges, other units,
 * malformed ones, and a first byte after the last. A suffix of length 0 is a range, and one that nothing satisfies.
 * @see RFC 9110 section 14.1.2
 */
export function parseRange(header: string): ByteRange | undefined {
  const match = SINGLE_RANGE.exec(header);
  if (match === null) return undefined;
  const [, first = '', last = ''] = match;
  if (first === '') return last === '' ? undefined : { kind: 'suffix', length: offset(last) };
  if (last === '') return { kind: 'open', first: offset(first) };
  if (offset(first) > offset(last)) return undefined;
  return { kind: 'closed', first: offset(first), last: offset(last) };
}

/** Writes a range as a `Range` header value. */
export function rangeHeader(range: ByteRange): string {
  switch (range.kind) {
    case 'closed':
      return `bytes=${range.first}-${range.last}`;
    case 'open':
      return `bytes=${range.first}-`;
    case 'suffix':
      return `bytes=-${range.length}`;
  }
}

const CONTENT_RANGE = /^bytes (\d{1,15})-(\d{1,15})\/(\d{1,15})$/i;

/** What a 206 answer carries: offsets are inclusive, all in bytes. */
export interface ContentRange {
  readonly first: number;
  readonly last: number;
  readonly sizeBytes: number;
}

/**
 * Parses a store's `Content-Range`; `undefined` when it is absent, malformed, of unknown total or inconsistent.
 * @see RFC 9110 section 14.4
 */
export function parseContentRange(header: string | undefined): ContentRange | undefined {
  const match = CONTENT_RANGE.exec(header ?? '');
  if (match === null) return undefined;
  const [first, last, sizeBytes] = [Number(match[1]), Number(match[2]), Number(match[3])];
  return first <= last && last < sizeBytes ? { first, last, sizeBytes } : undefined;
}

/**
 * Applies a range to an object of `sizeBytes`; offsets of the answer are inclusive.
 * @throws GatewayError InvalidRange (with the Content-Range of a 416)
 * @see RFC 9110 section 14.1.2
 */
export function resolveRange(range: ByteRange, sizeBytes: number): ContentRange {
  const end = sizeBytes - 1;
  const first = range.kind === 'suffix' ? Math.max(0, sizeBytes - range.length) : range.first;
  if (first > end) throw unsatisfiable(sizeBytes);
  return { first, last: range.kind === 'closed' ? Math.min(range.last, end) : end, sizeBytes };
}

/** Creates the failure of a range that an object of `sizeBytes` does not have. @see RFC 9110 section 14.4 */
function unsatisfiable(sizeBytes: number): GatewayError {
  return new GatewayError('InvalidRange', { clientHeaders: { 'content-range': `bytes */${sizeBytes}` } });
}

function offset(digits: string): number {
  return Math.min(Number(digits), MAX_OFFSET);
}
