/** The reader of other gateways' objects, made of a configuration: where it meets the room that reads them. */
import type { StoreAccessConfig } from '../config/config.ts';
import type { LegacyObjects } from '../contracts/legacy-objects.ts';
import type { Observer } from '../contracts/observer.ts';
import { createLegacyObjects, type LegacyBucket } from '../core/legacy/legacy-objects.ts';

/** Builds it; what operators should know of their configuration is warned of. */
export function legacyOf({ legacy, limits }: StoreAccessConfig, observer: Pick<Observer, 'event'>): LegacyObjects {
  const buckets = new Map<string, LegacyBucket>();
  for (const [name, { metadataName, kekVersionName, seed, acceptZeroKek }] of legacy) {
    buckets.set(name, {
      metadataName,
      acceptZeroKek,
      ...(kekVersionName === undefined ? {} : { kekVersionName }),
      ...(seed === undefined ? {} : { seed: seed.revealBytes() }),
    });
  }
  return createLegacyObjects({ maxStoredBytes: limits.legacyObjectBytes, buckets, observer });
}
