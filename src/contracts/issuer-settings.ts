/**
 * What is said of one issuer: configuration fills it in, and the room that verifies its tokens obeys it. The bounds and
 * shapes that both hold its settings to stand here once.
 */

import type { Bounds } from './bounds.ts';
import type { TokenKind } from './principal.ts';
import type { SecretText } from './secret.ts';

/** Asymmetric signatures only: with an HMAC the issuer's public key would be its secret. @see RFC 8725 section 3.1 */
export const SIGNATURE_ALGORITHMS = [
  ...(['RS256', 'RS384', 'RS512', 'PS256', 'PS384', 'PS512'] as const),
  ...(['ES256', 'ES384', 'ES512', 'EdDSA', 'Ed25519'] as const),
] as const;
export type SignatureAlgorithm = (typeof SIGNATURE_ALGORITHMS)[number];

/** `at+jwt`: access tokens of RFC 9068. `jwt`: ID tokens and all that say `JWT` or nothing in `typ`. */
export const TOKEN_TYPES = ['at+jwt', 'jwt'] as const;
export type TokenType = (typeof TOKEN_TYPES)[number];

/** How a client shows its secret. @see RFC 6749 section 2.3.1 */
export const CLIENT_AUTHENTICATIONS = ['client_secret_basic', 'client_secret_post'] as const;

export const CLOCK_SKEW_SECONDS: Bounds = { min: 0, max: 60, usual: 30 };
export const JWKS_REFRESH_SECONDS: Bounds = { min: 30, max: 86_400, usual: 300 };
export const JWKS_MAX_STALE_SECONDS: Bounds = { min: 60, max: 604_800, usual: 86_400 };
export const INTROSPECTION_CACHE_SECONDS: Bounds = { min: 0, max: 300, usual: 5 };
export const INTROSPECTION_SESSION_SECONDS: Bounds = { min: 60, max: 43_200, usual: 900 };
/** Of `maxTokenAgeSeconds`, which is as a rule not set. */
export const MAX_TOKEN_AGE_SECONDS: Omit<Bounds, 'usual'> = { min: 1, max: 604_800 };

/** Where tokens have what they say of their subject, unless an issuer is known to do otherwise. */
export const USUAL_CLAIMS = { subjectClaim: 'sub', groupsClaim: 'groups' } as const;

/** The name under which policies find the scopes of a token. */
export const SCOPES = 'scopes';

/** Tells whether it is the name of a claim, or a JSON pointer of 1 to 8 steps into nested ones. @see RFC 6901 */
export const isClaimPath = (text: string): boolean =>
  text.length > 0 && text.length <= 512 && (!text.startsWith('/') || /^(?:\/(?:[^~/]|~[01])+){1,8}$/.test(text));

/** Tells whether policies can have a claim by this name that has another one in tokens. */
export const isMappedName = (text: string): boolean => /^[\w-]{1,64}$/.test(text);

/** Tells whether it is a scope; they stand in quotes in a header. @see RFC 6749 section 3.3 */
export const isScope = (text: string): boolean => /^[\x21\x23-\x5b\x5d-\x7e]{1,256}$/.test(text);

export type RequiredClaim = string | number | boolean | readonly string[];

/** How the issuer is asked about a token. @see RFC 7662 */
export interface IntrospectionSettings {
  readonly clientId: string;
  readonly clientSecret: SecretText;
  readonly authentication: (typeof CLIENT_AUTHENTICATIONS)[number];
  /** Undefined: that of discovery. */
  readonly endpoint: string | undefined;
  /** Whether JWTs of this issuer are asked about too, once its keys are found to have signed them. */
  readonly jwts: boolean;
  /** Only opaque tokens that begin so are this issuer's. Undefined: any. */
  readonly prefix: string | undefined;
  /** How long an answer is kept, never past the end of the token. */
  readonly cacheSeconds: number;
  /** How long a session that is issued for such a token lives: the issuer is not asked during it. */
  readonly sessionSeconds: number;
}

export interface IssuerSettings {
  /** Its name in policies, audit and metrics. `[\w.-]{1,64}` */
  readonly name: string;
  /** Exactly what tokens carry in `iss` and discovery in `issuer`. */
  readonly issuer: string;
  /** A token must carry at least one of these in `aud`. */
  readonly audiences: readonly string[];
  readonly algorithms: readonly SignatureAlgorithm[];
  readonly clockSkewSeconds: number;
  /** Claims here and below are names, or JSON pointers into nested claims. Must be stable and never reassigned by the issuer. */
  readonly subjectClaim: string;
  /** Its value is an array of strings, or one string that is one group. */
  readonly groupsClaim: string;
  /** A claim with scopes, a list or one text with spaces: they become the claim `scopes`. Undefined: none. */
  readonly scopesClaim: string | undefined;
  /** Claims that policies may use. */
  readonly claims: readonly string[];
  /**
   * More of them, by the name that policies use. One that is an object becomes a claim `name.member` for each of its
   * members.
   */
  readonly claimPaths: Readonly<Record<string, string>>;
  readonly tokenTypes: readonly TokenType[];
  /** Of its tokens that do not say what they are; undefined: not known. */
  readonly tokenKind: TokenKind | undefined;
  /** Claims that must have this value, or one of these. */
  readonly requiredClaims: Readonly<Record<string, RequiredClaim>>;
  /** Scopes that a token must have, all of them, in `scopesClaim`. */
  readonly requiredScopes: readonly string[];
  /** Clients whose tokens are accepted; every claim that names a client must name one of these. Undefined: any. */
  readonly allowedClients: readonly string[] | undefined;
  /** Issuers whose tokens are taken for this one's and cannot be verified: why not, for the log. */
  readonly unverifiable: Readonly<Record<string, string>>;
  /** Which tokens the issuer is asked about, and how; undefined: none, and those that are no JWTs are refused. */
  readonly introspection: IntrospectionSettings | undefined;
  /** How often the keys are fetched again, so that a removed one stops working. */
  readonly jwksRefreshSeconds: number;
  /** How long the last good keys serve while the issuer is down. */
  readonly jwksMaxStaleSeconds: number;
  /** Refuses tokens whose `iat` is older. Undefined: `exp` alone decides. */
  readonly maxTokenAgeSeconds: number | undefined;
  /** Allows plain http to a loopback address, for the demo. */
  readonly allowHttp: boolean;
  /** PEM of the authority that signs the issuer's TLS certificate. Undefined: the system's. */
  readonly ca: string | undefined;
}
