/**
 * The public keys of one issuer, kept current in the background: discovery, then the JWKS, then again every
 * `jwksRefreshSeconds`, with backoff while the issuer is down. The last good keys serve meanwhile, up to a bound.
 * An issuer that was never reached has no keys; it must never keep the gateway from starting, and callers must never be
 * able to make it fetch more often than the cooldown allows.
 */
import { createPublicKey } from 'node:crypto';
import { createLocalJWKSet, type JSONWebKeySet, type JWTVerifyGetKey } from 'jose';
import { LRUCache } from 'lru-cache';
import { allowInsecureRequests, customFetch, discovery, None } from 'openid-client';
import type { Clock } from '../contracts/clock.ts';
import type { HealthReport } from '../contracts/health.ts';
import type { Observer } from '../contracts/observer.ts';
import { createSingleFlight } from '../platform/single-flight.ts';
import { createBoundedFetch, faultOf, FetchFault } from './bounded-fetch.ts';
import { isObject } from './claim-path.ts';
import { mayFetch, type ResolvedIssuerOptions } from './issuer-options.ts';

/** One state of an issuer's key set. A change of the keys is a new object; the same keys fetched again are the same. */
export interface KeyGeneration {
  readonly getKey: JWTVerifyGetKey;
  /** As they were published, public parts only. */
  readonly keys: JSONWebKeySet['keys'];
}

export interface KeysAge {
  readonly ageMs: number;
  readonly maxAgeMs: number;
}

export interface IssuerKeys {
  /** The keys to verify with now; `undefined` when none were ever had, or only ones that are too old. */
  readonly current: () => KeyGeneration | undefined;
  /** Fetches the issuer's keys, or joins a refresh in progress. Never rejects. */
  readonly refresh: () => Promise<void>;
  /**
   * Fetches the issuer's keys for a caller whose key is not at hand, or joins a refresh in progress, unless one for another
   * caller began less than the cooldown ago. Resolves why the issuer has not had its say about `key` yet; `undefined`:
   * it has, and the current keys are its answer.
   */
  readonly refreshFor: (key: string) => Promise<string | undefined>;
  /** Since the keys were last fetched, or since the start where they never were; older than the most they are not used. */
  readonly age: () => KeysAge;
  readonly health: () => HealthReport;
  readonly close: () => Promise<void>;
}

const MAX_DOCUMENT_BYTES = 256 * 1024;
const MAX_KEYS = 100;
const REDISCOVER_AFTER_MS = 3_600_000;
const FIRST_RETRY_MS = 1000;
const LAST_RETRY_MS = 30_000;
/** After so many callers wait no more for a refresh that another one has begun. */
const FAILURES_IN_A_ROW = 3;
/** Keys that were not at hand and are remembered: callers can name any number of them. */
const MAX_REQUESTED = 1000;
const NOT_FETCHED = 'not fetched yet';

interface Deps {
  readonly clock: Clock;
  readonly observer: Observer;
}

