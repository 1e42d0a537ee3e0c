/**
 * Forwarded -> Answer: the client's answer from the store's, where the store's facts are the client's. A store that takes
 * long answers 200 first and fails in the document: it is read whole before anything is said, so that client and record
 * have the failure.
 */
import { answerHeaders, renderAnswer } from '../s3/response/answer.ts';
import { isKeptPlain } from '../s3/encryption.ts';
import { clientEtag } from '../s3/response/etag.ts';
import { readAnswer } from '../s3/response/read-answer.ts';
import type { Answer, Forwarded } from './contexts.ts';

/** Reads a store's small answer to the end. @throws GatewayError InternalError; the error that the document holds */
export async function clientAnswer({ request, bucket, response }: Forwarded): Promise<Answer> {
  const stored = await readAnswer(response.body);
  const plain = isKeptPlain(bucket, request.key);
  // Sizes stand only in answers about plain objects: those about sealed ones are written by other stages.
  const view = { size: asStored, etag: plain ? asStored : clientEtag, checksums: plain };
  return {
    document: renderAnswer(request, stored, view),
    headers: answerHeaders(request, response.headers, !plain),
  };
}

const asStored = <Fact>(fact: Fact): Fact => fact;
