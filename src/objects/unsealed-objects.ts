/**
 * Objects that carry no envelope of ours: those of prefixes that are kept plain, and in prefixes under migration plaintext and
 * what other encrypting gateways wrote. Enters: a query and, where the object was requested already, that answer. Leaves:
 * the client's view. Nobody gets here for a key where encryption is required.
 */
import type { StoredExtent } from '../contracts/object-cipher.ts';
import type { LegacyObject } from '../contracts/legacy-objects.ts';
import type { StoreSession } from '../contracts/store-session.ts';
import type { ObjectQuery, ObjectView, OpenedObject } from '../contracts/stored-objects.ts';
import { GatewayError } from '../errors/gateway-error.ts';
import type { Budget } from '../platform/budget.ts';
import { rangeHeader, resolveRange } from '../s3/request/range.ts';
import { send, sendAgain, lengthOf, readExactly, type Answer, type Entity } from './entity.ts';

/** Requests an object that is kept plain as the client requested it. */
export async function requestPlain(session: StoreSession, query: ObjectQuery, method: 'GET' | 'HEAD'): Promise<Answer> {
  const { range, conditions, partNumber } = query;
  const headers: Record<string, string> = { ...conditions, ...checksumMode(query) };
  if (range !== undefined) headers['range'] = rangeHeader(range);
  return send(session, query, { method, headers, partNumber });
}

/** The store's view is the client's. */
export function plainView({ entity, response, extent }: Answer): ObjectView {
  return {
    headers: entity.headers,
    form: 'none',
    sizeBytes: entity.sizeBytes,
    ...extent,
    partial: response.status === 206,
  };
}

/** The store's checksum is one of the whole object; clients would hold a part of it against it. */
export function checksumMode({ range, partNumber, wantsChecksum }: ObjectQuery): Record<string, string> {
  return wantsChecksum && range === undefined && partNumber === undefined ? { 'x-amz-checksum-mode': 'ENABLED' } : {};
}

/** Opens the body of an answer as it comes. */
export function opened(view: ObjectView, { response }: Pick<Answer, 'response'>): OpenedObject {
  return { ...view, body: response.body, discard: response.discard };
}

/** Reads plaintext that was requested as if it were sealed. */
export async function readPlaintext(
  session: StoreSession,
  query: ObjectQuery,
  { entity, response, extent }: Pick<Answer, 'entity' | 'extent'> & Partial<Answer>,
): Promise<OpenedObject> {
  const { range, partNumber } = query;
  if (partNumber !== undefined) {
    await response?.discard();
    const part = await sendAgain(session, entity, { partNumber });
    return opened(plainView(part), part);
  }
  const wanted = range === undefined ? wholeOf(entity) : resolveRange(range, entity.sizeBytes);
  const view: ObjectView = {
    ...{ headers: entity.headers, form: 'none', sizeBytes: entity.sizeBytes },
    ...{ first: wanted.first, last: wanted.last, partial: range !== undefined },
  };
  if (response !== undefined && isSame(extent, wanted)) return opened(view, { response });
  await response?.discard();
  return opened(view, await sendAgain(session, entity, lengthOf(wanted) === 0 ? {} : { extent: wanted }));
}

/** Tells of plaintext what HEAD tells. */
export async function headPlaintext(session: StoreSession, query: ObjectQuery, entity: Entity): Promise<ObjectView> {
  const { range, partNumber } = query;
  if (partNumber !== undefined) return plainView(await sendAgain(session, entity, { method: 'HEAD', partNumber }));
  const { first, last } = range === undefined ? wholeOf(entity) : resolveRange(range, entity.sizeBytes);
  return {
    headers: entity.headers,
    form: 'none',
    sizeBytes: entity.sizeBytes,
    first,
    last,
    partial: range !== undefined,
  };
}

