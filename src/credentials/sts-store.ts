/** What is known of a store's STS, and what asking it for a session is, whichever way it is asked. */
import type { Clock } from '../contracts/clock.ts';
import type { AssumeRolePlan, StoreCredentials } from '../contracts/credential-broker.ts';
import type { Observer } from '../contracts/observer.ts';
import type { BaseSource } from './base-credentials.ts';
import type { SessionTagRules } from './session-tags.ts';

/** A store's STS, and how roles are assumed there. */
export interface StsStore {
  /** The store's name in configuration. */
  readonly name: string;
  readonly stsEndpoint: string;
  readonly region: string;
  /** Who the gateway is itself. Left out: the default chain of the AWS SDK. Never asked for `web-identity`. */
  readonly base?: BaseSource;
  /**
   * `static`: it has no STS; the base credentials are used as they are. `web-identity`: its STS is asked with a token of
   * the caller's own, and without base credentials. Left out: `assume-role`.
   */
  readonly method?: 'assume-role' | 'static' | 'web-identity';
  /** PEM; instead of the system's certificates. */
  readonly ca?: string;
  /** The name that the certificate must carry, where it is not the host of the endpoint. */
  readonly serverName?: string;
  readonly minTls?: 'TLSv1.2' | 'TLSv1.3';
  /** Whether its IAM takes `${*}`, `${?}` and `${$}` for the characters themselves. AWS does, Ceph RGW does not. */
  readonly iamEscapes: boolean;
  /** Actions that its IAM does not know, as far as it was said; others are found where its STS refuses them. */
  readonly unknownActions?: readonly string[];
  readonly roleDefaults: {
    readonly externalId?: string;
    readonly sourceIdentity: boolean;
    /** 900 or more. */
    readonly durationSeconds: number;
    /** Claims by the tags that are made of them. */
    readonly sessionTags?: SessionTagRules;
    /** Of these tags, those that stay when a role is assumed out of the session. */
    readonly transitiveTags?: readonly string[];
  };
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
