/**
 * Can the configured buckets be used? Enters: a configuration. Leaves: one line for each that cannot, and one for each of
 * which it cannot be said. Every bucket costs one session of its store and one HEAD; nothing is read or written.
 */
import type { FoundationConfig } from '../config/config.ts';
import { createFoundation } from './stores-and-keys.ts';
import { UNOBSERVED } from './silent-observer.ts';

export interface BucketFindings {
  readonly wrong: readonly string[];
  readonly untold: readonly string[];
}

/** Asks all of them, a few at once; each question ends within `timeouts.stsMs` and `timeouts.upstreamHeadersMs`. */
export async function checkBuckets(config: FoundationConfig): Promise<BucketFindings> {
  const foundation = createFoundation(config, { clock: { now: Date.now }, observer: UNOBSERVED, isOneCaller: true });
  const { buckets, bucketProbe } = foundation;
  const wrong: string[] = [];
  const untold: string[] = [];
  const next = buckets.values();
  const worker = async (): Promise<void> => {
    // Each takes of the same iterator.
    for (const bucket of next) {
      if (!bucketProbe.canAsk(bucket)) {
        untold.push(`bucket ${bucket.name} in store ${bucket.store.name}: only callers can ask this store`);
        continue;
      }
      const { state, detail = '' } = await bucketProbe.ask(bucket);
      if (state !== 'ok') (state === 'degraded' ? wrong : untold).push(detail);
    }
  };
  try {
    await Promise.all(Array.from({ length: AT_ONCE }, worker));
  } finally {
    await foundation.close(0);
  }
  return { wrong: wrong.toSorted(), untold: untold.toSorted() };
}

const AT_ONCE = 8;
