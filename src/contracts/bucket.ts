import type { EncryptionRules } from '../s3/encryption.ts';

/** A bucket as configuration describes it: the client's name, and where and how its objects are kept. */
export interface Bucket extends EncryptionRules {
  /** The name that clients and policies use. */
  readonly name: string;
  /** The id that wrapped keys are bound to (default: the name). */
  readonly id: string;
  /** The store that holds it. */
  readonly store: Store;
  /** The bucket's name in that store (default: the name). */
  readonly storeBucket: string;
  /** The role to assume for accesses to this bucket; `static` where its store has no STS. */
  readonly roleArn: string;
}

export interface Store {
  /** Its name in configuration. */
  readonly name: string;
  /** Scheme, host and port of the S3 endpoint, such as `https://s3.eu-central-1.amazonaws.com`. Path-style. */
  readonly endpoint: string;
  readonly region: string;
}
