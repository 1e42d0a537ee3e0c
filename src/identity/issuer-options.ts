/**
 * What configuration says of one issuer, checked and with its defaults. A setting that would weaken verification is
 * refused here, when the gateway starts, and not when the first token comes.
 */

import { claimReader } from './claim-path.ts';

/** The name under which policies find the scopes of a token. */
export const SCOPES = 'scopes';

/** Asymmetric signatures only: with an HMAC the issuer's public key would be its secret. @see RFC 8725 section 3.1 */
const SIGNATURE_ALGORITHMS = [
  'RS256',
  'RS384',
  'RS512',
  'PS256',
  'PS384',
  'PS512',
  'ES256',
  'ES384',
  'ES512',
  'EdDSA',
  'Ed25519',
] as const;
type SignatureAlgorithm = (typeof SIGNATURE_ALGORITHMS)[number];

/** `at+jwt`: access tokens of RFC 9068. `jwt`: ID tokens and all that say `JWT` or nothing in `typ`. */
type TokenType = 'at+jwt' | 'jwt';

export type RequiredClaim = string | number | boolean | readonly string[];

export interface IssuerOptions {
  /** Its name in policies, audit and metrics. `[\w.-]{1,64}` */
  readonly name: string;
  /** Exactly what tokens carry in `iss` and discovery in `issuer`. */
  readonly issuer: string;
  /** A token must carry at least one of these in `aud`. */
  readonly audiences: readonly string[];
  readonly algorithms: readonly SignatureAlgorithm[];
  /** 0..60, default 30. */
  readonly clockSkewSeconds?: number;
  /** Claims here and below are names, or JSON pointers into nested claims. Default `sub`. Must be stable and never reassigned by the issuer. */
  readonly subjectClaim?: string;
  /** Default `groups`. Its value is an array of strings, or one string that is one group. */
  readonly groupsClaim?: string;
  /** A claim with scopes, a list or one text with spaces: they become the claim `scopes`. Default: none. */
  readonly scopesClaim?: string;
  /** Claims that policies may use. */
  readonly claims?: readonly string[];
  /**
   * More of them, by the name that policies use. One that is an object becomes a claim `name.member` for each of its
   * members. `[\w-]{1,64}`
   */
  readonly claimPaths?: Readonly<Record<string, string>>;
  /** Default both. */
  readonly tokenTypes?: readonly TokenType[];
  /** Claims that must have this value, or one of these. */
  readonly requiredClaims?: Readonly<Record<string, RequiredClaim>>;
  /** Scopes that a token must have, all of them, in `scopesClaim`. Default: none. */
  readonly requiredScopes?: readonly string[];
  /** Clients whose tokens are accepted; every claim that names a client must name one of these. Default: any. */
  readonly allowedClients?: readonly string[];
  /** Issuers whose tokens are taken for this one's and cannot be verified: why not, for the log. */
  readonly unverifiable?: Readonly<Record<string, string>>;
  /** Which tokens the issuer is asked about, and how; absent: none, and those that are no JWTs are refused. */
  readonly introspection?: IntrospectionOptions;
  /** How often the keys are fetched again, so that a removed one stops working. Default 300. */
  readonly jwksRefreshSeconds?: number;
  /** How long after the last look at the issuer an unknown key id may cause another one. Default 10. */
  readonly jwksCooldownSeconds?: number;
  /** How long the last good keys serve while the issuer is down. Default 86400. */
  readonly jwksMaxStaleSeconds?: number;
  /** For one whole document. Default 5. */
  readonly fetchTimeoutSeconds?: number;
  /** Callers that may wait for its keys at once. Default 128. */
  readonly maxWaiting?: number;
  /** Refuses tokens whose `iat` is older. Default: `exp` alone decides. */
  readonly maxTokenAgeSeconds?: number;
  /** Allows plain http to a loopback address, for the demo. Default false. */
  readonly allowHttp?: boolean;
  /** PEM of the authority that signs the issuer's TLS certificate. Default: the system's. */
  readonly ca?: string;
}

/** How the issuer is asked about a token. @see RFC 7662 */
export interface IntrospectionOptions {
  readonly clientId: string;
  readonly clientSecret: () => string;
  readonly authentication: 'client_secret_basic' | 'client_secret_post';
  /** Default: that of discovery. */
  readonly endpoint?: string;
  /** Whether JWTs of this issuer are asked about too, once its keys are found to have signed them. Default: no. */
  readonly jwts?: boolean;
  /** Only opaque tokens that begin so are this issuer's. Default: any. */
  readonly prefix?: string;
  /** 0..300; how long an answer is kept, never past the end of the token. */
  readonly cacheSeconds: number;
  /** 60..43200, default 900; how long a session that is issued for such a token lives: the issuer is not asked during it. */
  readonly sessionSeconds?: number;
}

type Optional = 'ca' | 'maxTokenAgeSeconds' | 'scopesClaim' | 'allowedClients' | 'introspection';

/** The same with every default filled in. */
export type ResolvedIssuerOptions = Required<Omit<IssuerOptions, Optional>> & Pick<IssuerOptions, Optional>;

