/**
 * Can the configured buckets be used? Enters: a configuration. Leaves: one line for each that cannot, and one for each of
 * which it cannot be said. Every bucket costs one session of its store and one HEAD; nothing is read or written.
 */
import type { StoreAccessConfig } from '../config/config.ts';
import { createStoreAccess } from './store-access.ts';
import { UNOBSERVED } from './silent-observer.ts';

export interface BucketFindings {
  readonly wrong: readonly string[];
  readonly inconclusive: readonly string[];
}

/** Asks all of them, a few at once; each question ends within `timeouts.stsMs` and `timeouts.upstreamHeadersMs`. */
export async function checkBuckets(config: StoreAccessConfig): Promise<BucketFindings> {
  const storeAccess = createStoreAccess(config, { clock: { now: Date.now }, observer: UNOBSERVED, isOneCaller: true });
  const { buckets, bucketProbe } = storeAccess;
  const wrong: string[] = [];
  const inconclusive: string[] = [];
  const next = buckets.values();
  const worker = async (): Promise<void> => {
    // Each takes of the same iterator.
    for (const bucket of next) {
      if (!bucketProbe.canProbe(bucket)) {
        inconclusive.push(`bucket ${bucket.name} in store ${bucket.store.name}: only callers can ask this store`);
        continue;
      }
      const { state, detail = '' } = await bucketProbe.probe(bucket);
      if (state !== 'ok') (state === 'degraded' ? wrong : inconclusive).push(detail);
    }
  };
  try {
    await Promise.all(Array.from({ length: AT_ONCE }, worker));
  } finally {
    await storeAccess.close(0);
  }
  return { wrong: wrong.toSorted(), inconclusive: inconclusive.toSorted() };
}

const AT_ONCE = 8;
