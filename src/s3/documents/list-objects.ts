/**
 * Enters: a page of the store's ListBucketResult and the client's query. Leaves: the client's document, with sizes and ETags of
 * the client's view. Takes nothing over unread: an answer that is malformed, or shows a key outside the prefix that
 * policy granted, becomes an error and not a page.
 */
import { wrapPosition, wrapToken, type ListingQuery } from '../request/listing-query.ts';
import { isReservedKey, RESERVED_PREFIX } from '../reserved-keys.ts';
import { S3_NAMESPACE, textElement, XML_DECLARATION } from './xml.ts';
import { textOf } from './xml-reader.ts';
import {
  commonPrefixElements,
  echoOf,
  isBefore,
  ownerElement,
  shownMarker,
  textForm,
  type ListedEntry,
  type Listing,
  type ShownEntry,
  type StorePage,
} from './listing-document.ts';
import { parseCount, required } from './stored-document.ts';

interface ListedObject extends ListedEntry {
  readonly lastModified: string;
  readonly storageClass: string;
}

interface StoreListing {
  readonly objects: readonly ListedObject[];
  readonly commonPrefixes: readonly string[];
  readonly isTruncated: boolean;
  /** Where the page ends, by byte order; `undefined`: it is empty. */
  readonly last: string | undefined;
  /** The client's token for the next page. */
  readonly nextToken: string | undefined;
}

/**
 * Reads a page of objects.
 * @throws GatewayError InternalError (an entry is malformed)
 * @see Amazon S3 API Reference, "ListObjects", "ListObjectsV2"
 */
export function readObjects(page: StorePage, query: ListingQuery): Listing {
  const listing = readListing(page, query);
  return {
    entries: listing.objects,
    write: (bucket, shown) => writeObjects(listing, query, bucket, shown),
  };
}

function writeObjects(
  listing: StoreListing,
  query: ListingQuery,
  bucket: string,
  shown: readonly (ShownEntry | undefined)[],
): string {
  const text = textForm(query);
  const contents = listing.objects.flatMap(({ key, lastModified, storageClass }, index) => {
    const entry = shown[index];
    if (entry === undefined) return [];
    return (
      `<Contents>${textElement('Key', text(key))}${textElement('LastModified', entry.lastModified ?? lastModified)}` +
      `${textElement('ETag', entry.etag)}${textElement('Size', entry.sizeBytes)}` +
      `${ownerElement(query)}${textElement('StorageClass', storageClass)}</Contents>`
    );
  });
  const page =
    query.kind.continuesBy === 'token'
      ? pageOfVersion2(listing, contents.length, query, text)
      : pageOfVersion1(listing, query, text);
  return [
    `${XML_DECLARATION}<ListBucketResult xmlns="${S3_NAMESPACE}">`,
    textElement('Name', bucket),
    textElement('Prefix', text(query.prefix)),
    ...page,
    textElement('MaxKeys', query.maxKeys),
    echoOf(query, listing.isTruncated),
    ...contents,
    commonPrefixElements(listing.commonPrefixes, text),
    '</ListBucketResult>',
  ].join('');
}

function readListing(page: StorePage, query: ListingQuery): StoreListing {
  const { entries, isTruncated, commonPrefixes, next, nextToken } = page;
  const objects = entries.map(({ key, element }) => ({
    key,
    lastModified: required(element, 'LastModified'),
    etag: required(element, 'ETag'),
    sizeBytes: parseCount(required(element, 'Size')),
    storageClass: textOf(element, 'StorageClass') ?? 'STANDARD',
  }));
  return {
    objects: objects.filter(({ key }) => !isReservedKey(key)),
    commonPrefixes,
    isTruncated,
    last: next?.key ?? lastOf(objects.at(-1)?.key, page),
    nextToken: next === undefined ? nextToken && wrapToken(nextToken, query.prefix) : wrapPosition(next.key, query),
  };
}

type TextForm = (key: string) => string;

function pageOfVersion1(listing: StoreListing, query: ListingQuery, text: TextForm): string[] {
  const page = [textElement('Marker', text(query.startAfter ?? ''))];
  const { last } = listing;
  if (listing.isTruncated && last !== undefined) page.push(textElement('NextMarker', text(shownMarker(last))));
  return page;
}

/**
 * The last entry of a page by byte order. Not taken from the store's NextMarker, which Ceph leaves unencoded in a
 * document that it calls encoded: a marker that is decoded twice skips keys.
 */
function lastOf(key: string | undefined, { commonPrefixes, hides }: StorePage): string | undefined {
  const prefix = commonPrefixes.at(-1) ?? (hides ? RESERVED_PREFIX : undefined);
  if (key === undefined || prefix === undefined) return key ?? prefix;
  return isBefore(key, prefix) ? prefix : key;
}

function pageOfVersion2(listing: StoreListing, shownKeys: number, query: ListingQuery, text: TextForm): string[] {
  const page = [textElement('KeyCount', shownKeys + listing.commonPrefixes.length)];
  if (query.startAfter !== undefined) page.push(textElement('StartAfter', text(query.startAfter)));
  if (query.continuation !== undefined) page.push(textElement('ContinuationToken', query.continuation.shown));
  if (listing.nextToken !== undefined) page.push(textElement('NextContinuationToken', listing.nextToken));
  return page;
}
