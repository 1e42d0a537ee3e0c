/**
 * Enters: a raw request target. Leaves: its query, encoded as it is signed, in wire order.
 * Works on bytes, so that what is not UTF-8 is signed as it came. Never sorts and never drops a parameter.
 */
import { GatewayError } from '../errors/gateway-error.ts';

export type EncodedQuery = readonly (readonly [name: string, value: string])[];

const NO_QUERY: EncodedQuery = [];
const PLAIN = /^[\w.~-]*$/;
const PERCENT = 0x25;
const PLUS = 0x2b;
const SPACE = 0x20;

/** How each byte is written. */
const ENCODED = Array.from({ length: 256 }, (_, byte) => {
  const character = String.fromCharCode(byte);
  return /[\w.~-]/.test(character) ? character : `%${byte.toString(16).toUpperCase().padStart(2, '0')}`;
});

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
    if (equals < 0) pairs.push([encodeAgain(pair), '']);
    else pairs.push([encodeAgain(pair.slice(0, equals)), encodeAgain(pair.slice(equals + 1))]);
  }
  return pairs;
}

function encodeAgain(raw: string): string {
  if (PLAIN.test(raw)) return raw;
  let encoded = '';
  for (let index = 0; index < raw.length; index += 1) {
    let byte = raw.charCodeAt(index);
    if (byte === PERCENT) {
      byte = 16 * hexDigit(raw.charCodeAt(index + 1)) + hexDigit(raw.charCodeAt(index + 2));
      index += 2;
    } else if (byte === PLUS) byte = SPACE;
    const text = ENCODED[byte];
    if (text === undefined) throw new GatewayError('InvalidURI', 'authenticate', { detail: 'malformed query' });
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
