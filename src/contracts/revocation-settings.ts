/** Where it is kept who was revoked: configuration says it, and the room that keeps the list obeys it. */

import type { SecretText } from './secret.ts';

export interface RevocationRules {
  /** What happens to requests while the list cannot be read. */
  readonly whenUnavailable: 'fail-open' | 'fail-closed';
  /** How long the last reading is good enough for `fail-closed`. */
  readonly maxStaleSeconds: number;
}

/** PEM texts. */
export interface RedisTls {
  /** Undefined: the system's certificates. */
  readonly ca: string | undefined;
  readonly certificate: string | undefined;
  readonly key: SecretText | undefined;
  /** Undefined: the host. */
  readonly serverName: string | undefined;
}

export interface RedisLogin {
  readonly username: SecretText | undefined;
  readonly password: SecretText | undefined;
}

export interface RedisAddress extends RedisLogin {
  readonly host: string;
  readonly port: number;
  /** Undefined: plain TCP, on a loopback address. */
  readonly tls: RedisTls | undefined;
  readonly database: number;
}

export type RevocationSettings = RevocationRules &
  (
    | { readonly kind: 'file'; /** Absolute. */ readonly path: string }
    | ({
        readonly kind: 'redis';
        /** Stands before the two keys; with a hash tag in it they can be kept by a cluster. */
        readonly keyPrefix: string;
      } & RedisAddress)
  );
