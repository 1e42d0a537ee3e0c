/** Documented -> Answered. What multipart uploads take beside their parts: begin, complete, abort, list. */
import type { Uploads } from '../contracts/stored-objects.ts';
import { storeConditions } from '../s3/conditions.ts';
import { readCompleteUpload } from '../s3/documents/complete-upload.ts';
import { pageOfParts, writeComplete, writeInitiate, writeParts } from '../s3/documents/multipart.ts';
import { isKeptPlain } from '../s3/encryption.ts';
import { clientEtag, storeEtag } from '../s3/etag.ts';
import type { OperationName } from '../s3/operations.ts';
import { storeHeaders } from '../s3/store-headers.ts';
import { answerOf } from './answer-of.ts';
import type { Answer, Answered, Documented } from './contexts.ts';
import { listUploads } from './list-uploads.ts';
import { documentOutbound } from './outbound.ts';
import type { PipelineParts } from './parts.ts';
import type { Stage } from './stage.ts';

/** The stage `upload`. @throws GatewayError whatever `Uploads` throws; MalformedXML, InvalidPart, InvalidPartOrder */
export function createUpload({
  uploads,
  cipher,
}: Pick<PipelineParts, 'uploads' | 'cipher'>): Stage<Documented, Answered> {
  return {
    name: 'upload',
    run: async (context) => {
      const { request, bucket, session } = context;
      if (request.operation === 'ListMultipartUploads') {
        return { ...context, answer: await listUploads(cipher, context) };
      }
      if (!isKeptPlain(bucket, request.key)) return { ...context, answer: await sealedAnswer(uploads, context) };
      const response = await session.ask(documentOutbound(context));
      return { ...context, answer: await answerOf({ ...context, response }) };
    },
  };
}

type Answering = (uploads: Uploads, context: Documented) => Promise<Answer>;

function sealedAnswer(uploads: Uploads, context: Documented): Promise<Answer> {
  const { operation } = context.request;
  const answering = ON_SEALED[operation];
  if (answering === undefined) throw new Error(`${operation} is no operation on an upload`);
  return answering(uploads, context);
}

const ON_SEALED: Readonly<Partial<Record<OperationName, Answering>>> = {
  CreateMultipartUpload: create,
  CompleteMultipartUpload: complete,
  AbortMultipartUpload: abort,
  ListParts: list,
};

async function create(uploads: Uploads, { request, session, ledger }: Documented): Promise<Answer> {
  const { uploadId, keyId } = await uploads.create(session, request.key, storeHeaders(request, { encrypted: true }));
  ledger.keyId = keyId;
  return { document: writeInitiate(request, uploadId), headers: {} };
}

async function complete(uploads: Uploads, context: Documented): Promise<Answer> {
  const { request, session, document, ledger } = context;
  const named = readCompleteUpload(document ?? Buffer.alloc(0));
  const size = request.headers.get('x-amz-mp-object-size');
  const { etag, versionId, keyId } = await uploads.complete(
    session,
    uploadOf(context),
    named.map((part) => ({ ...part, etag: storeEtag(part.etag) })),
    { sizeBytes: size === undefined ? undefined : Number(size), conditions: storeConditions(request, true) },
  );
  ledger.keyId = keyId;
  return {
    document: writeComplete(request, clientEtag(etag)),
    headers: versionId === undefined ? {} : { 'x-amz-version-id': versionId },
  };
}

async function abort(uploads: Uploads, context: Documented): Promise<Answer> {
  await uploads.abort(context.session, uploadOf(context));
  return { document: undefined, headers: {} };
}

async function list(uploads: Uploads, context: Documented): Promise<Answer> {
  const { request, session } = context;
  const { parts, storageClass } = await uploads.parts(session, uploadOf(context));
  const shown = parts.map(({ number, stored, plainSizeBytes, lastModified }) => ({
    number,
    etag: clientEtag(stored.etag),
    sizeBytes: plainSizeBytes,
    lastModified,
  }));
  return { document: writeParts(request, pageOfParts({ parts: shown, storageClass }, request)), headers: {} };
}

function uploadOf({ request: { key, query } }: Documented): { readonly key: string; readonly uploadId: string } {
  return { key, uploadId: query.get('uploadId') ?? '' };
}
