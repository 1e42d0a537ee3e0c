import type { StoreEncryption } from '../s3/request/encryption-headers.ts';
import type { EncryptionRules } from '../s3/encryption.ts';

/** A bucket as configuration describes it: the client's name, and where and how its objects are kept. */
export interface Bucket extends EncryptionRules, StoredBucket {
  /** The name that clients and policies use. */
  readonly name: string;
  /** The id that wrapped keys are bound to (default: the name). */
  readonly id: string;
  /** The role to assume for accesses to this bucket; `static` where its store has no STS. */
  readonly roleArn: string;
  /** Id of the account that owns it, for requests that expect one; absent: not known. */
  readonly account?: string | undefined;
}

/** What a request to a store needs to know of a bucket. */
export interface StoredBucket {
  /** The store that holds it. */
  readonly store: Store;
  /** The bucket's name in that store (default: the name of the bucket). */
  readonly storeBucket: string;
  readonly style: AddressingStyle;
  /** What the store is asked to encrypt new objects with, where a request does not say; undefined: nothing. */
  readonly storeEncryption?: StoreEncryption | undefined;
}

/** Where a request names the bucket: first in its path, or before the host of the endpoint. */
export const ADDRESSING_STYLES = ['path', 'virtual'] as const;
export type AddressingStyle = (typeof ADDRESSING_STYLES)[number];

/** Which checksums a store can keep. */
export const STORE_CHECKSUMS = ['all', 'headers'] as const;

/** Which writes a store can do as all their headers say. */
export const STORE_WRITES = ['all', 'puts'] as const;

export interface Store {
  /** Its name in configuration. */
  readonly name: string;
  /** Scheme, host and port of the S3 endpoint, such as `https://s3.eu-central-1.amazonaws.com`. */
  readonly endpoint: string;
  readonly region: string;
  /** Which checksums it keeps: `all` as S3 does, `headers` (the default) those in the head of a PutObject at most. */
  readonly checksums?: (typeof STORE_CHECKSUMS)[number];
  /** Which writes it does as all their headers say: `puts` (the default) PutObject alone, `all` copies and uploads too. */
  readonly writes?: (typeof STORE_WRITES)[number];
  /** Whether it deletes on condition that the object is still the one with an ETag. */
  readonly conditionalDeletes?: boolean;
  /** Whether its IAM is AWS's own: then a refusal is one, and no way of saying that something is not known. */
  readonly isAws?: boolean;
}
