/**
 * Can the configured buckets be used? Enters: a configuration. Leaves: a finding for each. Every bucket costs one session of its store and one HEAD; nothing is read or written.
 */
import type { StoreAccessConfig } from '../config/config.ts';
import { createStoreAccess } from './store-access.ts';
import type { Finding } from './finding.ts';
import { UNOBSERVED } from './silent-observer.ts';

/** Asks all of them, a few at once; each question ends within `timeouts.stsMs` and `timeouts.upstreamHeadersMs`. */
export async function checkBuckets(config: StoreAccessConfig): Promise<readonly Finding[]> {
  const storeAccess = createStoreAccess(config, { clock: { now: Date.now }, observer: UNOBSERVED, isOneCaller: true });
  const { buckets, bucketProbe } = storeAccess;
  const findings: Finding[] = [];
  const next = buckets.values();
  const worker = async (): Promise<void> => {
    // Each takes of the same iterator.
    for (const bucket of next) {
      const name = `bucket:${bucket.name}`;
      if (!bucketProbe.canProbe(bucket)) {
        const detail = `bucket ${bucket.name} in store ${bucket.store.name}: only callers can ask this store`;
        findings.push({ name, state: 'unclear', detail });
        continue;
      }
      const { state, detail = '' } = await bucketProbe.probe(bucket);
      if (state === 'ok') findings.push({ name, state });
      else findings.push({ name, state: state === 'degraded' ? 'wrong' : 'unclear', detail });
    }
  };
  try {
    await Promise.all(Array.from({ length: AT_ONCE }, worker));
  } finally {
    await storeAccess.close(0);
  }
  return findings.toSorted((a, b) => (a.name < b.name ? -1 : 1));
}

const AT_ONCE = 8;
