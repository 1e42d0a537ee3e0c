/**
 * The store's documents about an upload in parts: read strictly, and written anew with the client's names. Where the
 * store's facts are the client's, a `render` function does both.
 */
import { encodePath } from '../encode.ts';
import { MAX_PART_NUMBER } from '../limits.ts';
import type { S3Request } from '../request.ts';
import { S3_NAMESPACE, textElement, XML_DECLARATION } from '../xml.ts';
import { childrenOf, textOf } from '../xml-reader.ts';
import { parseCount, readStoreDocument, required, unusable } from './stored-document.ts';

type Address = Pick<S3Request, 'bucket' | 'key'>;
type Etag = (stored: string) => string;

/** Writes InitiateMultipartUploadResult. @throws GatewayError InternalError */
export function renderInitiate(document: Uint8Array, address: Address): string {
  return writeInitiate(address, readUploadId(document));
}

/** Writes CompleteMultipartUploadResult. @throws GatewayError InternalError; the error that the document holds */
export function renderComplete(document: Uint8Array, address: Address, etag: Etag): string {
  return writeComplete(address, etag(readCompleted(document)));
}

/** Reads the id that a store gives an upload. @throws GatewayError InternalError */
export function readUploadId(document: Uint8Array): string {
  return required(readStoreDocument(document, 'InitiateMultipartUploadResult'), 'UploadId');
}

/** Writes InitiateMultipartUploadResult. */
export function writeInitiate(address: Address, uploadId: string): string {
  return write('InitiateMultipartUploadResult', names(address) + textElement('UploadId', uploadId));
}

/** Reads the ETag of an object that was put together. @throws GatewayError InternalError; the error that the document holds */
export function readCompleted(document: Uint8Array): string {
  return required(readStoreDocument(document, 'CompleteMultipartUploadResult'), 'ETag');
}

/** Writes CompleteMultipartUploadResult. */
export function writeComplete(address: Address, etag: string): string {
  // Under which of its names the client reached us is not known for certain here; a path is true under each.
  const location = textElement('Location', `/${address.bucket}/${encodePath(address.key)}`);
  return write('CompleteMultipartUploadResult', location + names(address) + textElement('ETag', etag));
}

/** A part of an upload under way. */
export interface UploadedPart {
  /** 1 to 10,000. */
  readonly number: number;
  /** Quoted or bare, as it is shown. */
  readonly etag: string;
  readonly sizeBytes: number;
  /** RFC 3339. */
  readonly lastModified: string;
}

/** A page of ListParts. */
export interface PartsPage {
  /** In ascending order. */
  readonly parts: readonly UploadedPart[];
  readonly isTruncated: boolean;
  readonly storageClass: string;
}

/** Reads a store's page of parts. @throws GatewayError InternalError */
export function readParts(document: Uint8Array): PartsPage {
  const root = readStoreDocument(document, 'ListPartsResult');
  let last = 0;
  const parts = childrenOf(root, 'Part').map((part) => {
    const number = parseCount(required(part, 'PartNumber'));
    if (number <= last || number > MAX_PART_NUMBER) throw unusable('a part number out of order');
    last = number;
    return {
      number,
      etag: required(part, 'ETag'),
      sizeBytes: parseCount(required(part, 'Size')),
      lastModified: required(part, 'LastModified'),
    };
  });
  const truncated = required(root, 'IsTruncated');
  if (truncated !== 'true' && truncated !== 'false') throw unusable('neither truncated nor whole');
  return { parts, isTruncated: truncated === 'true', storageClass: textOf(root, 'StorageClass') ?? 'STANDARD' };
}

/** Gives the page of a whole list of parts that a client asks for. */
export function pageOfParts(
  { parts, storageClass }: Pick<PartsPage, 'parts' | 'storageClass'>,
  { query }: Pick<S3Request, 'query'>,
): PartsPage {
  const marker = Number(query.get('part-number-marker') ?? 0);
  const rest = parts.filter(({ number }) => number > marker);
  const maxParts = maxPartsOf(query);
  return { parts: rest.slice(0, maxParts), isTruncated: maxParts > 0 && rest.length > maxParts, storageClass };
}

/** Writes ListPartsResult. @see Amazon S3 API Reference, "ListParts" */
export function writeParts(
  { bucket, key, query }: Pick<S3Request, 'bucket' | 'key' | 'query'>,
  { parts, isTruncated, storageClass }: PartsPage,
): string {
  const inner = [
    names({ bucket, key }),
    textElement('UploadId', query.get('uploadId') ?? ''),
    textElement('StorageClass', storageClass),
    textElement('PartNumberMarker', query.get('part-number-marker') ?? '0'),
    textElement('NextPartNumberMarker', parts.at(-1)?.number ?? 0),
    textElement('MaxParts', maxPartsOf(query)),
    textElement('IsTruncated', isTruncated),
    ...parts.map(
      (part) =>
        `<Part>${textElement('PartNumber', part.number)}${textElement('LastModified', part.lastModified)}` +
        `${textElement('ETag', part.etag)}${textElement('Size', part.sizeBytes)}</Part>`,
    ),
  ];
  return write('ListPartsResult', inner.join(''));
}

/** Parts in one answer to ListParts. */
export const MAX_LISTED_PARTS = 1000;

function maxPartsOf(query: S3Request['query']): number {
  return Math.min(Number(query.get('max-parts') ?? MAX_LISTED_PARTS), MAX_LISTED_PARTS);
}

function names({ bucket, key }: Address): string {
  return textElement('Bucket', bucket) + textElement('Key', key);
}

function write(name: string, inner: string): string {
  return `${XML_DECLARATION}<${name} xmlns="${S3_NAMESPACE}">${inner}</${name}>`;
}
