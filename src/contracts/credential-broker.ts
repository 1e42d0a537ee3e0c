import type { Bucket } from './bucket.ts';
import type { Access, Grant } from './authorizer.ts';
import type { Principal } from './principal.ts';
import type { StoreToken } from './store-tokens.ts';

/**
 * What will be asked of STS: known, and recorded, before anything is asked. Frozen, and the same object for all requests of
 * a principal for which it says the same; nothing in it is of one request.
 */
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

/** A plan, and the request that it was made for: where STS refuses the plan's policy, one is made of these accesses alone. */
export interface PlannedSession {
  readonly plan: AssumeRolePlan;
  readonly principal: Principal;
  readonly scopes: readonly AccessScope[];
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
  readonly plan: (principal: Principal, scopes: readonly AccessScope[], storeToken?: StoreToken) => PlannedSession;
  /**
   * Those of the plan, or of the accesses alone where STS refuses its policy; at once where they are in memory. What fails
   * rejects, and never throws.
   * @throws GatewayError AccessDenied, InvalidRequest (the accesses cannot be said or do not fit), SlowDown (STS throttles),
   * ServiceUnavailable, AccessDeniedByStore (the role refuses us), InvalidToken and ExpiredToken (STS refuses the store token)
   */
  readonly credentials: (planned: PlannedSession) => StoreCredentials | Promise<StoreCredentials>;
  /** Drops cached credentials that the store has refused, so that the next call asks STS again. */
  readonly forget: (planned: PlannedSession) => void;
}
