/** The configuration as the rest of the program gets it: complete, checked, secrets read, names resolved. */
import type { StoreEncryption } from '../s3/encryption-headers.ts';
import type { FileIssuer } from './issuer-section.ts';
import type { FileConfig } from './schema.ts';
import type { Secret } from './secret.ts';
import type { Address } from './shapes.ts';

type FileBucket = FileConfig['buckets'][string];
type FileStore = FileConfig['stores'][string];

/** Where the edge reaches the gateway. `tls` is absent only on loopback, where configuration allows it loudly. */
export type ListenConfig =
  | { readonly kind: 'socket'; readonly path: string; readonly mode: number }
  | ({ readonly kind: 'tcp'; readonly tls: ListenTls | undefined } & Address);

/** PEM texts of mutual TLS. */
interface ListenTls {
  readonly certificate: string;
  readonly key: Secret;
  readonly clientCa: string;
}

interface IntrospectionConfig extends Readonly<
  Pick<
    NonNullable<FileIssuer['introspection']>,
    'authentication' | 'endpoint' | 'jwts' | 'prefix' | 'cacheSeconds' | 'sessionSeconds'
  >
> {
  readonly clientId: string;
  readonly clientSecret: Secret;
}

type Given =
  | 'audiences'
  | 'allowedClients'
  | 'maxTokenAgeSeconds'
  | 'scopesClaim'
  | 'requiredScopes'
  | 'claims'
  | 'claimPaths'
  | 'clockSkewSeconds'
  | 'jwksRefreshSeconds'
  | 'jwksMaxStaleSeconds'
  | 'allowHttp';

/** An entry with what its preset fills in. */
export interface IssuerConfig extends Readonly<Pick<FileIssuer, Given>> {
  readonly issuer: string;
  readonly algorithms: readonly NonNullable<FileIssuer['algorithms']>[number][];
  readonly tokenTypes: readonly NonNullable<FileIssuer['tokenTypes']>[number][];
  readonly subjectClaim: string;
  readonly groupsClaim: string;
  /** Those of the file, and what the preset pins. */
  readonly requiredClaims: Readonly<Record<string, string | number | boolean | readonly string[]>>;
  /** Names of the claims that principals can carry; of one that is an object, what stands before the dot. */
  readonly carried: readonly string[];
  /** Issuers that are taken for this one and cannot be verified, and why. */
  readonly unverifiable: Readonly<Record<string, string>>;
  /** Undefined: tokens that are no JWTs are refused. */
  readonly introspection: IntrospectionConfig | undefined;
  /** Its name in configuration; policies refer to it. */
  readonly name: string;
  /** PEM text; undefined: the system's certificates. */
  readonly ca: string | undefined;
}

/** Keys of a store or of KMS, as they were when the configuration was read. */
export interface KeyCredentials {
  readonly accessKeyId: Secret;
  readonly secretAccessKey: Secret;
  readonly sessionToken: Secret | undefined;
  /** Where they stand, to be read again: absolute paths. Undefined: they came in variables. */
  readonly files:
    | { readonly accessKeyId: string; readonly secretAccessKey: string; readonly sessionToken: string | undefined }
    | undefined;
}

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

export interface BucketConfig {
  readonly name: string;
  /** Who owns it, for requests that expect an owner. */
  readonly account: string | undefined;
  /** What wrapped keys are bound to. */
  readonly id: string;
  readonly storeName: string;
  readonly storeBucket: string;
  readonly style: FileStore['style'];
  /** Undefined: nothing is added. */
  readonly storeEncryption: StoreEncryption | undefined;
  /** `static` where no role is assumed. */
  readonly roleArn: string;
  readonly encryption: FileBucket['encryption'];
  readonly prefixes: readonly { readonly prefix: string; readonly encryption: FileBucket['encryption'] }[];
}

/** What another encrypting gateway left in a bucket. */
export interface LegacyConfig extends Readonly<
  Pick<NonNullable<FileBucket['legacy']>, 'metadataName' | 'acceptZeroKek'>
> {
  /** Undefined: `<metadataName>-kek-ver`. */
  readonly kekVersionName: string | undefined;
  readonly seed: Secret | undefined;
}

export interface LocalKeyringConfig {
  readonly current: number;
  /** Seeds by version. */
  readonly seeds: ReadonlyMap<number, Secret>;
}

