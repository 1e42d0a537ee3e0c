/**
 * Token -> Principal, whichever way the token came. A verified token is kept by its hash, for minutes at most, never past
 * its end and never past a change of its issuer's keys. The token itself must never be kept, logged, or put into an error.
 */
import { hash } from 'node:crypto';
import type { TokenVerifier } from '../contracts/client-sessions.ts';
import type { Clock } from '../contracts/clock.ts';
import type { HealthSource } from '../contracts/health.ts';
import type { Observer } from '../contracts/observer.ts';
import type { Principal } from '../contracts/principal.ts';
import type { GatewayError } from '../errors/gateway-error.ts';
import type { ConcurrencyLimit } from '../platform/concurrency-limit.ts';
import { createSingleFlight } from '../platform/single-flight.ts';
import { parseCompactToken } from './compact-token.ts';
import { createIdentityCache } from './identity-cache.ts';
import type { Issuer, Verified } from './issuer.ts';
import type { KeyGeneration } from './issuer-keys.ts';
import { invalidToken, isUndecided } from './refuse.ts';
import { member } from './strict-json.ts';
import { createWaitingLimit } from './waiting-limit.ts';

export interface IssuerTokenVerifierOptions {
  readonly clock: Clock;
  readonly observer: Observer;
  /** Longest token accepted, in characters. Default 24,576: one with 300 groups named by UUIDs has 16,600. */
  readonly maxTokenLength?: number;
  /** Verified tokens kept. Default 10,000. */
  readonly cacheEntries?: number;
  /** What they may take in memory. Default 64 MiB. */
  readonly cacheBytes?: number;
  /** Longest time that a verified token is kept, in seconds. Default 300; 0 keeps none. */
  readonly cacheSeconds?: number;
  /** Callers that may wait at once for what issuers say of opaque tokens. Default 128. */
  readonly maxWaiting?: number;
}

export interface IssuerTokenVerifier extends TokenVerifier, HealthSource {
  /** Stops all background work. */
  readonly close: () => Promise<void>;
}

interface Judged {
  readonly principal: Principal;
  /** Longest time that it may be kept. */
  readonly cacheSeconds: number;
  /** Who vouched for it by which keys; absent where the issuer itself was asked. Data: a closure would hold the token. */
  readonly issuedBy: VerifiedBy | undefined;
}

interface VerifiedBy {
  readonly issuer: Issuer;
  readonly keys: KeyGeneration;
}

interface Kept extends Judged {
  readonly untilMs: number;
}

/** What only an issuer can tell, and where its callers wait, each counted. */
interface PendingVerdict {
  readonly queue: ConcurrencyLimit;
  readonly judge: () => Promise<Judged>;
}

/** How long it is remembered of a token that it was good. */
const REMEMBERED_MS = 3_600_000;

