/**
 * Enters: raw header names and values in wire order. Leaves: one map, lower-case names.
 * Counts from the raw list because Node keeps the first of some duplicates and joins others without a word. Lines of a
 * list are one list (RFC 9110 section 5.3); a header that means one thing and on which signing, framing, conditions or
 * storage depend may stand once only.
 */
import { GatewayError } from '../../errors/gateway-error.ts';
import { DRY_RUN_HEADER } from './dry-run.ts';

/** The header section as Node and HAProxy are configured to take it, in bytes. */
export const MAX_HEADER_BYTES = 32_768;
const MAX_HEADER_FIELDS = 200;

const FIELD_NAME = /^[!#$%&'*+.^_`|~0-9A-Za-z-]+$/;
const FIELD_VALUE = /^[\t -~\x80-\xff]*$/;
const MAX_DIGITS_OF_A_LENGTH = 15;

/** Carries a token of the caller's own for the store's STS. It means something here, and is never forwarded. */
export const STORE_TOKEN_HEADER = 'x-sallyport-store-token';

const SINGLE = new Set([
  ...['host', 'authorization', 'transfer-encoding', 'range', 'date', 'expires', 'expect', 'upgrade'],
  STORE_TOKEN_HEADER,
  DRY_RUN_HEADER,
]);
/** Single as well, but for those of them that are lists by their grammar: SDKs send each item of such a list as a line. */
const SINGLE_PREFIX = /^(?:content-|if-|x-amz-(?!meta-))/;
const LISTS = new Set([
  'content-encoding',
  'content-language',
  'if-match',
  'if-none-match',
  'x-amz-copy-source-if-match',
  'x-amz-copy-source-if-none-match',
  'x-amz-object-attributes',
  'x-amz-optional-object-attributes',
]);

/** Adds a line to what came before; those of a list are joined by a comma. @throws GatewayError InvalidRequest (a repeat) */
export function addHeader(headers: Map<string, string>, name: string, value: string): void {
  const earlier = headers.get(name);
  if (earlier === undefined) headers.set(name, value);
  else if (mayRepeat(name)) headers.set(name, `${earlier},${value}`);
  else throw new GatewayError('InvalidRequest', { clientFields: { Header: name }, detail: 'repeated' });
}

/** Tells whether a header (lower-case name) may stand in several lines, whose values are then one list. */
function mayRepeat(name: string): boolean {
  return LISTS.has(name) || !(SINGLE.has(name) || SINGLE_PREFIX.test(name));
}

/**
 * Folds raw headers into a map; repeats of list-like headers are joined by a comma.
 * @throws GatewayError HeadersTooLarge, BadRequest (control bytes, malformed names), InvalidRequest (a repeat)
 */
export function foldHeaders(rawHeaders: readonly string[]): ReadonlyMap<string, string> {
  if (rawHeaders.length > 2 * MAX_HEADER_FIELDS) throw new GatewayError('HeadersTooLarge');
  const headers = new Map<string, string>();
  let sizeBytes = 0;
  for (let index = 0; index + 1 < rawHeaders.length; index += 2) {
    const rawName = rawHeaders[index] ?? '';
    const value = rawHeaders[index + 1] ?? '';
    sizeBytes += rawName.length + value.length + 4; // `: ` and CRLF
    if (!FIELD_NAME.test(rawName) || !FIELD_VALUE.test(value)) throw new GatewayError('BadRequest');
    const name = rawName.toLowerCase();
    addHeader(headers, name, value);
  }
  if (sizeBytes > MAX_HEADER_BYTES) throw new GatewayError('HeadersTooLarge');
  return headers;
}

/**
 * Gives the body's declared length in bytes; `undefined` without a Content-Length.
 * @throws GatewayError BadRequest (not a number, or beside Transfer-Encoding: request smuggling)
 * @see RFC 9112 section 6.3
 */
export function contentLength(headers: ReadonlyMap<string, string>): number | undefined {
  const value = headers.get('content-length');
  if (value === undefined) return undefined;
  const length = parseLength(value);
  if (length === undefined || headers.has('transfer-encoding')) throw new GatewayError('BadRequest');
  return length;
}

/** Reads a length in bytes; `undefined` for all but a plain decimal number. */
export function parseLength(text: string): number | undefined {
  return /^\d+$/.test(text) && text.length <= MAX_DIGITS_OF_A_LENGTH ? Number(text) : undefined;
}
