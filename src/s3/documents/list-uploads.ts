/**
 * Enters: the store's ListMultipartUploadsResult and the client's query. Leaves: the client's document, without the
 * store's names of initiator and owner.
 */
import type { ListingQuery } from '../listing-query.ts';
import { S3_NAMESPACE, textElement, XML_DECLARATION } from '../xml.ts';
import { childrenOf, textOf } from '../xml-reader.ts';
import { commonPrefixElements, echoOf, isBefore, readPage, textForm } from './listing-document.ts';
import { required } from './stored-document.ts';

/** How uploads look to the client. */
export interface UploadsView {
  /** The client's name of the bucket. */
  readonly bucket: string;
  /** Gives the client's id of an upload of this key. */
  readonly uploadId: (key: string, stored: string) => string;
}

/**
 * Turns a store's page of unfinished uploads into the client's.
 * @throws GatewayError InternalError (the answer is malformed or goes beyond the query)
 * @see Amazon S3 API Reference, "ListMultipartUploads"
 */
export function renderUploads(document: Uint8Array, query: ListingQuery, view: UploadsView): string {
  const page = readPage(document, 'ListMultipartUploadsResult', query);
  const text = textForm(query);
  const uploads = childrenOf(page.root, 'Upload').map((entry) => {
    const key = page.keyOf(entry);
    return {
      key,
      uploadId: view.uploadId(key, required(entry, 'UploadId')),
      initiated: required(entry, 'Initiated'),
      storageClass: textOf(entry, 'StorageClass') ?? 'STANDARD',
    };
  });
  const parts = [
    `${XML_DECLARATION}<ListMultipartUploadsResult xmlns="${S3_NAMESPACE}">`,
    textElement('Bucket', view.bucket),
    textElement('Prefix', text(query.prefix)),
    textElement('KeyMarker', text(query.startAfter ?? '')),
    textElement('UploadIdMarker', query.idMarker ?? ''),
  ];
  if (page.isTruncated) {
    const last = uploads.at(-1);
    const prefix = page.commonPrefixes.at(-1);
    if (prefix !== undefined && (last === undefined || isBefore(last.key, prefix))) {
      parts.push(textElement('NextKeyMarker', text(prefix)));
    } else if (last !== undefined) {
      parts.push(textElement('NextKeyMarker', text(last.key)), textElement('NextUploadIdMarker', last.uploadId));
    }
  }
  parts.push(textElement('MaxUploads', query.maxKeys), echoOf(query, page.isTruncated));
  for (const { key, uploadId, initiated, storageClass } of uploads) {
    parts.push(
      `<Upload>${textElement('Key', text(key))}${textElement('UploadId', uploadId)}`,
      `${textElement('StorageClass', storageClass)}${textElement('Initiated', initiated)}</Upload>`,
    );
  }
  parts.push(commonPrefixElements(page.commonPrefixes, text), '</ListMultipartUploadsResult>');
  return parts.join('');
}
