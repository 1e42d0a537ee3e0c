/**
 * Token -> Principal, whichever way the token came. A verified token is kept by its hash, for minutes at most, never past
 * its end and never past a change of its issuer's keys. The token itself must never be kept, logged, or put into an error.
 */
import { hash } from 'node:crypto';
import { LRUCache } from 'lru-cache';
import type { TokenVerifier } from '../contracts/client-sessions.ts';
import type { Clock } from '../contracts/clock.ts';
import type { HealthSource } from '../contracts/health.ts';
import type { Observer } from '../contracts/observer.ts';
import type { Principal } from '../contracts/principal.ts';
import { parseCompactToken } from './compact-token.ts';
import type { Issuer, Verified } from './issuer.ts';
import { invalidToken } from './refuse.ts';
import { member } from './strict-json.ts';

export interface IssuerTokenVerifierOptions {
  readonly clock: Clock;
  readonly observer: Observer;
  /** Longest token accepted, in characters. Default 24,576: one with 300 groups named by UUIDs has 16,600. */
  readonly maxTokenLength?: number;
  /** Verified tokens kept. Default 10,000. */
  readonly cacheEntries?: number;
  /** Longest time that a verified token is kept, in seconds. Default 300; 0 keeps none. */
  readonly cacheSeconds?: number;
}

export interface IssuerTokenVerifier extends TokenVerifier, HealthSource {
  /** Stops all background work. */
  readonly close: () => Promise<void>;
}

interface Kept extends Verified {
  readonly issuer: Issuer;
  readonly untilMs: number;
}

/**
 * Makes the verifier of tokens over the configured issuers, and owns these from then on.
 * @throws TypeError when two issuers have the same name or the same `iss`
 */
export const createTokenVerifier = (
  issuers: readonly Issuer[],
  options: IssuerTokenVerifierOptions,
): IssuerTokenVerifier => {
  const { clock, observer, maxTokenLength = 24_576, cacheEntries = 10_000, cacheSeconds = 300 } = options;
  const byIss = new Map(issuers.map((issuer) => [issuer.issuer, issuer]));
  if (byIss.size !== issuers.length || new Set(issuers.map(({ name }) => name)).size !== issuers.length) {
    throw new TypeError('two issuers have the same name or the same issuer URL');
  }
  const kept = new LRUCache<string, Kept>({ max: cacheEntries });
  const verifying = new Map<string, Promise<Principal>>();

  const verifyAnew = async (digest: string, token: string): Promise<Principal> => {
    const unverified = parseCompactToken(token);
    const iss = member(unverified.payload, 'iss');
    const issuer = typeof iss === 'string' ? byIss.get(iss) : undefined;
    if (!issuer) throw invalidToken('iss is no configured issuer');
    const { principal, keys } = await issuer.verify(unverified);
    const nowMs = clock.now();
    const untilMs = Math.min(principal.expiresAtMs, nowMs + cacheSeconds * 1000);
    if (untilMs > nowMs) kept.set(digest, { principal, keys, issuer, untilMs });
    return principal;
  };

  const verify = async (token: string): Promise<Principal> => {
    if (token.length > maxTokenLength) throw invalidToken('longer than the accepted size');
    const digest = hash('sha256', token, 'base64');
    const entry = kept.get(digest);
    const usable = entry !== undefined && clock.now() < entry.untilMs && entry.issuer.isCurrent(entry.keys);
    observer.cache('token', usable);
    if (usable) return entry.principal;
    if (entry) kept.delete(digest);
    // Clients start many requests at once with a token that is new here; one verification serves them all.
    let verification = verifying.get(digest);
    if (!verification) {
      verification = verifyAnew(digest, token).finally(() => verifying.delete(digest));
      verifying.set(digest, verification);
    }
    return verification;
  };

  return {
    verify,
    health: () => issuers.map((issuer) => issuer.health()),
    close: async () => {
      await Promise.all(issuers.map((issuer) => issuer.close()));
    },
  };
};
