/**
 * Verified payload -> the claims that policies may look at, by the names that configuration gives them. Bounded, and
 * strict: a claim of the wrong shape refuses the token, since to drop it could drop what a `deny` looks for.
 */
import { SCOPES } from '../contracts/issuer-settings.ts';
import type { ClaimValue } from '../contracts/principal.ts';
import { claimReader, isObject } from './claim-path.ts';
import type { ResolvedIssuerOptions } from './issuer-options.ts';
import { invalidToken } from './refuse.ts';
import { isSafeText } from './safe-text.ts';
import { member, type JsonObject } from './strict-json.ts';

const MAX_LIST = 500;
const MAX_LIST_TEXT_LENGTH = 256;
const MAX_TEXT_LENGTH = 1024;
/** Of one claim that is an object; AWS has at most 50 tags. */
const MAX_MEMBERS = 64;
const MAX_MEMBER_NAME_LENGTH = 256;

type Claims = Readonly<Record<string, ClaimValue>>;

/** Compiles the claims of one issuer. What it makes throws GatewayError InvalidToken. */
export const createClaims = (
  options: Pick<ResolvedIssuerOptions, 'claims' | 'claimPaths' | 'scopesClaim'>,
): ((payload: JsonObject) => Claims) => {
  const { claims, claimPaths, scopesClaim } = options;
  const paths = Object.entries(claimPaths).map(([name, path]) => ({ name, read: claimReader(path) }));
  const readScopes = scopesClaim === undefined ? undefined : claimReader(scopesClaim);

  return (payload) => {
    const entries = claims.flatMap((name) => claimEntry(name, member(payload, name)));
    for (const { name, read } of paths) entries.push(...claimEntries(name, read(payload)));
    const scopes = readScopes?.(payload);
    if (scopes !== undefined) entries.push([SCOPES, scopesOf(scopes)]);
    return Object.freeze(Object.fromEntries(entries));
  };
};

const claimEntry = (name: string, value: unknown): [string, ClaimValue][] => {
  if (value === undefined) return [];
  if (!isClaimValue(value)) throw invalidToken(`claim ${name}`);
  return [[name, typeof value === 'object' ? Object.freeze([...value]) : value]];
};

const claimEntries = (name: string, value: unknown): [string, ClaimValue][] => {
  if (!isObject(value)) return claimEntry(name, value);
  const members = Object.entries(value);
  // The name of a member is the token's: it must not become part of the detail of an error.
  const named = members.length <= MAX_MEMBERS && members.every(([own]) => isSafeText(own, MAX_MEMBER_NAME_LENGTH));
  if (!named || !members.every(([, own]) => isClaimValue(own))) throw invalidToken(`claim ${name}`);
  return members.flatMap(([own, each]) => claimEntry(`${name}.${own}`, each));
};

/** The scopes of a claim: one text with spaces, or a list. @throws GatewayError InvalidToken @see RFC 8693 section 4.2 */
export const scopesOf = (value: unknown): readonly string[] => {
  const scopes: unknown[] =
    typeof value === 'string' ? value.split(' ').filter(Boolean) : Array.isArray(value) ? value : [value];
  if (!isSafeList(scopes)) throw invalidToken('the scopes claim');
  return Object.freeze([...new Set(scopes)]);
};

const isClaimValue = (value: unknown): value is ClaimValue =>
  typeof value === 'boolean' ||
  (typeof value === 'number' && Number.isFinite(value)) ||
  value === '' ||
  isSafeText(value, MAX_TEXT_LENGTH) ||
  (Array.isArray(value) && isSafeList(value));

/** Tells whether these are texts, none of them empty or unsafe, and not too many. */
export const isSafeList = (values: readonly unknown[]): values is readonly string[] =>
  values.length <= MAX_LIST && values.every((value) => isSafeText(value, MAX_LIST_TEXT_LENGTH));
