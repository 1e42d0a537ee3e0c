/**
 * Enters: the client's CompleteMultipartUpload. Leaves: the parts that it names, and the document for the store, written
 * anew.
 */
import { GatewayError } from '../../errors/gateway-error.ts';
import {
  CHECKSUM_ALGORITHMS,
  checksumElement,
  CHECKSUM_ELEMENTS,
  decodeChecksum,
  shownChecksum,
  writeChecksum,
  type Checksum,
  type ChecksumAlgorithm,
} from '../body/checksums.ts';
import { LARGE_DOCUMENT_BYTES, MAX_PART_NUMBER } from '../limits.ts';
import { S3_NAMESPACE, textElement, XML_DECLARATION } from './xml.ts';
import type { XmlElement } from './xml-reader.ts';
import { expectChildren, malformedXml, optionalText, readClientDocument, requiredText } from './client-document.ts';

const PART = ['ETag', 'PartNumber', ...CHECKSUM_ELEMENTS];
const ETAG = /^(?:"([\w.+/=-]{1,128})"|([\w.+/=-]{1,128}))$/;

/** A part as the client names it. */
export interface NamedUploadPart {
  /** 1 to 10,000. */
  readonly number: number;
  /** As the client was shown it, unquoted. */
  readonly etag: string;
  readonly checksum?: Checksum;
}

/**
 * Reads the parts that a client names: at least one, in ascending order.
 * @throws GatewayError MalformedXML, InvalidPart, InvalidPartOrder
 * @see Amazon S3 API Reference, "CompleteMultipartUpload"
 */
export function readCompleteUpload(document: Uint8Array): readonly NamedUploadPart[] {
  const root = readClientDocument(document, 'CompleteMultipartUpload', LARGE_DOCUMENT_BYTES);
  expectChildren(root, ['Part']);
  if (root.children.length === 0 || root.children.length > MAX_PART_NUMBER) throw malformedXml('the number of parts');
  let last = 0;
  return root.children.map((element) => {
    const part = readPart(element);
    if (part.number <= last) throw new GatewayError('InvalidPartOrder');
    last = part.number;
    return part;
  });
}

/** Writes the document that names these parts, by their ETags unquoted, and their checksums where they are given. */
export function writeCompleteUpload(parts: readonly NamedUploadPart[]): string {
  const named = parts.map(
    ({ number, etag, checksum }) =>
      `<Part>${textElement('PartNumber', number)}${textElement('ETag', `"${etag}"`)}` +
      `${writeChecksum(checksum && shownChecksum(checksum))}</Part>`,
  );
  return `${XML_DECLARATION}<CompleteMultipartUpload xmlns="${S3_NAMESPACE}">${named.join('')}</CompleteMultipartUpload>`;
}

function readPart(part: XmlElement): NamedUploadPart {
  expectChildren(part, PART);
  const text = requiredText(part, 'PartNumber').trim();
  const number = /^\d{1,5}$/.test(text) ? Number(text) : 0;
  if (number < 1 || number > MAX_PART_NUMBER) throw malformedXml('PartNumber');
  const [, quoted, unquoted] = ETAG.exec(requiredText(part, 'ETag').trim()) ?? [];
  const etag = quoted ?? unquoted;
  if (etag === undefined) throw new GatewayError('InvalidPart', { detail: 'an ETag' });
  const [checksum, ...others] = CHECKSUM_ALGORITHMS.flatMap((algorithm) => readChecksum(part, algorithm) ?? []);
  if (others.length > 0) throw malformedXml('several checksums of a part');
  return { number, etag, ...(checksum === undefined ? {} : { checksum }) };
}

function readChecksum(part: XmlElement, algorithm: ChecksumAlgorithm): Checksum | undefined {
  const name = checksumElement(algorithm);
  const text = optionalText(part, name)?.trim();
  if (text === undefined) return undefined;
  const value = decodeChecksum(text, algorithm);
  if (value === undefined) throw malformedXml(name);
  return { algorithm, value };
}
