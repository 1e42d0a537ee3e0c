/** What a copy made: the store's documents in, the client's out. The two operations have one form under two names. */
import { readShownChecksum, writeChecksum, type ShownChecksum } from '../body/checksums.ts';
import { S3_NAMESPACE, textElement, XML_DECLARATION } from './xml.ts';
import { readStoreDocument, required } from './stored-document.ts';

export type CopyDocument = 'CopyObjectResult' | 'CopyPartResult';

export interface CopyFacts {
  /** Quoted. */
  readonly etag: string;
  /** RFC 3339. */
  readonly lastModified: string;
  readonly checksum?: ShownChecksum;
}

/** Reads the store's document. @throws GatewayError InternalError (not understood); the error that the document holds */
export function readCopyResult(document: Uint8Array, name: CopyDocument): CopyFacts {
  const root = readStoreDocument(document, name);
  const checksum = readShownChecksum(root);
  return {
    etag: quoted(required(root, 'ETag')),
    lastModified: required(root, 'LastModified'),
    ...(checksum === undefined ? {} : { checksum }),
  };
}

/** Stores differ in whether they show quotes; clients send it back as it came. */
function quoted(etag: string): string {
  return etag.startsWith('"') ? etag : `"${etag}"`;
}

/** Writes the client's document. @see Amazon S3 API Reference, "CopyObject", "UploadPartCopy" */
export function writeCopyResult(name: CopyDocument, { etag, lastModified, checksum }: CopyFacts): string {
  const inner = textElement('LastModified', lastModified) + textElement('ETag', etag) + writeChecksum(checksum);
  return `${XML_DECLARATION}<${name} xmlns="${S3_NAMESPACE}">${inner}</${name}>`;
}
