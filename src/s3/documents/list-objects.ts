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
  type ListedEntity,
  type ListingView,
} from './listing-document.ts';
import { parseCount, required } from './stored-document.ts';

interface ListedObject extends ListedEntity {
  readonly lastModified: string;
  /** As stored, in bytes. */
  readonly storedSizeBytes: number;
  readonly storageClass: string;
}

interface StoreListing {
  readonly objects: readonly ListedObject[];
  readonly commonPrefixes: readonly string[];
  readonly isTruncated: boolean;
  readonly nextToken: string | undefined;
}

/**
 * Turns a store's page of objects into the client's.
 * @throws GatewayError InternalError (the answer is malformed or goes beyond the query)
 * @see Amazon S3 API Reference, "ListObjects", "ListObjectsV2"
 */
export function renderObjects(document: Uint8Array, query: ListingQuery, view: ListingView): string {
  const listing = readListing(document, query);
  const text = textForm(query);
  const parts = [
    `${XML_DECLARATION}<ListBucketResult xmlns="${S3_NAMESPACE}">`,
    textElement('Name', view.bucket),
    textElement('Prefix', text(query.prefix)),
    ...(query.kind === 'ListObjectsV2' ? pageOfVersion2(listing, query, text) : pageOfVersion1(listing, query, text)),
    textElement('MaxKeys', query.maxKeys),
    echoOf(query, listing.isTruncated),
  ];
  for (const object of listing.objects) {
    parts.push(
      `<Contents>${textElement('Key', text(object.key))}${textElement('LastModified', object.lastModified)}`,
      `${textElement('ETag', view.etag(object.etag))}${textElement('Size', view.size(object.storedSizeBytes, object))}`,
      `${textElement('StorageClass', object.storageClass)}</Contents>`,
    );
  }
  parts.push(commonPrefixElements(listing.commonPrefixes, text), '</ListBucketResult>');
  return parts.join('');
}

function readListing(document: Uint8Array, query: ListingQuery): StoreListing {
  const { root, isTruncated, commonPrefixes, keyOf } = readPage(document, 'ListBucketResult', query);
  const nextToken = textOf(root, 'NextContinuationToken');
  return {
    objects: childrenOf(root, 'Contents').map((entry) => ({
      key: keyOf(entry),
      lastModified: required(entry, 'LastModified'),
      etag: required(entry, 'ETag'),
      storedSizeBytes: parseCount(required(entry, 'Size')),
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

function pageOfVersion2(listing: StoreListing, query: ListingQuery, text: TextForm): string[] {
  const page = [textElement('KeyCount', listing.objects.length + listing.commonPrefixes.length)];
  if (query.startAfter !== undefined) page.push(textElement('StartAfter', text(query.startAfter)));
  if (query.continuation !== undefined) page.push(textElement('ContinuationToken', query.continuation.shown));
  if (listing.nextToken !== undefined) {
    page.push(textElement('NextContinuationToken', wrapToken(listing.nextToken, query.prefix)));
  }
  return page;
}
