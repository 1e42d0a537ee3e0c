/**
 * Enters: a raw request target. Leaves: its path and its query, encoded as they are signed, the query in wire order.
 * Works on bytes, so that what is not UTF-8 is signed as it came. Never normalises, never sorts, never drops a parameter.
 */
import { GatewayError } from '../errors/gateway-error.ts';

export type EncodedQuery = readonly (readonly [name: string, value: string])[];

const NO_QUERY: EncodedQuery = [];
const PLAIN = /^[\w.~-]*$/;
const PLAIN_PATH = /^[\w.~/-]*$/;
const PERCENT = 0x25;
const SLASH = 0x2f;

/** How each byte is written. */
const QUERY_BYTES: readonly string[] = Array.from({ length: 256 }, (_, byte) => {
  const character = String.fromCharCode(byte);
  return /[\w.~-]/.test(character) ? character : `%${byte.toString(16).toUpperCase().padStart(2, '0')}`;
});
const PATH_BYTES: readonly string[] = QUERY_BYTES.with(SLASH, '/');

/**
 * Splits and re-encodes the query of a target: `x` becomes `x=`, `+` a space as S3 reads it, `%7e` becomes `~`.
 * @throws GatewayError InvalidURI (an escape that is none, a character that is no byte)
 */
export function encodedQuery(target: string): EncodedQuery {
  const start = target.indexOf('?');
  if (start < 0 || start === target.length - 1) return NO_QUERY;
  const pairs: [string, string][] = [];
  for (const pair of target.slice(start + 1).split('&')) {
    if (pair === '') continue;
    const equals = pair.indexOf('=');
    if (equals < 0) pairs.push([encodeQuery(pair), '']);
    else pairs.push([encodeQuery(pair.slice(0, equals)), encodeQuery(pair.slice(equals + 1))]);
  }
  return pairs;
}

/**
 * Gives the path of a target as it is signed: each byte of the key decoded once and encoded once, whatever spelling was
 * sent; a slash stays one, also where it came escaped. Injective: two paths that become one name the same key.
 * @throws GatewayError InvalidURI
 */
export function encodedPath(target: string): string {
  const path = sentPath(target);
  return PLAIN_PATH.test(path) ? path : encodeAgain(path, PATH_BYTES);
}

/** Gives the path of a target as it was sent. */
export function sentPath(target: string): string {
  const end = target.indexOf('?');
  return end < 0 ? target : target.slice(0, end);
}

function encodeQuery(raw: string): string {
  return PLAIN.test(raw) ? raw : encodeAgain(raw.includes('+') ? raw.replaceAll('+', ' ') : raw, QUERY_BYTES);
}

function encodeAgain(raw: string, written: readonly string[]): string {
  let encoded = '';
  for (let index = 0; index < raw.length; index += 1) {
    let byte = raw.charCodeAt(index);
    if (byte === PERCENT) {
      byte = 16 * hexDigit(raw.charCodeAt(index + 1)) + hexDigit(raw.charCodeAt(index + 2));
      index += 2;
    }
    const text = written[byte];
    if (text === undefined) throw new GatewayError('InvalidURI', { detail: 'malformed target' });
    encoded += text;
  }
  return encoded;
}

/** `NaN` for anything else, the end of the text included. */
function hexDigit(code: number): number {
  if (code >= 0x30 && code <= 0x39) return code - 0x30;
  const upper = code & ~0x20;
  return upper >= 0x41 && upper <= 0x46 ? upper - 0x37 : Number.NaN;
}
