/**
 * What a verified token says of itself -> its kind, as rules may look at it. Where it does not say, what configuration says of
 * such tokens of its issuer; else nothing, which satisfies no allow and every deny.
 */
import type { TokenKind } from '../contracts/principal.ts';
import { member, type JsonObject } from './strict-json.ts';

/** Claims that ID tokens alone have. @see OpenID Connect Core sections 2, 3.1.3.6 and 3.3.2.11 */
const OF_ID_TOKENS = ['at_hash', 'c_hash', 'nonce'] as const;

/**
 * Tells the kind. `isAccess`: its header says so (RFC 9068), or its issuer does when it is introspected (RFC 7662).
 */
export function tokenKindOf(
  payload: JsonObject,
  isAccess: boolean,
  configured: TokenKind | undefined,
): TokenKind | undefined {
  if (isAccess) return 'access_token';
  // Keycloak says it in a claim, since all of its headers say `JWT`.
  const typ = member(payload, 'typ');
  if (typ === 'Bearer') return 'access_token';
  if (typ === 'ID' || OF_ID_TOKENS.some((claim) => Object.hasOwn(payload, claim))) return 'id_token';
  return configured;
}
