import type { Store } from './bucket.ts';
import type { Principal } from './principal.ts';

/**
 * A second token of the caller's own, verified, for the STS of one store: never logged, recorded or kept beyond the plan
 * that holds it.
 */
export interface StoreToken {
  /** SHA-256 of the token; sets the sessions apart that were got for it. */
  readonly digest: string;
  /** As `Principal.tokenIdHash`. Safe to record. */
  readonly tokenIdHash: string;
  /** `exp` plus the issuer's clock tolerance. */
  readonly expiresAtMs: number;
  /** Gives the token itself, to be sent to that STS and nowhere else. */
  readonly reveal: () => string;
}

export interface StoreTokens {
  /**
   * Verifies the token that a request carries for a store: of the principal's issuer, subject and actor, for an audience
   * of the store's and for none that this gateway accepts. `undefined`, at once: the store takes none, and nothing was
   * looked at.
   * @throws GatewayError MissingSecurityHeader, InvalidToken, ExpiredToken, RevokedToken, ServiceUnavailable
   */
  readonly verify: (store: Store, token: string | undefined, principal: Principal) => Promise<StoreToken> | undefined;
}
