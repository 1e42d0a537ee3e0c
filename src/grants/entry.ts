/**
 * One grant <-> one line of JSON. A line ends in a code over all of it, made with a key of the configuration: who can write to
 * where grants are kept cannot make one, nor change one. A line is canonical: it is accepted only where writing what was read
 * gives the same bytes.
 */
import type { Grant } from '../contracts/authorizer.ts';
import { isoOf, isText, MAX_OPERATOR_NAME, membersOf, textOf, timeOf } from '../lists/line.ts';
import type { ListFormat } from '../lists/list-store.ts';
import { openLine, sealLine } from '../lists/sealed-line.ts';
import { isBucketName } from '../s3/bucket-name.ts';
import { VERBS, type Verb } from '../s3/operations/verb.ts';

/** What is given, to whom and for how long. */
export interface GrantTerms {
  /** Its `iss`, never its name: names are of one configuration. */
  readonly issuer: string;
  readonly subject: string;
  /** In the order of `VERBS`, each once. */
  readonly verbs: readonly Verb[];
  readonly bucket: string;
  /** Literal: one key, or a prefix that ends in `/` (empty: everything). */
  readonly scope: Grant['scope'];
  /** Counted from the approval. */
  readonly seconds: number;
  readonly reason: string;
  /** Operators of whom one has to approve it; none: it was in force at once. */
  readonly approvers: readonly string[];
}

/** Something that an operator did, and when by the clock of that machine. */
interface Step {
  readonly atMs: number;
  readonly by: string;
}

/** `lapsed`: its time was over, before or after it was approved. */
export type GrantEnd = 'refused' | 'ended' | 'lapsed';

export interface GrantEntry extends GrantTerms {
  /** 16 hex digits, random. */
  readonly id: string;
  readonly requested: Step;
  readonly approved?: Step;
  readonly closed?: Step & { readonly how: GrantEnd; readonly reason?: string };
}

export type GrantEntries = ReadonlyMap<string, GrantEntry>;
export type GrantState = 'pending' | 'active' | GrantEnd;

/** How long a grant waits for its approval. */
const PENDING_MS = 3_600_000;
/** No configuration allows a longer one. */
export const MAX_SECONDS = 7 * 86_400;
/** Longest texts, in characters; those of a principal are as long as tokens may have them. */
export const MAX_GRANT_TEXT = { issuer: 2048, subject: 1024, reason: 256 } as const;
const MAX_APPROVERS = 16;

/** A state that came to a store is remembered so long after it can matter no more, by clocks that differ. */
const KEEP_MS = 3_600_000;
const VERSION = 1;
const MAX_ENTRIES = 1000;
const MAX_LINE_BYTES = 16_384;
const MAX_KEY_BYTES = 1024;
const ID = /^[0-9a-f]{16}$/;
const ENDS: readonly GrantEnd[] = ['refused', 'ended', 'lapsed'];

/** When an approved grant ends by itself, else when it lapses. */
export function endOf({ requested, approved, seconds }: GrantEntry): number {
  return approved === undefined ? requested.atMs + PENDING_MS : approved.atMs + seconds * 1000;
}

/** Tells what has become of a grant. */
export function stateOf(entry: GrantEntry, nowMs: number): GrantState {
  if (entry.closed !== undefined) return entry.closed.how;
  if (nowMs >= endOf(entry)) return 'lapsed';
  return entry.approved === undefined ? 'pending' : 'active';
}

/** A grant only goes on: requested, approved, closed. No clock is asked. */
export function isFurther(one: GrantEntry, other: GrantEntry): boolean {
  return rankOf(one) > rankOf(other);
}

const rankOf = ({ approved, closed }: GrantEntry): number => {
  if (closed !== undefined) return 2;
  return approved === undefined ? 0 : 1;
};

/** Makes the list of grants that are sealed with a key, as stores keep it. */
export function grantFormat(key: Buffer): ListFormat<GrantEntry> {
  const seal = { key, purpose: 'sallyport grant', maxLineBytes: MAX_LINE_BYTES };
  return {
    name: 'grants',
    maxEntries: MAX_ENTRIES,
    maxLineBytes: MAX_LINE_BYTES,
    maxBytes: MAX_ENTRIES * 4096,
    write: (entry) => sealLine(write(entry), seal),
    read: (line) => {
      const body = openLine(line, seal);
      const entry = body === undefined ? undefined : read(body);
      return entry !== undefined && write(entry) === body ? entry : undefined;
    },
    supersedes: isFurther,
    isOver: (entry, nowMs) => nowMs >= endOf(entry) + KEEP_MS,
  };
}

function write(entry: GrantEntry): string {
  const { id, issuer, subject, verbs, bucket, scope, seconds, reason, approvers, requested, approved, closed } = entry;
  return JSON.stringify({
    v: VERSION,
    ...{ id, issuer, subject, verbs, bucket, ...scope, seconds, reason },
    approvers: approvers.length === 0 ? undefined : approvers,
    requested: isoOf(requested.atMs),
    requestedBy: requested.by,
    approved: approved && isoOf(approved.atMs),
    approvedBy: approved?.by,
    closed: closed && isoOf(closed.atMs),
    closedBy: closed?.by,
    how: closed?.how,
    why: closed?.reason,
  });
}

