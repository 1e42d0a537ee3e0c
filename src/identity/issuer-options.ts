/**
 * What configuration says of one issuer, checked and with its defaults. A setting that would weaken verification is
 * refused here, when the gateway starts, and not when the first token comes.
 */

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
  /** Default `sub`. Must be stable and never reassigned by the issuer. */
  readonly subjectClaim?: string;
  /** Default `groups`. Its value is an array of strings, or one string that is one group. */
  readonly groupsClaim?: string;
  /** Claims that policies may use and the audit may record. */
  readonly claims?: readonly string[];
  /** Default both. */
  readonly tokenTypes?: readonly TokenType[];
  /** Claims that must have this value, or one of these. */
  readonly requiredClaims?: Readonly<Record<string, RequiredClaim>>;
  /** How often the keys are fetched again, so that a removed one stops working. Default 300. */
  readonly jwksRefreshSeconds?: number;
  /** How long after the last look at the issuer an unknown key id may cause another one. Default 10. */
  readonly jwksCooldownSeconds?: number;
  /** How long the last good keys serve while the issuer is down. Default 86400. */
  readonly jwksMaxStaleSeconds?: number;
  /** For one whole document. Default 5. */
  readonly fetchTimeoutSeconds?: number;
  /** Refuses tokens whose `iat` is older. Default: `exp` alone decides. */
  readonly maxTokenAgeSeconds?: number;
  /** Allows plain http to a loopback address, for the demo. Default false. */
  readonly allowHttp?: boolean;
  /** PEM of the authority that signs the issuer's TLS certificate. Default: the system's. */
  readonly ca?: string;
}

/** The same with every default filled in. */
export type ResolvedIssuerOptions = Required<Omit<IssuerOptions, 'ca' | 'maxTokenAgeSeconds'>> &
  Pick<IssuerOptions, 'ca' | 'maxTokenAgeSeconds'>;

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
    tokenTypes: ['at+jwt', 'jwt'],
    requiredClaims: {},
    jwksRefreshSeconds: 300,
    jwksCooldownSeconds: 10,
    jwksMaxStaleSeconds: 86_400,
    fetchTimeoutSeconds: 5,
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
  if (options.subjectClaim === '' || options.groupsClaim === '') return 'claim names must not be empty';
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

const isWithin = (value: number, least: number, most: number): boolean => value >= least && value <= most;
