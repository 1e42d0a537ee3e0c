/**
 * What configuration says of one issuer, checked and with its defaults. A setting that would weaken verification is
 * refused here, when the gateway starts, and not when the first token comes.
 */

import { isWithin, type Bounds } from '../contracts/bounds.ts';
import {
  CLOCK_SKEW_SECONDS,
  INTROSPECTION_CACHE_SECONDS,
  INTROSPECTION_SESSION_SECONDS,
  isClaimPath,
  isMappedName,
  isScope,
  JWKS_MAX_STALE_SECONDS,
  JWKS_REFRESH_SECONDS,
  MAX_TOKEN_AGE_SECONDS,
  SCOPES,
  SIGNATURE_ALGORITHMS,
  TOKEN_TYPES,
  USUAL_CLAIMS,
  type IssuerSettings,
} from '../contracts/issuer-settings.ts';
import { pinsOf } from '../contracts/public-issuers.ts';
import { isLoopback } from '../platform/loopback.ts';

type Needed = 'name' | 'issuer' | 'audiences' | 'algorithms';

interface Limits {
  /** How long after the last look at the issuer an unknown key id may cause another one. Default 10. */
  readonly jwksCooldownSeconds: number;
  /** For one whole document. Default 5. */
  readonly fetchTimeoutSeconds: number;
  /** Callers that may wait for its keys at once. Default 128. */
  readonly maxWaiting: number;
}

/** What is not given has the usual value of its bounds, or is none. */
export type IssuerOptions = Pick<IssuerSettings, Needed> & Partial<Omit<IssuerSettings, Needed> & Limits>;

/** The same with every default filled in. */
export type ResolvedIssuerOptions = IssuerSettings & Limits;

/** Tells whether a document may be fetched from this address: https, or loopback where plain http was allowed. */
export const mayFetch = (url: URL, allowHttp: boolean): boolean =>
  url.protocol === 'https:' || (allowHttp && url.protocol === 'http:' && isLoopback(url.hostname));

/**
 * Checks one issuer's options and fills in the defaults.
 * @throws TypeError naming the issuer and the setting
 */
export const resolveIssuerOptions = (options: IssuerOptions): ResolvedIssuerOptions => {
  const resolved: ResolvedIssuerOptions = {
    ...USUAL_CLAIMS,
    clockSkewSeconds: CLOCK_SKEW_SECONDS.usual,
    scopesClaim: undefined,
    claims: [],
    claimPaths: {},
    unverifiable: {},
    tokenTypes: TOKEN_TYPES,
    tokenKind: undefined,
    requiredClaims: {},
    requiredScopes: [],
    allowedClients: undefined,
    introspection: undefined,
    jwksRefreshSeconds: JWKS_REFRESH_SECONDS.usual,
    jwksCooldownSeconds: 10,
    jwksMaxStaleSeconds: JWKS_MAX_STALE_SECONDS.usual,
    maxTokenAgeSeconds: undefined,
    fetchTimeoutSeconds: 5,
    maxWaiting: 128,
    allowHttp: false,
    ca: undefined,
    ...options,
  };
  const wrong = firstWrong(resolved);
  if (wrong !== undefined) throw new TypeError(`issuer ${JSON.stringify(options.name)}: ${wrong}`);
  return resolved;
};

