/**
 * Copies that the store makes itself. Enters: an entity, where its copy goes, and all headers of the copy, its envelope
 * among them. Leaves: what the store made. The envelope is of that entity, and a body of another one under it would be
 * lost: the entity is pinned, and looked at again where the store may not have heeded that.
 */
import type { StoreRequest, StoreSession } from '../contracts/store-session.ts';
import type { CopyEnds } from '../contracts/stored-objects.ts';
import { GatewayError } from '../errors/gateway-error.ts';
import { copySourceHeader } from '../s3/request/copy-source.ts';
import { writeCompleteUpload } from '../s3/documents/complete-upload.ts';
import { readCopyResult, type CopyDocument } from '../s3/documents/copy-result.ts';
import { readCompleted, readUploadId } from '../s3/documents/multipart.ts';
import { unusable } from '../s3/documents/stored-document.ts';
import { sentDocument } from '../s3/documents/sent-document.ts';
import { readAnswer } from '../s3/response/read-answer.ts';
import { MAX_COPY_BYTES } from './copy-origin.ts';
import { sendAgain, EntityChanged, type Entity } from './entity.ts';

export interface CopyTarget {
  readonly key: string;
  readonly headers: Readonly<Record<string, string>>;
  /** Conditions on what it replaces, in the store's ETags. */
  readonly conditions: Readonly<Record<string, string>>;
}

export interface StoreCopied {
  /** As the store shows it. */
  readonly etag: string;
  readonly versionId: string | undefined;
  readonly sourceVersionId: string | undefined;
  /** RFC 3339; `undefined` where the store does not say. */
  readonly lastModified: string | undefined;
}

/** Bodies that a store copies at a time for one copy in parts. */
const PARTS_AT_ONCE = 4;

/**
 * Copies in one request, all metadata replaced.
 * @throws EntityChanged; GatewayError PreconditionFailed (of the target), what the store says
 */
export async function copyWhole(ends: CopyEnds, source: Entity, target: CopyTarget): Promise<StoreCopied> {
  const { key, headers, conditions } = target;
  try {
    return await sendCopy(ends, source, 'CopyObjectResult', {
      key,
      query: [],
      headers: { ...headers, ...conditions, 'x-amz-metadata-directive': 'REPLACE' },
    });
  } catch (error) {
    const isOfSource = Object.keys(conditions).length === 0;
    throw isOfSource && error instanceof GatewayError && error.code === 'PreconditionFailed'
      ? new EntityChanged()
      : error;
  }
}

/** Copies in one request whose headers say how, but for its source. @throws GatewayError PreconditionFailed, what the store says */
export function copyPinned(
  ends: CopyEnds,
  source: Entity,
  { key, headers }: Pick<CopyTarget, 'key' | 'headers'>,
): Promise<StoreCopied> {
  return sendCopy(ends, source, 'CopyObjectResult', { key, query: [], headers });
}

/** Proves after a copy that it was of this entity, on stores that heed no pin as well. @throws EntityChanged */
export async function proveSource({ from }: CopyEnds, source: Entity, copied: StoreCopied): Promise<void> {
  // The ETag of ciphertext names these bytes; where a copy keeps it, nothing else was copied.
  if (unquoted(copied.etag) === unquoted(source.etag ?? '')) return;
  const { response } = await sendAgain(from, source, { method: 'HEAD' });
  await response.discard();
}

/**
 * Copies in parts, for what is too large for one request. The source is looked at again before the copy is completed:
 * Ceph 16 heeds no pin of a part.
 * @throws EntityChanged; GatewayError what the store says
 */
export async function copyInParts(ends: CopyEnds, source: Entity, target: CopyTarget): Promise<StoreCopied> {
  const { from, to } = ends;
  const copied = await inParts(to, target, async (upload) => {
    const parts = await copyParts(ends, source, target.key, upload);
    const { response } = await sendAgain(from, source, { method: 'HEAD' });
    await response.discard();
    return parts;
  });
  return { ...copied, sourceVersionId: versionOf(source) };
}

/** Names an upload in a request. */
type UploadQuery = readonly [readonly ['uploadId', string]];

interface Part {
  readonly number: number;
  readonly etag: string;
}

/** Begins an upload, has its parts put, and completes it; where any of that fails, it is aborted. @throws what `put` throws; GatewayError what the store says */
export async function inParts(
  to: StoreSession,
  { key, headers, conditions }: CopyTarget,
  put: (upload: UploadQuery) => Promise<readonly Part[]>,
): Promise<Omit<StoreCopied, 'sourceVersionId'>> {
  const created = await to.send({ method: 'POST', key, query: [['uploads', '']], headers });
  const upload: UploadQuery = [['uploadId', readUploadId(await readAnswer(created.body))]];
  try {
    return await complete(to, key, upload, await put(upload), conditions);
  } catch (error) {
    await abort(to, key, upload);
    throw error;
  }
}

