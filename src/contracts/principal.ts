/** Who is asking: what was verified about a caller, never the token itself. */
export type ClaimValue = string | number | boolean | readonly string[];

/**
 * What a token was made as: an access token (RFC 9068, RFC 7662), an ID token (OpenID Connect), or what a platform gives to what
 * runs on it, such as jobs, pods and roles.
 */
export const TOKEN_KINDS = ['access_token', 'id_token', 'workload_identity'] as const;
export type TokenKind = (typeof TOKEN_KINDS)[number];

/** Who acts in the subject's name: *actor for subject*. @see RFC 8693 section 4.1 */
export interface Actor {
  /** The actor's `iss`, where its token names one; absent: the issuer of the principal. */
  readonly issuer?: string;
  readonly subject: string;
}

export interface Principal {
  /** The issuer's name in configuration; policies refer to it. */
  readonly issuerName: string;
  /** The `iss` claim. A subject means something only together with it. */
  readonly issuer: string;
  readonly subject: string;
  readonly groups: readonly string[];
  /** The claims that configuration allows to be used and recorded. */
  readonly claims: Readonly<Record<string, ClaimValue>>;
  /** First 32 hex digits of SHA-256 over the token's `jti`, or over its signed part (`header.payload`) where it has none. */
  readonly tokenIdHash: string;
  /** `exp` plus the issuer's clock tolerance: after this nothing may be done in the caller's name. */
  readonly expiresAtMs: number;
  /** Sessions that are issued for it end then: its issuer is asked about the token, and not about the session. */
  readonly sessionsEndAtMs?: number;
  /** `iat` of the token; absent where it has none. */
  readonly issuedAtMs?: number;
  /** The `sid` claim: the login that the token came out of. */
  readonly sessionId?: string;
  /** Of the token that it came with, or that its session was issued for; absent: not known. */
  readonly tokenKind?: TokenKind;
  /** The current actor of a delegated token; those before it are information only, and are not kept. */
  readonly actor?: Actor;
  /**
   * Name of the one policy whose allows count (denies of all others still do), where a session was requested with its
   * role; absent: every policy that names the caller.
   */
  readonly binding?: string;
  /** Access key id of the client session; absent for a bearer token. Safe to record. */
  readonly accessKeyId?: string;
}

/**
 * Claims in which tokens name the client that they were issued to, the first that there is before the others: RFC 9068,
 * OpenID Connect, Okta, Entra ID of version 1.
 * @see RFC 9068 section 2.2, OpenID Connect Core section 2
 */
export const CLIENT_CLAIMS: readonly string[] = ['client_id', 'azp', 'cid', 'appid'];
