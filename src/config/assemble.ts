/**
 * A checked file and the files that it names, as the configuration that the program uses. Nothing can be wrong any more
 * here: what the checks promise and do not keep is a defect, and throws.
 */
import { resolve } from 'node:path';
import type { StoreEncryption } from '../s3/encryption-headers.ts';
import { assembleCredentials, type CredentialFiles } from './assemble-credentials.ts';
import { assembleIssuer } from './assemble-issuer.ts';
import { assembleKeyring } from './assemble-keyring.ts';
import { assembleRevocation } from './assemble-revocation.ts';
import { isAwsEndpoint } from '../s3/aws-endpoint.ts';
import { awsEndpoint } from './aws.ts';
import type {
  BucketConfig,
  Config,
  FoundationConfig,
  IssuerConfig,
  LegacyConfig,
  ListenConfig,
  StoreConfig,
} from './config.ts';
import { pathKey } from './environment.ts';
import { promised } from './promised.ts';
import type { Files } from './read-files.ts';
import type { FileConfig } from './schema.ts';
import { parseAddress, parseSocketMode } from './shapes.ts';

const assembleListen = (listen: FileConfig['listen'], files: Files, directory: string): ListenConfig => {
  if (listen.socket !== undefined) {
    return {
      kind: 'socket',
      path: resolve(directory, listen.socket),
      mode: promised(parseSocketMode(listen.socketMode)),
    };
  }
  const file = (name: string) => promised(files.get(pathKey(['listen', 'tls', name])));
  const tls = listen.tls && {
    certificate: file('certFile').reveal(),
    key: file('keyFile'),
    clientCa: file('clientCaFile').reveal(),
  };
  return { kind: 'tcp', ...promised(parseAddress(promised(listen.address))), tls };
};

/** Ceph RGW 16 to 18 refuses a policy that names one of these. */
export const UNKNOWN_TO_CEPH: readonly string[] = [
  's3:GetObjectAttributes',
  's3:GetObjectVersionAttributes',
  's3:GetEncryptionConfiguration',
  's3:GetBucketOwnershipControls',
];

const assembleStore = (name: string, store: FileConfig['stores'][string], named: CredentialFiles): StoreConfig => {
  const file = (...path: readonly string[]) => named.files.get(pathKey(['stores', name, ...path]));
  const region = promised(store.region);
  const endpoint = new URL(store.endpoint ?? promised(awsEndpoint('s3', region))).origin;
  const isAws = isAwsEndpoint(endpoint);
  const iamEscapes = store.sts.iamEscapes ?? isAws;
  const stsRegion = store.sts.region ?? region;
  const stsEndpoint = store.sts.endpoint ?? (isAws ? awsEndpoint('sts', stsRegion) : undefined) ?? endpoint;
  return {
    ...{ name, endpoint, region },
    checksums: store.checksums ?? (isAws ? 'all' : 'headers'),
    tls: { ca: file('tls', 'caFile')?.reveal(), serverName: store.tls.serverName, minVersion: store.tls.minVersion },
    writes: store.writes ?? (isAws ? 'all' : 'puts'),
    conditionalDeletes: store.conditionalDeletes ?? isAws,
    method: store.method,
    credentials: store.credentials && assembleCredentials(['stores', name, 'credentials'], store.credentials, named),
    sts: {
      endpoint: new URL(stsEndpoint).origin,
      region: stsRegion,
      audiences: store.sts.audiences,
      externalId: store.sts.externalId,
      sourceIdentity: store.sts.sourceIdentity,
      sessionSeconds: store.sts.sessionSeconds,
      sessionTags: store.sts.sessionTags,
      transitiveTags: store.sts.transitiveTags,
      iamEscapes,
      unknownActions: store.sts.unknownActions ?? (iamEscapes ? [] : UNKNOWN_TO_CEPH),
    },
  };
};