async function copyParts(ends: CopyEnds, source: Entity, key: string, upload: UploadQuery): Promise<Part[]> {
  const parts: Part[] = [];
  const count = Math.ceil(source.sizeBytes / MAX_COPY_BYTES);
  while (parts.length < count) {
    const numbers = Array.from(
      { length: Math.min(PARTS_AT_ONCE, count - parts.length) },
      (_, at) => parts.length + at + 1,
    );
    // All of them have ended before anything else happens: none may arrive after the upload was aborted.
    const settled = await Promise.allSettled(
      numbers.map(async (number) => {
        const first = (number - 1) * MAX_COPY_BYTES;
        const last = Math.min(first + MAX_COPY_BYTES, source.sizeBytes) - 1;
        const { etag } = await sendCopy(ends, source, 'CopyPartResult', {
          key,
          query: [['partNumber', String(number)], ...upload],
          headers: { 'x-amz-copy-source-range': `bytes=${first}-${last}` },
        });
        return { number, etag: unquoted(etag) };
      }),
    );
    for (const part of settled) {
      if (part.status === 'rejected') throw part.reason;
      parts.push(part.value);
    }
  }
  return parts;
}

async function complete(
  to: StoreSession,
  key: string,
  upload: UploadQuery,
  parts: readonly Part[],
  conditions: Readonly<Record<string, string>>,
): Promise<Omit<StoreCopied, 'sourceVersionId'>> {
  const { headers, body } = sentDocument(writeCompleteUpload(parts));
  const response = await to.send({
    method: 'POST',
    key,
    query: upload,
    headers: { ...conditions, ...headers },
    body,
  });
  const etag = readCompleted(await readAnswer(response.body));
  return { etag, versionId: response.headers.get('x-amz-version-id'), lastModified: dateOf(response.headers) };
}

/** What cannot be aborted is left to the bucket's lifecycle: the failure that led here is the one to tell. */
async function abort(to: StoreSession, key: string, upload: UploadQuery): Promise<void> {
  try {
    // That the client is gone may be the failure: it leaves no parts behind.
    const response = await outliving(to).send({ method: 'DELETE', key, query: upload, headers: {} });
    await response.discard();
  } catch {
    // See above.
  }
}

/** The same session for what has to be done when the client is gone, too. */
export function outliving(session: StoreSession): StoreSession {
  return { ...session, send: (request) => session.send({ ...request, outlivesClient: true }) };
}

/** Stores that refuse the second spelling of the pin as unknown. */
const knowsOneSpelling = new WeakSet<object>();

/** The source is pinned in both spellings where the store takes them: Ceph 16 heeds the second alone, S3Proxy refuses it. */
async function sendCopy(
  ends: CopyEnds,
  source: Entity,
  document: CopyDocument,
  request: Pick<StoreRequest, 'key' | 'query' | 'headers'>,
): Promise<StoreCopied> {
  const { etag } = source;
  if (etag === undefined) throw unusable('no ETag that names the source of a copy');
  const { store } = ends.to.bucket;
  const pin = { 'x-amz-copy-source-if-match': etag };
  const isUnknown = (error: unknown): boolean => error instanceof GatewayError && error.code === 'NotImplemented';
  if (!knowsOneSpelling.has(store)) {
    try {
      return await sendCopyOnce(ends, source, document, request, { ...pin, 'x-amz-copy-if-match': etag });
    } catch (error) {
      if (!isUnknown(error)) throw error;
    }
  }
  const copied = await sendCopyOnce(ends, source, document, request, pin);
  knowsOneSpelling.add(store);
  return copied;
}

async function sendCopyOnce(
  { from, to }: CopyEnds,
  source: Entity,
  document: CopyDocument,
  request: Pick<StoreRequest, 'key' | 'query' | 'headers'>,
  pin: Readonly<Record<string, string>>,
): Promise<StoreCopied> {
  const response = await to.send({
    ...request,
    method: 'PUT',
    headers: {
      ...request.headers,
      'x-amz-copy-source': copySourceHeader({ ...source, bucket: from.bucket.name }, from.bucket.storeBucket),
      ...pin,
    },
  });
  const result = readCopyResult(await readAnswer(response.body), document);
  return {
    ...result,
    versionId: response.headers.get('x-amz-version-id'),
    sourceVersionId: response.headers.get('x-amz-copy-source-version-id') ?? versionOf(source),
  };
}

function versionOf({ headers }: Entity): string | undefined {
  return headers.get('x-amz-version-id');
}

/** When the store answered, RFC 3339. */
export function dateOf(headers: ReadonlyMap<string, string>): string | undefined {
  const ms = Date.parse(headers.get('date') ?? '');
  return Number.isNaN(ms) ? undefined : new Date(ms).toISOString();
}

/** Stores differ in whether they show quotes. */
export function unquoted(etag: string): string {
  return etag.replace(/^"(.*)"$/, '$1');
}
