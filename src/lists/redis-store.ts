/**
 * A list as a hash of Redis, id -> line, beside a counter that every write moves. Readers ask for the counter, and for
 * the list where it moved, where the connection is a new one, and now and again whatever it says: no message can be
 * missed because none is sent. What is not exactly a list is refused as a whole.
 */
import { WatchError } from '@redis/client';
import type { Clock } from '../contracts/clock.ts';
import type { Observer } from '../contracts/observer.ts';
import type { RedisClient, RedisConnection } from './redis-connection.ts';
import {
  changed,
  lineOf,
  ListStoreError,
  tooMany,
  type Listed,
  type ListFormat,
  type ListStore,
} from './list-store.ts';

export interface RedisStoreOptions<Entry extends Listed> {
  readonly format: ListFormat<Entry>;
  readonly connection: RedisConnection;
  /** Stands before the two keys; with a hash tag in it they can be kept by a cluster. */
  readonly keyPrefix: string;
  readonly clock: Clock;
  readonly observer: Observer;
}

const PAGE = 1000;
/** Somebody may have changed the hash by hand, and left the counter alone. */
const READ_ANYWAY_MS = 30_000;
const MAX_ATTEMPTS = 10;

/** Makes the store over a connection, which it closes with itself. */
export function createRedisStore<Entry extends Listed>(options: RedisStoreOptions<Entry>): ListStore<Entry> {
  const { format, connection, keyPrefix, clock, observer } = options;
  const listKey = `${keyPrefix}${format.name}`;
  const counterKey = `${listKey}:version`;
  let last = { counter: '', generation: -1, atMs: -Infinity };

  const read: ListStore<Entry>['read'] = () =>
    counted(async () => {
      const client = connection.client();
      const generation = connection.generation();
      const atMs = clock.now();
      const counter = textOrNone(await client.get(counterKey));
      const isSame = counter === last.counter && generation === last.generation;
      if (isSame && Math.abs(atMs - last.atMs) < READ_ANYWAY_MS) return undefined;
      const entries = await readAll(client, listKey, format);
      // Asked for before the list: what came in between moved it, and is read the next time.
      last = { counter, generation, atMs };
      return entries;
    });

  const update: ListStore<Entry>['update'] = (change) =>
    counted(async () => {
      const client = connection.client();
      for (let attempt = 0; attempt < MAX_ATTEMPTS; attempt += 1) {
        await client.watch([listKey, counterKey]);
        const kept = await readAll(client, listKey, format);
        const changes = change(kept);
        if (changes.length === 0) {
          await client.unwatch();
          return;
        }
        if (await write(client, kept, changed(format, kept, changes, clock.now()))) return;
      }
      throw new ListStoreError(`others write ${format.name} without a pause; try again`);
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
    if (fresh.length > 0)
      multi.hSet(listKey, Object.fromEntries(fresh.map((entry) => [entry.id, lineOf(format, entry)])));
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
      if (error instanceof ListStoreError) throw error;
      throw new ListStoreError('Redis does not answer as it should', { cause: error });
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

async function readAll<Entry extends Listed>(
  client: RedisClient,
  listKey: string,
  format: ListFormat<Entry>,
): Promise<Map<string, Entry>> {
  const { name, maxEntries, maxLineBytes, maxBytes } = format;
  const maxPages = Math.ceil((4 * maxEntries) / PAGE);
  const entries = new Map<string, Entry>();
  let cursor = '0';
  let bytes = 0;
  for (let page = 0; page < maxPages; page += 1) {
    const answer = await client.hScan(listKey, cursor, { COUNT: PAGE });
    for (const { field, value } of answer.entries) {
      const line = textOrNone(value);
      bytes += Buffer.byteLength(line);
      if (bytes > maxBytes || line.length > maxLineBytes) throw tooMany(format);
      const entry = format.read(line);
      if (entry === undefined || entry.id !== field) {
        throw new ListStoreError(`an entry of the list of ${name} in Redis is not one`);
      }
      entries.set(entry.id, entry);
      if (entries.size > maxEntries) throw tooMany(format);
    }
    cursor = textOrNone(answer.cursor);
    if (cursor === '0') return entries;
  }
  throw new ListStoreError(`the list of ${name} in Redis has no end`);
}

/** Redis may be anything that listens there. */
function textOrNone(value: unknown): string {
  if (value === null) return '';
  if (typeof value === 'string') return value;
  throw new ListStoreError('Redis answered with something that is no text');
}
