/**
 * What the headers of a read ask for: conditions on the object as it is, and a range of it. Pure.
 * @see RFC 9110 sections 13.2.2 and 14.2
 */
import { preconditionFailed, StoreError } from './store-error.ts';

/** @throws StoreError PreconditionFailed, NotModified (304) */
export function checkReadConditions(
  headers: ReadonlyMap<string, string>,
  object: { readonly etag: string; readonly lastModifiedMs: number },
): void {
  const modifiedMs = Math.floor(object.lastModifiedMs / 1000) * 1000;
  const [ifMatch, ifNoneMatch] = [headers.get('if-match'), headers.get('if-none-match')];
  if (ifMatch !== undefined) {
    if (!etagMatches(ifMatch, object.etag)) throw preconditionFailed();
  } else if (modifiedMs > dateOf(headers.get('if-unmodified-since'))) throw preconditionFailed();
  if (ifNoneMatch !== undefined) {
    if (etagMatches(ifNoneMatch, object.etag)) throw notModified(object);
  } else if (modifiedMs <= dateOf(headers.get('if-modified-since'))) throw notModified(object);
}

/** Whether a list of ETags, or `*`, names this one. */
export function etagMatches(list: string, etag: string): boolean {
  return list.split(',').some((item) => {
    const value = item
      .trim()
      .replace(/^W\//, '')
      .replace(/^"(.*)"$/, '$1');
    return value === '*' || value === etag;
  });
}

/** First and last byte to give, inclusive; `undefined`: all of it. @throws StoreError InvalidRange */
export function parseRange(
  header: string | undefined,
  sizeBytes: number,
): { readonly first: number; readonly last: number } | undefined {
  const match = /^bytes=(\d{1,15})?-(\d{1,15})?$/.exec(header?.replaceAll(' ', '') ?? '');
  if (match === null) return undefined;
  const [from, to] = [match[1], match[2]];
  if (from === undefined && to === undefined) return undefined;
  if (from !== undefined && to !== undefined && Number(to) < Number(from)) return undefined;
  const first = from === undefined ? Math.max(0, sizeBytes - Number(to)) : Number(from);
  const last = from === undefined || to === undefined ? sizeBytes - 1 : Math.min(Number(to), sizeBytes - 1);
  if (first > last)
    throw new StoreError('InvalidRange', 416, 'The requested range is not satisfiable.', {
      'content-range': `bytes */${sizeBytes}`,
    });
  return { first, last };
}

/** Not a date, or none at all: no comparison with it holds. */
export function dateOf(header: string | undefined): number {
  return header === undefined ? Number.NaN : Date.parse(header);
}

function notModified(object: { readonly etag: string }): StoreError {
  return new StoreError('NotModified', 304, 'Not Modified', { etag: `"${object.etag}"` });
}

/** Whether a range is to be honoured: no `If-Range`, or one that names this very version. */
export function ifRangeHolds(
  header: string | undefined,
  object: { readonly etag: string; readonly lastModifiedMs: number },
): boolean {
  if (header === undefined) return true;
  if (header.startsWith('"')) return header === `"${object.etag}"`;
  return Date.parse(header) === Math.floor(object.lastModifiedMs / 1000) * 1000;
}
