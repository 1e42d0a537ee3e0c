/**
 * Header values that are not ASCII. Enters: bytes as Node gives them, one character each. Leaves: the encoded word of
 * RFC 2047 in which S3 keeps and shows such metadata, and back. Stores take and re-encode other bytes each in their own
 * way, so that only ASCII gets to one unaltered.
 */
import { isUtf8 } from 'node:buffer';

const ASCII = /^[\0-\x7f]*$/;
const CONTROL = /[\0-\x1f\x7f]/;
const ENCODED_WORD = /^=\?UTF-8\?B\?([A-Za-z0-9+/]+={0,2})\?=$/;

/** Gives a value in ASCII; `undefined`: what is not ASCII in it is no UTF-8, or it holds a control character. */
export function encodeWord(value: string): string | undefined {
  if (ASCII.test(value)) return value;
  const bytes = Buffer.from(value, 'latin1');
  if (CONTROL.test(value) || !isUtf8(bytes)) return undefined;
  return `=?UTF-8?B?${bytes.toString('base64')}?=`;
}

/** Gives the bytes of a value that is one encoded word as `encodeWord` writes it; any other value as it is. */
export function decodeWord(value: string): string {
  const text = ENCODED_WORD.exec(value)?.[1];
  if (text === undefined) return value;
  const decoded = Buffer.from(text, 'base64').toString('latin1');
  return encodeWord(decoded) === value ? decoded : value;
}

/** Gives text as the bytes of a header, one character each. */
export function headerBytes(text: string): string {
  return ASCII.test(text) ? text : Buffer.from(text).toString('latin1');
}
