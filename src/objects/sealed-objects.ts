/**
 * Sealed objects in the client's view. Enters: a query, and what the store answered to its first request. Leaves: what
 * HEAD tells, or a body of which no byte leaves before it is authenticated. Of an object in parts the first request may
 * have brought other bytes than are needed: then exactly these are asked for, of the same entity.
 */
import { CELL_BYTES, TRAILER_BYTES } from '../contracts/object-format.ts';
import type { ObjectCipher, ObjectLayout, PlannedRead, StoredExtent } from '../contracts/object-cipher.ts';
import type { StoreSession } from '../contracts/store-session.ts';
import type { ObjectQuery, ObjectView, OpenedObject } from '../contracts/stored-objects.ts';
import { resolveRange } from '../s3/range.ts';
import { askAgain, contentLength, lengthOf, readExactly, type Answer, type Entity } from './entity.ts';
import { addressOf, type Held, type LookReason, type LookUps, type SealedEntity } from './look-ups.ts';

export interface SealedParts {
  readonly cipher: ObjectCipher;
  readonly lookUps: LookUps;
  /** Answers up to this size are opened in memory. */
  readonly smallBodyBytes: number;
}

/** What a first answer brought; no `response` where only the head is known. */
export interface FirstAnswer {
  readonly entity: Entity & { readonly envelope: string };
  readonly given: StoredExtent;
  readonly response?: Answer['response'];
}

/** What a sealed read needs of the layout. */
const isWhole = ({ range, partNumber }: ObjectQuery): boolean => range === undefined && partNumber === undefined;

/** Opens what is wanted of an object, beginning with what the first answer brought. */
export async function readSealed(
  parts: SealedParts,
  session: StoreSession,
  query: ObjectQuery,
  { entity, given, response }: FirstAnswer,
): Promise<OpenedObject> {
  try {
    const held = response !== undefined && isSmall(parts, response) ? await hold({ response, given }) : undefined;
    const layout = await layoutFor(parts, session, query, entity, 'read', held);
    const planned = await parts.cipher.plan(addressOf(session, entity), entity, layout, wantedOf(query));
    const view = viewOf(query, layout, planned, entity.headers);
    if (lengthOf(planned.extent) === 0) {
      await response?.discard();
      return { ...view, body: planned.whole(NOTHING, planned.extent), discard: () => Promise.resolve() };
    }
    if (response !== undefined && covers(given, planned.extent)) {
      if (held !== undefined) return inMemory(view, planned, held);
      return { ...view, body: planned.body(response.body, given), discard: response.discard };
    }
    await response?.discard();
    return await readPlanned(parts, session, entity, layout, planned, query);
  } catch (error) {
    await response?.discard();
    throw error;
  }
}

/** Opens exactly what is planned, of an entity that is known already. @throws EntityChanged; GatewayError as `ObjectReader.read` */
export async function readPlanned(
  parts: SealedParts,
  session: StoreSession,
  entity: SealedEntity,
  layout: ObjectLayout,
  planned: PlannedRead,
  query: ObjectQuery,
): Promise<OpenedObject> {
  const { response, given } = await askAgain(session, entity, { extent: planned.extent });
  const view = viewOf(query, layout, planned, response.headers);
  if (isSmall(parts, response)) return inMemory(view, planned, await hold({ response, given }));
  return { ...view, body: planned.body(response.body, given), discard: response.discard };
}

/** Tells what HEAD tells, of a size that is not authenticated; looks at trailers only where something else is wanted. */
export async function headSealed(
  parts: SealedParts,
  session: StoreSession,
  query: ObjectQuery,
  entity: FirstAnswer['entity'],
): Promise<ObjectView> {
  const { cipher } = parts;
  const { kind, keyId } = cipher.describe(entity.envelope);
  const { range } = query;
  const isPlainHead = query.partNumber === undefined && !query.wantsChecksum;
  const known = isPlainHead && kind === 'm' ? cipher.plainSize(entity.sizeBytes) : undefined;
  if (known === undefined) {
    const layout = await layoutFor(parts, session, query, entity, 'head', undefined);
    return headOf(parts, session, query, entity, layout);
  }
  const { first, last } = range === undefined ? { first: 0, last: known - 1 } : resolveRange(range, known);
  return {
    ...{ headers: entity.headers, form: 'sealed', sizeBytes: known, first, last, keyId },
    partial: range !== undefined,
  };
}

