/**
 * One object onto a key of the same bucket, its body copied by the store and its metadata written anew. What enters is
 * pinned: the source to its ETag and version, the target, where the store can, to the ETag that it must still have. Above
 * what a store copies in one request the body goes over in parts. Never half an object: an upload that fails is given up.
 */
import { createHash } from 'node:crypto';
import type { StoreSession } from '../contracts/store-session.ts';
import { copySourceHeader } from '../s3/copy-source.ts';
import { readStoreDocument, required } from '../s3/documents/stored-document.ts';
import { renderTagging, taggingHeader } from '../s3/documents/tagging.ts';
import { readAnswer } from '../s3/read-answer.ts';
import { S3_NAMESPACE, textElement, XML_DECLARATION } from '../s3/xml.ts';

export interface CopyInStore {
  readonly from: {
    readonly key: string;
    /** With its quotes. */
    readonly etag: string;
    readonly versionId: string | undefined;
    readonly sizeBytes: number;
  };
  readonly to: string;
  /** What stands beside the new object: content headers, metadata, storage class. */
  readonly headers: Readonly<Record<string, string>>;
  /** The store's document of the tags; `undefined`: none. */
  readonly tags: Buffer | undefined;
  /** The ETag that the target must still have; `undefined` where the store does not hold to it. */
  readonly ifMatch: string | undefined;
}

/** The most that S3 copies in one request, and of one part. */
export const MAX_COPY_BYTES = 5 * 1024 ** 3;
/** 5 TiB in parts of this size are 5,120 of the 10,000 there may be. */
const COPY_PART_BYTES = 1024 ** 3;

/** Copies, and gives the id of the version that was made. @throws GatewayError PreconditionFailed, NoSuchKey, what the store says */
export async function copyInStore(
  session: StoreSession,
  copy: CopyInStore,
): Promise<{ readonly versionId: string | undefined }> {
  const tagging = copy.tags === undefined ? '' : taggingHeader(copy.tags);
  const asked: Asked = {
    source: sourceHeaders(session, copy.from),
    condition: copy.ifMatch === undefined ? {} : { 'if-match': copy.ifMatch },
    tagging: tagging === '' ? {} : { 'x-amz-tagging': tagging },
  };
  const isLarge = copy.from.sizeBytes > MAX_COPY_BYTES;
  const copied = await (isLarge ? copyInParts : copyWhole)(session, copy, asked);
  if (tagging !== '') await proveTags(session, { key: copy.to, ...copied }, copy.tags, tagging);
  return copied;
}

interface Asked {
  readonly source: Readonly<Record<string, string>>;
  readonly condition: Readonly<Record<string, string>>;
  readonly tagging: Readonly<Record<string, string>>;
}

interface Copied {
  readonly versionId: string | undefined;
}

async function copyWhole(
  session: StoreSession,
  copy: CopyInStore,
  { source, condition, tagging }: Asked,
): Promise<Copied> {
  const answer = await session.ask({
    method: 'PUT',
    key: copy.to,
    query: [],
    headers: {
      ...copy.headers,
      ...source,
      ...condition,
      'x-amz-metadata-directive': 'REPLACE',
      'x-amz-tagging-directive': 'REPLACE',
      ...tagging,
    },
  });
  // A copy can say 200 and then that it failed.
  required(readStoreDocument(await readAnswer(answer.body), 'CopyObjectResult'), 'ETag');
  return { versionId: answer.headers.get('x-amz-version-id') };
}

async function copyInParts(
  session: StoreSession,
  { to, headers, from }: CopyInStore,
  { source, condition, tagging }: Asked,
): Promise<Copied> {
  const begun = await session.ask({
    method: 'POST',
    key: to,
    query: [['uploads', '']],
    headers: { ...headers, ...tagging },
  });
  const uploadId = required(
    readStoreDocument(await readAnswer(begun.body), 'InitiateMultipartUploadResult'),
    'UploadId',
  );
  try {
    const parts: string[] = [];
    for (let first = 0; first < from.sizeBytes; first += COPY_PART_BYTES) {
      const number = parts.length + 1;
      const last = Math.min(first + COPY_PART_BYTES, from.sizeBytes) - 1;
      const answer = await session.ask({
        method: 'PUT',
        key: to,
        query: [
          ['partNumber', String(number)],
          ['uploadId', uploadId],
        ],
        headers: { ...source, 'x-amz-copy-source-range': `bytes=${first}-${last}` },
      });
      const etag = required(readStoreDocument(await readAnswer(answer.body), 'CopyPartResult'), 'ETag');
      parts.push(`<Part>${textElement('PartNumber', number)}${textElement('ETag', etag)}</Part>`);
    }
    const content = Buffer.from(
      `${XML_DECLARATION}<CompleteMultipartUpload xmlns="${S3_NAMESPACE}">${parts.join('')}</CompleteMultipartUpload>`,
    );
    const completed = await session.ask({
      method: 'POST',
      key: to,
      query: [['uploadId', uploadId]],
      headers: { ...condition, 'content-type': 'application/xml' },
      body: { sizeBytes: content.length, content },
    });
    required(readStoreDocument(await readAnswer(completed.body), 'CompleteMultipartUploadResult'), 'ETag');
    return { versionId: completed.headers.get('x-amz-version-id') };
  } catch (error) {
    await session
      .ask({ method: 'DELETE', key: to, query: [['uploadId', uploadId]], headers: {} })
      .then((answer) => answer.discard())
      // What failed first says more.
      .catch(() => undefined);
    throw error;
  }
}

function sourceHeaders({ bucket }: StoreSession, from: CopyInStore['from']): Record<string, string> {
  const { key, versionId, etag } = from;
  return {
    'x-amz-copy-source': copySourceHeader({ bucket: bucket.name, key, versionId }, bucket.storeBucket),
    'x-amz-copy-source-if-match': etag,
    // What Ceph RGW up to release 16 listens to.
    'x-amz-copy-if-match': etag,
  };
}

/** Reads the store's document of an object's tags; `undefined`: none. @throws GatewayError InternalError, what the store says */
export async function readTags(
  session: StoreSession,
  { key, versionId }: { readonly key: string; readonly versionId: string | undefined },
): Promise<Buffer | undefined> {
  const query: (readonly [string, string])[] = [['tagging', '']];
  if (versionId !== undefined) query.push(['versionId', versionId]);
  const answer = await session.ask({ method: 'GET', key, query, headers: {} });
  const tags = await readAnswer(answer.body);
  return taggingHeader(tags) === '' ? undefined : tags;
}

/** Ceph drops tags from a copy that replaces metadata. @throws GatewayError: the object stands there without its tags */
async function proveTags(
  session: StoreSession,
  place: { readonly key: string; readonly versionId: string | undefined },
  tags: Buffer | undefined,
  tagging: string,
): Promise<void> {
  const there = await readTags(session, place);
  if (tags === undefined || (there !== undefined && taggingHeader(there) === tagging)) return;
  const content = Buffer.from(renderTagging(tags));
  const answer = await session.ask({
    method: 'PUT',
    key: place.key,
    query: [['tagging', ''], ...(place.versionId === undefined ? [] : [['versionId', place.versionId] as const])],
    headers: {
      'content-type': 'application/xml',
      'content-md5': createHash('md5').update(content).digest('base64'),
    },
    body: { sizeBytes: content.length, content },
  });
  await answer.discard();
}
