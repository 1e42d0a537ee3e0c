/** The rules of a bucket that concern more than one key, and of all buckets together. */
import { checkLegacy } from '../legacy/checks.ts';
import { entries, text, type Loose, type Report } from '../loading/loose.ts';
import type { FileConfig } from '../schema.ts';
import { checkStoreEncryption } from '../stores/checks.ts';
import type { FileStore } from '../stores/schema.ts';
import { checkAddress } from './address-checks.ts';
import type { FileBucket } from './schema.ts';

/** Reports every value that a second entry repeats. */
const unique = (
  values: readonly (readonly [readonly string[], string | undefined])[],
  report: (path: readonly string[], first: string) => void,
): void => {
  const seen = new Map<string, string>();
  for (const [path, value] of values) {
    if (value === undefined) continue;
    const first = seen.get(value);
    if (first === undefined) seen.set(value, path[1] ?? '');
    else report(path, first);
  }
};

/** S3's longest key, in bytes. */
const MAX_PREFIX_BYTES = 1024;

const checkEncryption = (
  path: readonly string[],
  bucket: Loose<FileBucket>,
  hasKeyring: boolean,
  report: Report,
): void => {
  const checkMode = (at: readonly string[], mode: unknown): void => {
    if ((mode === 'required' || mode === 'migrating') && !hasKeyring) {
      report(at, 'needs a keyring; configure `keyring`, or set SALLYPORT_KEYRING_SEED_FILE');
    }
  };
  checkMode([...path, 'encryption'], bucket?.encryption);
  for (const [prefix, mode] of entries<unknown>(bucket?.prefixes)) {
    const at = [...path, 'prefixes', prefix];
    checkMode(at, mode);
    if (prefix === '') report(at, 'matches every key; use `encryption` instead');
    // No key starts with half a character, and none is longer.
    if (!prefix.isWellFormed() || Buffer.byteLength(prefix) > MAX_PREFIX_BYTES) {
      report(at, `is not a valid prefix; must be text of 1 to ${MAX_PREFIX_BYTES} bytes`);
    }
  }
};

const checkRole = (
  path: readonly string[],
  bucket: Loose<FileBucket>,
  store: Loose<FileStore>,
  report: Report,
): void => {
  if (!store) return;
  if (store.method === 'static') {
    if (bucket?.roleArn !== undefined) {
      report([...path, 'roleArn'], 'is never assumed: the store has `method: static`; remove it');
    }
  } else if (bucket?.roleArn === undefined && store.sts?.roleArn === undefined) {
    report([...path, 'roleArn'], "is missing; name a role here or in the store's `sts.roleArn`");
  }
};

/** Checks every bucket, and all of them together. */
export const checkBuckets = (
  config: NonNullable<Loose<Pick<FileConfig, 'buckets' | 'keyring' | 'stores'>>>,
  report: Report,
): void => {
  const stores = entries(config.stores);
  const buckets = entries(config.buckets);
  const storeOf = (bucket: Loose<FileBucket>): string | undefined =>
    text(bucket?.store) ?? (stores.length === 1 ? stores[0]?.[0] : undefined);
  for (const [name, bucket] of buckets) {
    const path = ['buckets', name];
    const storeName = storeOf(bucket);
    const store = stores.find(([candidate]) => candidate === storeName)?.[1];
    if (bucket?.store === undefined && stores.length > 1) {
      report([...path, 'store'], `is missing; must be one of ${stores.map(([known]) => known).join(', ')}`);
    }
    if (storeName !== undefined && !stores.some(([known]) => known === storeName)) {
      report(
        [...path, 'store'],
        `is not among the stores; must be one of ${stores.map(([known]) => known).join(', ')}`,
      );
    }
    checkRole(path, bucket, store, report);
    checkAddress(path, bucket, store, report);
    checkLegacy(path, bucket, report);
    checkEncryption(path, bucket, config.keyring !== undefined, report);
    checkStoreEncryption(path, bucket?.serverSideEncryption, report);
  }
  unique(
    buckets.map(([name, bucket]) => [['buckets', name, 'id'], text(bucket?.id) ?? name] as const),
    (path, first) =>
      report(path, `is also that of bucket ${first}; ids must differ, or keys could be moved between them`),
  );
  // Under two names, a stored bucket would have two sets of rules, and the laxer one would win.
  unique(
    buckets.map(([name, bucket]) => {
      const store = storeOf(bucket);
      return [['buckets', name, 'storeBucket'], store && `${store}/${text(bucket?.storeBucket) ?? name}`] as const;
    }),
    (path, first) => report(path, `is also that of bucket ${first}; a stored bucket may have one name only`),
  );
};
