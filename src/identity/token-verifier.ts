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
import { GatewayError } from '../errors/gateway-error.ts';
import { parseCompactToken } from './compact-token.ts';
import type { Issuer } from './issuer.ts';
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

interface Judged {
  readonly principal: Principal;
  /** Longest time that it may be kept. */
  readonly cacheSeconds: number;
  /** Tells whether what vouched for it still does. */
  readonly isCurrent: () => boolean;
}

interface Kept extends Judged {
  readonly untilMs: number;
}

/** Every issuer that is asked sees the token: few, and in the order of configuration. */
const MAX_INTROSPECTING = 4;

/** Codes of a question that had no answer. */
const UNDECIDED: ReadonlySet<string> = new Set(['ServiceUnavailable', 'SlowDown']);

/** What may stand after `Bearer`. @see RFC 6750 section 2.1 */
const TOKEN = /^[\w.~+/-]+=*$/;

/**
 * Makes the verifier of tokens over the configured issuers, and owns these from then on.
 * @throws TypeError when two issuers have the same name or the same `iss`, or too many introspect
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
  const introspecting = issuers.flatMap(({ introspection }) => introspection ?? []);
  if (introspecting.length > MAX_INTROSPECTING)
    throw new TypeError(`more than ${MAX_INTROSPECTING} issuers introspect`);
  const unverifiable = new Map(issuers.flatMap((issuer) => Object.entries(issuer.unverifiable)));
  const kept = new LRUCache<string, Kept>({ max: cacheEntries });
  const verifying = new Map<string, Promise<Principal>>();

  const judgeJwt = async (token: string): Promise<Judged> => {
    const unverified = parseCompactToken(token);
    const iss = member(unverified.payload, 'iss');
    const issuer = typeof iss === 'string' ? byIss.get(iss) : undefined;
    if (!issuer) {
      const why = typeof iss === 'string' ? unverifiable.get(iss) : undefined;
      throw invalidToken(why ?? 'iss is no configured issuer');
    }
    const { principal, keys } = await issuer.verify(unverified);
    return { principal, cacheSeconds, isCurrent: () => issuer.isCurrent(keys) };
  };

  /** The first issuer that knows it decides. One that cannot be asked may be the one that knows it. */
  const judgeOpaque = async (digest: string, token: string): Promise<Judged> => {
    let unreachable: GatewayError | undefined;
    for (const introspection of introspecting.filter(({ mayKnow }) => mayKnow(token))) {
      try {
        const found = await introspection.introspect(token, digest);
        if (found !== undefined) return { ...found, isCurrent: () => true };
      } catch (error) {
        if (!(error instanceof GatewayError) || !UNDECIDED.has(error.code)) throw error;
        unreachable = error;
      }
    }
    throw unreachable ?? invalidToken('opaque, and active at no issuer that introspects');
  };

  const verifyAnew = async (digest: string, token: string): Promise<Principal> => {
    const judged = await (isJwt(token) ? judgeJwt(token) : judgeOpaque(digest, token));
    const nowMs = clock.now();
    const lifeMs = Math.min(cacheSeconds, judged.cacheSeconds) * 1000;
    const untilMs = Math.min(judged.principal.expiresAtMs, nowMs + lifeMs);
    if (untilMs > nowMs) kept.set(digest, { ...judged, untilMs });
    return judged.principal;
  };

  /** What has the form of a JWT is never sent anywhere; neither is what no issuer can have made. */
  const isJwt = (token: string): boolean =>
    introspecting.length === 0 || token.split('.').length === 3 || !TOKEN.test(token);

  const verify = async (token: string): Promise<Principal> => {
    if (token.length > maxTokenLength) throw invalidToken('longer than the accepted size');
    const digest = hash('sha256', token, 'base64');
    const entry = kept.get(digest);
    const usable = entry !== undefined && clock.now() < entry.untilMs && entry.isCurrent();
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
    health: () => issuers.flatMap((issuer) => issuer.health()),
    close: async () => {
      await Promise.all(issuers.map((issuer) => issuer.close()));
    },
  };
};
