/**
 * Enters: a store's answer to an operation of the classes DOCUMENT and COPY. Leaves: the client's answer in the client's
 * names, written anew from what was understood. An error inside a document of status 200 becomes that error.
 */
import type { OperationName } from './operations.ts';
import type { S3Request } from './request.ts';

/** How stored facts look to the client. */
export interface AnswerView {
  readonly etag: (stored: string) => string;
  /** Size in bytes of an object or a part that takes so many bytes in the store. */
  readonly size: (storedSizeBytes: number) => number;
}

/** The status of a success. */
export function answerStatus(operation: OperationName): 200 | 204 {
  void operation;
  throw new Error('not written yet');
}

/** Gives the headers of a store's answer that the client of a write, copy or document may see, names in lower case. */
export function answerHeaders(
  request: Pick<S3Request, 'operation'>,
  stored: ReadonlyMap<string, string>,
  encrypted: boolean,
): Record<string, string> {
  void request;
  void stored;
  void encrypted;
  throw new Error('not written yet');
}

/**
 * Writes the client's document from the store's (16 MiB at most); `undefined` where the operation's answer has none.
 * @throws GatewayError InternalError (not understood); the error that the document holds
 */
export function renderAnswer(
  request: Pick<S3Request, 'operation' | 'bucket' | 'key' | 'query'>,
  document: Uint8Array,
  view: AnswerView,
): string | undefined {
  void request;
  void document;
  void view;
  throw new Error('not written yet');
}
