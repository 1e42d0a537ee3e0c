/**
 * Token in, what its issuer says of it out, held to the same rules as a JWT's claims. The token goes to the
 * introspection endpoint that configuration or discovery names, over a bounded connection, and nowhere else; neither it
 * nor the secret that is sent with it ever enters a log, an error or a cache.
 * @see RFC 7662
 */
import { LRUCache } from 'lru-cache';
import {
  allowInsecureRequests,
  ClientSecretBasic,
  ClientSecretPost,
  Configuration,
  customFetch,
  discovery,
  tokenIntrospection,
  type CustomFetch,
} from 'openid-client';
import type { Clock } from '../contracts/clock.ts';
import type { HealthReport } from '../contracts/health.ts';
import type { IntrospectionSettings } from '../contracts/issuer-settings.ts';
import type { Observer } from '../contracts/observer.ts';
import type { Principal } from '../contracts/principal.ts';
import { GatewayError } from '../errors/gateway-error.ts';
import type { ConcurrencyLimit } from '../platform/concurrency-limit.ts';
import { createBoundedFetch, faultOf, FetchFault } from './bounded-fetch.ts';
import { createClaimRules } from './claim-rules.ts';
import { mayFetch, type ResolvedIssuerOptions } from './issuer-options.ts';
import { createPrincipals } from './principals.ts';
import { introspectionUnavailable, invalidToken } from './refuse.ts';
import { member, parseStrictObject, type JsonObject } from './strict-json.ts';
import { createWaitingLimit } from './waiting-limit.ts';

export interface Introspection {
  /** Tells whether a token can be this issuer's by how it begins. */
  readonly mayKnow: (token: string) => boolean;
  /**
   * Asks the issuer; `undefined`: it does not know the token, or not as an active one. `wasActive`: it was when it was
   * last introspected; such tokens have a limit of their own, which made-up ones cannot take. `identified`: the part of the
   * token that is its own; default: all of it.
   * @throws GatewayError InvalidToken, ExpiredToken, ServiceUnavailable, SlowDown
   */
  readonly introspect: (
    token: string,
    digest: string,
    wasActive: boolean,
    identified?: string,
  ) => Promise<Introspected | undefined>;
  readonly health: () => HealthReport;
  readonly close: () => Promise<void>;
}

export interface Introspected {
  readonly principal: Principal;
  /** How long it may be kept, in seconds. */
  readonly cacheSeconds: number;
}

/** Requests of one kind. */
interface Lane {
  readonly queue: ConcurrencyLimit;
  failures: number;
  triedAtMs: number;
}

interface Deps {
  readonly clock: Clock;
  readonly observer: Observer;
}

const MAX_DOCUMENT_BYTES = 64 * 1024;
const REDISCOVER_AFTER_MS = 3_600_000;
/** Callers choose how many unknown tokens they send; the issuer must not be made to answer them all at once. */
const MAX_ABOUT_UNKNOWN = 32;
const MAX_ABOUT_KNOWN = 16;
/** After so many failures in a row one request in `PAUSE_MS` finds out whether the issuer is back; others do not wait. */
const FAILURES_IN_A_ROW = 3;
const PAUSE_MS = 1000;
/** What a token can bring about by its own form or length: whoever sends such ones must not stop the requests of others. */
const OF_THE_TOKEN: ReadonlySet<number> = new Set([400, 413, 414, 422, 431]);
/** A token that is not active is requested again after this time at the latest, in milliseconds. */
const REFUSED_FOR_MS = 2000;
const MAX_REFUSED = 10_000;
/** What Keycloak and others call the kind of a token that is no access token. */
const OTHER_KINDS: ReadonlySet<unknown> = new Set(['refresh', 'offline', 'id', 'logout']);