/** These give a token with any audience to anybody: without a pinned claim the whole world is let in. */
const ISSUERS_FOR_EVERYBODY: ReadonlySet<string> = new Set([
  'https://token.actions.githubusercontent.com',
  'https://gitlab.com',
  'https://accounts.google.com',
  'https://app.terraform.io',
  'https://login.microsoftonline.com/9188040d-6c67-4c5b-b112-36a304b66dad/v2.0',
]);

const LOOPBACK: ReadonlySet<string> = new Set(['127.0.0.1', '[::1]', 'localhost']);

/** Tells whether a document may be fetched from this address: https, or loopback where plain http was allowed. */
export const mayFetch = (url: URL, allowHttp: boolean): boolean =>
  url.protocol === 'https:' || (allowHttp && url.protocol === 'http:' && LOOPBACK.has(url.hostname));

/**
 * Checks one issuer's options and fills in the defaults.
 * @throws TypeError naming the issuer and the setting
 */
export const resolveIssuerOptions = (options: IssuerOptions): ResolvedIssuerOptions => {
  const resolved: ResolvedIssuerOptions = {
    clockSkewSeconds: 30,
    subjectClaim: 'sub',
    groupsClaim: 'groups',
    claims: [],
    claimPaths: {},
    unverifiable: {},
    tokenTypes: ['at+jwt', 'jwt'],
    requiredClaims: {},
    requiredScopes: [],
    jwksRefreshSeconds: 300,
    jwksCooldownSeconds: 10,
    jwksMaxStaleSeconds: 86_400,
    fetchTimeoutSeconds: 5,
    maxWaiting: 128,
    allowHttp: false,
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
  if (!isWithin(options.clockSkewSeconds, 0, 60)) return 'clockSkewSeconds must be 0..60';
  const path = wrongPath(options);
  if (path !== undefined) return path;
  if (options.requiredScopes.length > 0 && options.scopesClaim === undefined) return 'requiredScopes needs scopesClaim';
  // They stand in quotes in a header. @see RFC 6749 section 3.3
  if (!options.requiredScopes.every((scope) => /^[\x21\x23-\x5b\x5d-\x7e]{1,256}$/.test(scope))) {
    return 'requiredScopes must be scopes of RFC 6749';
  }
  if (options.allowedClients?.length === 0) return 'allowedClients must name at least one';
  if (options.introspection !== undefined && !isWithin(options.introspection.cacheSeconds, 0, 300)) {
    return 'introspection: cacheSeconds must be 0..300';
  }
  if (!isWithin(options.introspection?.sessionSeconds ?? 900, 60, 43_200)) {
    return 'introspection: sessionSeconds must be 60..43200';
  }
  const { endpoint } = options.introspection ?? {};
  const asked = endpoint === undefined ? undefined : URL.parse(endpoint);
  if (asked === null || (asked !== undefined && !mayFetch(asked, options.allowHttp))) {
    return 'introspection: endpoint must be https (http: loopback only, with allowHttp)';
  }
  if (options.tokenTypes.length === 0) return 'tokenTypes must name at least one';
  if (!(options.jwksRefreshSeconds > 0 && options.jwksRefreshSeconds <= 86_400))
    return 'jwksRefreshSeconds: 0 < s <= 86400';
  if (!isWithin(options.jwksCooldownSeconds, 1, 3600)) return 'jwksCooldownSeconds must be 1..3600';
  if (!isWithin(options.jwksMaxStaleSeconds, 60, 604_800)) return 'jwksMaxStaleSeconds must be 60..604800';
  if (!(options.fetchTimeoutSeconds > 0 && options.fetchTimeoutSeconds <= 30))
    return 'fetchTimeoutSeconds: 0 < s <= 30';
  if (options.maxTokenAgeSeconds !== undefined && !isWithin(options.maxTokenAgeSeconds, 1, 604_800)) {
    return 'maxTokenAgeSeconds must be 1..604800';
  }
  if (ISSUERS_FOR_EVERYBODY.has(options.issuer) && Object.keys(options.requiredClaims).length === 0) {
    return 'issues tokens to everybody: requiredClaims must pin an owner, a domain or a tenant';
  }
  return undefined;
};

const wrongPath = (options: ResolvedIssuerOptions): string | undefined => {
  const { subjectClaim, groupsClaim, scopesClaim, claims, claimPaths, requiredClaims } = options;
  const names = Object.keys(claimPaths);
  if (!names.every((name) => /^[\w-]{1,64}$/.test(name))) return 'claimPaths must be named by 1 to 64 of [A-Za-z0-9_-]';
  const taken = new Set(scopesClaim === undefined ? names : [...names, SCOPES]);
  // Under one name, a claim that a caller may choose could stand for one that the issuer vouches for.
  if (
    claims.some((claim) => taken.has(claim.split('.')[0] ?? '')) ||
    (taken.size === names.length && scopesClaim !== undefined)
  ) {
    return 'two claims would have the same name';
  }
  try {
    const paths = [subjectClaim, groupsClaim, ...Object.values(claimPaths), ...Object.keys(requiredClaims)];
    for (const path of scopesClaim === undefined ? paths : [...paths, scopesClaim]) claimReader(path);
    return undefined;
  } catch (error) {
    return error instanceof Error ? error.message : 'a path of a claim';
  }
};

const isWithin = (value: number, least: number, most: number): boolean => value >= least && value <= most;
