/**
 * One entry of the list <-> one line of JSON. A line is canonical: it is accepted only where writing what was read gives
 * the same bytes, so that two readers can never understand two things. The id follows from what is revoked, so that to
 * revoke something twice is one entry. No token and no secret is ever in it.
 */
import { hash } from 'node:crypto';
import { isIPv4, isIPv6 } from 'node:net';
import { isoOf, isText, MAX_OPERATOR_NAME, membersOf, textOf, timeOf } from '../lists/line.ts';
import type { ListFormat } from '../lists/list-store.ts';

/** What is revoked. An issuer is its `iss`, never its name: names are of one configuration. */
export type Revoked =
  /** One token, and every session that was issued for it; of every issuer where none is named. */
  | { readonly kind: 'token'; readonly tokenIdHash: string; readonly issuer?: string }
  /** Credentials that this gateway issued. */
  | { readonly kind: 'session'; readonly accessKeyId: string }
  /** Everything that came out of one login: the `sid` claim. */
  | { readonly kind: 'login'; readonly issuer: string; readonly sessionId: string }
  | { readonly kind: 'subject'; readonly issuer: string; readonly subject: string }
  /** Whoever comes from there, whatever they show: a network such as `198.51.100.7/32`. */
  | { readonly kind: 'address'; readonly network: string }
  /** What was issued before a time: to a subject, by an issuer, or at all. */
  | { readonly kind: 'issued-before'; readonly beforeMs: number; readonly issuer?: string; readonly subject?: string };

export interface Entry {
  readonly id: string;
  readonly revoked: Revoked;
  /** When it was written. Of two entries with one id the later holds. */
  readonly atMs: number;
  /** The operator. */
  readonly by: string;
  readonly reason?: string;
  /** After this it means nothing; absent: never. */
  readonly expiresAtMs?: number;
  /** It was lifted, and revokes nothing: what is merely missing could have been lost. */
  readonly lifted?: true;
}

export type Entries = ReadonlyMap<string, Entry>;

/** No list is longer: what revokes more is an issued-before time. */
export const MAX_ENTRIES = 100_000;
/** No line is longer, in bytes of UTF-8. */
export const MAX_LINE_BYTES = 16_384;
/** Longest texts, in characters; those of a principal are as long as tokens may have them. */
export const MAX_TEXT = { issuer: 2048, subject: 1024, sessionId: 256, by: MAX_OPERATOR_NAME, reason: 256 } as const;

/** Clocks of machines differ: until so long after its end an entry is still obeyed. */
const GRACE_MS = 300_000;
/** And so long it is kept, so that no machine takes for lost what has only ended. */
const KEEP_MS = 3_600_000;

const VERSION = 1;
/** The last instant that a Date can hold. */
const MAX_TIME_MS = 8.64e15;
const TOKEN_ID_HASH = /^[0-9a-f]{32}$/;
const ACCESS_KEY_ID = /^[A-Z0-9]{16,32}$/;

/** Gives the id of what is revoked: 32 hex digits. An issued-before time is one per scope: the latest. */
export function idOf(revoked: Revoked): string {
  return hash('sha256', JSON.stringify([revoked.kind, ...scopeOf(revoked)]), 'hex').slice(0, 32);
}

function scopeOf(revoked: Revoked): readonly (string | null)[] {
  switch (revoked.kind) {
    case 'token':
      return [revoked.issuer ?? null, revoked.tokenIdHash];
    case 'session':
      return [revoked.accessKeyId];
    case 'login':
      return [revoked.issuer, revoked.sessionId];
    case 'subject':
      return [revoked.issuer, revoked.subject];
    case 'address':
      return [revoked.network];
    case 'issued-before':
      return [revoked.issuer ?? null, revoked.subject ?? null];
  }
}

/** Tells whether an entry still counts. */
export function isInForce({ expiresAtMs }: Entry, nowMs: number): boolean {
  return expiresAtMs === undefined || nowMs < expiresAtMs + GRACE_MS;
}

/** Tells whether an entry may be thrown away. */
function isOver({ expiresAtMs }: Entry, nowMs: number): boolean {
  return expiresAtMs !== undefined && nowMs >= expiresAtMs + KEEP_MS;
}

/** Tells whether `one` holds where both have the same id. At the same instant it is the revocation that holds. */
export function supersedes(one: Entry, other: Entry): boolean {
  return one.atMs > other.atMs || (one.atMs === other.atMs && other.lifted === true && one.lifted !== true);
}

/** Writes an entry as its line, without the line feed. */
export function writeEntry(entry: Entry): string {
  const { revoked } = entry;
  return JSON.stringify({
    v: VERSION,
    id: entry.id,
    kind: revoked.kind,
    ...written(revoked),
    at: isoOf(entry.atMs),
    by: entry.by,
    reason: entry.reason,
    expires: entry.expiresAtMs === undefined ? undefined : isoOf(entry.expiresAtMs),
    lifted: entry.lifted,
  });
}

