/**
 * A token as an operator holds it -> by which id it goes. Nothing is verified, and nothing but the id is kept: whoever
 * revokes a token may have found it anywhere, and it may be over.
 */
import { hash } from 'node:crypto';

export interface UnverifiedTokenId {
  readonly tokenIdHash: string;
  /** Unverified: what it says of its issuer and its end (seconds). */
  readonly issuer: unknown;
  readonly expiresAt: unknown;
}

const MAX_TOKEN_LENGTH = 65_536;
const COMPACT = /^[\w-]+\.([\w-]+)\.[\w-]+$/;
const TOKEN_ID_HASH = /^[0-9a-f]{32}$/;

/** Tells whether a text is an id as it stands in the audit. */
export function isTokenIdHash(text: string): boolean {
  return TOKEN_ID_HASH.test(text);
}

/** Gives the id of tokens with this `jti`: as identification makes it. */
export function tokenIdOfJti(jti: string): string {
  return hash('sha256', jti, 'hex').slice(0, 32);
}

/** Reads a signed JWT in its compact form; `undefined` for anything else. */
export function readTokenId(token: string): UnverifiedTokenId | undefined {
  const payload = token.length > MAX_TOKEN_LENGTH ? undefined : COMPACT.exec(token)?.[1];
  if (payload === undefined) return undefined;
  let claims: unknown;
  try {
    claims = JSON.parse(Buffer.from(payload, 'base64url').toString('utf8'));
  } catch {
    return undefined;
  }
  if (typeof claims !== 'object' || claims === null) return undefined;
  const { jti, iss, exp } = claims as Readonly<Record<string, unknown>>;
  // Without a `jti` it is the signed part: a signature of some algorithms can be varied by its bearer.
  const identity = typeof jti === 'string' ? jti : token.slice(0, token.lastIndexOf('.'));
  return { tokenIdHash: tokenIdOfJti(identity), issuer: iss, expiresAt: exp };
}
