import type { Bucket } from './bucket.ts';
import type { StoreSession } from './store-session.ts';

/** What stores know of buckets, remembered for a short while: whoever is told of it has been decided on before. */
export interface BucketFacts {
  /**
   * Whether the store has the bucket; `undefined`: it does not say. `open` gives a session that may list the bucket.
   * @throws GatewayError SlowDown, ServiceUnavailable, what `open` throws
   */
  readonly exists: (bucket: Bucket, open: () => Promise<StoreSession>) => Promise<boolean | undefined>;
  /**
   * When the buckets of a store were made, by their names there, RFC 3339. Empty where the store does not say, or not in
   * time. `open` gives a session that may list the store's buckets. Never rejects.
   */
  readonly created: (storeName: string, open: () => Promise<StoreSession>) => Promise<ReadonlyMap<string, string>>;
  /**
   * Whether the bucket has an object lock configuration; `undefined`: the store does not say. `open` gives a session that
   * may read it. @throws as `exists`
   */
  readonly keepsLocks: (bucket: Bucket, open: () => Promise<StoreSession>) => Promise<boolean | undefined>;
  /** Of a bucket that was just made or deleted nothing is known. */
  readonly forget: (bucket: Bucket) => void;
}
