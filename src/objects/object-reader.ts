/**
 * Reads the objects of a store in the client's view. Enters: a session at a store, and what is wanted of which object.
 * Leaves: views and bodies. How the key is kept decides what is served: where encryption is required, nothing that is
 * not sealed; and of what is sealed, nothing that is not authenticated.
 */
import type { LegacyObject, LegacyObjects } from '../contracts/legacy-objects.ts';
import type { ObjectCipher } from '../contracts/object-cipher.ts';
import type { Observer } from '../contracts/observer.ts';
import type { StoreSession } from '../contracts/store-session.ts';
import type { ObjectQuery, ObjectReader, ObjectView, OpenedObject } from '../contracts/stored-objects.ts';
import { GatewayError } from '../errors/gateway-error.ts';
import { createBudget } from '../platform/budget.ts';
import { encryptionAt, isKeptPlain } from '../s3/encryption.ts';
import { send, EntityChanged, lengthOf, whileItChanges, type Answer, type Entity } from './entity.ts';
import { createListedSizes } from './listed-sizes.ts';
import { addressOf, createLookups, type Lookups } from './lookups.ts';
import {
  headOf,
  headSealed,
  layoutFor,
  readPlanned,
  readSealed,
  wantedOf,
  type FirstAnswer,
  type SealedDependencies,
} from './sealed-objects.ts';
import * as unsealed from './unsealed-objects.ts';

export interface ObjectReaderDependencies {
  readonly cipher: ObjectCipher;
  /** Absent: what other gateways encrypted is taken for plaintext. */
  readonly legacy?: LegacyObjects;
  /** Answers up to this size are opened in memory, in bytes. */
  readonly smallBodyBytes: number;
  readonly observer?: Pick<Observer, 'lookup'>;
}

type RememberedObject = NonNullable<ReturnType<Lookups['remembered']>>;

/** So many objects of the largest size that is read in one piece may be in memory at once, or more smaller ones. */
const WHOLE_READS = 4;

/** Creates the reader of a process; it remembers layouts and sizes, nothing that a store has not confirmed again. */
export function createObjectReader({
  cipher,
  legacy,
  smallBodyBytes,
  observer,
}: ObjectReaderDependencies): ObjectReader {
  const lookups = createLookups(cipher, observer);
  const dependencies: SealedDependencies = { cipher, lookups, smallBodyBytes };
  const maxStoredBytes = legacy?.maxStoredBytes ?? 0;
  const wholeReads = { maxStoredBytes, budget: createBudget(WHOLE_READS * maxStoredBytes), smallBodyBytes };

  /** Where an object without an envelope is served at all. @throws GatewayError ObjectNotEncrypted */
  const legacyOf = (session: StoreSession, { key, headers }: Entity): LegacyObject | undefined => {
    if (encryptionAt(session.bucket, key) === 'required') throw new GatewayError('ObjectNotEncrypted');
    return legacy?.recognise(session.bucket.name, headers);
  };

  async function readUnsealed(
    session: StoreSession,
    query: ObjectQuery,
    first: Pick<Answer, 'entity' | 'extent'> & Partial<Answer>,
  ): Promise<OpenedObject> {
    try {
      const found = legacyOf(session, first.entity);
      if (found === undefined) return await unsealed.readPlaintext(session, query, first);
      return await unsealed.readLegacy(session, query, first, found, wholeReads);
    } catch (error) {
      await first.response?.discard();
      throw error;
    }
  }

  /** Goes straight for the bytes where an earlier look found the layout. The store confirms the entity, or it is forgotten. */
  async function readRemembered(
    session: StoreSession,
    query: ObjectQuery,
    { entity, layout }: RememberedObject,
  ): Promise<OpenedObject | undefined> {
    let planned;
    try {
      planned = await cipher.plan(addressOf(session, query), entity, layout, wantedOf(query));
    } catch {
      // Of an object that is there no more, this says nothing: it is requested first.
      return undefined;
    }
    if (lengthOf(planned.extent) === 0) return undefined;
    try {
      return await readPlanned(dependencies, session, entity, layout, planned, query);
    } catch (error) {
      if (error instanceof EntityChanged) lookups.forget(session, query);
      throw error;
    }
  }

  function readOnce(session: StoreSession, query: ObjectQuery): Promise<OpenedObject> {
    const found = lookups.remembered(session, query);
    if (found === undefined || !isHeldTo(query, found.entity.etag)) return readAnew(session, query);
    return readRemembered(session, query, found).then((opened) => opened ?? readAnew(session, query));
  }

  function readAnew(session: StoreSession, query: ObjectQuery): Promise<OpenedObject> {
    return openFirst(session, query, cipher).then((first) =>
      isSealed(first) ? readSealed(dependencies, session, query, first) : readUnsealed(session, query, first),
    );
  }

  async function readPlain(session: StoreSession, query: ObjectQuery): Promise<OpenedObject> {
    const answer = await unsealed.requestPlain(session, query, 'GET');
    return unsealed.opened(unsealed.plainView(answer), answer);
  }

  async function headOnce(session: StoreSession, query: ObjectQuery): Promise<ObjectView> {
    const { entity } = await requestHead(session, query);
    if (isSealedEntity(entity)) return headSealed(dependencies, session, query, entity);
    const found = legacyOf(session, entity);
    return found === undefined
      ? unsealed.headPlaintext(session, query, entity)
      : unsealed.headLegacy(query, entity, found);
  }

  return {
    read: (session, query) =>
      isKeptPlain(session.bucket, query.key)
        ? readPlain(session, query)
        : whileItChanges(() => readOnce(session, query)),
    head: async (session, query) => {
      if (!isKeptPlain(session.bucket, query.key)) return whileItChanges(() => headOnce(session, query));
      return unsealed.plainView(await unsealed.requestPlain(session, query, 'HEAD'));
    },
    describe: async (session, query) => {
      if (isKeptPlain(session.bucket, query.key)) {
        return { ...unsealed.plainView(await unsealed.requestPlain(session, query, 'HEAD')), layout: undefined };
      }
      return whileItChanges(async () => {
        const { entity } = await requestHead(session, query);
        if (isSealedEntity(entity)) {
          const layout = await layoutFor(dependencies, session, query, entity, 'head', undefined);
          return { ...(await headOf(dependencies, session, query, entity, layout)), layout };
        }
        const found = legacyOf(session, entity);
        const view =
          found === undefined
            ? await unsealed.headPlaintext(session, query, entity)
            : unsealed.headLegacy(query, entity, found);
        return { ...view, layout: undefined };
      });
    },
    sizes: createListedSizes({
      ...dependencies,
      onLookup: () => observer?.lookup('list'),
      unsealedSize: (session, entity) => {
        let found: LegacyObject | undefined;
        try {
          found = legacyOf(session, entity);
        } catch (error) {
          // No seed, a version that is not known: reading it says so, and configuration heals it.
          if (error instanceof GatewayError) return undefined;
          throw error;
        }
        return found === undefined ? entity.sizeBytes : found.plainSize(entity.sizeBytes);
      },
    }),
  };
}

