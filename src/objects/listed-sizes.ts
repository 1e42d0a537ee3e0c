/**
 * Enters: a page of a store's listing. Leaves: each entry as its client is to see it. A regular sealed object costs no
 * request; one whose size does not tell costs a lookup, and in prefixes under migration, where nothing in a listing tells
 * plaintext from ciphertext, each entry costs one HEAD. All of it is remembered by key, version and ETag, and listings that
 * want to know the same at once look once.
 *
 * An entry whose object has changed since the page was made is shown with the new object's facts, all of them, as if it
 * had been listed a moment later; one whose object is gone is left out, likewise. Never is it left out because it changed
 * (`sync --delete` would delete the copy), and never is the size of one object shown with the ETag of another.
 */
import { LRUCache } from 'lru-cache';
import { TRAILER_BYTES } from '../contracts/object-format.ts';
import type { StoreSession } from '../contracts/store-session.ts';
import type { ListedSize, ObjectReader, StoredEntry } from '../contracts/stored-objects.ts';
import { GatewayError } from '../errors/gateway-error.ts';
import { concurrently } from '../platform/concurrently.ts';
import { createSingleFlight } from '../platform/single-flight.ts';
import { encryptionAt } from '../s3/encryption.ts';
import { storeListingQuery, type ListingQuery } from '../s3/documents/listing.ts';
import { readShownPage } from '../s3/documents/listing-document.ts';
import { OPERATIONS } from '../s3/operations/operations.ts';
import { readAnswer } from '../s3/response/read-answer.ts';
import { send, readExactly, whileItChanges, type Answer, type Entity } from './entity.ts';
import { nameOf, type SealedEntity } from './lookups.ts';
import type { SealedDependencies } from './sealed-objects.ts';

const CONCURRENT_LOOKUPS = 16;
/** What all remembered sizes may take in memory, roughly, in bytes. */
const REMEMBERED_BYTES = 32 * 1024 * 1024;
const BYTES_PER_SIZE = 128;

export interface ListedSizesDependencies extends SealedDependencies {
  readonly onLookup: () => void;
  /** The plaintext size of an entity under migration that is not ours; `undefined` where it cannot be read. */
  readonly unsealedSize: (session: StoreSession, entity: Entity) => number | undefined;
}

/** What a lookup of an entry found; `undefined` in its place: it is gone. */
interface ListedFacts {
  readonly entity: Entity;
  readonly sizeBytes: number;
}

