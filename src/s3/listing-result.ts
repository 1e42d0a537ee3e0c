/**
 * Enters: the store's listing document and the client's query. Leaves: the client's document, with sizes and ETags of
 * the client's view. Takes nothing over unread: an answer that is malformed, or shows a key outside the prefix that
 * policy granted, becomes an error and not a page.
 */
import { GatewayError } from '../errors/gateway-error.ts';
import { encodePath } from './encode.ts';
import { wrapToken, type ListingQuery } from './listing-query.ts';
import { S3_NAMESPACE, textElement, XML_DECLARATION } from './xml.ts';
import { childrenOf, readXml, textOf, type XmlElement } from './xml-reader.ts';

interface ListedObject {
  readonly key: string;
  readonly lastModified: string;
  readonly etag: string;
  /** As stored, in bytes. */
  readonly storedSizeBytes: number;
  readonly storageClass: string;
}

export interface StoreListing {
  readonly objects: readonly ListedObject[];
  readonly commonPrefixes: readonly string[];
  readonly isTruncated: boolean;
  readonly nextToken: string | undefined;
}

/** How stored facts look to the client. */
export interface ListingView {
  /** The client's name of the bucket. */
  readonly bucket: string;
  /** Size in bytes of an object that takes so many bytes in the store. */
  readonly size: (storedSizeBytes: number, object: ListedObject) => number;
  readonly etag: (stored: string) => string;
}

const MAX_LISTING_BYTES = 16 * 1024 * 1024;

const SIZE = /^\d{1,15}$/;

/**
 * Reads a store's ListBucketResult of at most 16 MiB.
 * @throws GatewayError InternalError (the answer is malformed or goes beyond the query)
 */
export function readListing(document: Uint8Array, query: ListingQuery): StoreListing {
  const root = readXml(document, MAX_LISTING_BYTES);
  if (root?.name !== 'ListBucketResult') throw unusable('not a ListBucketResult');
  // A store that does not know the parameter sends keys as they are and says so by not repeating it.
  const decode = textOf(root, 'EncodingType') === 'url' ? decodeKey : (text: string) => text;
  const inPrefix = (text: string): string => {
    const key = decode(text);
    if (!key.startsWith(query.prefix)) throw unusable('a key outside of the prefix');
    return key;
  };
  const nextToken = textOf(root, 'NextContinuationToken');
  return {
    objects: childrenOf(root, 'Contents').map((entry) => ({
      key: inPrefix(required(entry, 'Key')),
      lastModified: required(entry, 'LastModified'),
      etag: required(entry, 'ETag'),
      storedSizeBytes: parseSize(required(entry, 'Size')),
      storageClass: textOf(entry, 'StorageClass') ?? 'STANDARD',
    })),
    commonPrefixes: childrenOf(root, 'CommonPrefixes').map((entry) => inPrefix(required(entry, 'Prefix'))),
    isTruncated: required(root, 'IsTruncated') === 'true',
    nextToken: nextToken === '' ? undefined : nextToken,
  };
}

/** Writes the client's ListBucketResult. @see Amazon S3 API Reference, "ListObjects", "ListObjectsV2" */
export function writeListing(listing: StoreListing, query: ListingQuery, view: ListingView): string {
  const text = query.urlEncoded ? encodePath : (key: string) => key;
  const parts = [
    `${XML_DECLARATION}<ListBucketResult xmlns="${S3_NAMESPACE}">`,
    textElement('Name', view.bucket),
    textElement('Prefix', text(query.prefix)),
    ...(query.version === 2 ? pageOfVersion2(listing, query, text) : pageOfVersion1(listing, query, text)),
    textElement('MaxKeys', query.maxKeys),
  ];
  if (query.delimiter !== '') parts.push(textElement('Delimiter', text(query.delimiter)));
  if (query.urlEncoded) parts.push(textElement('EncodingType', 'url'));
  parts.push(textElement('IsTruncated', listing.isTruncated));
  for (const object of listing.objects) {
    parts.push(
      `<Contents>${textElement('Key', text(object.key))}${textElement('LastModified', object.lastModified)}`,
      `${textElement('ETag', view.etag(object.etag))}${textElement('Size', view.size(object.storedSizeBytes, object))}`,
      `${textElement('StorageClass', object.storageClass)}</Contents>`,
    );
  }
  for (const prefix of listing.commonPrefixes) {
    parts.push(`<CommonPrefixes>${textElement('Prefix', text(prefix))}</CommonPrefixes>`);
  }
  parts.push('</ListBucketResult>');
  return parts.join('');
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
  return Buffer.compare(Buffer.from(key), Buffer.from(prefix)) < 0 ? prefix : key;
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

/** Stores write a space as `+` or `%20`, and a plus as `%2B`. */
function decodeKey(encoded: string): string {
  try {
    return decodeURIComponent(encoded.replaceAll('+', ' '));
  } catch (cause) {
    throw unusable('a key that cannot be decoded', cause);
  }
}

function parseSize(text: string): number {
  if (!SIZE.test(text)) throw unusable('a size that is no number');
  return Number(text);
}

function required(parent: XmlElement, name: string): string {
  const text = textOf(parent, name);
  if (text === undefined) throw unusable(`${parent.name} without one ${name}`);
  return text;
}

function unusable(detail: string, cause?: unknown): GatewayError {
  return new GatewayError('InternalError', 'respond', { detail: `listing of the store: ${detail}`, cause });
}
