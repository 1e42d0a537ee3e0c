/**
 * What the listings have in common. Enters: a store's page. Leaves: its root and a reader of its keys, which refuses a
 * page that shows anything outside of the prefix that policy granted.
 */
import { encodePath } from '../encode.ts';
import type { ListingQuery } from '../listing-query.ts';
import { textElement } from '../xml.ts';
import { childrenOf, textOf, type XmlElement } from '../xml-reader.ts';
import { readStoreDocument, required, unusable } from './stored-document.ts';

/** An entry as the store lists it. */
export interface ListedEntry {
  readonly key: string;
  readonly versionId?: string;
  readonly etag: string;
  readonly sizeBytes: number;
}

/** An entry as the client is to see it. */
export interface ShownEntry {
  readonly etag: string;
  readonly sizeBytes: number;
  /** RFC 3339; absent: as listed. */
  readonly lastModified?: string;
}

/** A page of a listing, read and bounded. */
export interface Listing {
  readonly entries: readonly ListedEntry[];
  /**
   * Writes the page for the client, under its own name of the bucket. One that is `undefined` is left out; the page
   * ends, and the next one begins, where the store ended it.
   */
  readonly write: (bucket: string, shown: readonly (ShownEntry | undefined)[]) => string;
}

export interface StorePage {
  readonly root: XmlElement;
  readonly isTruncated: boolean;
  readonly commonPrefixes: readonly string[];
  /** Decodes a key of this page. @throws GatewayError InternalError (it is outside of the prefix) */
  readonly keyOf: (entry: XmlElement) => string;
}

/** Reads what every page has. @throws GatewayError InternalError */
export function readPage(document: Uint8Array, name: string, query: ListingQuery): StorePage {
  const root = readStoreDocument(document, name);
  // A store that does not know the parameter sends keys as they are and says so by not repeating it.
  const decode = textOf(root, 'EncodingType') === 'url' ? decodeKey : (text: string) => text;
  const inPrefix = (text: string): string => {
    const key = decode(text);
    if (!key.startsWith(query.prefix)) throw unusable('a key outside of the prefix');
    return key;
  };
  return {
    root,
    isTruncated: required(root, 'IsTruncated') === 'true',
    commonPrefixes: childrenOf(root, 'CommonPrefixes').map((entry) => inPrefix(required(entry, 'Prefix'))),
    keyOf: (entry) => inPrefix(required(entry, 'Key')),
  };
}

/** Gives the form in which the client wants keys. */
export function textForm(query: ListingQuery): (key: string) => string {
  return query.urlEncoded ? encodePath : (key) => key;
}

/** Writes what a page repeats of its query. */
export function echoOf(query: ListingQuery, isTruncated: boolean): string {
  const parts: string[] = [];
  if (query.delimiter !== '') parts.push(textElement('Delimiter', textForm(query)(query.delimiter)));
  if (query.urlEncoded) parts.push(textElement('EncodingType', 'url'));
  parts.push(textElement('IsTruncated', isTruncated));
  return parts.join('');
}

/** Writes the common prefixes of a page. */
export function commonPrefixElements(prefixes: readonly string[], text: (key: string) => string): string {
  return prefixes.map((prefix) => `<CommonPrefixes>${textElement('Prefix', text(prefix))}</CommonPrefixes>`).join('');
}

/** Tells whether a key is listed before another: by the bytes of UTF-8. */
export function isBefore(one: string, other: string): boolean {
  return Buffer.compare(Buffer.from(one), Buffer.from(other)) < 0;
}

/** Stores write a space as `+` or `%20`, and a plus as `%2B`. */
function decodeKey(encoded: string): string {
  try {
    return decodeURIComponent(encoded.replaceAll('+', ' '));
  } catch (cause) {
    throw unusable('a key that cannot be decoded', cause);
  }
}