/** Every issuer that is asked sees the token: few, and in the order of configuration. */
const MAX_INTROSPECTING = 4;

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
  const { clock, observer, maxTokenLength = 24_576, cacheSeconds = 300, maxWaiting = 128 } = options;
  const byIss = new Map(issuers.map((issuer) => [issuer.issuer, issuer]));
  if (byIss.size !== issuers.length || new Set(issuers.map(({ name }) => name)).size !== issuers.length) {
    throw new TypeError('two issuers have the same name or the same issuer URL');
  }
  const introspecting = issuers.flatMap(({ introspection }) => introspection ?? []);
  if (introspecting.length > MAX_INTROSPECTING)
    throw new TypeError(`more than ${MAX_INTROSPECTING} issuers introspect`);
  const unverifiable = new Map(issuers.flatMap((issuer) => Object.entries(issuer.unverifiable)));
  const kept = createIdentityCache<Kept>({ clock, maxEntries: options.cacheEntries, maxBytes: options.cacheBytes });
  // Clients start many requests at once with a token that is new here; one verification serves them all.
  const verifying = createSingleFlight<Judged | PendingVerdict>();
  const judging = createSingleFlight<Judged>();
  // Whose token was good when it was last introspected waits apart: made-up tokens cannot use up their limit.
  const unknownTokens = createWaitingLimit(maxWaiting, 'answers about opaque tokens');
  const knownTokens = createWaitingLimit(maxWaiting, 'answers about opaque tokens that were good');

  const judgeJwt = async (token: string, wasGood: boolean): Promise<Judged | PendingVerdict> => {
    const unverified = parseCompactToken(token);
    const iss = member(unverified.payload, 'iss');
    const issuer = typeof iss === 'string' ? byIss.get(iss) : undefined;
    if (!issuer) {
      const why = typeof iss === 'string' ? unverifiable.get(iss) : undefined;
      throw invalidToken(why ?? 'iss is no configured issuer');
    }
    const judged = ({ principal, keys, ...lifetime }: Verified): Judged => ({
      ...{ principal, cacheSeconds, issuedBy: { issuer, keys } },
      ...lifetime,
    });
    const verified = await issuer.verify(unverified);
    if (verified !== undefined) return judged(verified);
    return {
      queue: issuer.queue,
      judge: async () => judged(await issuer.fetchKeysAndVerify(unverified, undefined, wasGood)),
    };
  };

  /** The first issuer that knows it decides. One that cannot be asked may be the one that knows it. */
  const judgeOpaque = async (digest: string, token: string, wasGood: boolean): Promise<Judged> => {
    let unreachable: GatewayError | undefined;
    for (const introspection of introspecting.filter(({ mayKnow }) => mayKnow(token))) {
      try {
        const found = await introspection.introspect(token, digest, wasGood);
        if (found !== undefined) return { ...found, issuedBy: undefined };
      } catch (error) {
        if (!isUndecided(error)) throw error;
        unreachable = error;
      }
    }
    throw unreachable ?? invalidToken('opaque, and active at no issuer that introspects');
  };

  const judge = async (digest: string, token: string, wasGood: boolean): Promise<Judged> => {
    const first = isJwt(token)
      ? await verifying.join(() => judgeJwt(token, wasGood), digest)
      : {
          queue: wasGood ? knownTokens : unknownTokens,
          judge: () => judgeOpaque(digest, token, wasGood),
        };
    return 'queue' in first ? first.queue.enter(() => judging.join(first.judge, digest)) : first;
  };

  const keep = (digest: string, judged: Judged): void => {
    const nowMs = clock.now();
    const lifeMs = Math.min(cacheSeconds, judged.cacheSeconds) * 1000;
    const untilMs = Math.min(judged.principal.expiresAtMs, nowMs + lifeMs);
    // Beyond its use it tells for a while that the token was good.
    const endMs = Math.min(judged.principal.expiresAtMs, nowMs + REMEMBERED_MS);
    if (untilMs > nowMs) kept.set(digest, { ...judged, untilMs }, endMs);
  };

  /** What has the form of a JWT is never sent anywhere; neither is what no issuer can have made. */
  const isJwt = (token: string): boolean =>
    introspecting.length === 0 || token.split('.').length === 3 || !TOKEN.test(token);

  const verify = (token: string): Principal | Promise<Principal> => {
    if (token.length > maxTokenLength) throw invalidToken('longer than the accepted size');
    const digest = hash('sha256', token, 'base64');
    const entry = kept.get(digest);
    const usable = entry !== undefined && clock.now() < entry.untilMs && isCurrent(entry);
    observer.cache('token', usable);
    return usable ? entry.principal : verifyAnew(digest, token, entry !== undefined);
  };

  const verifyAnew = async (digest: string, token: string, wasGood: boolean): Promise<Principal> => {
    try {
      const judged = await judge(digest, token, wasGood);
      keep(digest, judged);
      return judged.principal;
    } catch (error) {
      // Where nothing was decided, what is over stays to tell that the token was good; it is never served.
      if (!isUndecided(error)) kept.delete(digest);
      throw error;
    }
  };

  return {
    verify,
    health: () => issuers.flatMap((issuer) => issuer.health()),
    close: async () => {
      await Promise.all(issuers.map((issuer) => issuer.close()));
    },
  };
};

/** Tells whether who vouched for a token still does. */
const isCurrent = ({ issuedBy }: Judged): boolean => issuedBy?.issuer.isCurrent(issuedBy.keys) ?? true;
