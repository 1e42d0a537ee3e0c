/**
 * One stored entity, and how it is requested again. Enters: an answer of a store, which may lie. Leaves: what it says of
 * the entity, or the bytes that were requested of that same entity and no other. What is put together of several answers
 * must never be of two entities.
 */
import type { StoredExtent } from '../contracts/object-cipher.ts';
import type { StoreRequest, StoreSession } from '../contracts/store-session.ts';
import type { UpstreamResponse } from '../contracts/upstream.ts';
import { GatewayError } from '../errors/gateway-error.ts';
import { andThen } from '../platform/at-once.ts';
import { parseContentRange } from '../s3/request/range.ts';
import { ENVELOPE_HEADER } from '../s3/request/user-metadata.ts';

/** Where an entity is. */
export interface EntityRef {
  readonly key: string;
  /** As the client named it: without the right to versions, nobody may name the version that an answer tells. */
  readonly versionId: string | undefined;
}

export interface Entity extends EntityRef {
  /** In quotes; `undefined` where the store gave none that names an entity. */
  readonly etag: string | undefined;
  /** Of the whole, as stored. */
  readonly sizeBytes: number;
  readonly envelope: string | undefined;
  readonly headers: ReadonlyMap<string, string>;
}

export interface Answer {
  readonly entity: Entity;
  readonly response: UpstreamResponse;
  /** The stored bytes that the body covers, as announced; of HEAD, those that it would. */
  readonly extent: StoredExtent;
}

/** The entity of an earlier answer is gone: whatever was put together is discarded, and begun again. */
export class EntityChanged extends GatewayError {
  constructor() {
    super('ServiceUnavailable', { detail: 'the object changed while it was read, again and again' });
  }
}

const ATTEMPTS = 3;

/** Begins anew where the object changed meanwhile, within reason. @throws what `work` throws */
export function whileItChanges<Result>(work: () => Promise<Result>, attempts = ATTEMPTS): Promise<Result> {
  return work().catch((error: unknown) => {
    if (!(error instanceof EntityChanged) || attempts === 1) throw error;
    return whileItChanges(work, attempts - 1);
  });
}

/** Requests an object or its head. @throws GatewayError what the store says, ServiceUnavailable (no usable answer) */
export function send(
  session: StoreSession,
  ref: EntityRef,
  request: Pick<StoreRequest, 'headers'> & {
    readonly method: 'GET' | 'HEAD';
    readonly partNumber?: number | undefined;
  },
): Promise<Answer> {
  const { method, headers, partNumber } = request;
  const query: [string, string][] = [];
  if (partNumber !== undefined) query.push(['partNumber', String(partNumber)]);
  if (ref.versionId !== undefined) query.push(['versionId', ref.versionId]);
  const storeRequest = { method, key: ref.key, query, headers };
  return session.send(storeRequest).then(
    (response) =>
      method === 'HEAD'
        ? response.discard().then(() => answerOf(response, ref, partNumber))
        : answerOf(response, ref, partNumber),
    (error: unknown) => notModified(session, storeRequest, error),
  );
}

/** Reads what an answer says of its entity. @throws GatewayError ServiceUnavailable */
function answerOf(
  response: UpstreamResponse,
  ref: EntityRef,
  partNumber: number | undefined,
): Answer | Promise<Answer> {
  try {
    if (partNumber !== undefined) demandPart(response, partNumber);
    const { sizeBytes, ...extent } = announced(response);
    const etag = /^"([!#-~]+)"$|^([\w.+/=-]+)$/.exec(response.headers.get('etag') ?? '');
    const entity: Entity = {
      key: ref.key,
      versionId: ref.versionId,
      etag: etag === null ? undefined : `"${etag[1] ?? etag[2] ?? ''}"`,
      sizeBytes,
      envelope: response.headers.get(ENVELOPE_HEADER),
      headers: response.headers,
    };
    return { entity, response, extent };
  } catch (error) {
    return response.discard().then(() => {
      throw error;
    });
  }
}

/**
 * If-Match and If-Unmodified-Since come before If-Modified-Since (RFC 9110 section 13.2.2). Ceph 16 looks at the latter
 * first, so that a 304 says nothing of the others: they are requested alone. @throws GatewayError what the store says
 */
async function notModified(session: StoreSession, request: StoreRequest, error: unknown): Promise<never> {
  const { 'if-modified-since': since, 'if-match': match, 'if-unmodified-since': unmodified } = request.headers;
  const isOfBoth = since !== undefined && (match !== undefined || unmodified !== undefined);
  if (isOfBoth && error instanceof GatewayError && error.code === 'NotModified') {
    const first = Object.entries({ 'if-match': match, 'if-unmodified-since': unmodified }).flatMap(([name, value]) =>
      value === undefined ? [] : [[name, value] as const],
    );
    const response = await session.send({ ...request, method: 'HEAD', headers: Object.fromEntries(first) });
    await response.discard();
  }
  throw error;
}