/** Creates the reader of listed sizes of a process. */
export function createListedSizes(dependencies: ListedSizesDependencies): ObjectReader['sizes'] {
  const { cipher } = dependencies;
  const known = new LRUCache<string, number>({
    maxSize: REMEMBERED_BYTES,
    sizeCalculation: (_, name) => BYTES_PER_SIZE + 2 * name.length,
  });

  const lookups = createSingleFlight<ListedFacts | undefined>();

  async function sizeOf(session: StoreSession, entry: StoredEntry): Promise<ListedSize | undefined> {
    const name = entryName(session, entry);
    const remembered = known.get(name);
    if (remembered !== undefined) return { sizeBytes: remembered };
    const facts = await lookupOnce(name, session, entry);
    if (facts === undefined) return undefined;
    const { entity, sizeBytes } = facts;
    if (entity.etag === undefined || unquoted(entity.etag) === unquoted(entry.etag)) {
      known.set(name, sizeBytes);
      return { sizeBytes };
    }
    const modified = new Date(entity.headers.get('last-modified') ?? '');
    if (Number.isNaN(modified.getTime())) throw unusable('no Last-Modified of a listed object');
    return { sizeBytes, instead: { etag: entity.etag, lastModified: modified.toISOString() } };
  }

  /** What fails may have failed with the other's session, or because its client went away: then the lookup is one's own. */
  async function lookupOnce(name: string, session: StoreSession, entry: StoredEntry): Promise<ListedFacts | undefined> {
    const isMigrating = encryptionAt(session.bucket, entry.key) === 'migrating';
    const begin = () => whileItChanges(() => lookup(session, entry, isMigrating));
    return lookups.inFlight(name)?.catch(begin) ?? lookups.join(begin, name);
  }

  async function lookup(
    session: StoreSession,
    entry: StoredEntry,
    isMigrating: boolean,
  ): Promise<ListedFacts | undefined> {
    const answer = await requestEntry(session, entry, isMigrating);
    if (answer === undefined) return undefined;
    const { entity } = answer;
    return { entity, sizeBytes: await sizeOfEntity(session, answer, isMigrating) };
  }

  async function sizeOfEntity(session: StoreSession, answer: Answer, isMigrating: boolean): Promise<number> {
    const { entity, response, extent } = answer;
    try {
      if (!isSealed(entity)) {
        await response.discard();
        // Where encryption is required such an object is not served, whatever its size.
        return (isMigrating ? dependencies.unsealedSize(session, entity) : undefined) ?? entity.sizeBytes;
      }
      const regular = cipher.plainSize(entity.sizeBytes);
      if (regular !== undefined) {
        await response.discard();
        return regular;
      }
      const isTail = response.status === 206 && extent.last + 1 - extent.first <= TRAILER_BYTES;
      const held = isTail ? { extent, bytes: await readExactly({ response, extent }) } : undefined;
      if (held === undefined) await response.discard();
      return (await dependencies.lookups.lookup(session, entity, 'list', held)).plainSizeBytes;
    } catch (error) {
      // What is not served has no size but the stored one; one such object must not hide all the others.
      if (error instanceof GatewayError && NOT_SERVED.has(error.code)) return entity.sizeBytes;
      throw error;
    }
  }

  /** One request: a HEAD where the size may tell all, else for the last trailer, whose answer has the envelope in its head. */
  async function requestEntry(
    session: StoreSession,
    { key, versionId }: StoredEntry,
    isMigrating: boolean,
  ): Promise<Answer | undefined> {
    dependencies.onLookup();
    const ref = { key, versionId };
    try {
      if (isMigrating) return await send(session, ref, { method: 'HEAD', headers: {} });
      return await send(session, ref, { method: 'GET', headers: { range: `bytes=-${TRAILER_BYTES}` } });
    } catch (error) {
      if (!(error instanceof GatewayError)) throw error;
      if (GONE.has(error.code)) return undefined;
      if (error.code === 'AccessDeniedByStore' && versionId === undefined && !(await isListed(session, key))) {
        return undefined;
      }
      // Of an empty object no bytes can be requested.
      if (error.code === 'InvalidRange') return send(session, ref, { method: 'HEAD', headers: {} });
      throw error;
    }
  }

  return async (session, entries, admit) => {
    const sizes: (ListedSize | undefined)[] = entries.map(({ sizeBytes }) => ({ sizeBytes }));
    const unknown: number[] = [];
    for (const [at, { key, sizeBytes }] of entries.entries()) {
      const encryption = encryptionAt(session.bucket, key);
      if (encryption === 'off') continue;
      const regular = encryption === 'required' ? cipher.plainSize(sizeBytes) : undefined;
      if (regular === undefined) unknown.push(at);
      else sizes[at] = { sizeBytes: regular };
    }
    const isUnknown = (at: number): boolean => {
      const entry = entries[at];
      return entry !== undefined && !known.has(entryName(session, entry));
    };
    const lookups = unknown.filter(isUnknown).length;
    if (lookups > 0) await admit?.(lookups);
    await concurrently(unknown, CONCURRENT_LOOKUPS, async (at) => {
      const entry = entries[at];
      if (entry !== undefined) sizes[at] = await sizeOf(session, entry);
    });
    return sizes;
  };
}

const NOT_SERVED: ReadonlySet<string> = new Set(['IntegrityFailure', 'NotImplemented']);
const GONE: ReadonlySet<string> = new Set(['NoSuchKey', 'NoSuchVersion']);

/**
 * Whether a key is there still. AWS says of one that is gone that it is not allowed, to whoever may list below a prefix
 * only: then the listing itself tells. Where there is none to be had, the refusal stands.
 */
async function isListed(session: StoreSession, key: string): Promise<boolean> {
  const query: ListingQuery = {
    ...{ kind: OPERATIONS.ListObjectsV2.listing, prefix: key, delimiter: '', maxKeys: 1, urlEncoded: true, after: [] },
    ...{ startAfter: undefined, idMarker: undefined, continuation: undefined },
  };
  try {
    const response = await session.send({ method: 'GET', key: '', query: storeListingQuery(query), headers: {} });
    // Of all keys that begin so, it is the first.
    const { entries } = readShownPage(await readAnswer(response.body), query.kind.document, query);
    return entries.some((entry) => entry.key === key);
  } catch (error) {
    if (error instanceof GatewayError && error.code === 'AccessDeniedByStore') return true;
    throw error;
  }
}

function isSealed(entity: Entity): entity is Entity & SealedEntity {
  return entity.envelope !== undefined;
}

/** Stores write quotes around ETags in headers, and mostly in listings. */
function unquoted(etag: string): string {
  return etag.replace(/^"(.*)"$/, '$1');
}

/** No two entries share a name: the length of the ETag is said, and the object's name is the rest. */
function entryName(session: StoreSession, { key, versionId, etag, sizeBytes }: StoredEntry): string {
  const tag = unquoted(etag);
  return `${tag.length}/${tag}/${sizeBytes}/${nameOf(session, { key, versionId })}`;
}

function unusable(detail: string): GatewayError {
  return new GatewayError('ServiceUnavailable', { detail: `the store sent ${detail}` });
}
