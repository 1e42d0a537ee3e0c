/** The configuration as the rest of the program gets it: complete, checked, secrets read, names resolved. */
import type { KeyringSettings } from '../contracts/keyring-settings.ts';
import type { RevocationSettings } from '../contracts/revocation-settings.ts';
import type { BucketConfig } from './buckets/assemble.ts';
import type { EndpointConfig } from './endpoint/assemble.ts';
import type { IssuerConfig } from './issuers/assemble.ts';
import type { LegacyConfig } from './legacy/assemble.ts';
import type { ListenConfig } from './listen/assemble.ts';
import type { Secret } from './loading/secret.ts';
import type { PoliciesConfig } from './policies/assemble.ts';
import type { FileConfig } from './schema.ts';
import type { SessionsConfig } from './sessions/assemble.ts';
import type { StoreConfig } from './stores/assemble.ts';
import type { Address } from './values/shapes.ts';

/** What objects are kept by: the same for a gateway, for operators' commands and for a sidecar. */
export interface StoreAccessConfig extends Readonly<Pick<FileConfig, 'limits' | 'timeouts'>> {
  readonly stores: readonly StoreConfig[];
  readonly buckets: readonly BucketConfig[];
  /** By name of the bucket, of those that hold such objects. */
  readonly legacy: ReadonlyMap<string, LegacyConfig>;
  readonly keyring: KeyringSettings | undefined;
}

export interface Config extends StoreAccessConfig, Readonly<Pick<FileConfig, 'workers' | 'log'>> {
  readonly listen: ListenConfig;
  /** Undefined: what no edge says is believed. */
  readonly edge: { readonly secret: Secret } | undefined;
  readonly admin: {
    readonly address: Address;
    readonly allowedHosts: readonly string[];
    readonly checkSeconds: number;
    /** Names of health reports, or what comes before their colon. */
    readonly readyNeeds: readonly string[];
  };
  readonly issuers: readonly IssuerConfig[];
  /** Undefined: no credentials are issued, no signatures accepted. */
  readonly sessions: SessionsConfig | undefined;
  /** Undefined: nobody can be revoked. */
  readonly revocation: RevocationSettings | undefined;
  readonly endpoint: EndpointConfig;
  /** Undefined: no origin. */
  readonly cors: Readonly<FileConfig['cors']>;
  readonly policies: PoliciesConfig;
  readonly audit: Readonly<FileConfig['audit']>;
}
