/**
 * What was verified of callers, by the digest of what they showed. Bounded by bytes, since who is in hundreds of groups takes
 * a hundred times the memory of who is in three; by entries; and by time: what is over is gone, whether or not somebody asks
 * for it again. It never holds what was shown.
 */
import { LRUCache } from 'lru-cache';
import type { Clock } from '../contracts/clock.ts';
import type { Principal } from '../contracts/principal.ts';

export interface IdentityCacheOptions {
  readonly clock: Clock;
  /** Default 10,000. */
  readonly maxEntries?: number | undefined;
  /** Default 64 MiB: of identities in 300 groups named by UUIDs, 3,000. */
  readonly maxBytes?: number | undefined;
}

export interface IdentityCache<Entry> {
  readonly get: (digest: string) => Entry | undefined;
  /** Keeps an entry until then at the longest. */
  readonly set: (digest: string, entry: Entry, endMs: number) => void;
  readonly delete: (digest: string) => void;
  /** Of all entries, roughly. */
  readonly sizeBytes: () => number;
}

const MAX_ENTRIES = 10_000;
const MAX_BYTES = 64 * 1024 * 1024;
/** Between two looks for what is over, which take a millisecond. */
const PRUNE_MS = 60_000;
/** The entry itself, its digest, and what hangs on the identity elsewhere. */
const BYTES_PER_ENTRY = 1024;
/** A text without its characters, with the place that refers to it. */
const BYTES_PER_TEXT = 32;

/** Makes an empty cache. */
export function createIdentityCache<Entry extends { readonly principal: Principal }>({
  clock,
  maxEntries = MAX_ENTRIES,
  maxBytes = MAX_BYTES,
}: IdentityCacheOptions): IdentityCache<Entry> {
  const kept = new LRUCache<string, Entry>({
    max: maxEntries,
    maxSize: maxBytes,
    sizeCalculation: ({ principal }) => identityBytes(principal),
    perf: clock,
    ttlResolution: 0,
  });
  let sweptAtMs = clock.now();
  return {
    get: (digest) => kept.get(digest),
    set: (digest, entry, endMs) => {
      const nowMs = clock.now();
      if (nowMs - sweptAtMs >= PRUNE_MS) {
        sweptAtMs = nowMs;
        kept.purgeStale();
      }
      const ttl = Math.floor(endMs - nowMs);
      if (ttl > 0) kept.set(digest, entry, { ttl });
      else kept.delete(digest);
    },
    delete: (digest) => kept.delete(digest),
    sizeBytes: () => kept.calculatedSize,
  };
}

/** What an identity takes in memory, roughly. */
function identityBytes({ issuer, subject, groups, claims, actor }: Principal): number {
  const values = Object.values(claims).flatMap((value) => (typeof value === 'number' ? [] : value));
  const texts = [issuer, subject, actor?.subject ?? '', ...groups, ...Object.keys(claims), ...values.map(String)];
  return texts.reduce((sum, text) => sum + BYTES_PER_TEXT + Buffer.byteLength(text), BYTES_PER_ENTRY);
}