const firstWrong = (options: ResolvedIssuerOptions): string | undefined => {
  if (!/^[\w.-]{1,64}$/.test(options.name)) return 'name must be 1 to 64 of [A-Za-z0-9_.-]';
  const url = URL.parse(options.issuer);
  if (!url || url.search || url.hash || url.username || url.password) {
    return 'issuer must be a URL without query, fragment or credentials';
  }
  if (!mayFetch(url, options.allowHttp)) return 'issuer must be https (http: loopback only, with allowHttp)';
  if (options.audiences.length === 0 || options.audiences.includes('')) return 'audiences must name at least one';
  const known: readonly string[] = SIGNATURE_ALGORITHMS;
  if (options.algorithms.length === 0 || !options.algorithms.every((name) => known.includes(name))) {
    return `algorithms must be some of ${known.join(', ')}`;
  }
  const bound = firstOutside(options);
  if (bound !== undefined) return bound;
  const path = wrongPath(options);
  if (path !== undefined) return path;
  if (options.requiredScopes.length > 0 && options.scopesClaim === undefined) return 'requiredScopes needs scopesClaim';
  if (!options.requiredScopes.every(isScope)) return 'requiredScopes must be scopes of RFC 6749';
  if (options.allowedClients?.length === 0) return 'allowedClients must name at least one';
  const { endpoint } = options.introspection ?? {};
  const endpointUrl = endpoint === undefined ? undefined : URL.parse(endpoint);
  if (endpointUrl === null || (endpointUrl !== undefined && !mayFetch(endpointUrl, options.allowHttp))) {
    return 'introspection: endpoint must be https (http: loopback only, with allowHttp)';
  }
  if (options.tokenTypes.length === 0) return 'tokenTypes must name at least one';
  if (!(options.jwksRefreshSeconds > 0 && options.jwksRefreshSeconds <= JWKS_REFRESH_SECONDS.max))
    return `jwksRefreshSeconds: 0 < s <= ${JWKS_REFRESH_SECONDS.max}`;
  if (!isWithin(options.jwksCooldownSeconds, { min: 1, max: 3600 })) return 'jwksCooldownSeconds must be 1..3600';
  if (!(options.fetchTimeoutSeconds > 0 && options.fetchTimeoutSeconds <= 3600))
    return 'fetchTimeoutSeconds: 0 < s <= 3600';
  if (pinsOf(url) !== undefined && Object.keys(options.requiredClaims).length === 0) {
    return 'issues tokens to everybody: requiredClaims must pin an owner, a domain or a tenant';
  }
  return undefined;
};

const firstOutside = ({ introspection, ...options }: ResolvedIssuerOptions): string | undefined => {
  const numbers: readonly (readonly [string, number | undefined, Omit<Bounds, 'usual'>])[] = [
    ['clockSkewSeconds', options.clockSkewSeconds, CLOCK_SKEW_SECONDS],
    ['jwksMaxStaleSeconds', options.jwksMaxStaleSeconds, JWKS_MAX_STALE_SECONDS],
    ['maxTokenAgeSeconds', options.maxTokenAgeSeconds, MAX_TOKEN_AGE_SECONDS],
    ['introspection: cacheSeconds', introspection?.cacheSeconds, INTROSPECTION_CACHE_SECONDS],
    ['introspection: sessionSeconds', introspection?.sessionSeconds, INTROSPECTION_SESSION_SECONDS],
  ];
  const outside = numbers.find(([, value, bounds]) => value !== undefined && !isWithin(value, bounds));
  return outside && `${outside[0]} must be ${outside[2].min}..${outside[2].max}`;
};

const wrongPath = (options: ResolvedIssuerOptions): string | undefined => {
  const { subjectClaim, groupsClaim, scopesClaim, claims, claimPaths, requiredClaims } = options;
  const names = Object.keys(claimPaths);
  if (!names.every(isMappedName)) return 'claimPaths must be named by 1 to 64 of [A-Za-z0-9_-]';
  const reserved = new Set(scopesClaim === undefined ? names : [...names, SCOPES]);
  // Under one name, a claim that a caller may choose could stand for one that the issuer vouches for.
  if (
    claims.some((claim) => reserved.has(claim.split('.')[0] ?? '')) ||
    (reserved.size === names.length && scopesClaim !== undefined)
  ) {
    return 'two claims would have the same name';
  }
  const paths = [subjectClaim, groupsClaim, ...Object.values(claimPaths), ...Object.keys(requiredClaims)];
  const all = scopesClaim === undefined ? paths : [...paths, scopesClaim];
  return all.every(isClaimPath) ? undefined : "a path of a claim is neither a claim's name nor a JSON pointer";
};
