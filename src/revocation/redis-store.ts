/**
 * The list as a hash of Redis, id -> line, beside a counter that every write moves. Readers ask for the counter, and for
 * the list where it moved, where the connection is a new one, and now and again whatever it says: no message can be
 * missed because none is sent. What is not exactly a list is refused as a whole.
 */
import { WatchError } from '@redis/client';
import type { Clock } from '../contracts/clock.ts';
import type { Observer } from '../contracts/observer.ts';
import { MAX_ENTRIES, MAX_LINE_BYTES, readEntry, type Entry } from './entry.ts';
import type { RedisClient, RedisConnection } from './redis-connection.ts';
import { changed, lineOf, RevocationStoreError, tooMany, type RevocationStore } from './revocation-store.ts';

export interface RedisStoreOptions {
  readonly connection: RedisConnection;
  /** Stands before the two keys; with a hash tag in it they can be kept by a cluster. */
  readonly keyPrefix: string;
  readonly clock: Clock;
  readonly observer: Observer;
}

const PAGE = 1000;
const MAX_PAGES = (4 * MAX_ENTRIES) / PAGE;
const MAX_BYTES = 64 * 1_048_576;
/** Somebody may have changed the hash by hand, and left the counter alone. */
const READ_ANYWAY_MS = 30_000;
const MAX_ATTEMPTS = 10;

/** Makes the store over a connection, which it closes with itself. */
export function createRedisStore({ connection, keyPrefix, clock, observer }: RedisStoreOptions): RevocationStore {
  const listKey = `${keyPrefix}revocations`;
  const counterKey = `${keyPrefix}revocations:version`;
  let last = { counter: '', generation: -1, atMs: -Infinity };

  const read: RevocationStore['read'] = () =>
    counted(async () => {
      const client = connection.client();
      const generation = connection.generation();
      const atMs = clock.now();
      const counter = textOrNone(await client.get(counterKey));
      const isSame = counter === last.counter && generation === last.generation;
      if (isSame && Math.abs(atMs - last.atMs) < READ_ANYWAY_MS) return undefined;
      const entries = await readAll(client, listKey);
      // Asked for before the list: what came in between moved it, and is read the next time.
      last = { counter, generation, atMs };
      return entries;
    });

  const update: RevocationStore['update'] = (change) =>
    counted(async () => {
      const client = connection.client();
      for (let attempt = 0; attempt < MAX_ATTEMPTS; attempt += 1) {
        await client.watch([listKey, counterKey]);
        const kept = await readAll(client, listKey);
        const changes = change(kept);
        if (changes.length === 0) {
          await client.unwatch();
          return;
        }
        if (await write(client, kept, changed(kept, changes, clock.now()))) return;
      }
      throw new RevocationStoreError('others write revocations without a pause; try again');
    });

  /** Tells whether nobody else wrote meanwhile. */
  const write = async (
    client: RedisClient,
    kept: ReadonlyMap<string, Entry>,
    wanted: ReadonlyMap<string, Entry>,
  ): Promise<boolean> => {
    const fresh = [...wanted.values()].filter((entry) => kept.get(entry.id) !== entry);
    const over = [...kept.keys()].filter((id) => !wanted.has(id));
    const multi = client.multi();
    if (fresh.length > 0) multi.hSet(listKey, Object.fromEntries(fresh.map((entry) => [entry.id, lineOf(entry)])));
    if (over.length > 0) multi.hDel(listKey, over);
    multi.incr(counterKey);
    try {
      await multi.exec();
      return true;
    } catch (error) {
      if (error instanceof WatchError) return false;
      throw error;
    }
  };

  const counted = async <T>(work: () => Promise<T>): Promise<T> => {
    const startedMs = performance.now();
    try {
      const result = await work();
      observer.call('redis', 'ok', performance.now() - startedMs);
      return result;
    } catch (error) {
      observer.call('redis', 'error', performance.now() - startedMs);
      if (error instanceof RevocationStoreError) throw error;
      throw new RevocationStoreError('Redis does not answer as it should', { cause: error });
    }
  };

  return {
    read,
    update,
    isRestorable: true,
    close: () => {
      connection.close();
      return Promise.resolve();
    },
  };
}

async function readAll(client: RedisClient, listKey: string): Promise<Map<string, Entry>> {
  const entries = new Map<string, Entry>();
  let cursor = '0';
  let bytes = 0;
  for (let page = 0; page < MAX_PAGES; page += 1) {
    const answer = await client.hScan(listKey, cursor, { COUNT: PAGE });
    for (const { field, value } of answer.entries) {
      const line = textOrNone(value);
      bytes += Buffer.byteLength(line);
      if (bytes > MAX_BYTES || line.length > MAX_LINE_BYTES) throw tooMany();
      const entry = readEntry(line);
      if (entry === undefined || entry.id !== field) {
        throw new RevocationStoreError('an entry of the list of revocations in Redis is not one');
      }
      entries.set(entry.id, entry);
      if (entries.size > MAX_ENTRIES) throw tooMany();
    }
    cursor = textOrNone(answer.cursor);
    if (cursor === '0') return entries;
  }
  throw new RevocationStoreError('the list of revocations in Redis has no end');
}

/** Redis may be anything that listens there. */
function textOrNone(value: unknown): string {
  if (value === null) return '';
  if (typeof value === 'string') return value;
  throw new RevocationStoreError('Redis answered with something that is no text');
}
