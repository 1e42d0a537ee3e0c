/**
 * Enters: the document of a client's request, whole. Leaves: the document for the store, written anew from what was
 * understood; no byte of the client's is passed on. DeleteObjects has delete-objects.ts.
 */
import type { S3Request } from './request.ts';

export interface DocumentContext {
  /** The store's region, which CreateBucket may name. */
  readonly region: string;
  /** The store's ETag of one that the client was shown. */
  readonly etag: (shown: string) => string;
}

/**
 * Reads and writes anew the document of CompleteMultipartUpload, tagging, retention, legal hold, versioning and
 * CreateBucket; `undefined` where there is none.
 * @throws GatewayError MalformedXML, InvalidArgument, InvalidTag, InvalidPartOrder, MissingContentLength
 */
export function storeDocument(
  request: Pick<S3Request, 'operation'>,
  body: Uint8Array,
  context: DocumentContext,
): Buffer | undefined {
  void request;
  void body;
  void context;
  throw new Error('not written yet');
}
