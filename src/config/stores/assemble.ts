/** A checked entry of `stores` and its files, as one store. */
import { isAwsEndpoint } from '../../s3/aws-endpoint.ts';
import { assembleCredentials, type KeyCredentials } from '../credentials/assemble.ts';
import { pathKey } from '../loading/path-key.ts';
import { promised } from '../loading/promised.ts';
import type { NamedFiles } from '../loading/read-files.ts';
import { awsEndpoint } from '../values/aws.ts';
import type { FileStore } from './schema.ts';

interface StsConfig extends Readonly<
  Pick<FileStore['sts'], 'sourceIdentity' | 'sessionSeconds' | 'sessionTags' | 'transitiveTags'>
> {
  readonly endpoint: string;
  readonly region: string;
  readonly externalId: string | undefined;
  /** Of the tokens of callers that it is asked with; none where it is asked otherwise. */
  readonly audiences: readonly string[];
  /** Whether the store's IAM understands `${*}`, `${?}` and `${$}`. */
  readonly iamEscapes: boolean;
  /** Actions that the store's IAM does not know. */
  readonly unknownActions: readonly string[];
}

export interface StoreConfig {
  readonly name: string;
  /** Scheme, host and port. */
  readonly endpoint: string;
  readonly region: string;
  readonly checksums: 'all' | 'headers';
  readonly tls: {
    /** PEM text; undefined: the system's certificates. For the store and for its STS. */
    readonly ca: string | undefined;
    readonly serverName: string | undefined;
    readonly minVersion: FileStore['tls']['minVersion'];
  };
  readonly writes: 'all' | 'puts';
  readonly conditionalDeletes: boolean;
  readonly method: FileStore['method'];
  /** Undefined: the default chain of the AWS SDK, or none for `web-identity`. There where the method is `static`. */
  readonly credentials: KeyCredentials | undefined;
  readonly sts: StsConfig;
}

/** Ceph RGW 16 to 18 refuses a policy that names one of these. */
export const UNKNOWN_TO_CEPH: readonly string[] = [
  's3:GetObjectAttributes',
  's3:GetObjectVersionAttributes',
  's3:GetEncryptionConfiguration',
  's3:GetBucketOwnershipControls',
];

/** Puts one store together. */
export const assembleStore = (name: string, store: FileStore, named: NamedFiles): StoreConfig => {
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