const assembleStoreEncryption = (
  asked: FileConfig['stores'][string]['serverSideEncryption'],
): StoreEncryption | undefined => {
  if (asked === undefined || asked.algorithm === 'none') return undefined;
  return { algorithm: asked.algorithm, kmsKeyId: asked.kmsKeyId };
};

const assembleBucket = (name: string, config: Pick<FileConfig, 'stores' | 'buckets'>): BucketConfig => {
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

const assembleLegacy = (buckets: FileConfig['buckets'], files: Files): Config['legacy'] => {
  const configured = new Map<string, LegacyConfig>();
  for (const [name, { legacy }] of Object.entries(buckets)) {
    if (legacy === undefined) continue;
    const { metadataName, kekVersionName, acceptZeroKek } = legacy;
    const seed = files.get(pathKey(['buckets', name, 'legacy', 'seedFile']));
    configured.set(name, { metadataName, kekVersionName, acceptZeroKek, seed });
  }
  return configured;
};

const assembleSessions = (sessions: FileConfig['sessions'], files: Files): Config['sessions'] => {
  if (sessions === undefined) return undefined;
  const { keys, ...rest } = sessions;
  const withKey = (name: 'current' | 'previous', id: string) => ({
    id,
    key: promised(files.get(pathKey(['sessions', 'keys', name, 'keyFile']))),
  });
  return {
    ...rest,
    keys: {
      current: withKey('current', keys.current.id),
      previous: keys.previous && withKey('previous', keys.previous.id),
    },
  };
};

/** What clients sign for that were told no region. */
const USUAL_REGION = 'us-east-1';

/** Of the issuers, whose URLs a header names. */
const MAX_TOLD_ISSUERS = 8;

const assembleEndpoint = ({ endpoint, stores }: FileConfig, issuers: readonly IssuerConfig[]): Config['endpoint'] => ({
  publicHosts: endpoint.publicHosts,
  requireSignedContentHeaders: endpoint.requireSignedContentHeaders,
  tokensFrom:
    endpoint.tokenHelp ??
    issuers
      .slice(0, MAX_TOLD_ISSUERS)
      .map(({ issuer }) => issuer)
      .join(' '),
  regions: endpoint.regions ?? [
    ...new Set([...Object.values(stores).map(({ region }) => promised(region)), USUAL_REGION]),
  ],
});

/** Puts together what a gateway and a sidecar have alike. */
export const assembleFoundation = (
  config: Pick<FileConfig, 'stores' | 'buckets' | 'keyring' | 'limits' | 'timeouts'>,
  named: CredentialFiles,
): FoundationConfig => ({
  stores: Object.entries(config.stores).map(([name, store]) => assembleStore(name, store, named)),
  buckets: Object.keys(config.buckets).map((name) => assembleBucket(name, config)),
  legacy: assembleLegacy(config.buckets, named.files),
  keyring: assembleKeyring(config.keyring, named),
  limits: config.limits,
  timeouts: config.timeouts,
});

/** Puts a configuration together. */
export const assemble = (config: FileConfig, named: CredentialFiles): Config => {
  const { files, directory } = named;
  const issuers = Object.entries(config.issuers).map(([name, issuer]) => assembleIssuer(name, issuer, files));
  return {
    ...assembleFoundation(config, named),
    listen: assembleListen(config.listen, files, directory),
    edge: config.edge && { secret: promised(files.get(pathKey(['edge', 'secretFile']))) },
    admin: { ...config.admin, address: promised(parseAddress(config.admin.address)) },
    workers: config.workers,
    issuers,
    sessions: assembleSessions(config.sessions, files),
    revocation: assembleRevocation(config.revocation, files, directory),
    endpoint: assembleEndpoint(config, issuers),
    cors: config.cors,
    policies: { directory: resolve(directory, config.policies.directory) },
    audit: { ...config.audit, directory: resolve(directory, config.audit.directory) },
    log: config.log,
  };
};
