/** A checked entry of `stores` and its files, as one store. */
import type { Store } from '../../contracts/bucket.ts';
import type { StoreMethod, StoreTls, StsSettings } from '../../contracts/store-access.ts';
import { isAwsEndpoint } from '../../s3/aws-endpoint.ts';
import type { KeyCredentials } from '../../contracts/key-credentials.ts';
import { assembleCredentials } from '../credentials/assemble.ts';
import { pathKey } from '../loading/path-key.ts';
import { promised } from '../loading/promised.ts';
import type { NamedFiles } from '../loading/read-files.ts';
import { awsEndpoint } from '../values/aws.ts';
import type { FileStore } from './schema.ts';

export interface StoreConfig extends Required<Store> {
  /** PEM text in `ca`. */
  readonly tls: Required<StoreTls>;
  readonly method: StoreMethod;
  /** Undefined: the default chain of the AWS SDK, or none for `web-identity`. There where the method is `static`. */
  readonly credentials: KeyCredentials | undefined;
  readonly sts: Required<StsSettings> & {
    /** Of the tokens of callers that it is asked with; none where it is asked otherwise. */
    readonly audiences: readonly string[];
  };
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
  const unknownActions = store.sts.unknownActions ?? (iamEscapes ? [] : UNKNOWN_TO_CEPH);
  const stsRegion = store.sts.region ?? region;
  const stsEndpoint = store.sts.endpoint ?? (isAws ? awsEndpoint('sts', stsRegion) : undefined) ?? endpoint;
  return {
    ...{ name, endpoint, region },
    checksums: store.checksums ?? (isAws ? 'all' : 'headers'),
    tls: { ca: file('tls', 'caFile')?.reveal(), serverName: store.tls.serverName, minVersion: store.tls.minVersion },
    writes: store.writes ?? (isAws ? 'all' : 'puts'),
    conditionalDeletes: store.conditionalDeletes ?? isAws,
    isAws: iamEscapes && unknownActions.length === 0,
    method: store.method,
    credentials: store.credentials && assembleCredentials(['stores', name, 'credentials'], store.credentials, named),
    sts: {
      audiences: store.sts.audiences,
      externalId: store.sts.externalId,
      sourceIdentity: store.sts.sourceIdentity,
      sessionSeconds: store.sts.sessionSeconds,
      sessionTags: store.sts.sessionTags,
      transitiveTags: store.sts.transitiveTags,
      endpoint: new URL(stsEndpoint).origin,
      region: stsRegion,
      iamEscapes,
      unknownActions,
    },
  };
};
