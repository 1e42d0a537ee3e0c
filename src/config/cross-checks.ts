/**
 * The rules that concern more than one key. They run over a file whose single keys may be wrong, so that a person sees
 * every mistake at once: a value of the wrong kind counts as absent here and is reported by the schema.
 */
import { isBucketName } from '../s3/bucket-name.ts';
import { isDirectoryBucketName } from '../s3/unsupported.ts';
import { checkAddress } from './address-checks.ts';
import { checkIssuers } from './issuer-checks.ts';
import { checkKeyring } from './keyring-checks.ts';
import { checkLegacy } from './legacy-checks.ts';
import { entries, text, type Loose, type Report } from './loose.ts';
import { checkRevocation } from './revocation-checks.ts';
import { schema, type FileConfig } from './schema.ts';
import { isEntryName, isLoopback, parseAddress } from './shapes.ts';
import { checkStore, checkStoreEncryption } from './store-checks.ts';
import { checkWebIdentity } from './web-identity-checks.ts';

export type LooseConfig = Loose<FileConfig>;
type Entry<K extends 'issuers' | 'buckets'> = Loose<FileConfig[K][string]>;

const checkListen = (listen: Loose<FileConfig['listen']>, report: Report): void => {
  const socket = text(listen?.socket);
  const address = text(listen?.address);
  const host = parseAddress(address ?? '')?.host;
  if ((listen?.socket === undefined) === (listen?.address === undefined)) {
    report(['listen'], 'needs exactly one of `socket` (the edge is on this machine) and `address` (it is elsewhere)');
  }
  // sun_path holds 108 bytes with its terminator; a longer path would be cut without a word.
  if (socket !== undefined && Buffer.byteLength(socket) > 107) {
    report(['listen', 'socket'], 'is longer than the 107 bytes that the system allows; choose a shorter path');
  }
  if (listen?.tls) {
    for (const part of ['certFile', 'keyFile', 'clientCaFile'] as const) {
      if (listen.tls[part] === undefined) {
        report(['listen', 'tls', part], 'is missing; mutual TLS needs certFile, keyFile and clientCaFile');
      }
    }
    if (socket !== undefined) report(['listen', 'tls'], 'belongs to `listen.address`; remove it, or the socket');
  }
  const plaintext = listen?.allowPlaintextLoopback === true;
  if (host !== undefined && listen?.tls === undefined && !(plaintext && isLoopback(host))) {
    report(
      ['listen', 'address'],
      isLoopback(host)
        ? 'is plain TCP; set `listen.tls`, use `listen.socket`, or set `allowPlaintextLoopback: true`'
        : 'is plain TCP; set `listen.tls` (certFile, keyFile, clientCaFile)',
    );
  }
  if (plaintext && (host === undefined || !isLoopback(host) || listen.tls !== undefined)) {
    report(['listen', 'allowPlaintextLoopback'], 'is only for a loopback `listen.address` without TLS; remove it');
  }
};

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
  bucket: Entry<'buckets'>,
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
  bucket: Entry<'buckets'>,
  store: Loose<FileConfig['stores'][string]>,
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
export const checkBuckets = (config: NonNullable<LooseConfig>, report: Report): void => {
  const stores = entries(config.stores);
  const buckets = entries(config.buckets);
  const storeOf = (bucket: Entry<'buckets'>): string | undefined =>
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

const checkSessions = (sessions: Loose<FileConfig['sessions']>, report: Report): void => {
  if (!sessions) return;
  const { current, previous } = sessions.keys ?? {};
  if (previous && text(previous.id) !== undefined && previous.id === current?.id) {
    report(
      ['sessions', 'keys', 'previous', 'id'],
      'is also that of the current key; every key needs a name of its own',
    );
  }
  if (previous && text(previous.keyFile) !== undefined && previous.keyFile === current?.keyFile) {
    report(['sessions', 'keys', 'previous', 'keyFile'], 'is also that of the current key; remove `previous`');
  }
  const { minSeconds: min = 900, defaultSeconds: usual = 3600, maxSeconds: max = 43_200 } = sessions;
  if (typeof usual === 'number' && typeof min === 'number' && usual < min) {
    report(['sessions', 'defaultSeconds'], 'must not be less than minSeconds');
  }
  if (typeof usual === 'number' && typeof max === 'number' && usual > max) {
    report(['sessions', 'defaultSeconds'], 'must not be more than maxSeconds');
  }
};

/** Checks the names that the operator chose, and that there are some. */
export const checkNames = (config: NonNullable<LooseConfig>, report: Report): void => {
  for (const kind of ['issuers', 'stores', 'buckets'] as const) {
    if (config[kind] !== undefined && entries<unknown>(config[kind]).length === 0)
      report([kind], 'is empty; name at least one');
    for (const [name] of entries<unknown>(config[kind])) {
      if (kind === 'buckets' && isDirectoryBucketName(name)) {
        report([kind, name], 'is the name of a directory bucket (`--x-s3`), which are not supported');
      }
      if (kind === 'buckets' ? isBucketName(name) : isEntryName(name)) continue;
      report(
        [kind, name],
        kind === 'buckets' ? 'is not the name of a bucket' : 'must be named with a-z, 0-9 and inner hyphens',
      );
    }
  }
};

const crossCheck = (value: unknown, report: Report): void => {
  if (typeof value !== 'object' || value === null) return;
  const config = value as NonNullable<LooseConfig>;
  checkListen(config.listen, report);
  if (config.sidecar !== undefined) report(['sidecar'], 'is for `sallyport sidecar` only; remove it');
  checkNames(config, report);
  checkIssuers(config.issuers, report);
  for (const [name, store] of entries(config.stores)) checkStore(['stores', name], store, config.issuers, report);
  checkWebIdentity(config, report);
  checkBuckets(config, report);
  checkKeyring(config.keyring, report);
  checkSessions(config.sessions, report);
  checkRevocation(config.revocation, report);
};

/** One configuration file with all its rules. Those across keys run even where single keys are wrong. */
export const checkedSchema = schema.superRefine(
  (config, context) => {
    crossCheck(config, (path, message) => {
      context.addIssue({ code: 'custom', path: [...path], message, params: { across: true } });
    });
  },
  { when: () => true },
);