/** Starts to fetch the keys of an issuer at once, in the background. */
export const createIssuerKeys = (options: ResolvedIssuerOptions, { clock, observer }: Deps): IssuerKeys => {
  const http = createBoundedFetch({
    timeoutMs: options.fetchTimeoutSeconds * 1000,
    maxBytes: MAX_DOCUMENT_BYTES,
    allowHttp: options.allowHttp,
    ca: options.ca,
    connections: 2,
  });
  const firstRequestedMs = new LRUCache<string, number>({ max: MAX_REQUESTED });
  let generation: KeyGeneration | undefined;
  let fingerprint: string | undefined;
  const startedAtMs = clock.now();
  let fetchedAtMs = -Infinity;
  let refreshedForCallerAtMs = -Infinity;
  let failures = 0;
  let failure: string | undefined = NOT_FETCHED;
  let checkedAtMs: number | undefined;
  let source: { readonly jwksUri: string; readonly discoveredAtMs: number } | undefined;
  const lookups = createSingleFlight();
  let timer: NodeJS.Timeout | undefined;
  let closed = false;

  const discover = async (): Promise<string> => {
    const configuration = await discovery(new URL(options.issuer), 'sallyport', undefined, None(), {
      [customFetch]: (url: string) => http.get(url),
      timeout: options.fetchTimeoutSeconds,
      // eslint-disable-next-line @typescript-eslint/no-deprecated -- its mark of danger; bounded to loopback by mayFetch
      ...(options.allowHttp && { execute: [allowInsecureRequests] }),
    });
    const { issuer, jwks_uri: jwksUri } = configuration.serverMetadata();
    // openid-client compares normalised URLs and lets multi-tenant templates pass; tokens are held to the exact text.
    if (issuer !== options.issuer) throw new FetchFault('a document of another issuer');
    const url = jwksUri === undefined ? null : URL.parse(jwksUri);
    if (!url || !mayFetch(url, options.allowHttp)) throw new FetchFault('a jwks_uri that is missing or not https');
    return url.href;
  };

  const fetchKeys = async (jwksUri: string): Promise<void> => {
    const keys = usableKeys(await (await http.get(jwksUri)).json());
    const next = keys
      .map((key) => JSON.stringify(key))
      .sort()
      .join();
    if (next !== fingerprint) {
      generation = keys.length === 0 ? undefined : { getKey: createLocalJWKSet({ keys }), keys };
      fingerprint = next;
      observer.event('jwks_changed', { issuer: options.name, keys: keys.length });
    }
    fetchedAtMs = clock.now();
  };

  const load = async (): Promise<void> => {
    const nowMs = clock.now();
    let step: 'discovery' | 'jwks' = 'discovery';
    try {
      if (!source || nowMs - source.discoveredAtMs >= REDISCOVER_AFTER_MS) {
        const jwksUri = await observed(observer, step, discover);
        source = { jwksUri, discoveredAtMs: nowMs };
      }
      step = 'jwks';
      const { jwksUri } = source;
      await observed(observer, step, () => fetchKeys(jwksUri));
      if (failures > 0) observer.event('jwks_refresh_recovered', { issuer: options.name });
      failures = 0;
      failure = undefined;
      checkedAtMs = clock.now();
    } catch (error) {
      if (closed) return;
      source = undefined; // the keys may have moved: ask again where they are
      checkedAtMs = clock.now();
      failures += 1;
      failure = `${step}: ${faultOf(error).message}`;
      if (failures === 1) observer.event('jwks_refresh_failed', { issuer: options.name, failure });
    }
  };

  const schedule = (): void => {
    clearTimeout(timer);
    if (closed) return;
    const usualMs = options.jwksRefreshSeconds * 1000;
    const retryMs = Math.min(FIRST_RETRY_MS * 2 ** (failures - 1), LAST_RETRY_MS);
    const delayMs = failures === 0 ? usualMs : Math.min(retryMs, usualMs);
    // Spread out, so that many gateways do not knock at the same moment.
    timer = setTimeout(() => void refresh(), delayMs * (0.9 + 0.2 * Math.random()));
    timer.unref();
  };

  const refresh = (): Promise<void> => {
    if (closed) return Promise.resolve();
    return lookups.join(() => load().finally(schedule));
  };

  const refreshFor = async (key: string): Promise<string | undefined> => {
    const nowMs = clock.now();
    const sinceMs = firstRequestedMs.get(key) ?? nowMs;
    firstRequestedMs.set(key, sinceMs);
    const inFlight = lookups.inFlight();
    if (inFlight !== undefined) {
      // The next refresh is likely to fail as well, and as slowly.
      if (failures >= FAILURES_IN_A_ROW) return reason();
      await inFlight;
    } else if (nowMs - refreshedForCallerAtMs >= options.jwksCooldownSeconds * 1000) {
      refreshedForCallerAtMs = nowMs;
      await refresh();
    }
    if (failure !== undefined || current() === undefined) return reason();
    // It may have been published since: only a later refresh tells a new key from one that never was.
    return fetchedAtMs < sinceMs ? 'a key that is not known yet' : undefined;
  };

  const reason = (): string => failure ?? (fingerprint === '' ? 'publishes no key' : 'its keys are too old');

  const current = (): KeyGeneration | undefined =>
    clock.now() - fetchedAtMs <= options.jwksMaxStaleSeconds * 1000 ? generation : undefined;

  const age = (): KeysAge => ({
    ageMs: clock.now() - Math.max(fetchedAtMs, startedAtMs),
    maxAgeMs: options.jwksMaxStaleSeconds * 1000,
  });

  const health = (): HealthReport => {
    const name = `issuer:${options.name}`;
    if (checkedAtMs === undefined) return { name, state: 'unknown', detail: NOT_FETCHED };
    if (failure === undefined && fingerprint !== '') return { name, state: 'ok', checkedAtMs };
    const serving = current() ? 'the last good keys serve' : 'its tokens are answered with 503';
    return { name, state: 'degraded', detail: `${reason()}; ${serving}`, checkedAtMs };
  };

  const close = async (): Promise<void> => {
    closed = true;
    clearTimeout(timer);
    await http.close();
    await lookups.inFlight();
  };

  void refresh();
  return { current, refresh, refreshFor, age, health, close };
};

/**
 * The asymmetric keys of a JWKS; none where its list is empty, which ends all that were there before. jose takes none of
 * them that is private, weak, or not for signatures.
 */
const usableKeys = (document: unknown): JSONWebKeySet['keys'] => {
  const keys: unknown = isObject(document) ? document['keys'] : undefined;
  if (!Array.isArray(keys)) throw new FetchFault('not a JSON Web Key Set');
  if (keys.length > MAX_KEYS) throw new FetchFault(`more than ${MAX_KEYS} keys`);
  const usable = keys.filter(isUsable);
  // Who publishes keys and none that can be read has made a mistake; it has not taken back those of before.
  if (usable.length === 0 && keys.length > 0) throw new FetchFault('a key set without a usable key');
  return usable;
};

const isUsable = (key: unknown): key is JSONWebKeySet['keys'][number] => {
  if (!isObject(key) || !(key['kty'] === 'RSA' || key['kty'] === 'EC' || key['kty'] === 'OKP')) return false;
  try {
    createPublicKey({ key, format: 'jwk' });
    return true;
  } catch {
    return false;
  }
};

const observed = async <T>(observer: Observer, service: 'discovery' | 'jwks', call: () => Promise<T>): Promise<T> => {
  const startedAt = performance.now();
  let outcome: 'ok' | 'error' = 'error';
  try {
    const result = await call();
    outcome = 'ok';
    return result;
  } finally {
    observer.call(service, outcome, performance.now() - startedAt);
  }
};