/**
 * The first request for an object of which nothing is known: for what a single PUT would need. What is wanted of a part,
 * or lies beyond what a single PUT of that size would have, is requested when the layout is known.
 */
function openFirst(
  session: StoreSession,
  query: ObjectQuery,
  cipher: ObjectCipher,
): Promise<Pick<Answer, 'entity' | 'extent'> & Partial<Answer>> {
  const { range, partNumber, conditions } = query;
  if (partNumber !== undefined) return requestHead(session, query);
  const headers: Record<string, string> = { ...conditions, ...unsealed.checksumMode(query) };
  if (range === undefined) return send(session, query, { method: 'GET', headers });
  headers['range'] = cipher.storedRange(range);
  return send(session, query, { method: 'GET', headers }).catch((error: unknown) => {
    if (!(error instanceof GatewayError) || error.code !== 'InvalidRange') throw error;
    return requestHead(session, query);
  });
}

async function requestHead(session: StoreSession, query: ObjectQuery): Promise<Pick<Answer, 'entity' | 'extent'>> {
  const headers = { ...query.conditions, ...unsealed.checksumMode(query) };
  const { entity, extent } = await send(session, query, { method: 'HEAD', headers });
  return { entity, extent };
}

/**
 * Whether the conditions of a client leave it at one entity, or are none: only then may it be requested by If-Match alone.
 * An If-Match of ours would make a store pass over If-Unmodified-Since.
 */
function isHeldTo({ conditions }: ObjectQuery, etag: string | undefined): boolean {
  const names = Object.keys(conditions);
  if (names.length === 0) return true;
  const named = conditions['if-match'];
  return names.length === 1 && named !== undefined && etag !== undefined && unquoted(named) === unquoted(etag);
}

function unquoted(etag: string): string {
  return etag.replace(/^"(.*)"$/, '$1');
}

function isSealedEntity(entity: Entity): entity is FirstAnswer['entity'] {
  return entity.envelope !== undefined;
}

function isSealed(
  first: Pick<Answer, 'entity' | 'extent'> & Partial<Answer>,
): first is Pick<Answer, 'entity' | 'extent'> & Partial<Answer> & FirstAnswer {
  return first.entity.envelope !== undefined;
}
