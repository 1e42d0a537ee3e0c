/**
 * Enters: a page of the store's ListMultipartUploadsResult and the client's query. Leaves: the client's document, with nobody's
 * account in place of the store's names of initiator and owner.
 */
import type { ListingQuery } from '../request/listing-query.ts';
import { S3_NAMESPACE, textElement, XML_DECLARATION } from './xml.ts';
import { textOf } from './xml-reader.ts';
import { OWNER } from './access-control.ts';
import { commonPrefixElements, echoOf, isBefore, textForm, type StorePage } from './listing-document.ts';
import { required } from './stored-document.ts';

const NOBODY = textElement('ID', OWNER) + textElement('DisplayName', OWNER);

/**
 * Turns a store's page of unfinished uploads into the client's.
 * @throws GatewayError InternalError (an entry is malformed)
 * @see Amazon S3 API Reference, "ListMultipartUploads"
 */
export function renderUploads(page: StorePage, query: ListingQuery, bucket: string): string {
  const text = textForm(query);
  const uploads = page.entries.map(({ key, element }) => ({
    key,
    uploadId: required(element, 'UploadId'),
    initiated: required(element, 'Initiated'),
    storageClass: textOf(element, 'StorageClass') ?? 'STANDARD',
  }));
  const parts = [
    `${XML_DECLARATION}<ListMultipartUploadsResult xmlns="${S3_NAMESPACE}">`,
    textElement('Bucket', bucket),
    textElement('Prefix', text(query.prefix)),
    textElement('KeyMarker', text(query.startAfter ?? '')),
    textElement('UploadIdMarker', query.idMarker ?? ''),
  ];
  if (page.isTruncated) {
    const last = uploads.at(-1);
    const prefix = page.commonPrefixes.at(-1);
    if (page.next !== undefined) {
      const { key, id } = page.next;
      parts.push(textElement('NextKeyMarker', text(key)));
      if (id !== undefined) parts.push(textElement('NextUploadIdMarker', id));
    } else if (prefix !== undefined && (last === undefined || isBefore(last.key, prefix))) {
      parts.push(textElement('NextKeyMarker', text(prefix)));
    } else if (last !== undefined) {
      parts.push(textElement('NextKeyMarker', text(last.key)), textElement('NextUploadIdMarker', last.uploadId));
    }
  }
  parts.push(textElement('MaxUploads', query.maxKeys), echoOf(query, page.isTruncated));
  for (const { key, uploadId, initiated, storageClass } of uploads) {
    parts.push(
      `<Upload>${textElement('Key', text(key))}${textElement('UploadId', uploadId)}`,
      `<Initiator>${NOBODY}</Initiator><Owner>${NOBODY}</Owner>`,
      `${textElement('StorageClass', storageClass)}${textElement('Initiated', initiated)}</Upload>`,
    );
  }
  parts.push(commonPrefixElements(page.commonPrefixes, text), '</ListMultipartUploadsResult>');
  return parts.join('');
}
