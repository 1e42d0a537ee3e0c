import type { Bucket } from './bucket.ts';

/** Told how requests in buckets go, so that what is said of a bucket is as fresh as its last request. Cheap; never throws. */
export interface BucketWitness {
  readonly succeeded: (bucket: Bucket) => void;
  readonly failed: (bucket: Bucket, error: unknown) => void;
}
