/**
 * Steps one and two of Signature Version 4: text in, text or its hash out. The path arrives encoded and is taken as it is: S3
 * encodes once and never normalises, so `//`, `.` and `..` stay.
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
  /** The same, joined by semicolons. */
  readonly signedHeaders: string;
  /** Hex digest, or a literal such as UNSIGNED-PAYLOAD. */
  readonly payloadHash: string;
}

/** Encodes and sorts a decoded query: by encoded name, then by encoded value; a name without value keeps its `=`. */
export function canonicalQuery(query: readonly (readonly [string, string])[]): string {
  if (query.length === 0) return '';
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
  const names = Object.keys(headers);
  return names.length > FEW_NAMES ? names.sort() : sortFew(names);
}

/** Hashes the canonical request. @returns SHA-256 in hex */
export function canonicalRequestHash(fields: CanonicalFields): string {
  const { method, path, query, headers, names, signedHeaders, payloadHash } = fields;
  const text = scratch.begin().add(method).add('\n').add(path).add('\n').add(query).add('\n');
  for (const name of names) {
    text
      .add(name)
      .add(':')
      .add(foldSpaces(headers[name] ?? ''))
      .add('\n');
  }
  return text.add('\n').add(signedHeaders).add('\n').add(payloadHash).hash();
}

/** Hashes a canonical request that is written already. @returns SHA-256 in hex */
export function textHash(request: string): string {
  return hash('sha256', Buffer.from(request, 'latin1'));
}

/** Writes the string to sign; `amzDate` is `YYYYMMDDTHHMMSSZ`. */
export function stringToSign(amzDate: string, scope: string, requestHash: string): string {
  return `${ALGORITHM}\n${amzDate}\n${scope}\n${requestHash}`;
}

/** Trims, and makes one space of a run of spaces and tabs; of those two only: 0xA0 may be half of a character. */
export function foldSpaces(value: string): string {
  if (!value.includes('  ') && !value.includes('\t') && !value.startsWith(' ') && !value.endsWith(' ')) return value;
  return value.replace(/[ \t]+/g, ' ').replace(/^ | $/g, '');
}

/**
 * A text that is made to be hashed, piece by piece in one place of memory. One byte per character, as Node puts headers on the
 * wire and takes them off it.
 */
class HashedText {
  #bytes = Buffer.allocUnsafeSlow(16_384);
  #length = 0;

  begin(): this {
    this.#length = 0;
    return this;
  }

  add(piece: string): this {
    const length = this.#length + piece.length;
    if (length > this.#bytes.length) this.#bytes = Buffer.concat([this.#bytes], 2 * length);
    this.#bytes.write(piece, this.#length, 'latin1');
    this.#length = length;
    return this;
  }

  hash(): string {
    return hash('sha256', this.#bytes.subarray(0, this.#length));
  }
}

const scratch = new HashedText();

const FEW_NAMES = 32;

/** By code unit and in place, as `sort` does, which allocates more than all that is signed. */
function sortFew(names: string[]): readonly string[] {
  for (let from = 1; from < names.length; from += 1) {
    const name = names[from] ?? '';
    let to = from;
    for (; to > 0 && (names[to - 1] ?? '') > name; to -= 1) names[to] = names[to - 1] ?? '';
    names[to] = name;
  }
  return names;
}

/** By code unit: encoded text is ASCII, and a locale's order is not the specification's. */
function compare(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}
