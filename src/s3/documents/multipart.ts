/** The store's documents about an upload in parts, written anew with the client's names. */
import { encodePath } from '../encode.ts';
import type { S3Request } from '../request.ts';
import { S3_NAMESPACE, textElement, XML_DECLARATION } from '../xml.ts';
import { childrenOf, textOf } from '../xml-reader.ts';
import { parseCount, readStoreDocument, required } from './stored-document.ts';

type Address = Pick<S3Request, 'bucket' | 'key'>;
type Etag = (stored: string) => string;

/** Writes CopyObjectResult. @throws GatewayError InternalError; the error that the document holds */
export function renderCopyObject(document: Uint8Array, etag: Etag): string {
  return renderCopy(document, 'CopyObjectResult', etag);
}

/** Writes CopyPartResult. @throws GatewayError InternalError; the error that the document holds */
export function renderCopyPart(document: Uint8Array, etag: Etag): string {
  return renderCopy(document, 'CopyPartResult', etag);
}

/** Writes InitiateMultipartUploadResult. @throws GatewayError InternalError */
export function renderInitiate(document: Uint8Array, address: Address): string {
  const uploadId = required(readStoreDocument(document, 'InitiateMultipartUploadResult'), 'UploadId');
  return write('InitiateMultipartUploadResult', names(address) + textElement('UploadId', uploadId));
}

/** Writes CompleteMultipartUploadResult. @throws GatewayError InternalError; the error that the document holds */
export function renderComplete(document: Uint8Array, address: Address, etag: Etag): string {
  const root = readStoreDocument(document, 'CompleteMultipartUploadResult');
  // Under which of its names the client reached us is not known for certain here; a path is true under each.
  const location = textElement('Location', `/${address.bucket}/${encodePath(address.key)}`);
  return write(
    'CompleteMultipartUploadResult',
    location + names(address) + textElement('ETag', etag(required(root, 'ETag'))),
  );
}

/** Writes ListPartsResult. @throws GatewayError InternalError @see Amazon S3 API Reference, "ListParts" */
export function renderParts(
  document: Uint8Array,
  { bucket, key, query }: Pick<S3Request, 'bucket' | 'key' | 'query'>,
  etag: Etag,
  size: (storedSizeBytes: number) => number,
): string {
  const root = readStoreDocument(document, 'ListPartsResult');
  const isTruncated = required(root, 'IsTruncated') === 'true';
  const parts = childrenOf(root, 'Part').map((part) => ({
    number: parseCount(required(part, 'PartNumber')),
    lastModified: required(part, 'LastModified'),
    etag: required(part, 'ETag'),
    storedSizeBytes: parseCount(required(part, 'Size')),
  }));
  const inner = [
    names({ bucket, key }),
    textElement('UploadId', query.get('uploadId') ?? ''),
    textElement('StorageClass', textOf(root, 'StorageClass') ?? 'STANDARD'),
    textElement('PartNumberMarker', query.get('part-number-marker') ?? '0'),
    textElement('NextPartNumberMarker', parts.at(-1)?.number ?? 0),
    textElement('MaxParts', Math.min(Number(query.get('max-parts') ?? MAX_PARTS), MAX_PARTS)),
    textElement('IsTruncated', isTruncated),
    ...parts.map(
      (part) =>
        `<Part>${textElement('PartNumber', part.number)}${textElement('LastModified', part.lastModified)}` +
        `${textElement('ETag', etag(part.etag))}${textElement('Size', size(part.storedSizeBytes))}</Part>`,
    ),
  ];
  return write('ListPartsResult', inner.join(''));
}

const MAX_PARTS = 1000;

function renderCopy(document: Uint8Array, name: string, etag: Etag): string {
  const root = readStoreDocument(document, name);
  const modified = textElement('LastModified', required(root, 'LastModified'));
  return write(name, modified + textElement('ETag', etag(required(root, 'ETag'))));
}

function names({ bucket, key }: Address): string {
  return textElement('Bucket', bucket) + textElement('Key', key);
}

function write(name: string, inner: string): string {
  return `${XML_DECLARATION}<${name} xmlns="${S3_NAMESPACE}">${inner}</${name}>`;
}
