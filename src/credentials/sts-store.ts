/** What is known of a store's STS, and what asking it for a session is, whichever way it is asked. */
import type { Clock } from '../contracts/clock.ts';
import type { AssumeRolePlan, StoreCredentials } from '../contracts/credential-broker.ts';
import type { Observer } from '../contracts/observer.ts';
import type { StoreMethod, StoreTls, StsSettings } from '../contracts/store-access.ts';
import type { BaseSource } from './base-credentials.ts';

/** A store's STS, how roles are assumed there, and as whom. */
export interface StsStore extends StsSettings {
  /** The store's name in configuration. */
  readonly name: string;
  /** Who the gateway is itself. Left out: the default chain of the AWS SDK. Never asked for `web-identity`. */
  readonly base?: BaseSource;
  /** Left out: `assume-role`. */
  readonly method?: StoreMethod;
  /** Where the store itself is asked for the buckets of these keys; left out: nowhere. Scheme, host and port. */
  readonly buckets?: { readonly endpoint: string; readonly region: string };
  /** Left out: TLS 1.2 or later, and the system's certificates. */
  readonly tls?: StoreTls;
}

export interface AssumeRoleOptions {
  readonly clock: Clock;
  readonly observer: Observer;
  /** One call, retry included, in milliseconds. */
  readonly timeoutMs: number;
}

export interface AssumeRole {
  /** @throws GatewayError SlowDown, ServiceUnavailable, AccessDeniedByStore, and of a store token InvalidToken, ExpiredToken */
  readonly call: (plan: AssumeRolePlan, durationSeconds: number) => Promise<StoreCredentials>;
  /** Closes idle connections. */
  readonly close: () => void;
}
