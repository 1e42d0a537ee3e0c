/** What is said of keyrings: configuration fills it in, and the room that wraps data keys obeys it. */

import type { KeyCredentials } from './key-credentials.ts';
import type { SecretValue } from './secret.ts';

/** Keys that stand side by side: old ones stay readable. */
export interface KeyVersions<Key> {
  /** The version that wraps new data keys. */
  readonly current: number;
  /** Versions from 1 to 2^32 - 1. */
  readonly versions: ReadonlyMap<number, Key>;
}

/** How a token of Vault is got. Paths are absolute; the files are read at each login, since others renew them. */
export type VaultAuth =
  | { readonly method: 'token'; readonly tokenFile: string }
  | { readonly method: 'approle'; readonly mount: string; readonly roleId: string; readonly secretIdFile: string }
  | {
      readonly method: 'kubernetes' | 'jwt';
      readonly mount: string;
      readonly role: string;
      readonly jwtFile: string;
    };

/** A key of the Transit engine of HashiCorp Vault or OpenBao. */
export interface VaultKeyringSettings {
  /** How envelopes name it. */
  readonly id: string;
  /** Scheme, host and port. */
  readonly address: string;
  /** PEM; undefined: the system's certificates. */
  readonly ca?: string | undefined;
  readonly namespace?: string | undefined;
  /** Where the Transit engine is mounted, such as `transit`. */
  readonly mount: string;
  readonly key: string;
  readonly auth: VaultAuth;
}

/** Keys of AWS KMS, by their ids. */
export interface KmsKeyringSettings extends KeyVersions<string> {
  /** How envelopes name it. */
  readonly id: string;
  /** Scheme, host and port. */
  readonly endpoint: string;
  readonly region: string;
  /** PEM; undefined: the system's certificates. */
  readonly ca?: string | undefined;
  /** Undefined: the default chain of the AWS SDK. */
  readonly credentials: KeyCredentials | undefined;
}

/** How many unwrapped data keys are kept, and for how long, counted from the unwrapping and not from the last use. */
export interface KeyCacheSettings {
  /** 0: none are kept. */
  readonly maxKeys: number;
  readonly maxAgeSeconds: number;
}

/** The keyrings; at least one of them is there. */
export interface KeyringSettings {
  /** Which wraps the keys of new objects. */
  readonly current: 'local' | 'vault' | 'kms';
  readonly cache: KeyCacheSettings;
  /** Seeds. */
  readonly local: KeyVersions<SecretValue> | undefined;
  readonly vault: VaultKeyringSettings | undefined;
  readonly kms: KmsKeyringSettings | undefined;
}
