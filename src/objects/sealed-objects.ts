/**
 * Sealed objects in the client's view. Enters: a query, and what the store answered to its first request. Leaves: what
 * HEAD tells, or a body of which no byte leaves before it is authenticated. Of an object in parts the first request may
 * have brought other bytes than are needed: then exactly these are requested, of the same entity.
 */
import { CELL_BYTES, TRAILER_BYTES } from '../contracts/object-format.ts';
import type { ObjectCipher, ObjectLayout, PlannedRead, StoredExtent } from '../contracts/object-cipher.ts';
import type { StoreSession } from '../contracts/store-session.ts';
import type { ObjectQuery, ObjectView, OpenedObject } from '../contracts/stored-objects.ts';
import { andThen, orElse } from '../platform/at-once.ts';
import { resolveRange } from '../s3/request/range.ts';
import { sendAgain, contentLength, lengthOf, readExactly, type Answer, type Entity } from './entity.ts';
import { addressOf, type Held, type LookupReason, type Lookups, type SealedEntity } from './lookups.ts';

export interface SealedDependencies {
  readonly cipher: ObjectCipher;
  readonly lookups: Lookups;
  /** Answers up to this size are opened in memory. */
  readonly smallBodyBytes: number;
}

/** What a first answer brought; no `response` where only the head is known. */
export interface FirstAnswer {
  readonly entity: Entity & { readonly envelope: string };
  readonly extent: StoredExtent;
  readonly response?: Answer['response'];
}

/** What a sealed read needs of the layout. */
const isWhole = ({ range, partNumber }: ObjectQuery): boolean => range === undefined && partNumber === undefined;

/** Opens what is wanted of an object, beginning with what the first answer brought. */
export function readSealed(
  dependencies: SealedDependencies,
  session: StoreSession,
  query: ObjectQuery,
  { entity, extent, response }: FirstAnswer,
): OpenedObject | Promise<OpenedObject> {
  const { cipher } = dependencies;
  const discard = (): Promise<void> => response?.discard() ?? DISCARDED;
  const open = (held: Held | undefined, layout: ObjectLayout, planned: PlannedRead) => {
    const view = viewOf(query, layout, planned, entity.headers);
    if (lengthOf(planned.extent) === 0) {
      const body = planned.whole(NOTHING, planned.extent);
      return discard().then((): OpenedObject => ({ ...view, body, discard: () => DISCARDED }));
    }
    if (response === undefined || !covers(extent, planned.extent)) {
      return discard().then(() => readPlanned(dependencies, session, entity, layout, planned, query));
    }
    if (held !== undefined) return inMemory(view, planned, held);
    return { ...view, body: planned.body(response.body, extent), discard: response.discard };
  };
  const openHeld = (held: Held | undefined) =>
    andThen(layoutFor(dependencies, session, query, entity, 'read', held), (layout) =>
      andThen(cipher.plan(addressOf(session, entity), entity, layout, wantedOf(query)), (planned) =>
        open(held, layout, planned),
      ),
    );
  return orElse(
    () =>
      response !== undefined && isSmall(dependencies, response)
        ? andThen(hold({ response, extent }), openHeld)
        : openHeld(undefined),
    (error) =>
      discard().then(() => {
        throw error;
      }),
  );
}

/** Opens exactly what is planned, of an entity that is known already. @throws EntityChanged; GatewayError as `ObjectReader.read` */
export async function readPlanned(
  dependencies: SealedDependencies,
  session: StoreSession,
  entity: SealedEntity,
  layout: ObjectLayout,
  planned: PlannedRead,
  query: ObjectQuery,
): Promise<OpenedObject> {
  const { response, extent } = await sendAgain(session, entity, { extent: planned.extent });
  const view = viewOf(query, layout, planned, response.headers);
  if (isSmall(dependencies, response)) return inMemory(view, planned, await hold({ response, extent }));
  return { ...view, body: planned.body(response.body, extent), discard: response.discard };
}

/** Tells what HEAD tells, of a size that is not authenticated; looks at trailers only where something else is wanted. */
export async function headSealed(
  dependencies: SealedDependencies,
  session: StoreSession,
  query: ObjectQuery,
  entity: FirstAnswer['entity'],
): Promise<ObjectView> {
  const { cipher } = dependencies;
  const { kind, keyId } = cipher.describe(entity.envelope);
  const { range } = query;
  const isPlainHead = query.partNumber === undefined && !query.wantsChecksum;
  const known = isPlainHead && kind === 'm' ? cipher.plainSize(entity.sizeBytes) : undefined;
  if (known === undefined) {
    const layout = await layoutFor(dependencies, session, query, entity, 'head', undefined);
    return headOf(dependencies, session, query, entity, layout);
  }
  const { first, last } = range === undefined ? { first: 0, last: known - 1 } : resolveRange(range, known);
  return {
    ...{ headers: entity.headers, form: 'sealed', sizeBytes: known, first, last, keyId },
    partial: range !== undefined,
  };
}

/** The same where the layout is known. @throws GatewayError as `ObjectCipher.plan` */
export async function headOf(
  { cipher }: SealedDependencies,
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
export function layoutFor(
  { cipher, lookups }: SealedDependencies,
  session: StoreSession,
  query: ObjectQuery,
  entity: SealedEntity,
  why: LookupReason,
  held: Held | undefined,
): ObjectLayout | Promise<ObjectLayout> {
  const isSingle = cipher.describe(entity.envelope).kind === 's';
  if (isSingle && !(query.wantsChecksum && isWhole(query))) return cipher.singleLayout(entity.sizeBytes);
  return lookups.lookup(session, entity, why, held);
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
const DISCARDED = Promise.resolve();

function inMemory(view: ObjectView, planned: PlannedRead, { bytes, extent }: Held): OpenedObject {
  return { ...view, body: planned.whole(bytes, extent), discard: () => DISCARDED };
}

function hold(answer: Pick<Answer, 'response' | 'extent'>): Held | Promise<Held> {
  const { extent } = answer;
  return andThen(readExactly(answer), (bytes) => ({ extent, bytes }));
}

function isSmall({ smallBodyBytes }: SealedDependencies, response: Answer['response']): boolean {
  return (contentLength(response) ?? Infinity) <= smallBodyBytes;
}

/** Whether an answer brought what is needed and little else: to send the rest anew costs more than one request. */
function covers(extent: StoredExtent, needed: StoredExtent): boolean {
  const before = needed.first - extent.first;
  const behind = extent.last - needed.last;
  return before >= 0 && before <= 2 * CELL_BYTES && behind >= 0 && behind <= 2 * CELL_BYTES + TRAILER_BYTES;
}
