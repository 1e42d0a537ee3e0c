/**
 * Enters: the client's CompleteMultipartUpload. Leaves: the store's, with the store's ETags. Checksums of parts are
 * read and left out: each part was verified as it arrived, and the ETags pin what was verified.
 */
import { GatewayError } from '../../errors/gateway-error.ts';
import { documentLimitBytes, MAX_PART_NUMBER } from '../limits.ts';
import { S3_NAMESPACE, textElement, XML_DECLARATION } from '../xml.ts';
import { expectChildren, malformedXml, optionalText, readClientDocument, requiredText } from './client-document.ts';

const CHECKSUMS = ['ChecksumCRC32', 'ChecksumCRC32C', 'ChecksumCRC64NVME', 'ChecksumSHA1', 'ChecksumSHA256'];
const PART = ['ETag', 'PartNumber', ...CHECKSUMS];
const ETAG = /^(?:"[\w.+/=-]{1,128}"|[\w.+/=-]{1,128})$/;
const CHECKSUM = /^[\w+/=-]{4,64}$/;

/**
 * Writes the list of parts anew; `etag` gives the store's ETag of one that the client was shown.
 * @throws GatewayError MalformedXML, InvalidPart, InvalidPartOrder
 * @see Amazon S3 API Reference, "CompleteMultipartUpload"
 */
export function completeUploadForStore(document: Uint8Array, etag: (shown: string) => string): string {
  const root = readClientDocument(document, 'CompleteMultipartUpload', documentLimitBytes('CompleteMultipartUpload'));
  expectChildren(root, ['Part']);
  if (root.children.length === 0 || root.children.length > MAX_PART_NUMBER) throw malformedXml('the number of parts');
  let last = 0;
  const parts = root.children.map((part) => {
    expectChildren(part, PART);
    const number = requiredText(part, 'PartNumber').trim();
    const value = /^\d{1,5}$/.test(number) ? Number(number) : 0;
    if (value < 1 || value > MAX_PART_NUMBER) throw malformedXml('PartNumber');
    if (value <= last) throw new GatewayError('InvalidPartOrder', 'receive');
    last = value;
    const shown = requiredText(part, 'ETag').trim();
    if (!ETAG.test(shown)) throw new GatewayError('InvalidPart', 'receive', { detail: 'an ETag' });
    for (const name of CHECKSUMS) {
      if (!CHECKSUM.test(optionalText(part, name)?.trim() ?? 'none')) throw malformedXml(name);
    }
    return `<Part>${textElement('PartNumber', value)}${textElement('ETag', etag(shown))}</Part>`;
  });
  return `${XML_DECLARATION}<CompleteMultipartUpload xmlns="${S3_NAMESPACE}">${parts.join('')}</CompleteMultipartUpload>`;
}
