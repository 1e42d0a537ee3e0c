/**
 * Enters: an opened upload and the parts that the client names. Leaves: the object. Whatever fails on the way leaves the
 * upload as it was, but for its layout part and its last one, which the next attempt overwrites; a Complete that was carried out succeeds
 * again as long as the object is there.
 */
import { createHash } from 'node:crypto';
import type { Completion, NamedPart, ObjectChecksum, SealedUpload, StoredPart } from '../contracts/object-cipher.ts';
import type { StateSession, StoreRequest, StoreSession } from '../contracts/store-session.ts';
import type { ErrorCode } from '../errors/codes.ts';
import { GatewayError } from '../errors/gateway-error.ts';
import type { ChecksumType, CompletedChecksum } from '../s3/body/checksums.ts';
import { writeCompleteUpload } from '../s3/documents/complete-upload.ts';
import { readCompleted } from '../s3/documents/multipart.ts';
import { unusable } from '../s3/documents/stored-document.ts';
import { sentDocument } from '../s3/documents/sent-document.ts';
import { readAnswer } from '../s3/response/read-answer.ts';
import { ENVELOPE_HEADER } from '../s3/request/user-metadata.ts';
import { sendForUpload } from './send-for-upload.ts';
import { contentLength } from './entity.ts';
import { knownParts, type KnownPart } from './known-parts.ts';
import { listParts } from './list-parts.ts';
import { decidesAll, demandConditions } from './write-conditions.ts';
import { readFolder, waitingKey } from './upload-folder.ts';
import { wholeChecksum } from './whole-checksum.ts';

export interface CompleteOptions {
  /** What the client says the whole is, in plaintext bytes. */
  readonly sizeBytes: number | undefined;
  /** In the store's ETags. */
  readonly conditions: Readonly<Record<string, string>>;
  /** What the client says the checksum of the whole is. */
  readonly checksum?: CompletedChecksum | undefined;
  /** The type that it names, with a checksum or alone. */
  readonly checksumType?: ChecksumType | undefined;
}

/** The store, and what is kept there beside the upload, where something is. */
export interface CompleteEnds {
  readonly session: StoreSession;
  readonly kept: { readonly states: StateSession; readonly folder: string } | undefined;
}

export interface Completed {
  /** Whether something was said of the object when the upload began. */
  readonly hasTerms: boolean;
  /** As the store shows it. */
  readonly etag: string;
  readonly versionId: string | undefined;
  readonly checksum?: ObjectChecksum;
}

/** What a store says of an upload that is completed already, while or before it is asked to complete it. */
const MAYBE_COMPLETED: ReadonlySet<ErrorCode> = new Set(['NoSuchUpload', 'InvalidPart']);

/** What says that the object of an upload is not there, or is not for this caller to see. */
const NOT_SEEN: ReadonlySet<ErrorCode> = new Set(['NoSuchKey', 'AccessDeniedByStore']);

/** Completes an upload, or finds that it was completed. @throws as `Uploads.complete` */
export async function completeUpload(
  ends: CompleteEnds,
  key: string,
  upload: SealedUpload,
  named: readonly NamedPart[],
  options: CompleteOptions,
): Promise<Completed> {
  const { session } = ends;
  try {
    const { parts, waiting, checksum, hasTerms } = await findParts(ends, key, upload, named, options);
    const completion = upload.complete(parts.named, parts.stored, checksum);
    if (options.sizeBytes !== undefined && options.sizeBytes !== completion.plainSizeBytes) {
      throw new GatewayError('InvalidRequest', {
        detail: 'x-amz-mp-object-size is not the size of the parts',
      });
    }
    const onlyIfNone = upload.state?.terms.onlyIfNone === true ? { 'if-none-match': '*' } : {};
    const conditions = { ...onlyIfNone, ...options.conditions };
    // The store decides them in one step with the Complete; but some (Ceph 16) heed none there.
    if (!decidesAll(session)) await demandConditions(session, key, conditions);
    const ended = waiting && checksum && (await endWaiting(ends, key, upload, waiting, checksum));
    const ref = { session, key, storeUploadId: upload.storeUploadId };
    const completed = await putTogether(ref, withPart(completion, ended), conditions);
    return { ...completed, hasTerms, ...(checksum === undefined ? {} : { checksum }) };
  } catch (error) {
    if (!(error instanceof GatewayError) || !MAYBE_COMPLETED.has(error.code)) throw error;
    const completed = await completedBefore(session, key, upload);
    if (completed === undefined) throw error;
    const { kept } = ends;
    return { ...completed, hasTerms: kept !== undefined && (await readFolder(kept.states, kept.folder)).hasTerms };
  }
}

interface FoundParts {
  readonly parts: { readonly named: readonly NamedPart[]; readonly stored: readonly StoredPart[] };
  /** The deferred one, if one is named. */
  readonly waiting: KnownPart | undefined;
  readonly checksum: ObjectChecksum | undefined;
  readonly hasTerms: boolean;
}

