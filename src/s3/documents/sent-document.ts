/** A document on its way to a store. S3 asks for a digest of some documents, and takes one of all. */
import { createHash } from 'node:crypto';

/** Gives the body of a request to a store, and the headers that go with it. */
export function sentDocument(document: string | Buffer): {
  readonly headers: Readonly<Record<'content-type' | 'content-md5', string>>;
  readonly body: { readonly sizeBytes: number; readonly content: Buffer };
} {
  const content = typeof document === 'string' ? Buffer.from(document) : document;
  return {
    headers: {
      'content-type': 'application/xml',
      'content-md5': createHash('md5').update(content).digest('base64'),
    },
    body: { sizeBytes: content.length, content },
  };
}