function read(body: string): GrantEntry | undefined {
  const members = membersOf(body);
  if (members === undefined) return undefined;
  const requested = stepOf(members, 'requested');
  const approved = stepOf(members, 'approved');
  const closed = stepOf(members, 'closed');
  const how = ENDS.find((each) => each === members['how']);
  const { seconds, verbs, key, approvers = [], why } = members;
  if (requested === undefined || typeof seconds !== 'number' || !isList(verbs) || !isList(approvers)) return undefined;
  if (closed !== undefined && (how === undefined || !(why === undefined || isReason(why)))) return undefined;
  const entry: GrantEntry = {
    ...{ id: textOf(members['id']), issuer: textOf(members['issuer']), subject: textOf(members['subject']) },
    verbs: verbs as readonly Verb[],
    bucket: textOf(members['bucket']),
    scope: key === undefined ? { prefix: prefixOf(members['prefix']) } : { key: textOf(key) },
    ...{ seconds, reason: textOf(members['reason']), approvers, requested },
    ...(approved === undefined ? {} : { approved }),
    ...(closed === undefined || how === undefined
      ? {}
      : { closed: { ...closed, how, ...(why === undefined ? {} : { reason: textOf(why) }) } }),
  };
  return ID.test(entry.id) && problemOf(entry) === undefined && isApprovedRightly(entry) ? entry : undefined;
}

/** The empty prefix is everything, and what is no text must not become it. */
const prefixOf = (value: unknown): string => (typeof value === 'string' ? value : '\0');

function stepOf(members: Readonly<Record<string, unknown>>, name: string): Step | undefined {
  const atMs = timeOf(members[name]);
  const by = members[`${name}By`];
  return atMs !== undefined && isText(by, MAX_OPERATOR_NAME) ? { atMs, by } : undefined;
}

function isList(value: unknown): value is readonly string[] {
  return (
    Array.isArray(value) &&
    value.length <= VERBS.length + MAX_APPROVERS &&
    value.every((each) => typeof each === 'string')
  );
}

/** Two persons where somebody has to approve, one where nobody has. */
export function isApprovedRightly({ approvers, requested, approved }: GrantEntry): boolean {
  if (approved === undefined) return true;
  if (approvers.length === 0) return approved.by === requested.by;
  return approvers.includes(approved.by) && approved.by !== requested.by;
}

const isReason = (value: unknown): value is string => isText(value, MAX_GRANT_TEXT.reason);

/** Says in one clause what a grant cannot be; `undefined`: it can be. */
export function problemOf(terms: GrantTerms): string | undefined {
  const { issuer, subject, verbs, bucket, scope, seconds, reason, approvers } = terms;
  const text = 'key' in scope ? scope.key : scope.prefix;
  if (!isText(issuer, MAX_GRANT_TEXT.issuer)) return 'this can be no issuer';
  if (!isText(subject, MAX_GRANT_TEXT.subject)) return 'this can be no subject: it must be one line, as in the token';
  const inOrder = VERBS.filter((verb) => verbs.includes(verb));
  if (verbs.length === 0 || inOrder.join() !== verbs.join()) return `verbs must be of ${VERBS.join(', ')}, each once`;
  if (!isBucketName(bucket)) return 'this can be no bucket';
  if (!isKeyText(text)) {
    return 'a key or prefix must be at most 1024 bytes, without control characters, and no part of it `.` or `..`';
  }
  if ('key' in scope ? text === '' || text.endsWith('/') : text !== '' && !text.endsWith('/')) {
    return 'a prefix must end in `/`, and a key must not';
  }
  if ('key' in scope && verbs.some((verb) => verb === 'LIST' || verb === 'LIST_VERSIONS')) {
    return 'LIST and LIST_VERSIONS show a prefix: name one that ends in `/`';
  }
  if (verbs.includes('ADMIN') && text !== '')
    return 'ADMIN is about the bucket itself, and goes with everything in it only';
  if (!Number.isInteger(seconds) || seconds < 1 || seconds > MAX_SECONDS)
    return `it must last from 1 s to ${MAX_SECONDS} s`;
  if (!isReason(reason)) return `the reason must be one line of 1 to ${MAX_GRANT_TEXT.reason} characters`;
  if (approvers.length > MAX_APPROVERS || new Set(approvers).size < approvers.length) {
    return `approvers must be at most ${MAX_APPROVERS}, each once`;
  }
  if (!approvers.every((name) => isText(name, MAX_OPERATOR_NAME))) return 'an approver must be the name of a user';
  return undefined;
}

function isKeyText(text: string): boolean {
  if (text === '') return true;
  const parts = text.split('/');
  return (
    isText(text, MAX_KEY_BYTES) &&
    Buffer.byteLength(text) <= MAX_KEY_BYTES &&
    !parts.some((part) => part === '.' || part === '..')
  );
}
