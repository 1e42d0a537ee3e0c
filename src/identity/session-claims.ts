/**
 * Principal of a session <-> the JSON that its token holds. Read as strictly as a token of an issuer, although it was
 * sealed here: another version may have sealed it, and half an identity must never pass for a whole one.
 * @see docs/spec/session-token.md, "Claims"
 */
import { TOKEN_KINDS, type Actor, type ClaimValue, type Principal } from '../contracts/principal.ts';
import { isObject } from './claim-path.ts';
import { MAX_PLAINTEXT_BYTES } from './session-seal.ts';
import { member, parseStrictObject, type JsonObject } from './strict-json.ts';

/** The identity of a session; unlike that of a bearer token it has an access key id. */
export type SessionPrincipal = Principal & { readonly accessKeyId: string };

/** What every access key id of ours looks like: 80 random bits. */
export const ACCESS_KEY_ID = /^SPLY[A-Z2-7]{16}$/;

const TOKEN_ID_HASH = /^[0-9a-f]{32}$/;
const REQUIRED = ['k', 'n', 'i', 's', 'g', 'c', 't', 'x'];
const OPTIONAL = ['b', 'o', 'e', 'a', 'y'];

/** Writes the claims of a session; `undefined` where they are more than a token may hold. */
export const writeSessionClaims = (principal: SessionPrincipal): Buffer | undefined => {
  const bytes = Buffer.from(
    JSON.stringify({
      k: principal.accessKeyId,
      n: principal.issuerName,
      i: principal.issuer,
      s: principal.subject,
      g: principal.groups,
      c: principal.claims,
      t: principal.tokenIdHash,
      x: principal.expiresAtMs,
      b: principal.binding,
      o: principal.issuedAtMs,
      e: principal.sessionId,
      y: principal.tokenKind,
      a: principal.actor && { s: principal.actor.subject, i: principal.actor.issuer },
    }),
  );
  return bytes.length > MAX_PLAINTEXT_BYTES ? undefined : bytes;
};

/** Reads the claims of a session; `undefined` for anything that is not exactly what `writeSessionClaims` gives. */
export const readSessionClaims = (bytes: Buffer): SessionPrincipal | undefined => {
  const json = parseStrictObject(bytes);
  if (json === undefined || !hasMembers(json, REQUIRED, OPTIONAL)) return undefined;
  const [accessKeyId, issuerName, issuer, subject, groups, claims, tokenIdHash, expiresAtMs] = REQUIRED.map((name) =>
    member(json, name),
  );
  const [binding, issuedAtMs, sessionId, actor, kind] = OPTIONAL.map((name) => member(json, name));
  const tokenKind = TOKEN_KINDS.find((each) => each === kind);
  if (
    !matches(accessKeyId, ACCESS_KEY_ID) ||
    !isText(issuerName) ||
    !isText(issuer) ||
    !isText(subject) ||
    !isTextList(groups) ||
    !isClaims(claims) ||
    !matches(tokenIdHash, TOKEN_ID_HASH) ||
    !Number.isSafeInteger(expiresAtMs) ||
    !(binding === undefined || isText(binding)) ||
    !(issuedAtMs === undefined || Number.isSafeInteger(issuedAtMs)) ||
    !(sessionId === undefined || isText(sessionId)) ||
    !(kind === undefined || tokenKind !== undefined) ||
    !(actor === undefined || isActor(actor))
  ) {
    return undefined;
  }
  return Object.freeze({
    issuerName,
    issuer,
    subject,
    groups: Object.freeze(groups),
    claims: frozen(claims),
    tokenIdHash,
    expiresAtMs: expiresAtMs as number,
    ...(issuedAtMs !== undefined && { issuedAtMs: issuedAtMs as number }),
    ...(sessionId !== undefined && { sessionId }),
    ...(tokenKind !== undefined && { tokenKind }),
    ...(actor !== undefined && { actor: readActor(actor) }),
    ...(binding !== undefined && { binding }),
    accessKeyId,
  });
};

const frozen = (claims: Record<string, ClaimValue>): Readonly<Record<string, ClaimValue>> => {
  for (const value of Object.values(claims)) Object.freeze(value);
  return Object.freeze(claims);
};

/** All that is required, and of everything else only what is optional: what is not understood could restrict. */
const hasMembers = (json: JsonObject, required: readonly string[], optional: readonly string[]): boolean =>
  required.every((name) => Object.hasOwn(json, name)) &&
  Object.keys(json).every((name) => required.includes(name) || optional.includes(name));

interface SealedActor {
  readonly s: string;
  readonly i?: string;
}

const isActor = (value: unknown): value is SealedActor =>
  isObject(value) && hasMembers(value, ['s'], ['i']) && isText(value['s']) && (!('i' in value) || isText(value['i']));

const readActor = ({ s, i }: SealedActor): Actor =>
  Object.freeze({ ...(i !== undefined && { issuer: i }), subject: s });

const isText = (value: unknown): value is string => typeof value === 'string' && value !== '';

const matches = (value: unknown, pattern: RegExp): value is string => typeof value === 'string' && pattern.test(value);

const isTextList = (value: unknown): value is string[] => Array.isArray(value) && value.every(isText);

const isClaims = (value: unknown): value is Record<string, ClaimValue> =>
  isObject(value) && Object.values(value).every(isClaimValue);

const isClaimValue = (value: unknown): value is ClaimValue =>
  typeof value === 'string' || typeof value === 'number' || typeof value === 'boolean' || isTextList(value);
