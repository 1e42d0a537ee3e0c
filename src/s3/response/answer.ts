/**
 * Enters: a store's answer to an operation of the classes WRITE, DELETE and DOCUMENT. Leaves: the client's answer in the
 * client's names, written anew from what was understood. An error inside a document of status 200 becomes that error.
 */
import type { Addressed } from '../request/addressed.ts';
import { encryptionOfWrite } from '../request/encryption-headers.ts';
import { changesBucket, type AnswerView } from '../operations/operation.ts';
import { operationOf, type OperationName } from '../operations/operations.ts';
import type { S3Request } from '../request/request.ts';
import { objectHeaders } from './store-response.ts';

/** Gives the status of a success: S3 answers what it took away with 204. */
export function answerStatus(operation: OperationName): 200 | 204 {
  return operationOf(operation).method === 'DELETE' ? 204 : 200;
}

const SHOWN: readonly string[] = ['x-amz-version-id', 'x-amz-delete-marker', 'x-amz-copy-source-version-id'];

/** Gives the headers of a store's answer that the client of a write, copy or document may see, names in lower case. */
export function answerHeaders(
  request: Pick<S3Request, 'operation' | 'bucket' | 'headers'>,
  stored: ReadonlyMap<string, string>,
  encrypted: boolean,
): Record<string, string> {
  const { operation, bucket } = request;
  const descriptor = operationOf(operation);
  const allHeaders = objectHeaders(stored, encrypted);
  const headers: Record<string, string> = {};
  // Of a bucket that was made.
  if (changesBucket(descriptor, 'PUT')) headers['location'] = `/${bucket}`;
  for (const name of [...SHOWN, ...descriptor.shownHeaders]) {
    const value = allHeaders[name];
    if (value !== undefined) headers[name] = value;
  }
  return { ...headers, ...encryptionOfWrite(request, stored, encrypted) };
}

/**
 * Writes the client's document from the store's (16 MiB at most); `undefined` where the operation's answer has none.
 * @throws GatewayError InternalError (not understood); the error that the document holds
 */
export function renderAnswer(
  request: Addressed & Pick<S3Request, 'operation'>,
  document: Uint8Array,
  view: AnswerView,
): string | undefined {
  return operationOf(request.operation).render?.(document, view, request);
}
