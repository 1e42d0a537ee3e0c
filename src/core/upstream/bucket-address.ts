import type { StoredBucket } from '../../contracts/bucket.ts';

export interface BucketAddress {
  /** Scheme, host and port to connect to. */
  readonly origin: string;
  /** Host, with the port where it is not the usual one. */
  readonly host: string;
  /** The path of the bucket itself; empty where the host names it. */
  readonly path: string;
}

/**
 * Says where requests to a bucket go, by its style.
 * @see Amazon S3 User Guide, "Virtual hosting of buckets"
 */
export function addressOf({ store, storeBucket, style }: StoredBucket): BucketAddress {
  const { protocol, host } = new URL(store.endpoint);
  if (style === 'path') return { origin: `${protocol}//${host}`, host, path: `/${storeBucket}` };
  const bucketHost = `${storeBucket}.${host}`;
  return { origin: `${protocol}//${bucketHost}`, host: bucketHost, path: '' };
}
