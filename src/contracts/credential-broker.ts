import type { Bucket } from './bucket.ts';
import type { Access, Grant } from './authorizer.ts';
import type { Principal } from './principal.ts';
import type { StoreToken } from './store-tokens.ts';

/** What will be asked of STS: known, and recorded, before anything is asked. */
export interface AssumeRolePlan {
  readonly storeName: string;
  readonly roleArn: string;
  /** Injective in (issuer, subject). `[\w+=,.@-]{2,64}` */
  readonly sessionName: string;
  readonly sourceIdentity: string | undefined;
  /** Compact JSON, at most 2,048 characters. Empty where the store has no STS: then policy is enforced here alone. */
  readonly sessionPolicy: string;
  /** Tag and value, as STS takes them. */
  readonly sessionTags?: readonly (readonly [string, string])[];
  /** What STS is asked with, where the store takes a token of the caller's own and no credentials of ours. */
  readonly storeToken?: StoreToken;
  /**
   * Names its session in the cache: a digest of all that sets one apart, who asks (issuer, subject, actor, groups,
   * binding and store token) and what is requested.
   */
  readonly sessionKey: string;
  /**
   * What to ask for instead where STS refuses `sessionPolicy`: the accesses of this request and nothing else.
   * @throws GatewayError AccessDenied, InvalidRequest when these cannot be said or do not fit
   */
  readonly narrower?: () => AssumeRolePlan;
  /** Credentials are not used after this: the end of the caller's token, and of its store token. */
  readonly notAfterMs: number;
}

/** What a request will do in one bucket, and what policy grants its identity there. */
export interface AccessScope {
  readonly bucket: Bucket;
  readonly grants: readonly Grant[];
  readonly accesses: readonly Access[];
  /** The names of the store's buckets and their dates are requested, by the gateway for its own use, and nothing else. */
  readonly listsBuckets?: true;
}

/** Short-lived credentials of the store. They never leave the process, its logs or its errors. */
export interface StoreCredentials {
  readonly accessKeyId: string;
  readonly secretAccessKey: string;
  readonly sessionToken: string | undefined;
  readonly expiresAtMs: number;
}

export interface CredentialBroker {
  /**
   * Pure. The session policy is no wider than the grants; where they do not fit, it is narrowed to the accesses. Several
   * scopes (a copy within one store) are of one store and one role. `storeToken`: what `StoreTokens` gave for the store.
   * @throws GatewayError InvalidRequest when not even the accesses fit, MissingSecurityHeader when the store needs a token
   */
  readonly plan: (principal: Principal, scopes: readonly AccessScope[], storeToken?: StoreToken) => AssumeRolePlan;
  /**
   * Those of the plan, or of its narrower one; at once where they are in memory. What fails rejects, and never throws.
   * @throws GatewayError SlowDown (STS throttles), ServiceUnavailable, AccessDeniedByStore (the role refuses us),
   * InvalidToken and ExpiredToken (STS refuses the store token)
   */
  readonly credentials: (plan: AssumeRolePlan) => StoreCredentials | Promise<StoreCredentials>;
  /** Drops cached credentials that the store has refused, so that the next call asks STS again. */
  readonly forget: (plan: AssumeRolePlan) => void;
}