/** The same where the layout is known. @throws GatewayError as `ObjectCipher.plan` */
export async function headOf(
  { cipher }: SealedParts,
  session: StoreSession,
  query: ObjectQuery,
  entity: FirstAnswer['entity'],
  layout: ObjectLayout,
): Promise<ObjectView> {
  if (query.partNumber !== undefined) {
    const planned = await cipher.plan(addressOf(session, entity), entity, layout, wantedOf(query));
    return viewOf(query, layout, planned, entity.headers);
  }
  const sizeBytes = layout.plainSizeBytes;
  const { keyId } = cipher.describe(entity.envelope);
  const { first, last } =
    query.range === undefined ? { first: 0, last: sizeBytes - 1 } : resolveRange(query.range, sizeBytes);
  return viewOf(query, layout, { plainSizeBytes: sizeBytes, first, last, keyId }, entity.headers);
}

/** Gives the layout: of a single PUT from its size, unless its checksum is wanted. */
export async function layoutFor(
  { cipher, lookUps }: SealedParts,
  session: StoreSession,
  query: ObjectQuery,
  entity: SealedEntity,
  why: LookReason,
  held: Held | undefined,
): Promise<ObjectLayout> {
  const isSingle = cipher.describe(entity.envelope).kind === 's';
  if (isSingle && !(query.wantsChecksum && isWhole(query))) return cipher.singleLayout(entity.sizeBytes);
  return lookUps.lookUp(session, entity, why, held);
}

/** What is wanted, in the words of the cipher. */
export function wantedOf({ range, partNumber }: ObjectQuery): Parameters<ObjectCipher['plan']>[3] {
  return partNumber === undefined ? range : { part: partNumber };
}

function viewOf(
  query: ObjectQuery,
  layout: ObjectLayout,
  planned: Pick<PlannedRead, 'plainSizeBytes' | 'first' | 'last' | 'keyId'>,
  headers: ReadonlyMap<string, string>,
): ObjectView {
  const { plainSizeBytes, first, last, keyId } = planned;
  const partsCount = layout.runs.reduce((sum, { count }) => sum + count, 0);
  const shown = query.wantsChecksum && isWhole(query) ? layout.checksum : undefined;
  return {
    headers,
    form: 'sealed',
    sizeBytes: plainSizeBytes,
    first,
    last,
    partial: !isWhole(query) && last >= first,
    ...(query.partNumber !== undefined && layout.kind === 'm' ? { partsCount } : {}),
    ...(shown === undefined ? {} : { checksum: { ...shown, partsCount } }),
    keyId,
  };
}

const NOTHING = Buffer.alloc(0);

function inMemory(view: ObjectView, planned: PlannedRead, { bytes, extent }: Held): OpenedObject {
  return { ...view, body: planned.whole(bytes, extent), discard: () => Promise.resolve() };
}

async function hold(answer: Pick<Answer, 'response' | 'given'>): Promise<Held> {
  return { extent: answer.given, bytes: await readExactly(answer) };
}

function isSmall({ smallBodyBytes }: SealedParts, response: Answer['response']): boolean {
  return (contentLength(response) ?? Infinity) <= smallBodyBytes;
}

/** Whether an answer brought what is needed and little else: to send the rest anew costs more than one request. */
function covers(given: StoredExtent, needed: StoredExtent): boolean {
  const before = needed.first - given.first;
  const behind = given.last - needed.last;
  return before >= 0 && before <= 2 * CELL_BYTES && behind >= 0 && behind <= 2 * CELL_BYTES + TRAILER_BYTES;
}
