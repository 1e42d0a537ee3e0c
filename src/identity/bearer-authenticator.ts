/**
 * `Authorization: Bearer <jwt>` -> Principal. Tokens in a query or a body are never looked at. A verified token is kept
 * by its hash, for minutes at most, never past its end and never past a change of its issuer's keys. The token itself
 * must never be kept, logged, or put into an error.
 */
import { hash } from 'node:crypto';
import { LRUCache } from 'lru-cache';
import type { Authenticator } from '../contracts/authenticator.ts';
import type { Clock } from '../contracts/clock.ts';
import type { HealthSource } from '../contracts/health.ts';
import type { Observer } from '../contracts/observer.ts';
import type { Principal } from '../contracts/principal.ts';
import type { S3Request } from '../s3/request.ts';
import { parseCompactToken } from './compact-token.ts';
import type { Issuer, Verified } from './issuer.ts';
import { invalidToken } from './refuse.ts';
import { member } from './strict-json.ts';

export interface BearerAuthenticatorOptions {
  readonly clock: Clock;
  readonly observer: Observer;
  /** Longest token accepted, in characters. Default 24,576: one with 300 groups named by UUIDs has 16,600. */
  readonly maxTokenLength?: number;
  /** Verified tokens kept. Default 10,000. */
  readonly cacheEntries?: number;
  /** Longest time that a verified token is kept, in seconds. Default 300; 0 keeps none. */
  readonly cacheSeconds?: number;
}

export interface BearerAuthenticator extends Authenticator, HealthSource {
  /** Stops all background work. */
  readonly close: () => Promise<void>;
}

interface Kept extends Verified {
  readonly issuer: Issuer;
  readonly untilMs: number;
}

const SCHEME = /^bearer(?: +|$)/i;

/**
 * Makes the authenticator of bearer tokens over the configured issuers, and owns these from then on.
 * @throws TypeError when two issuers have the same name or the same `iss`
 * @see RFC 6750 section 2.1
 */
export const createBearerAuthenticator = (
  issuers: readonly Issuer[],
  options: BearerAuthenticatorOptions,
): BearerAuthenticator => {
  const { clock, observer, maxTokenLength = 24_576, cacheEntries = 10_000, cacheSeconds = 300 } = options;
  const byIss = new Map(issuers.map((issuer) => [issuer.issuer, issuer]));
  if (byIss.size !== issuers.length || new Set(issuers.map(({ name }) => name)).size !== issuers.length) {
    throw new TypeError('two issuers have the same name or the same issuer URL');
  }
  const kept = new LRUCache<string, Kept>({ max: cacheEntries });
  const verifying = new Map<string, Promise<Principal>>();

  const verify = async (digest: string, token: string): Promise<Principal> => {
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

  const authenticate = async (request: S3Request): Promise<Principal | undefined> => {
    const token = bearerToken(request.headers.get('authorization'), maxTokenLength);
    if (token === undefined) return undefined;
    const digest = hash('sha256', token, 'base64');
    const entry = kept.get(digest);
    const usable = entry !== undefined && clock.now() < entry.untilMs && entry.issuer.isCurrent(entry.keys);
    observer.cache('token', usable);
    if (usable) return entry.principal;
    if (entry) kept.delete(digest);
    // Clients start many requests at once with a token that is new here; one verification serves them all.
    let verification = verifying.get(digest);
    if (!verification) {
      verification = verify(digest, token).finally(() => verifying.delete(digest));
      verifying.set(digest, verification);
    }
    return verification;
  };

  return {
    name: 'bearer',
    authenticate,
    health: () => issuers.map((issuer) => issuer.health()),
    close: async () => {
      await Promise.all(issuers.map((issuer) => issuer.close()));
    },
  };
};

/** The token of a header's value; `undefined` where there is no header, or one of another scheme. */
const bearerToken = (header: string | undefined, maxTokenLength: number): string | undefined => {
  const scheme = header === undefined ? null : SCHEME.exec(header);
  if (header === undefined || scheme === null) return undefined;
  const token = header.slice(scheme[0].length);
  if (token.length > maxTokenLength) throw invalidToken('longer than the accepted size');
  return token;
};