/** Makes the introspection of one issuer. Nothing is asked of it before there is a token. */
export const createIntrospection = (
  options: ResolvedIssuerOptions,
  introspectionOptions: IntrospectionSettings,
  { clock, observer }: Deps,
): Introspection => {
  const http = createBoundedFetch({
    timeoutMs: options.fetchTimeoutSeconds * 1000,
    maxBytes: MAX_DOCUMENT_BYTES,
    allowHttp: options.allowHttp,
    ca: options.ca,
    connections: MAX_ABOUT_UNKNOWN + MAX_ABOUT_KNOWN,
  });
  const waitedFor = `an answer of issuer ${options.name}`;
  // Apart in all: introspections of made-up tokens that fail must not stand in the way of those that were good.
  const aboutUnknown: Lane = { queue: createWaitingLimit(MAX_ABOUT_UNKNOWN, waitedFor), failures: 0, triedAtMs: 0 };
  const aboutKnown: Lane = { queue: createWaitingLimit(MAX_ABOUT_KNOWN, waitedFor), failures: 0, triedAtMs: 0 };
  const checkClaims = createClaimRules(options, clock);
  const principalOf = createPrincipals(options);
  const refused = new LRUCache<string, number>({ max: MAX_REFUSED });
  let known: { readonly configuration: Promise<Configuration>; readonly sinceMs: number } | undefined;
  let lastGood: Configuration | undefined;
  let failure: string | undefined;
  let checkedAtMs: number | undefined;

  const fetch: CustomFetch = async (url, { method, headers, body }) => {
    if (method === 'GET') return http.get(url);
    const answer = await http.post(url, headers, body instanceof URLSearchParams ? body.toString() : '');
    const bytes = new Uint8Array(await answer.clone().arrayBuffer());
    // Two parsers must not read two answers.
    if (parseStrictObject(bytes) === undefined) throw new FetchFault('an answer that is not one plain JSON object');
    return answer;
  };

  const discover = async (): Promise<Configuration> => {
    const { clientId, authentication, endpoint } = introspectionOptions;
    const secret = introspectionOptions.clientSecret.reveal();
    const auth = authentication === 'client_secret_post' ? ClientSecretPost(secret) : ClientSecretBasic(secret);
    const allowHttp = options.allowHttp;
    if (endpoint !== undefined) {
      const metadata = { issuer: options.issuer, introspection_endpoint: endpoint };
      const configuration = new Configuration(metadata, clientId, undefined, auth);
      configuration[customFetch] = fetch;
      configuration.timeout = options.fetchTimeoutSeconds;
      // eslint-disable-next-line @typescript-eslint/no-deprecated -- its mark of danger; bounded to loopback by mayFetch
      if (allowHttp) allowInsecureRequests(configuration);
      return configuration;
    }
    const configuration = await discovery(new URL(options.issuer), clientId, undefined, auth, {
      [customFetch]: fetch,
      timeout: options.fetchTimeoutSeconds,
      // eslint-disable-next-line @typescript-eslint/no-deprecated -- its mark of danger; bounded to loopback by mayFetch
      ...(allowHttp && { execute: [allowInsecureRequests] }),
    });
    const { issuer, introspection_endpoint: found } = configuration.serverMetadata();
    if (issuer !== options.issuer) throw new FetchFault('a document of another issuer');
    const url = found === undefined ? null : URL.parse(found);
    if (!url || !mayFetch(url, allowHttp))
      throw new FetchFault('an introspection_endpoint that is missing or not https');
    return configuration;
  };

  const configured = (): Promise<Configuration> => {
    const nowMs = clock.now();
    if (known === undefined || nowMs - known.sinceMs >= REDISCOVER_AFTER_MS) {
      // The endpoint of before may well go on while the document that names it cannot be had.
      const configuration = discover().catch((error: unknown) => {
        if (lastGood === undefined) throw error;
        return lastGood;
      });
      known = { configuration, sinceMs: nowMs };
    }
    return known.configuration;
  };

  const query = async (lane: Lane, token: string): Promise<JsonObject> => {
    const nowMs = clock.now();
    if (failure !== undefined && lane.failures >= FAILURES_IN_A_ROW && nowMs - lane.triedAtMs < PAUSE_MS) {
      throw introspectionUnavailable(options.name, failure);
    }
    lane.triedAtMs = nowMs;
    const startedAt = performance.now();
    const configuring = configured();
    let outcome: 'ok' | 'error' = 'error';
    try {
      const configuration = await configuring;
      const answer = await tokenIntrospection(configuration, token, { token_type_hint: 'access_token' });
      outcome = 'ok';
      lastGood = configuration;
      if (failure !== undefined) observer.event('introspection_recovered', { issuer: options.name });
      failure = undefined;
      aboutUnknown.failures = aboutKnown.failures = 0;
      return answer;
    } catch (error) {
      // The endpoint may have moved: the next request looks for it again.
      if (known?.configuration === configuring) known = undefined;
      // Whatever it was, it may quote the token or the answer: a fixed clause goes on, and never a cause.
      const { message: clause, status } = faultOf(error);
      if (failure === undefined) {
        observer.event('introspection_failed', { issuer: options.name, failure: clause });
      }
      failure = clause;
      if (status === undefined || !OF_THE_TOKEN.has(status)) lane.failures += 1;
      throw introspectionUnavailable(options.name, clause);
    } finally {
      checkedAtMs = clock.now();
      observer.call('introspection', outcome, performance.now() - startedAt);
    }
  };

  const introspect: Introspection['introspect'] = async (token, digest, wasActive, identified = token) => {
    if (clock.now() < (refused.get(digest) ?? 0)) return undefined;
    const lane = wasActive ? aboutKnown : aboutUnknown;
    const answer = await lane.queue.enter(() => query(lane, token));
    if (member(answer, 'active') !== true) {
      refused.set(digest, clock.now() + Math.min(REFUSED_FOR_MS, introspectionOptions.cacheSeconds * 1000));
      return undefined;
    }
    checkAnswer(options, answer, clock.now());
    checkClaims(answer);
    const sessionsEndAtMs = clock.now() + introspectionOptions.sessionSeconds * 1000;
    // One that is something else than `Bearer` was refused.
    const isAccess = member(answer, 'token_type') !== undefined;
    const principal = Object.freeze({ ...principalOf(identified, answer, isAccess), sessionsEndAtMs });
    return { principal, cacheSeconds: introspectionOptions.cacheSeconds };
  };

  const { prefix = '' } = introspectionOptions;
  const name = `introspection:${options.name}`;
  return {
    mayKnow: (token) => token.startsWith(prefix),
    introspect,
    health: () => {
      if (checkedAtMs === undefined) return { name, state: 'unknown', detail: 'no token had to be introspected yet' };
      return failure === undefined
        ? { name, state: 'ok', checkedAtMs }
        : { name, state: 'degraded', detail: failure, checkedAtMs };
    },
    close: http.close,
  };
};