/**
 * Ceph 16 answers with the whole object. Who asks for the first part to learn how many there are is served by that: the status
 * says so, and no count follows. @throws GatewayError NotImplemented
 */
function demandPart({ status, headers }: UpstreamResponse, partNumber: number): void {
  if (partNumber === 1 || status === 206 || headers.has('x-amz-mp-parts-count')) return;
  throw new GatewayError('NotImplemented', { detail: 'the store gives no part of an object, but all of it' });
}

/**
 * Requests the entity of an earlier answer again; `extent`: exactly these stored bytes, which the answer then has.
 * @throws EntityChanged; GatewayError what the store says, ServiceUnavailable (it does not do what it was asked)
 */
export async function sendAgain(
  session: StoreSession,
  entity: Omit<Entity, 'headers'>,
  { method = 'GET', extent, partNumber }: RepeatedRequest = {},
): Promise<Answer> {
  if (entity.etag === undefined) throw unusable('no ETag that names an entity');
  const headers: Record<string, string> = { 'if-match': entity.etag };
  if (extent !== undefined) headers['range'] = `bytes=${extent.first}-${extent.last}`;
  let answer: Answer;
  try {
    answer = await send(session, entity, { method, headers, partNumber });
  } catch (error) {
    throw error instanceof GatewayError && OF_ANOTHER.has(error.code) ? new EntityChanged() : error;
  }
  const { entity: found, extent: received, response } = answer;
  // Not every store heeds If-Match; and a new envelope can come with the same ETag.
  const isSame =
    found.etag === entity.etag &&
    found.envelope === entity.envelope &&
    (partNumber !== undefined || found.sizeBytes === entity.sizeBytes);
  const isWhatWasRequested = extent === undefined || (received.first === extent.first && received.last === extent.last);
  if (isSame && isWhatWasRequested) return answer;
  await response.discard();
  throw isSame ? unusable('other bytes than were requested') : new EntityChanged();
}

/** The entity has the requested bytes: where a store says it has not, it speaks of another one. */
const OF_ANOTHER: ReadonlySet<string> = new Set(['PreconditionFailed', 'InvalidRange']);

interface RepeatedRequest {
  readonly method?: 'GET' | 'HEAD';
  readonly extent?: StoredExtent;
  readonly partNumber?: number | undefined;
}

/**
 * Reads an answer whose length is known and bounded by the caller; gives it at once where it is there.
 * @throws GatewayError IntegrityFailure, ServiceUnavailable
 */
export function readExactly({ response, extent }: Pick<Answer, 'response' | 'extent'>): Buffer | Promise<Buffer> {
  const length = lengthOf(extent);
  // What the connection will really carry is its Content-Length, whatever a Content-Range says.
  if (contentLength(response) !== length) {
    return response.discard().then(() => {
      throw unusable('two lengths of one answer');
    });
  }
  return andThen(response.whole(), (bytes) => ofLength(bytes, length));
}

function ofLength(bytes: Buffer, length: number): Buffer {
  if (bytes.length === length) return bytes;
  throw new GatewayError('IntegrityFailure', { detail: 'the store gave other bytes than it announced' });
}

/** Number of bytes that an answer says it carries; `undefined` where it does not say. */
export function contentLength({ headers }: Pick<UpstreamResponse, 'headers'>): number | undefined {
  const length = headers.get('content-length');
  return length !== undefined && /^\d{1,15}$/.test(length) ? Number(length) : undefined;
}

export function lengthOf({ first, last }: StoredExtent): number {
  return last + 1 - first;
}

function announced(response: UpstreamResponse): StoredExtent & { readonly sizeBytes: number } {
  if (response.status === 206) {
    // What some stores answer to any range of an empty object (S3Proxy, of a folder).
    if (contentLength(response) === 0 && !response.headers.has('content-range')) {
      throw new GatewayError('InvalidRange', { detail: 'a part without a byte of an object' });
    }
    const extent = parseContentRange(response.headers.get('content-range'));
    if (extent === undefined) throw unusable('no usable Content-Range');
    return extent;
  }
  const length = contentLength(response);
  if (length === undefined) throw unusable('no usable Content-Length');
  return { sizeBytes: length, first: 0, last: length - 1 };
}

function unusable(detail: string): GatewayError {
  return new GatewayError('ServiceUnavailable', { detail: `the store sent ${detail}` });
}
