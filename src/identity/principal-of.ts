/**
 * Verified claims -> Principal. Everything that policy, audit and STS will see of a caller passes here once and is
 * bounded here. A claim of the wrong shape refuses the token: to drop it could drop the very group that a `deny` names.
 */
import { hash } from 'node:crypto';
import type { ClaimValue, Principal } from '../contracts/principal.ts';
import { actorOf } from './actor-of.ts';
import type { ResolvedIssuerOptions } from './issuer-options.ts';
import { invalidToken } from './refuse.ts';
import { isSafeText } from './safe-text.ts';
import { member, type JsonObject } from './strict-json.ts';

const MAX_SUBJECT_LENGTH = 1024;
const MAX_SESSION_ID_LENGTH = 256;
const MAX_GROUPS = 500;
const MAX_GROUP_LENGTH = 256;
const MAX_CLAIM_LENGTH = 1024;
/** The last instant that a Date can hold. */
const MAX_TIME_MS = 8.64e15;

/**
 * Makes the principal of a token. Verified: signature, issuer, audience and times, by the caller of this function.
 * @throws GatewayError InvalidToken
 */
export const principalOf = (options: ResolvedIssuerOptions, compact: string, payload: JsonObject): Principal => {
  const subject = member(payload, options.subjectClaim);
  if (!isSafeText(subject, MAX_SUBJECT_LENGTH)) throw invalidToken('the subject claim');
  return Object.freeze({
    issuerName: options.name,
    issuer: options.issuer,
    subject,
    groups: groupsOf(member(payload, options.groupsClaim)),
    claims: claimsOf(options.claims, payload),
    tokenIdHash: tokenIdHash(compact, member(payload, 'jti')),
    expiresAtMs: endOf(options, payload),
    ...originOf(payload),
  });
};

const groupsOf = (value: unknown): readonly string[] => {
  if (value === undefined || value === null) return Object.freeze([]);
  const groups: unknown[] = Array.isArray(value) ? value : [value];
  if (!isSafeList(groups)) throw invalidToken('the groups claim');
  return Object.freeze([...new Set(groups)]);
};

const claimsOf = (names: readonly string[], payload: JsonObject): Readonly<Record<string, ClaimValue>> => {
  const entries: [string, ClaimValue][] = [];
  for (const name of names) {
    const value = member(payload, name);
    if (value === undefined) continue;
    if (!isClaimValue(value)) throw invalidToken(`claim ${name}`);
    entries.push([name, typeof value === 'object' ? Object.freeze([...value]) : value]);
  }
  return Object.freeze(Object.fromEntries(entries));
};

const isClaimValue = (value: unknown): value is ClaimValue =>
  typeof value === 'boolean' ||
  (typeof value === 'number' && Number.isFinite(value)) ||
  value === '' ||
  isSafeText(value, MAX_CLAIM_LENGTH) ||
  (Array.isArray(value) && isSafeList(value));

const isSafeList = (values: readonly unknown[]): values is readonly string[] =>
  values.length <= MAX_GROUPS && values.every((value) => isSafeText(value, MAX_GROUP_LENGTH));

/** What revocation and audit need beside the identity itself. */
const originOf = (payload: JsonObject): Pick<Principal, 'issuedAtMs' | 'sessionId' | 'actor'> => {
  const iat = member(payload, 'iat');
  const sessionId = member(payload, 'sid');
  const actor = actorOf(payload);
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

/** Without `jti` the signed part is hashed and not the signature: an ECDSA signature can be varied by its bearer. */
const tokenIdHash = (compact: string, jti: unknown): string => {
  if (jti !== undefined && (typeof jti !== 'string' || jti === '')) throw invalidToken('jti');
  return hash('sha256', jti ?? compact.slice(0, compact.lastIndexOf('.')), 'hex').slice(0, 32);
};
