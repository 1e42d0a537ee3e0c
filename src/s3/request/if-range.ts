/**
 * If-Range: the part that is requested of the entity that the client has a part of already, or else all of what is there now.
 * A part of another entity would be put together with what the client has. Pure.
 * @see RFC 9110 section 13.1.5
 */
import { clientEtag } from '../response/etag.ts';

const QUOTED = /^"[!#-~]*"$/;
const UNQUOTED = /^[\w.+/=-]+$/;

/** Tells whether an entity is the one that If-Range names; `encrypted`: the client was shown its ETag mapped (etag.ts). */
export function isSameEntity(ifRange: string, headers: ReadonlyMap<string, string>, encrypted: boolean): boolean {
  const value = ifRange.trim();
  // A weak ETag names no bytes.
  if (QUOTED.test(value) || UNQUOTED.test(value)) {
    const etag = headers.get('etag');
    return etag !== undefined && unquoted(encrypted ? clientEtag(etag) : etag) === unquoted(value);
  }
  // The very date, not a later one: what was put back in its place may be older.
  const modifiedMs = Date.parse(headers.get('last-modified') ?? '');
  return !Number.isNaN(modifiedMs) && modifiedMs === Date.parse(value);
}

function unquoted(etag: string): string {
  return etag.replace(/^"(.*)"$/, '$1');
}
