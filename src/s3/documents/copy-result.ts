/** What a copy made: the store's documents in, the client's out. The two operations have one form under two names. */
import { S3_NAMESPACE, textElement, XML_DECLARATION } from '../xml.ts';
import { readStoreDocument, required } from './stored-document.ts';

export type CopyDocument = 'CopyObjectResult' | 'CopyPartResult';

export interface CopyFacts {
  /** Quoted. */
  readonly etag: string;
  /** RFC 3339. */
  readonly lastModified: string;
}

/** Reads the store's document. @throws GatewayError InternalError (not understood); the error that the document holds */
export function readCopyResult(document: Uint8Array, name: CopyDocument): CopyFacts {
  const root = readStoreDocument(document, name);
  return { etag: required(root, 'ETag'), lastModified: required(root, 'LastModified') };
}

/** Writes the client's document. @see Amazon S3 API Reference, "CopyObject", "UploadPartCopy" */
export function writeCopyResult(name: CopyDocument, { etag, lastModified }: CopyFacts): string {
  const inner = textElement('LastModified', lastModified) + textElement('ETag', etag);
  return `${XML_DECLARATION}<${name} xmlns="${S3_NAMESPACE}">${inner}</${name}>`;
}
