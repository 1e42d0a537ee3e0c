import type { EncryptionRules } from '../s3/encryption.ts';

/** A bucket as configuration describes it: the client's name, and where and how its objects are kept. */
export interface Bucket extends EncryptionRules, StoredBucket {
  /** The name that clients and policies use. */
  readonly name: string;
  /** The id that wrapped keys are bound to (default: the name). */
  readonly id: string;
  /** The role to assume for accesses to this bucket; `static` where its store has no STS. */
  readonly roleArn: string;
}

/** What a request to a store needs to know of a bucket. */
export interface StoredBucket {
  /** The store that holds it. */
  readonly store: Store;
  /** The bucket's name in that store (default: the name of the bucket). */
  readonly storeBucket: string;
  readonly style: AddressingStyle;
}

/** Where a request names the bucket: first in its path, or before the host of the endpoint. */
export type AddressingStyle = 'path' | 'virtual';

export interface Store {
  /** Its name in configuration. */
  readonly name: string;
  /** Scheme, host and port of the S3 endpoint, such as `https://s3.eu-central-1.amazonaws.com`. */
  readonly endpoint: string;
  readonly region: string;
}
