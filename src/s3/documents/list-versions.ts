/**
 * Enters: the store's ListVersionsResult and the client's query. Leaves: the client's document, with sizes and ETags of
 * the client's view. Versions and delete markers stay in the store's order.
 */
import type { ListingQuery } from '../listing-query.ts';
import { S3_NAMESPACE, textElement, XML_DECLARATION } from '../xml.ts';
import { textOf, type XmlElement } from '../xml-reader.ts';
import { commonPrefixElements, echoOf, isBefore, readPage, textForm, type ListingView } from './listing-document.ts';
import { parseCount, required } from './stored-document.ts';

/**
 * Turns a store's page of versions into the client's.
 * @throws GatewayError InternalError (the answer is malformed or goes beyond the query)
 * @see Amazon S3 API Reference, "ListObjectVersions"
 */
export function renderVersions(document: Uint8Array, query: ListingQuery, view: ListingView): string {
  const page = readPage(document, 'ListVersionsResult', query);
  const text = textForm(query);
  const entries: string[] = [];
  let last: { readonly key: string; readonly versionId: string } | undefined;
  for (const entry of page.root.children) {
    if (entry.name !== 'Version' && entry.name !== 'DeleteMarker') continue;
    last = { key: page.keyOf(entry), versionId: required(entry, 'VersionId') };
    entries.push(
      `<${entry.name}>${textElement('Key', text(last.key))}${textElement('VersionId', last.versionId)}`,
      textElement('IsLatest', required(entry, 'IsLatest') === 'true'),
      textElement('LastModified', required(entry, 'LastModified')),
      `${entry.name === 'Version' ? versionFacts(entry, last.key, view) : ''}</${entry.name}>`,
    );
  }
  const parts = [
    `${XML_DECLARATION}<ListVersionsResult xmlns="${S3_NAMESPACE}">`,
    textElement('Name', view.bucket),
    textElement('Prefix', text(query.prefix)),
    textElement('KeyMarker', text(query.startAfter ?? '')),
    textElement('VersionIdMarker', query.idMarker ?? ''),
  ];
  if (page.isTruncated) {
    // Named by the last entry, as in the other listings: not every store encodes its own markers as it says.
    const prefix = page.commonPrefixes.at(-1);
    if (prefix !== undefined && (last === undefined || isBefore(last.key, prefix))) {
      parts.push(textElement('NextKeyMarker', text(prefix)));
    } else if (last !== undefined) {
      parts.push(textElement('NextKeyMarker', text(last.key)), textElement('NextVersionIdMarker', last.versionId));
    }
  }
  parts.push(textElement('MaxKeys', query.maxKeys), echoOf(query, page.isTruncated), ...entries);
  parts.push(commonPrefixElements(page.commonPrefixes, text), '</ListVersionsResult>');
  return parts.join('');
}

function versionFacts(entry: XmlElement, key: string, view: ListingView): string {
  const etag = required(entry, 'ETag');
  const size = view.size(parseCount(required(entry, 'Size')), { key, etag });
  const storageClass = textOf(entry, 'StorageClass') ?? 'STANDARD';
  return `${textElement('ETag', view.etag(etag))}${textElement('Size', size)}${textElement('StorageClass', storageClass)}`;
}
