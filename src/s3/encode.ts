/**
 * RFC 3986 percent-encoding as S3 wants it signed: upper-case hex of the UTF-8 bytes, everything but unreserved
 * characters. Never normalises and never encodes twice.
 */

const PLAIN_PATH = /^[\w.~/-]*$/;
const PLAIN_COMPONENT = /^[\w.~-]*$/;

/** What `encodeURIComponent` leaves alone beyond the unreserved characters, and the slash that a path keeps. */
const REPLACED = /[!'()*]|%2F/g;
const REPLACEMENTS: Readonly<Record<string, string>> = {
  '!': '%21',
  "'": '%27',
  '(': '%28',
  ')': '%29',
  '*': '%2A',
};

/**
 * Encodes an object's key for a path; slashes stay as they are, also doubled and leading ones.
 * @throws URIError when the text holds a lone surrogate, which no percent-decoded key does
 */
export function encodePath(key: string): string {
  if (PLAIN_PATH.test(key)) return key;
  return encodeURIComponent(key).replace(REPLACED, (found) => REPLACEMENTS[found] ?? '/');
}

/**
 * Encodes a name or a value of a query, slashes included.
 * @throws URIError when the text holds a lone surrogate
 */
export function encodeQueryComponent(text: string): string {
  if (PLAIN_COMPONENT.test(text)) return text;
  return encodeURIComponent(text).replace(REPLACED, (found) => REPLACEMENTS[found] ?? found);
}
