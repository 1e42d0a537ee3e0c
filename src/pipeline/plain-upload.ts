/**
 * Documented -> Answer, of uploads that are kept plain. Their requests are the store's own; but what their beginning says of
 * their end is held here until then, because not every store keeps it, and none says so.
 */
import type { StoreRequest } from '../contracts/store-session.ts';
import type { Uploads } from '../contracts/stored-objects.ts';
import { readCompleteUpload } from '../s3/documents/complete-upload.ts';
import { readUploadId } from '../s3/documents/multipart.ts';
import type { UploadName } from '../s3/operations/operations.ts';
import { clientAnswer } from './client-answer.ts';
import type { Answer, Documented } from './contexts.ts';
import { documentOutbound } from './outbound.ts';
import { termsToHold } from './object-lock.ts';
import { uploadAddress } from './upload-address.ts';

type Promises = Uploads['promises'];
type Answering = (promises: Promises, context: Documented) => Promise<Answer>;

/** Answers a request about one. @throws GatewayError PreconditionFailed, InvalidRequest, LockNotKept; what the store says */
export const ON_PLAIN: Readonly<Record<UploadName, Answering>> = {
  CreateMultipartUpload: create,
  CompleteMultipartUpload: complete,
  AbortMultipartUpload: abort,
  ListParts: (_, context) => send(context),
};

async function send(context: Documented, request: StoreRequest = documentOutbound(context)): Promise<Answer> {
  const response = await context.session.send(request);
  return clientAnswer({ ...context, response });
}

async function create(promises: Promises, context: Documented): Promise<Answer> {
  const { session, request } = context;
  const outbound = documentOutbound(context);
  const { 'if-none-match': ifNoneMatch, ...headers } = outbound.headers;
  const said = { onlyIfNone: ifNoneMatch !== undefined, terms: termsToHold(context) };
  if (said.onlyIfNone) await promises.mayBegin(session, request.key);
  const answer = await send(context, { ...outbound, headers });
  const upload = { key: request.key, uploadId: readUploadId(Buffer.from(answer.document ?? '')) };
  if (said.onlyIfNone || said.terms !== undefined) await promises.hold(session, upload, said);
  else promises.free(session, upload);
  return answer;
}

async function complete(promises: Promises, context: Documented): Promise<Answer> {
  const { session, request, document } = context;
  const upload = uploadAddress(context);
  const outbound = documentOutbound(context);
  const { onlyIfNone, terms } = await promises.held(session, upload);
  const headers = onlyIfNone ? { ...outbound.headers, 'if-none-match': '*' } : outbound.headers;
  const size = request.headers.get('x-amz-mp-object-size');
  await promises.mayEnd(session, upload, {
    conditions: conditionsIn(headers),
    sizeBytes: size === undefined ? undefined : Number(size),
    numbers: readCompleteUpload(document ?? NOTHING).map(({ number }) => number),
  });
  const answer = await send(context, { ...outbound, headers });
  if (terms !== undefined) {
    await promises.applyTerms(session, { key: request.key, versionId: answer.headers['x-amz-version-id'] }, terms);
  }
  if (onlyIfNone || terms !== undefined) await promises.end(session, upload, 'later');
  return answer;
}

const NOTHING = Buffer.alloc(0);

/** Those on what is replaced. */
function conditionsIn(headers: StoreRequest['headers']): Record<string, string> {
  return Object.fromEntries(Object.entries(headers).filter(([name]) => name.startsWith('if-')));
}

async function abort(promises: Promises, context: Documented): Promise<Answer> {
  const answer = await send(context);
  await promises.end(context.session, uploadAddress(context), 'now');
  return answer;
}
