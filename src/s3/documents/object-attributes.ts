/** GetObjectAttributes: only what is known of the elements is shown, and the store's checksums only of plain objects. */
import { CHECKSUM_ELEMENTS, writeChecksum, type ShownChecksum } from '../body/checksums.ts';
import { S3_NAMESPACE, textElement, XML_DECLARATION } from './xml.ts';
import { childrenOf, textOf, type XmlElement } from './xml-reader.ts';
import { parseCount, readStoreDocument, required } from './stored-document.ts';

export interface AttributesView {
  readonly etag: (stored: string) => string;
  readonly size: (storedSizeBytes: number) => number;
  /** Whether the store's checksums are those of the object. */
  readonly checksums?: boolean;
}

const TELLING = ['ETag', 'Checksum', 'ObjectParts', 'StorageClass', 'ObjectSize'];

/**
 * Writes the client's document from the store's.
 * @throws GatewayError InternalError
 * @see Amazon S3 API Reference, "GetObjectAttributes"
 */
export function renderAttributes(document: Uint8Array, view: AttributesView): string {
  const root = readStoreDocument(document, 'GetObjectAttributesResponse', { telling: TELLING });
  const parts: string[] = [];
  const etag = textOf(root, 'ETag');
  if (etag !== undefined) parts.push(textElement('ETag', view.etag(etag)));
  const [checksum] = childrenOf(root, 'Checksum');
  if (checksum !== undefined && view.checksums === true) {
    parts.push(`<Checksum>${copied(checksum, [...CHECKSUM_ELEMENTS, 'ChecksumType'])}</Checksum>`);
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

/** What is known of an object here, as far as it is to be shown. */
export interface AttributesShown {
  readonly etag?: string;
  readonly checksum?: ShownChecksum;
  readonly parts?: PartsPage;
  readonly storageClass?: string;
  readonly sizeBytes?: number;
}

export interface PartsPage {
  readonly totalCount: number;
  readonly marker: number;
  readonly maxParts: number;
  readonly isTruncated: boolean;
  readonly parts: readonly { readonly number: number; readonly sizeBytes: number; readonly checksum?: ShownChecksum }[];
}

/** Writes the client's document of an object whose stored facts are not the client's. */
export function writeAttributes({ etag, checksum, parts, storageClass, sizeBytes }: AttributesShown): string {
  const name = 'GetObjectAttributesResponse';
  return [
    `${XML_DECLARATION}<${name} xmlns="${S3_NAMESPACE}">`,
    // Without the quotes that it has everywhere else.
    etag === undefined ? '' : textElement('ETag', etag.replaceAll('"', '')),
    checksum === undefined ? '' : `<Checksum>${writeChecksum(checksum)}</Checksum>`,
    parts === undefined ? '' : writeParts(parts),
    storageClass === undefined ? '' : textElement('StorageClass', storageClass),
    sizeBytes === undefined ? '' : textElement('ObjectSize', sizeBytes),
    `</${name}>`,
  ].join('');
}

function writeParts({ totalCount, marker, maxParts, isTruncated, parts }: PartsPage): string {
  return [
    `<ObjectParts>${textElement('PartsCount', totalCount)}${textElement('PartNumberMarker', marker)}`,
    textElement('NextPartNumberMarker', parts.at(-1)?.number ?? 0),
    `${textElement('MaxParts', maxParts)}${textElement('IsTruncated', isTruncated)}`,
    ...parts.map(
      ({ number, sizeBytes, checksum }) =>
        `<Part>${textElement('PartNumber', number)}${textElement('Size', sizeBytes)}${writeChecksum(checksum)}</Part>`,
    ),
    '</ObjectParts>',
  ].join('');
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
      `${view.checksums === true ? copied(part, CHECKSUM_ELEMENTS) : ''}</Part>`,
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
