/**
 * Enters: the document of a client's request, whole. Leaves: the document for the store, written anew from what was
 * understood; no byte of the client's is passed on. DeleteObjects has delete-objects.ts.
 */
import type { DocumentContext } from '../operations/operation.ts';
import { operationOf } from '../operations/operations.ts';
import type { S3Request } from '../request/request.ts';

/**
 * Reads and writes anew the document of CompleteMultipartUpload, tagging, retention, legal hold, versioning and
 * CreateBucket; `undefined` where the store gets none.
 * @throws GatewayError MalformedXML, InvalidArgument, InvalidTag, InvalidPart, InvalidPartOrder, NotImplemented
 */
export function storeDocument(
  { operation }: Pick<S3Request, 'operation'>,
  body: Uint8Array,
  context: DocumentContext,
): Buffer | undefined {
  const document = operationOf(operation).writeDocument?.(body, context);
  return document === undefined ? undefined : Buffer.from(document);
}
