/** GetObjectAttributes: only what is known of the elements is shown, and the store's checksums only of plain objects. */
import { S3_NAMESPACE, textElement, XML_DECLARATION } from '../xml.ts';
import { childrenOf, textOf, type XmlElement } from '../xml-reader.ts';
import { parseCount, readStoreDocument, required } from './stored-document.ts';

export interface AttributesView {
  readonly etag: (stored: string) => string;
  readonly size: (storedSizeBytes: number) => number;
  /** Whether the store's checksums are those of the object. */
  readonly checksums?: boolean;
}

const CHECKSUMS = ['ChecksumCRC32', 'ChecksumCRC32C', 'ChecksumCRC64NVME', 'ChecksumSHA1', 'ChecksumSHA256'];

/**
 * Writes the client's document from the store's.
 * @throws GatewayError InternalError
 * @see Amazon S3 API Reference, "GetObjectAttributes"
 */
export function renderAttributes(document: Uint8Array, view: AttributesView): string {
  const root = readStoreDocument(document, 'GetObjectAttributesResponse');
  const parts: string[] = [];
  const etag = textOf(root, 'ETag');
  if (etag !== undefined) parts.push(textElement('ETag', view.etag(etag)));
  const [checksum] = childrenOf(root, 'Checksum');
  if (checksum !== undefined && view.checksums === true) {
    parts.push(`<Checksum>${copied(checksum, [...CHECKSUMS, 'ChecksumType'])}</Checksum>`);
  }
  const [objectParts] = childrenOf(root, 'ObjectParts');
  if (objectParts !== undefined) parts.push(renderObjectParts(objectParts, view));
  const storageClass = textOf(root, 'StorageClass');
  if (storageClass !== undefined) parts.push(textElement('StorageClass', storageClass));
  const size = textOf(root, 'ObjectSize');
  if (size !== undefined) parts.push(textElement('ObjectSize', view.size(parseCount(size))));
  const name = 'GetObjectAttributesResponse';
  return `${XML_DECLARATION}<${name} xmlns="${S3_NAMESPACE}">${parts.join('')}</${name}>`;
}

function renderObjectParts(element: XmlElement, view: AttributesView): string {
  const counts = copied(element, [
    'PartsCount',
    'TotalPartsCount',
    'PartNumberMarker',
    'NextPartNumberMarker',
    'MaxParts',
    'IsTruncated',
  ]);
  const parts = childrenOf(element, 'Part').map(
    (part) =>
      `<Part>${textElement('PartNumber', parseCount(required(part, 'PartNumber')))}` +
      textElement('Size', view.size(parseCount(required(part, 'Size')))) +
      `${view.checksums === true ? copied(part, CHECKSUMS) : ''}</Part>`,
  );
  return `<ObjectParts>${counts}${parts.join('')}</ObjectParts>`;
}

function copied(element: XmlElement, names: readonly string[]): string {
  return names
    .map((name) => {
      const text = textOf(element, name);
      return text === undefined ? '' : textElement(name, text);
    })
    .join('');
}