/** What bounds the memory of objects that can only be opened whole. */
export interface WholeReads {
  readonly maxStoredBytes: number;
  /** Of stored bytes; a read takes its share before it takes a byte, and gives it back when the client has the last one. */
  readonly budget: Budget;
  /** Answers up to this size are copied out, and hold nothing. */
  readonly smallBodyBytes: number;
}

/** Opens an object of another gateway, which its format authenticates as a whole only. */
export async function readLegacy(
  session: StoreSession,
  query: ObjectQuery,
  { entity, response, extent }: Pick<Answer, 'entity' | 'extent'> & Partial<Answer>,
  legacy: LegacyObject,
  { maxStoredBytes, budget, smallBodyBytes }: WholeReads,
): Promise<OpenedObject> {
  if (entity.sizeBytes > maxStoredBytes) {
    await response?.discard();
    throw new GatewayError('NotImplemented', {
      detail: `a ${legacy.format} object of ${entity.sizeBytes} stored bytes, of at most ${maxStoredBytes}`,
    });
  }
  // Who has to wait holds no connection meanwhile, and asks again.
  const isAtHand = response !== undefined && isSame(extent, wholeOf(entity)) && budget.isFree(entity.sizeBytes);
  if (!isAtHand) await response?.discard();
  const release = await budget.take(entity.sizeBytes);
  try {
    const stored = await readExactly(isAtHand ? { response, extent } : await sendAgain(session, entity));
    const plain = await legacy.open(stored);
    const view = legacyView(query, entity, legacy, plain.length);
    const wanted = plain.subarray(view.first, view.last + 1);
    if (wanted.length > smallBodyBytes) {
      // Piece by piece, as fast as the client takes it: given at once, it would lie in memory as long as a slow one likes.
      return { ...view, body: inPieces(wanted, release), discard: () => Promise.resolve().then(release) };
    }
    const body = Buffer.from(wanted);
    release();
    return { ...view, body, discard: () => Promise.resolve() };
  } catch (error) {
    release();
    throw error;
  }
}

const PIECE_BYTES = 65_536;

// eslint-disable-next-line @typescript-eslint/require-await -- bodies are streams to those that send them
async function* inPieces(whole: Buffer, onEnd: () => void): AsyncGenerator<Buffer, void, undefined> {
  try {
    for (let at = 0; at < whole.length; at += PIECE_BYTES) yield whole.subarray(at, at + PIECE_BYTES);
  } finally {
    onEnd();
  }
}

/** Tells of an object of another gateway what HEAD tells. @throws GatewayError IntegrityFailure, InvalidRange, InvalidPartNumber */
export function headLegacy(query: ObjectQuery, entity: Entity, legacy: LegacyObject): ObjectView {
  const sizeBytes = legacy.plainSize(entity.sizeBytes);
  if (sizeBytes === undefined) {
    throw new GatewayError('IntegrityFailure', {
      detail: `no ${legacy.format} object has ${entity.sizeBytes} stored bytes`,
    });
  }
  return legacyView(query, entity, legacy, sizeBytes);
}

function legacyView(
  { range, partNumber }: ObjectQuery,
  { headers }: Entity,
  legacy: LegacyObject,
  sizeBytes: number,
): ObjectView {
  if (partNumber !== undefined && partNumber !== 1) throw new GatewayError('InvalidPartNumber');
  const { first, last } = range === undefined ? wholeOf({ sizeBytes }) : resolveRange(range, sizeBytes);
  const hidden = new Set(legacy.headers);
  return {
    headers: new Map([...headers].filter(([name]) => !hidden.has(name))),
    form: 'legacy',
    sizeBytes,
    first,
    last,
    partial: range !== undefined || (partNumber !== undefined && sizeBytes > 0),
  };
}

function wholeOf({ sizeBytes }: { readonly sizeBytes: number }): StoredExtent {
  return { first: 0, last: sizeBytes - 1 };
}

function isSame(one: StoredExtent, other: StoredExtent): boolean {
  return one.first === other.first && one.last === other.last;
}
