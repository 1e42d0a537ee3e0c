/**
 * Enters: an opened upload and the parts that the client names. Leaves: the object. Whatever fails on the way leaves the
 * upload as it was, but for its layout part, which the next attempt overwrites; a Complete that was carried out succeeds
 * again as long as the object is there.
 */
import { createHash } from 'node:crypto';
import type { Completion, NamedPart, SealedUpload } from '../contracts/object-cipher.ts';
import type { StoreSession } from '../contracts/store-session.ts';
import type { ErrorCode } from '../errors/codes.ts';
import { GatewayError } from '../errors/gateway-error.ts';
import { writeCompleteUpload } from '../s3/documents/complete-upload.ts';
import { readCompleted } from '../s3/documents/multipart.ts';
import { unusable } from '../s3/documents/stored-document.ts';
import { readAnswer } from '../s3/read-answer.ts';
import { ENVELOPE_HEADER } from '../s3/user-metadata.ts';
import { askUpload } from './ask-upload.ts';
import { listParts } from './list-parts.ts';

export interface CompleteOptions {
  /** What the client says the whole is, in plaintext bytes. */
  readonly sizeBytes: number | undefined;
  /** In the store's ETags. */
  readonly conditions: Readonly<Record<string, string>>;
}

export interface Completed {
  /** As the store shows it. */
  readonly etag: string;
  readonly versionId: string | undefined;
}

/** What a store says of an upload that is completed already, while or before it is asked to complete it. */
const MAYBE_COMPLETED: ReadonlySet<ErrorCode> = new Set(['NoSuchUpload', 'InvalidPart']);

/** What says that the object of an upload is not there, or is not for this caller to see. */
const NOT_SEEN: ReadonlySet<ErrorCode> = new Set(['NoSuchKey', 'AccessDeniedByStore']);

/** Completes an upload, or finds that it was completed. @throws as `Uploads.complete` */
export async function completeUpload(
  session: StoreSession,
  key: string,
  upload: SealedUpload,
  named: readonly NamedPart[],
  options: CompleteOptions,
): Promise<Completed> {
  try {
    const { parts } = await listParts(session, key, upload.storeUploadId);
    const stored = parts.map(({ number, etag, sizeBytes }) => ({ slot: number, etag: unquoted(etag), sizeBytes }));
    const completion = upload.complete(named, stored);
    if (options.sizeBytes !== undefined && options.sizeBytes !== completion.plainSizeBytes) {
      throw new GatewayError('InvalidRequest', 'upload', {
        detail: 'x-amz-mp-object-size is not the size of the parts',
      });
    }
    return await putTogether(session, key, upload.storeUploadId, completion, options.conditions);
  } catch (error) {
    if (!(error instanceof GatewayError) || !MAYBE_COMPLETED.has(error.code)) throw error;
    const completed = await completedBefore(session, key, upload);
    if (completed === undefined) throw error;
    return completed;
  }
}

async function putTogether(
  session: StoreSession,
  key: string,
  storeUploadId: string,
  { parts, layoutPart }: Completion,
  conditions: CompleteOptions['conditions'],
): Promise<Completed> {
  const layout = layoutPart === undefined ? [] : [await putLayoutPart(session, key, storeUploadId, layoutPart)];
  const all = [...parts, ...layout].toSorted((one, other) => one.slot - other.slot);
  const content = Buffer.from(writeCompleteUpload(all.map(({ slot, etag }) => ({ number: slot, etag }))));
  const response = await askUpload(session, {
    method: 'POST',
    key,
    query: [['uploadId', storeUploadId]],
    headers: {
      ...conditions,
      'content-type': 'application/xml',
      'content-md5': createHash('md5').update(content).digest('base64'),
    },
    body: { sizeBytes: content.length, content },
  });
  const told = readCompleted(await readAnswer(response.body));
  return { etag: told === '' ? etagOf(all) : told, versionId: response.headers.get('x-amz-version-id') };
}

/** Ceph tells no ETag at this point; it makes it as S3 does without encryption of its own: of those of the parts. */
function etagOf(parts: readonly { readonly etag: string }[]): string {
  const digests = Buffer.from(parts.map(({ etag }) => etag).join(''), 'hex');
  return `"${createHash('md5').update(digests).digest('hex')}-${parts.length}"`;
}

async function putLayoutPart(
  session: StoreSession,
  key: string,
  storeUploadId: string,
  { slot, storedSizeBytes, body }: NonNullable<Completion['layoutPart']>,
): Promise<{ readonly slot: number; readonly etag: string }> {
  const response = await askUpload(session, {
    method: 'PUT',
    key,
    query: [
      ['partNumber', String(slot)],
      ['uploadId', storeUploadId],
    ],
    headers: {},
    body: { sizeBytes: storedSizeBytes, content: body() },
  });
  await response.discard();
  const etag = response.headers.get('etag');
  if (etag === undefined) throw unusable('a part without an ETag');
  return { slot, etag: unquoted(etag) };
}

/** The object itself says which upload it came out of: its wrapped key is that of the upload's id. */
async function completedBefore(
  session: StoreSession,
  key: string,
  upload: SealedUpload,
): Promise<Completed | undefined> {
  try {
    const response = await session.ask({ method: 'HEAD', key, query: [], headers: {} });
    await response.discard();
    const { headers } = response;
    const envelope = headers.get(ENVELOPE_HEADER);
    const etag = headers.get('etag');
    if (envelope === undefined || etag === undefined || !upload.isOrigin(envelope)) return undefined;
    return { etag, versionId: headers.get('x-amz-version-id') };
  } catch (error) {
    if (error instanceof GatewayError && NOT_SEEN.has(error.code)) return undefined;
    throw error;
  }
}

/** Stores differ in whether they show quotes; the ETag is what stands between them. */
function unquoted(etag: string): string {
  return etag.replace(/^"(.*)"$/, '$1');
}
