/**
 * Enters: the store's ListBucketResult and the client's query. Leaves: the client's document, with sizes and ETags of
 * the client's view. Takes nothing over unread: an answer that is malformed, or shows a key outside the prefix that
 * policy granted, becomes an error and not a page.
 */
import { wrapToken, type ListingQuery } from '../listing-query.ts';
import { S3_NAMESPACE, textElement, XML_DECLARATION } from '../xml.ts';
import { childrenOf, textOf } from '../xml-reader.ts';
import {
  commonPrefixElements,
  echoOf,
  isBefore,
  readPage,
  textForm,
  type ListedEntry,
  type Listing,
  type ShownEntry,
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
  readonly nextToken: string | undefined;
}

/**
 * Reads a store's page of objects.
 * @throws GatewayError InternalError (the answer is malformed or goes beyond the query)
 * @see Amazon S3 API Reference, "ListObjects", "ListObjectsV2"
 */
export function readObjects(document: Uint8Array, query: ListingQuery): Listing {
  const listing = readListing(document, query);
  return { entries: listing.objects, write: (bucket, shown) => writeObjects(listing, query, bucket, shown) };
}

function writeObjects(
  listing: StoreListing,
  query: ListingQuery,
  bucket: string,
  shown: readonly (ShownEntry | undefined)[],
): string {
  const text = textForm(query);
  const contents = listing.objects.flatMap(({ key, lastModified, storageClass }, place) => {
    const entry = shown[place];
    if (entry === undefined) return [];
    return (
      `<Contents>${textElement('Key', text(key))}${textElement('LastModified', entry.lastModified ?? lastModified)}` +
      `${textElement('ETag', entry.etag)}${textElement('Size', entry.sizeBytes)}` +
      `${textElement('StorageClass', storageClass)}</Contents>`
    );
  });
  const page =
    query.kind === 'ListObjectsV2'
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

function readListing(document: Uint8Array, query: ListingQuery): StoreListing {
  const { root, isTruncated, commonPrefixes, keyOf } = readPage(document, 'ListBucketResult', query);
  const nextToken = textOf(root, 'NextContinuationToken');
  return {
    objects: childrenOf(root, 'Contents').map((entry) => ({
      key: keyOf(entry),
      lastModified: required(entry, 'LastModified'),
      etag: required(entry, 'ETag'),
      sizeBytes: parseCount(required(entry, 'Size')),
      storageClass: textOf(entry, 'StorageClass') ?? 'STANDARD',
    })),
    commonPrefixes,
    isTruncated,
    nextToken: nextToken === '' ? undefined : nextToken,
  };
}

type TextForm = (key: string) => string;

function pageOfVersion1(listing: StoreListing, query: ListingQuery, text: TextForm): string[] {
  const page = [textElement('Marker', text(query.startAfter ?? ''))];
  const next = listing.isTruncated ? lastOf(listing) : undefined;
  if (next !== undefined) page.push(textElement('NextMarker', text(next)));
  return page;
}

/**
 * The last entry of a page by byte order. Not taken from the store's NextMarker, which Ceph leaves unencoded in a
 * document that it calls encoded: a marker that is decoded twice skips keys.
 */
function lastOf({ objects, commonPrefixes }: StoreListing): string | undefined {
  const key = objects.at(-1)?.key;
  const prefix = commonPrefixes.at(-1);
  if (key === undefined || prefix === undefined) return key ?? prefix;
  return isBefore(key, prefix) ? prefix : key;
}

function pageOfVersion2(listing: StoreListing, shownKeys: number, query: ListingQuery, text: TextForm): string[] {
  const page = [textElement('KeyCount', shownKeys + listing.commonPrefixes.length)];
  if (query.startAfter !== undefined) page.push(textElement('StartAfter', text(query.startAfter)));
  if (query.continuation !== undefined) page.push(textElement('ContinuationToken', query.continuation.shown));
  if (listing.nextToken !== undefined) {
    page.push(textElement('NextContinuationToken', wrapToken(listing.nextToken, query.prefix)));
  }
  return page;
}