export interface VaultKeyringConfig {
  readonly id: string;
  /** Scheme, host and port. */
  readonly address: string;
  /** PEM text; undefined: the system's certificates. */
  readonly ca: string | undefined;
  readonly namespace: string | undefined;
  readonly mount: string;
  readonly key: string;
  /** Absolute paths. */
  readonly auth:
    | { readonly method: 'token'; readonly tokenFile: string }
    | { readonly method: 'approle'; readonly mount: string; readonly roleId: string; readonly secretIdFile: string }
    | {
        readonly method: 'kubernetes' | 'jwt';
        readonly mount: string;
        readonly role: string;
        readonly jwtFile: string;
      };
}

export interface KmsKeyringConfig {
  readonly id: string;
  /** Scheme, host and port. */
  readonly endpoint: string;
  readonly region: string;
  /** PEM text; undefined: the system's certificates. */
  readonly ca: string | undefined;
  /** Undefined: the default chain of the AWS SDK. */
  readonly credentials: KeyCredentials | undefined;
  readonly current: number;
  /** KMS keys by version. */
  readonly keyIds: ReadonlyMap<number, string>;
}

/** At least one of them is there. */
export interface KeyringConfig {
  /** Which wraps the keys of new objects. */
  readonly current: 'local' | 'vault' | 'kms';
  readonly cache: { readonly maxKeys: number; readonly maxAgeSeconds: number };
  readonly local: LocalKeyringConfig | undefined;
  readonly vault: VaultKeyringConfig | undefined;
  readonly kms: KmsKeyringConfig | undefined;
}

interface SessionKeyConfig {
  readonly id: string;
  readonly key: Secret;
}

interface SessionsConfig extends Readonly<
  Pick<NonNullable<FileConfig['sessions']>, 'deploymentId' | 'defaultSeconds' | 'maxSeconds' | 'minSeconds'>
> {
  readonly keys: { readonly current: SessionKeyConfig; readonly previous: SessionKeyConfig | undefined };
}

interface RevocationRules {
  readonly whenUnavailable: 'fail-open' | 'fail-closed';
  readonly maxStaleSeconds: number;
}

/** Where it is kept who was revoked. */
export type RevocationConfig =
  /** An absolute path. */
  | ({ readonly kind: 'file'; readonly path: string } & RevocationRules)
  | ({
      readonly kind: 'redis';
      /** Undefined: plain TCP, on a loopback address. PEM texts; of the CA undefined: the system's certificates. */
      readonly tls:
        | {
            readonly ca: string | undefined;
            readonly certificate: string | undefined;
            readonly key: Secret | undefined;
            readonly serverName: string | undefined;
          }
        | undefined;
      readonly username: Secret | undefined;
      readonly password: Secret | undefined;
      readonly database: number;
      readonly keyPrefix: string;
    } & Address &
      RevocationRules);

/** What objects are kept by: the same for a gateway, for operators' commands and for a sidecar. */
export interface FoundationConfig extends Readonly<Pick<FileConfig, 'limits' | 'timeouts'>> {
  readonly stores: readonly StoreConfig[];
  readonly buckets: readonly BucketConfig[];
  /** By name of the bucket, of those that hold such objects. */
  readonly legacy: ReadonlyMap<string, LegacyConfig>;
  readonly keyring: KeyringConfig | undefined;
}

export interface Config extends FoundationConfig, Readonly<Pick<FileConfig, 'workers' | 'log'>> {
  readonly listen: ListenConfig;
  /** Undefined: what no edge says is believed. */
  readonly edge: { readonly secret: Secret } | undefined;
  readonly admin: { readonly address: Address; readonly allowedHosts: readonly string[] };
  readonly issuers: readonly IssuerConfig[];
  /** Undefined: no credentials are issued, no signatures accepted. */
  readonly sessions: SessionsConfig | undefined;
  /** Undefined: nobody can be revoked. */
  readonly revocation: RevocationConfig | undefined;
  readonly endpoint: {
    /** Lower case, with a port where it is not the usual one. */
    readonly publicHosts: readonly string[];
    /** Regions that clients may sign for. */
    readonly regions: readonly string[];
    /** Where callers get tokens: one URL, or those of the issuers with a space between. */
    readonly tokensFrom: string;
    readonly requireSignedContentHeaders: boolean;
  };
  /** Undefined: no origin. */
  readonly cors: Readonly<FileConfig['cors']>;
  /** Absolute paths. */
  readonly policies: { readonly directory: string };
  readonly audit: Readonly<FileConfig['audit']>;
}

export interface SidecarConfig extends FoundationConfig, Pick<Config, 'admin' | 'cors' | 'log'> {
  readonly listen: Address;
  readonly subject: string;
  readonly allowedHosts: readonly string[];
  /** Undefined: everything in the configured buckets is allowed. */
  readonly policies: Config['policies'] | undefined;
  /** Undefined: the standard output. */
  readonly audit: Config['audit'] | undefined;
}
