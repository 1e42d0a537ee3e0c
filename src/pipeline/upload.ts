/** Documented -> Answered. What multipart uploads take beside their parts: begin, complete, abort, list. */
import type { Observer } from '../contracts/observer.ts';
import type { Uploads } from '../contracts/stored-objects.ts';
import { GatewayError } from '../errors/gateway-error.ts';
import {
  completedChecksum,
  createdChecksum,
  multipartChecksumHeaders,
  parseChecksumType,
  shownChecksum,
} from '../s3/body/checksums.ts';
import { storeConditions } from '../s3/request/conditions.ts';
import { readCompleteUpload } from '../s3/documents/complete-upload.ts';
import { pageOfParts, writeComplete, writeInitiate, writeParts } from '../s3/documents/multipart.ts';
import { encryptionOfWrite } from '../s3/request/encryption-headers.ts';
import { isKeptPlain } from '../s3/encryption.ts';
import { clientEtag, storeEtag } from '../s3/response/etag.ts';
import { isUploadList, nameOfClass, OPERATIONS, type UploadName } from '../s3/operations/operations.ts';
import { storeHeaders } from '../s3/request/store-headers.ts';
import type { Answer, Answered, Documented } from './contexts.ts';
import { listUploads } from './list-uploads.ts';
import { termsToHold } from './object-lock.ts';
import { ON_PLAIN } from './plain-upload.ts';
import type { Stage } from './stage.ts';
import { uploadAddress } from './upload-address.ts';

/** The stage `upload`. @throws GatewayError whatever `Uploads` throws; MalformedXML, InvalidPart, InvalidPartOrder */
export function createUpload(uploads: Uploads, observer: Pick<Observer, 'leftOut'>): Stage<Documented, Answered> {
  return {
    name: 'upload',
    run: async (context) => {
      const { request, bucket } = context;
      const name = nameOfClass(request.operation, 'UPLOAD');
      if (isUploadList(name)) return { ...context, answer: await listUploads(context, OPERATIONS[name], observer) };
      const answer = isKeptPlain(bucket, request.key)
        ? ON_PLAIN[name](uploads.promises, context)
        : ON_SEALED[name](uploads, context);
      return { ...context, answer: await answer };
    },
  };
}

/** What the store says of sealed bytes. */
const NOTHING_SAID: ReadonlyMap<string, string> = new Map();

type Answering = (uploads: Uploads, context: Documented) => Promise<Answer>;

const ON_SEALED: Readonly<Record<UploadName, Answering>> = {
  CreateMultipartUpload: create,
  CompleteMultipartUpload: complete,
  AbortMultipartUpload: abort,
  ListParts: list,
};

async function create(uploads: Uploads, context: Documented): Promise<Answer> {
  const { request, session } = context;
  const { 'if-none-match': ifNoneMatch, ...headers } = storeHeaders(request, { encrypted: true });
  const checksum = createdChecksum(request.headers);
  // Told now: when the parts are there it would be too late.
  if (checksum?.algorithm === 'SHA512') {
    throw new GatewayError('NotImplemented', { detail: 'a SHA512 of an encrypted upload' });
  }
  const terms = { checksum, onlyIfNone: ifNoneMatch === '*', said: termsToHold(context) };
  const { uploadId, keyId } = await uploads.create(session, request.key, headers, terms);
  return {
    document: writeInitiate(request, uploadId),
    headers: { ...encryptionOfWrite(request, NOTHING_SAID, true), ...multipartChecksumHeaders(checksum) },
    effects: { keyId },
  };
}

async function complete(uploads: Uploads, context: Documented): Promise<Answer> {
  const { request, session, document } = context;
  const named = readCompleteUpload(document ?? Buffer.alloc(0));
  const size = request.headers.get('x-amz-mp-object-size');
  const { etag, versionId, keyId, checksum } = await uploads.complete(
    session,
    uploadAddress(context),
    named.map((part) => ({ ...part, etag: storeEtag(part.etag) })),
    {
      sizeBytes: size === undefined ? undefined : Number(size),
      conditions: storeConditions(request, true),
      checksum: completedChecksum(request.headers),
      checksumType: parseChecksumType(request.headers),
    },
  );
  const shown = checksum && shownChecksum(checksum, checksum.type, named.length);
  return {
    document: writeComplete(request, clientEtag(etag), shown),
    headers: {
      ...encryptionOfWrite(request, NOTHING_SAID, true),
      ...(versionId === undefined ? {} : { 'x-amz-version-id': versionId }),
    },
    effects: { keyId },
  };
}

async function abort(uploads: Uploads, context: Documented): Promise<Answer> {
  await uploads.abort(context.session, uploadAddress(context));
  return { document: undefined, headers: {} };
}

async function list(uploads: Uploads, context: Documented): Promise<Answer> {
  const { request, session } = context;
  const { parts, ...upload } = await uploads.parts(session, uploadAddress(context));
  const shown = parts.map(({ number, stored, plainSizeBytes, lastModified, checksum }) => ({
    number,
    etag: clientEtag(quoted(stored.etag)),
    sizeBytes: plainSizeBytes,
    lastModified,
    // S3 tells those of uploads that were begun with one.
    ...(checksum === undefined || upload.checksum === undefined ? {} : { checksum: shownChecksum(checksum) }),
  }));
  return { document: writeParts(request, pageOfParts({ parts: shown, ...upload }, request)), headers: {} };
}

/** Stores differ in whether they show quotes. */
function quoted(etag: string): string {
  return etag.startsWith('"') ? etag : `"${etag}"`;
}
