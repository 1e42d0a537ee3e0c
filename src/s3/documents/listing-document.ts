/**
 * What the listings have in common. Enters: a store's page. Leaves: its root and its entries by their keys. Never: one
 * outside of the prefix that policy granted. Some stores tidy paths, and list `a//b` as `a/b` even below `a//`: such an
 * entry is left out and counted for clients, whose page is of use without it, and is an error to whoever needs them all.
 */
import { encodePath } from '../encode.ts';
import type { ListingQuery } from '../request/listing-query.ts';
import { AFTER_RESERVED, isReservedKey } from '../reserved-keys.ts';
import { textElement } from './xml.ts';
import { childrenOf, textOf, type XmlElement } from './xml-reader.ts';
import { OWNER } from './access-control.ts';
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

/** An entry of a store's page. */
export interface PageEntry {
  readonly key: string;
  readonly element: XmlElement;
}

export interface StorePage {
  /** Objects, versions, delete markers and uploads. */
  readonly entries: readonly PageEntry[];
  readonly isTruncated: boolean;
  /** But for those that no client may name. */
  readonly commonPrefixes: readonly string[];
  /** Whether something on this page is kept from clients. */
  readonly hides: boolean;
  /** How many entries are left out, because their keys are outside of the prefix or no text. */
  readonly leftOut: number;
  /** The store's own token for the next page, where it gives one. */
  readonly nextToken: string | undefined;
  /** Where the next page begins, if that is not behind the last entry of this one. */
  readonly next?: ListingPosition;
}

/** Behind which name a page begins: behind all of its versions or uploads, or behind that one alone. */
export interface ListingPosition {
  readonly key: string;
  readonly id?: string | undefined;
}

/** Reads what every page has, and nothing of a page with a key that is outside of the prefix or no text. @throws GatewayError InternalError */
export function readPage(document: Uint8Array, name: string, query: ListingQuery): StorePage {
  const page = readShownPage(document, name, query);
  if (page.leftOut > 0) throw unusable('a key outside of the prefix, or one that cannot be decoded');
  return page;
}

/** The same without the entries whose keys are so. @throws GatewayError InternalError, also where nothing else tells where the next page begins */
export function readShownPage(document: Uint8Array, name: string, query: ListingQuery): StorePage {
  const root = readStoreDocument(document, name);
  // A store that does not know the parameter sends keys as they are and says so by not repeating it.
  const decode: (text: string) => string | undefined =
    textOf(root, 'EncodingType') === 'url' ? decodeKey : (text) => text;
  let leftOut = 0;
  const inPrefix = (text: string): string | undefined => {
    const key = decode(text);
    if (key?.startsWith(query.prefix) === true) return key;
    leftOut += 1;
    return undefined;
  };
  const prefixes = childrenOf(root, 'CommonPrefixes').flatMap((entry) => inPrefix(required(entry, 'Prefix')) ?? []);
  const entries: PageEntry[] = [];
  for (const element of root.children) {
    if (!ENTRIES.has(element.name)) continue;
    const key = inPrefix(required(element, 'Key'));
    if (key !== undefined) entries.push({ key, element });
  }
  const isTruncated = required(root, 'IsTruncated') === 'true';
  const goesOn = query.kind.continuesBy === 'token' || prefixes.length + entries.length > 0;
  if (isTruncated && leftOut > 0 && !goesOn) throw unusable('a page of keys that are all outside of the prefix');
  const nextToken = textOf(root, 'NextContinuationToken');
  return {
    ...{ entries, isTruncated, leftOut },
    nextToken: nextToken === '' ? undefined : nextToken,
    commonPrefixes: prefixes.filter((prefix) => !isReservedKey(prefix)),
    hides: prefixes.some(isReservedKey) || entries.some(({ key }) => isReservedKey(key)),
  };
}

const ENTRIES: ReadonlySet<string> = new Set(['Contents', 'Version', 'DeleteMarker', 'Upload']);

/** Gives what a marker may show of where a page ended. */
export function shownMarker(last: string): string {
  return isReservedKey(last) ? AFTER_RESERVED : last;
}

/**
 * Writes the owner of an entry, where the client wants one. Everything in a store is one account's, whose id is no client's
 * business (as in access-control.ts).
 */
export function ownerElement({ showsOwner }: Pick<ListingQuery, 'showsOwner'>): string {
  return showsOwner ? `<Owner>${textElement('ID', OWNER)}${textElement('DisplayName', OWNER)}</Owner>` : '';
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

const UNESCAPED_PERCENT = /%(?![0-9A-Fa-f]{2})/;

/** Stores write a space as `+` or `%20`, and a plus as `%2B`. */
function decodeKey(encoded: string): string | undefined {
  // No encoding has a lone percent sign: some stores (moto, of common prefixes) say that they encode, and do not.
  if (UNESCAPED_PERCENT.test(encoded)) return encoded;
  try {
    return decodeURIComponent(encoded.replaceAll('+', ' '));
  } catch {
    return undefined;
  }
}