/** What the verification of a JWT holds its claims to. */
const checkAnswer = (options: ResolvedIssuerOptions, answer: JsonObject, nowMs: number): void => {
  const { issuer, audiences, clockSkewSeconds, maxTokenAgeSeconds } = options;
  const iss = member(answer, 'iss');
  // The only optional one: it was this issuer that was asked.
  if (iss !== undefined && iss !== issuer) throw invalidToken('introspected: iss');
  const aud = member(answer, 'aud');
  const named: readonly unknown[] = Array.isArray(aud) ? aud : [aud];
  if (!named.some((each) => typeof each === 'string' && audiences.includes(each)))
    throw invalidToken('introspected: aud');
  const type = member(answer, 'token_type');
  if (type !== undefined && (typeof type !== 'string' || type.toLowerCase() !== 'bearer')) {
    throw invalidToken('introspected: token_type');
  }
  const kind = member(answer, 'typ');
  if (typeof kind === 'string' && OTHER_KINDS.has(kind.toLowerCase())) throw invalidToken('introspected: typ');
  const nowSeconds = nowMs / 1000;
  const [exp, nbf, iat] = ['exp', 'nbf', 'iat'].map((name) => member(answer, name));
  if (typeof exp !== 'number') throw invalidToken('introspected: exp');
  if (nbf !== undefined && !(typeof nbf === 'number' && nbf <= nowSeconds + clockSkewSeconds)) {
    throw invalidToken('introspected: nbf');
  }
  if (maxTokenAgeSeconds !== undefined && typeof iat !== 'number') throw invalidToken('introspected: iat');
  const ageLimit = typeof iat === 'number' ? iat + (maxTokenAgeSeconds ?? Infinity) : Infinity;
  if (Math.min(exp, ageLimit) + clockSkewSeconds <= nowSeconds) throw new GatewayError('ExpiredToken');
};
