/**
 * Verified claims -> Principal. Everything that policy, audit and STS will see of a caller passes here once and is
 * bounded here. A claim of the wrong shape refuses the token: to drop it could drop the very group that a `deny` names.
 */
import { hash } from 'node:crypto';
import type { Principal } from '../contracts/principal.ts';
import { readActor } from './read-actor.ts';
import { claimReader, isObject } from './claim-path.ts';
import { createClaims, isSafeList } from './claims.ts';
import type { ResolvedIssuerOptions } from './issuer-options.ts';
import { invalidToken } from './refuse.ts';
import { isSafeText } from './safe-text.ts';
import { member, type JsonObject } from './strict-json.ts';
import { tokenKindOf } from './token-kind.ts';

const MAX_SUBJECT_LENGTH = 1024;
const MAX_SESSION_ID_LENGTH = 256;
/** The last instant that a Date can hold. */
const MAX_TIME_MS = 8.64e15;

/**
 * Makes the principal of a token. Verified: signature, issuer, audience and times, by the caller of this function.
 * `identified`: the part of the token that is its own. `isAccess`: it is known to be an access token.
 * @throws GatewayError InvalidToken
 */
type PrincipalOf = (identified: string, payload: JsonObject, isAccess: boolean) => Principal;

/** Compiles what configuration says of the claims of one issuer. */
export const createPrincipals = (options: ResolvedIssuerOptions): PrincipalOf => {
  const { name: issuerName, issuer, groupsClaim } = options;
  const subjectOf = claimReader(options.subjectClaim);
  const groupsIn = claimReader(groupsClaim);
  const claimsOf = createClaims(options);

  return (identified, payload, isAccess) => {
    const subject = subjectOf(payload);
    if (!isSafeText(subject, MAX_SUBJECT_LENGTH)) throw invalidToken('the subject claim');
    const groups = groupsIn(payload);
    if (groups === undefined && isElsewhere(groupsClaim, payload))
      throw invalidToken('the groups are not in the token');
    const tokenKind = tokenKindOf(payload, isAccess, options.tokenKind);
    return Object.freeze({
      ...{ issuerName, issuer, subject },
      groups: groupsOf(groups),
      claims: claimsOf(payload),
      tokenIdHash: tokenIdHash(identified, member(payload, 'jti')),
      expiresAtMs: endOf(options, payload),
      ...originOf(payload),
      ...(tokenKind !== undefined && { tokenKind }),
    });
  };
};

/**
 * Tells whether the token says that a claim has to be requested elsewhere, as Entra ID does for more than 200 groups.
 * @see OpenID Connect Core section 5.6.2
 */
const isElsewhere = (claim: string, payload: JsonObject): boolean => {
  const elsewhere = member(payload, '_claim_names');
  const isNamed = isObject(elsewhere) && Object.hasOwn(elsewhere, claim);
  return isNamed || (claim === 'groups' && member(payload, 'hasgroups') === true);
};

const groupsOf = (value: unknown): readonly string[] => {
  if (value === undefined || value === null) return Object.freeze([]);
  const groups: unknown[] = Array.isArray(value) ? value : [value];
  if (!isSafeList(groups)) throw invalidToken('the groups claim');
  return Object.freeze([...new Set(groups)]);
};

/** What revocation and audit need beside the identity itself. */
const originOf = (payload: JsonObject): Pick<Principal, 'issuedAtMs' | 'sessionId' | 'actor'> => {
  const iat = member(payload, 'iat');
  const sessionId = member(payload, 'sid');
  const actor = readActor(payload);
  if (iat !== undefined && !(typeof iat === 'number' && iat >= 0 && iat * 1000 <= MAX_TIME_MS))
    throw invalidToken('iat');
  if (sessionId !== undefined && !isSafeText(sessionId, MAX_SESSION_ID_LENGTH)) throw invalidToken('sid');
  return {
    ...(iat !== undefined && { issuedAtMs: Math.floor(iat * 1000) }),
    ...(sessionId !== undefined && { sessionId }),
    ...(actor !== undefined && { actor }),
  };
};

const endOf = (options: ResolvedIssuerOptions, payload: JsonObject): number => {
  const exp = member(payload, 'exp');
  const iat = member(payload, 'iat');
  const expMs = typeof exp === 'number' ? Math.floor(exp * 1000) : NaN;
  if (!(expMs > 0 && expMs <= MAX_TIME_MS)) throw invalidToken('exp');
  // With the tolerance that its verification has, or a token could be valid here and over for the credentials.
  const skewMs = options.clockSkewSeconds * 1000;
  if (options.maxTokenAgeSeconds === undefined || typeof iat !== 'number') return expMs + skewMs;
  return Math.min(expMs, Math.floor((iat + options.maxTokenAgeSeconds) * 1000)) + skewMs;
};

const tokenIdHash = (identified: string, jti: unknown): string => {
  if (jti !== undefined && (typeof jti !== 'string' || jti === '')) throw invalidToken('jti');
  return hash('sha256', jti ?? identified, 'hex').slice(0, 32);
};
