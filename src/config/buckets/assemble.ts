/** A checked entry of `buckets` and what its store says of it, as one bucket. */
import type { Bucket } from '../../contracts/bucket.ts';
import type { StoreEncryption } from '../../s3/request/encryption-headers.ts';
import { promised } from '../loading/promised.ts';
import type { FileStore } from '../stores/schema.ts';
import type { FileBucket } from './schema.ts';

/** A bucket, with the name of the store that holds it. */
export interface BucketConfig extends Omit<Bucket, 'store'> {
  readonly storeName: string;
}

const assembleStoreEncryption = (configured: FileStore['serverSideEncryption']): StoreEncryption | undefined => {
  if (configured === undefined || configured.algorithm === 'none') return undefined;
  return { algorithm: configured.algorithm, kmsKeyId: configured.kmsKeyId };
};

/** Puts one bucket together. */
export const assembleBucket = (
  name: string,
  config: {
    readonly stores: Readonly<Record<string, FileStore>>;
    readonly buckets: Readonly<Record<string, FileBucket>>;
  },
): BucketConfig => {
  const bucket = promised(config.buckets[name]);
  const storeName = bucket.store ?? promised(Object.keys(config.stores)[0]);
  const store = promised(config.stores[storeName]);
  return {
    name,
    id: bucket.id ?? name,
    account: bucket.account,
    storeName,
    storeBucket: bucket.storeBucket ?? name,
    style: bucket.style ?? store.style,
    storeEncryption: assembleStoreEncryption(bucket.serverSideEncryption ?? store.serverSideEncryption),
    roleArn: store.method === 'static' ? 'static' : (bucket.roleArn ?? promised(store.sts.roleArn)),
    encryption: bucket.encryption,
    prefixes: Object.entries(bucket.prefixes)
      .map(([prefix, encryption]) => ({ prefix, encryption }))
      .sort((one, other) => other.prefix.length - one.prefix.length),
  };
};