function written(revoked: Revoked): Readonly<Record<string, string | undefined>> {
  switch (revoked.kind) {
    case 'token':
      return { token: revoked.tokenIdHash, issuer: revoked.issuer };
    case 'session':
      return { accessKeyId: revoked.accessKeyId };
    case 'login':
      return { issuer: revoked.issuer, sid: revoked.sessionId };
    case 'subject':
      return { issuer: revoked.issuer, subject: revoked.subject };
    case 'address':
      return { network: revoked.network };
    case 'issued-before':
      return { before: isoOf(revoked.beforeMs), issuer: revoked.issuer, subject: revoked.subject };
  }
}

/** Reads a line; `undefined` for anything that `writeEntry` would not have written. */
export function readEntry(line: string): Entry | undefined {
  if (Buffer.byteLength(line) > MAX_LINE_BYTES) return undefined;
  const members = membersOf(line);
  if (members === undefined) return undefined;
  const revoked = readRevoked(members);
  const { by, reason } = members;
  const atMs = timeOf(members['at']);
  const expiresAtMs = timeOf(members['expires']);
  if (revoked === undefined || atMs === undefined || !isText(by, MAX_TEXT.by)) return undefined;
  if (reason !== undefined && !isText(reason, MAX_TEXT.reason)) return undefined;
  const entry: Entry = {
    id: idOf(revoked),
    revoked,
    atMs,
    by,
    ...(reason === undefined ? {} : { reason }),
    ...(expiresAtMs === undefined ? {} : { expiresAtMs }),
    ...(members['lifted'] === true ? { lifted: true } : {}),
  };
  return writeEntry(entry) === line ? entry : undefined;
}

function readRevoked(members: Readonly<Record<string, unknown>>): Revoked | undefined {
  const { kind, token, accessKeyId, sid, issuer, subject, network, before } = members;
  const beforeMs = timeOf(before);
  const of = issuer === undefined ? {} : { issuer: textOf(issuer) };
  const whose = subject === undefined ? {} : { subject: textOf(subject) };
  const candidates: Readonly<Record<string, Revoked | undefined>> = {
    token: { kind: 'token', tokenIdHash: textOf(token), ...of },
    session: { kind: 'session', accessKeyId: textOf(accessKeyId) },
    login: { kind: 'login', issuer: textOf(issuer), sessionId: textOf(sid) },
    subject: { kind: 'subject', issuer: textOf(issuer), subject: textOf(subject) },
    address: { kind: 'address', network: textOf(network) },
    'issued-before': beforeMs === undefined ? undefined : { kind: 'issued-before', beforeMs, ...of, ...whose },
  };
  const revoked = typeof kind === 'string' && Object.hasOwn(candidates, kind) ? candidates[kind] : undefined;
  return revoked !== undefined && isSound(revoked) ? revoked : undefined;
}

/** Tells whether every part of it has the shape that it must have. */
export function isSound(revoked: Revoked): boolean {
  switch (revoked.kind) {
    case 'token':
      return TOKEN_ID_HASH.test(revoked.tokenIdHash) && isTextOrNone(revoked.issuer, MAX_TEXT.issuer);
    case 'session':
      return ACCESS_KEY_ID.test(revoked.accessKeyId);
    case 'login':
      return isText(revoked.issuer, MAX_TEXT.issuer) && isText(revoked.sessionId, MAX_TEXT.sessionId);
    case 'subject':
      return isText(revoked.issuer, MAX_TEXT.issuer) && isText(revoked.subject, MAX_TEXT.subject);
    case 'address':
      return isNetwork(revoked.network);
    case 'issued-before':
      return (
        Math.abs(revoked.beforeMs) <= MAX_TIME_MS &&
        isTextOrNone(revoked.issuer, MAX_TEXT.issuer) &&
        isTextOrNone(revoked.subject, MAX_TEXT.subject) &&
        // A subject means something only together with its issuer.
        (revoked.subject === undefined || revoked.issuer !== undefined)
      );
  }
}

function isNetwork(text: string): boolean {
  const [, address = '', bits = ''] = /^([0-9a-f.:]{2,39})\/(0|[1-9]\d{0,2})$/.exec(text) ?? [];
  return (isIPv4(address) && Number(bits) <= 32) || (isIPv6(address) && Number(bits) <= 128);
}

function isTextOrNone(value: string | undefined, maxLength: number): boolean {
  return value === undefined || isText(value, maxLength);
}

/** The list of revocations, as stores keep it. */
export const REVOCATIONS: ListFormat<Entry> = {
  name: 'revocations',
  maxEntries: MAX_ENTRIES,
  maxLineBytes: MAX_LINE_BYTES,
  maxBytes: 64 * 1_048_576,
  write: writeEntry,
  read: readEntry,
  supersedes,
  isOver,
};