/** What is named, by the ETags of what is there now, and the checksum that it has together. */
async function findParts(
  { session, kept }: CompleteEnds,
  key: string,
  { storeUploadId, state }: SealedUpload,
  named: readonly NamedPart[],
  { checksum: claimed, checksumType }: Pick<CompleteOptions, 'checksum' | 'checksumType'>,
): Promise<FoundParts> {
  const { parts: listed } = await listParts(session, key, storeUploadId);
  const stored = listed.map(({ number, etag, sizeBytes }) => ({ slot: number, etag: unquoted(etag), sizeBytes }));
  if (state === undefined || kept === undefined) {
    // Nothing is known of the parts of such an upload, and nothing is promised.
    if (claimed !== undefined) throw new GatewayError('BadDigest', { detail: 'nothing is kept to compare' });
    return { parts: { named, stored }, waiting: undefined, checksum: undefined, hasTerms: false };
  }
  const folder = await readFolder(kept.states, kept.folder);
  const known = knownParts(state, listed, folder);
  const found = named.map((part) => known.named(part));
  const current = named.map((part, index) => ({ ...part, etag: found[index]?.stored.etag ?? part.etag }));
  const missing = found.findIndex((part) => part === undefined);
  if (missing >= 0 && state.terms.checksum !== undefined) {
    throw new GatewayError('InvalidPart', { detail: `part ${named[missing]?.number ?? 0} is not there` });
  }
  const checksum = wholeChecksum(state.terms, named, found, claimed, checksumType);
  const deferred = found.filter((part) => part?.record.isDeferred === true).flatMap((part) => part?.stored ?? []);
  const others = stored.filter(({ slot }) => !deferred.some((part) => part.slot === slot));
  const last = found.at(-1);
  const waiting = last?.record.isDeferred === true ? last : undefined;
  return { parts: { named: current, stored: [...others, ...deferred] }, waiting, checksum, hasTerms: folder.hasTerms };
}

/** Puts the deferred part into its slot, with the checksum of the whole in its trailer. */
async function endWaiting(
  { session, kept }: CompleteEnds,
  key: string,
  { storeUploadId, appendTrailer }: SealedUpload,
  { record, stored: { slot, etag, sizeBytes } }: KnownPart,
  checksum: ObjectChecksum,
): Promise<NamedSlot> {
  if (kept === undefined) throw new Error('nothing waits beside an upload of which nothing is kept');
  const waited = await kept.states.send({
    method: 'GET',
    key: waitingKey(kept.folder, record.number),
    query: [],
    headers: {},
  });
  const isSame = unquoted(waited.headers.get('etag') ?? '') === etag && contentLength(waited) === sizeBytes;
  if (!isSame) {
    await waited.discard();
    throw new GatewayError('InvalidPart', { detail: `part ${record.number} was sent again meanwhile` });
  }
  const body = { sizeBytes, content: appendTrailer(record, waited.body, checksum) };
  return { slot, etag: await putPart({ session, key, storeUploadId }, slot, body) };
}

interface NamedSlot {
  readonly slot: number;
  readonly etag: string;
}

function withPart(completion: Completion, ended: NamedSlot | undefined): Completion {
  if (ended === undefined) return completion;
  return { ...completion, parts: completion.parts.map((part) => (part.slot === ended.slot ? ended : part)) };
}

/** An upload at the store. */
interface StoreUpload {
  readonly session: StoreSession;
  readonly key: string;
  readonly storeUploadId: string;
}

async function putTogether(
  ref: StoreUpload,
  { parts, layoutPart }: Completion,
  conditions: CompleteOptions['conditions'],
): Promise<Omit<Completed, 'hasTerms'>> {
  const { session, key, storeUploadId } = ref;
  const layout: NamedSlot[] = [];
  if (layoutPart !== undefined) {
    const { slot, storedSizeBytes: sizeBytes, body } = layoutPart;
    layout.push({ slot, etag: await putPart(ref, slot, { sizeBytes, content: body() }) });
  }
  const all = [...parts, ...layout].toSorted((one, other) => one.slot - other.slot);
  const document = sentDocument(writeCompleteUpload(all.map(({ slot, etag }) => ({ number: slot, etag }))));
  const response = await sendForUpload(session, {
    method: 'POST',
    key,
    query: [['uploadId', storeUploadId]],
    headers: { ...conditions, ...document.headers },
    body: document.body,
  });
  const etag = readCompleted(await readAnswer(response.body));
  return { etag: etag === '' ? etagOf(all) : etag, versionId: response.headers.get('x-amz-version-id') };
}

/** Ceph tells no ETag at this point; it makes it as S3 does without encryption of its own: of those of the parts. */
function etagOf(parts: readonly { readonly etag: string }[]): string {
  const digests = Buffer.from(parts.map(({ etag }) => etag).join(''), 'hex');
  return `"${createHash('md5').update(digests).digest('hex')}-${parts.length}"`;
}

/** Gives its ETag. */
async function putPart(
  { session, key, storeUploadId }: StoreUpload,
  slot: number,
  body: NonNullable<StoreRequest['body']>,
): Promise<string> {
  const response = await sendForUpload(session, {
    method: 'PUT',
    key,
    query: [
      ['partNumber', String(slot)],
      ['uploadId', storeUploadId],
    ],
    headers: {},
    body,
  });
  await response.discard();
  const etag = response.headers.get('etag');
  if (etag === undefined) throw unusable('a part without an ETag');
  return unquoted(etag);
}

/** The object itself says which upload it came out of: its wrapped key is that of the upload's id. */
async function completedBefore(
  session: StoreSession,
  key: string,
  upload: SealedUpload,
): Promise<Omit<Completed, 'hasTerms'> | undefined> {
  try {
    const response = await session.send({ method: 'HEAD', key, query: [], headers: {} });
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
