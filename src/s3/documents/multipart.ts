/**
 * The store's documents about an upload in parts: read strictly, and written anew with the client's names. Where the
 * store's facts are the client's, a `render` function does both.
 */
import type { Addressed } from '../request/addressed.ts';
import {
  CHECKSUM_ALGORITHMS,
  readShownChecksum,
  writeChecksum,
  type MultipartChecksum,
  type ShownChecksum,
} from '../body/checksums.ts';
import { objectUrl } from '../response/object-url.ts';
import { MAX_PART_NUMBER } from '../limits.ts';
import { S3_NAMESPACE, textElement, XML_DECLARATION } from './xml.ts';
import { childrenOf, textOf, type XmlElement } from './xml-reader.ts';
import { parseCount, readStoreDocument, required, unusable } from './stored-document.ts';

type Address = Pick<Addressed, 'bucket' | 'key'>;
type CompletedAddress = Address & Pick<Addressed, 'bucketUrl'>;
type Etag = (stored: string) => string;

/** Writes InitiateMultipartUploadResult. @throws GatewayError InternalError */
export function renderInitiate(document: Uint8Array, address: Address): string {
  return writeInitiate(address, readUploadId(document));
}

/** Writes CompleteMultipartUploadResult. @throws GatewayError InternalError; the error that the document holds */
export function renderComplete(document: Uint8Array, address: CompletedAddress, etag: Etag): string {
  const root = readStoreDocument(document, 'CompleteMultipartUploadResult');
  return writeComplete(address, etag(required(root, 'ETag')), readShownChecksum(root));
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
export function writeComplete(address: CompletedAddress, etag: string, checksum?: ShownChecksum): string {
  const location = textElement('Location', objectUrl(address));
  const shown = textElement('ETag', etag) + writeChecksum(checksum);
  return write('CompleteMultipartUploadResult', location + names(address) + shown);
}

/** A part of an upload in progress. */
export interface UploadedPart {
  /** 1 to 10,000. */
  readonly number: number;
  /** Quoted or bare, as it is shown. */
  readonly etag: string;
  readonly sizeBytes: number;
  /** RFC 3339. */
  readonly lastModified: string;
  readonly checksum?: ShownChecksum;
}

/** A page of ListParts. */
export interface PartsPage {
  /** In ascending order; some stores (SeaweedFS) list each attempt at a part. */
  readonly parts: readonly UploadedPart[];
  readonly isTruncated: boolean;
  readonly storageClass: string;
  /** What Create named. */
  readonly checksum?: MultipartChecksum;
}

/** Reads a store's page of parts; S3Proxy lists part 10 before part 2. @throws GatewayError InternalError */
export function readParts(document: Uint8Array): PartsPage {
  const root = readStoreDocument(document, 'ListPartsResult');
  const listed = childrenOf(root, 'Part').map((part) => {
    const number = parseCount(required(part, 'PartNumber'));
    if (number < 1 || number > MAX_PART_NUMBER) throw unusable('a part number that is none');
    const checksum = readShownChecksum(part);
    return {
      number,
      etag: required(part, 'ETag'),
      sizeBytes: parseCount(required(part, 'Size')),
      lastModified: required(part, 'LastModified'),
      ...(checksum === undefined ? {} : { checksum }),
    };
  });
  const truncated = required(root, 'IsTruncated');
  if (truncated !== 'true' && truncated !== 'false') throw unusable('neither truncated nor whole');
  const isTruncated = truncated === 'true';
  const parts = listed.toSorted((one, other) => one.number - other.number);
  // A next page is requested by the last number of this one: what lies below it would be missed.
  if (isTruncated && listed.some((part, index) => part !== parts[index])) throw unusable('a part number out of order');
  const checksum = readMultipartChecksum(root);
  return {
    ...{ parts, isTruncated },
    storageClass: textOf(root, 'StorageClass') ?? 'STANDARD',
    ...(checksum === undefined ? {} : { checksum }),
  };
}

/** What is not known here is not told: no client can be told to send it. */
function readMultipartChecksum(root: XmlElement): MultipartChecksum | undefined {
  const algorithm = CHECKSUM_ALGORITHMS.find((known) => known === textOf(root, 'ChecksumAlgorithm'));
  const type = textOf(root, 'ChecksumType');
  if (algorithm === undefined || (type !== 'FULL_OBJECT' && type !== 'COMPOSITE')) return undefined;
  return { algorithm, type };
}

/** Gives the page of a whole list of parts that a client asks for. */
export function pageOfParts(
  { parts, ...upload }: Omit<PartsPage, 'isTruncated'>,
  { query }: Pick<Addressed, 'query'>,
): PartsPage {
  const marker = Number(query.get('part-number-marker') ?? 0);
  const rest = parts.filter(({ number }) => number > marker);
  const maxParts = maxPartsOf(query);
  return { parts: rest.slice(0, maxParts), isTruncated: maxParts > 0 && rest.length > maxParts, ...upload };
}

/** Writes ListPartsResult. @see Amazon S3 API Reference, "ListParts" */
export function writeParts(
  { bucket, key, query }: Pick<Addressed, 'bucket' | 'key' | 'query'>,
  { parts, isTruncated, storageClass, checksum }: PartsPage,
): string {
  const inner = [
    names({ bucket, key }),
    textElement('UploadId', query.get('uploadId') ?? ''),
    textElement('StorageClass', storageClass),
    textElement('PartNumberMarker', query.get('part-number-marker') ?? '0'),
    textElement('NextPartNumberMarker', parts.at(-1)?.number ?? 0),
    textElement('MaxParts', maxPartsOf(query)),
    textElement('IsTruncated', isTruncated),
    ...(checksum === undefined
      ? []
      : [textElement('ChecksumAlgorithm', checksum.algorithm), textElement('ChecksumType', checksum.type)]),
    ...parts.map(
      (part) =>
        `<Part>${textElement('PartNumber', part.number)}${textElement('LastModified', part.lastModified)}` +
        `${textElement('ETag', part.etag)}${textElement('Size', part.sizeBytes)}${writeChecksum(part.checksum)}</Part>`,
    ),
  ];
  return write('ListPartsResult', inner.join(''));
}

/** Parts in one answer to ListParts. */
export const MAX_LISTED_PARTS = 1000;

function maxPartsOf(query: Addressed['query']): number {
  return Math.min(Number(query.get('max-parts') ?? MAX_LISTED_PARTS), MAX_LISTED_PARTS);
}

function names({ bucket, key }: Address): string {
  return textElement('Bucket', bucket) + textElement('Key', key);
}

function write(name: string, inner: string): string {
  return `${XML_DECLARATION}<${name} xmlns="${S3_NAMESPACE}">${inner}</${name}>`;
}
