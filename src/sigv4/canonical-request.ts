/**
 * Steps one and two of Signature Version 4, pure text to text. The path arrives encoded and is taken as it is: S3 encodes
 * once and never normalises, so `//`, `.` and `..` stay.
 * @see AWS Signature Version 4, "Create a canonical request" and "Create a string to sign"
 */
import { hash } from 'node:crypto';
import { encodeQueryComponent } from '../s3/encode.ts';

export const ALGORITHM = 'AWS4-HMAC-SHA256';

export interface CanonicalFields {
  readonly method: string;
  /** Encoded path. */
  readonly path: string;
  /** As `canonicalQuery` gives it. */
  readonly query: string;
  /** Lower-case names; every one of them is signed. */
  readonly headers: Readonly<Record<string, string>>;
  /** As `signedHeaderNames` gives them. */
  readonly names: readonly string[];
  /** Hex digest, or a literal such as UNSIGNED-PAYLOAD. */
  readonly payloadHash: string;
}

/** Encodes and sorts a decoded query: by encoded name, then by encoded value; a name without value keeps its `=`. */
export function canonicalQuery(query: readonly (readonly [string, string])[]): string {
  return joinQuery(query.map(([name, value]) => [encodeQueryComponent(name), encodeQueryComponent(value)] as const));
}

/** Sorts and joins a query that is encoded already. */
export function joinQuery(encoded: readonly (readonly [string, string])[]): string {
  if (encoded.length === 0) return '';
  return encoded
    .toSorted(([nameA, valueA], [nameB, valueB]) => compare(nameA, nameB) || compare(valueA, valueB))
    .map(([name, value]) => `${name}=${value}`)
    .join('&');
}

/** Gives the names of lower-case headers in the order in which they are signed. */
export function signedHeaderNames(headers: Readonly<Record<string, string>>): readonly string[] {
  return Object.keys(headers).sort();
}

/** Writes the canonical request. */
export function canonicalRequest({ method, path, query, headers, names, payloadHash }: CanonicalFields): string {
  let lines = `${method}\n${path}\n${query}\n`;
  for (const name of names) lines += `${name}:${foldSpaces(headers[name] ?? '')}\n`;
  return `${lines}\n${names.join(';')}\n${payloadHash}`;
}

/** Writes the string to sign; `amzDate` is `YYYYMMDDTHHMMSSZ`. */
export function stringToSign(amzDate: string, scope: string, request: string): string {
  // One byte per character, as Node puts headers on the wire and takes them off it.
  return `${ALGORITHM}\n${amzDate}\n${scope}\n${hash('sha256', Buffer.from(request, 'latin1'))}`;
}

/** Trims, and makes one space of a run of spaces and tabs; of those two only: 0xA0 may be half of a character. */
export function foldSpaces(value: string): string {
  if (!value.includes('  ') && !value.includes('\t') && !value.startsWith(' ') && !value.endsWith(' ')) return value;
  return value.replace(/[ \t]+/g, ' ').replace(/^ | $/g, '');
}

/** By code unit: encoded text is ASCII, and a locale's order is not the specification's. */
function compare(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}
