/**
 * One breaker <-> one sealed line of JSON. There is at most one for a budget of an identity, or of a policy; each time it opens
 * or is closed its turn goes up by one, so that the later state is known without a clock. A line is canonical: it is accepted
 * only where writing what was read gives the same bytes.
 */
import { hash } from 'node:crypto';
import { isoOf, isText, MAX_OPERATOR_NAME, membersOf, textOf, timeOf } from '../lists/line.ts';
import type { ListFormat } from '../lists/list-store.ts';
import { openLine, sealLine } from '../lists/sealed-line.ts';

/** Whose budget it is; of a policy: nobody's. */
export interface BreakerOwner {
  readonly issuer: string;
  readonly subject: string;
  /** Who acts in the subject's name. */
  readonly actor?: string;
  readonly actorIssuer?: string;
}

export interface Breaker {
  /** 16 hex digits, of the guardrail and whose it is. */
  readonly id: string;
  /** `<policy id>/<guardrail id>` */
  readonly guardrail: string;
  readonly whose?: BreakerOwner;
  /** Odd: open. */
  readonly turn: number;
  readonly openedAtMs: number;
  /** What was asked for, in a clause. */
  readonly why: string;
  readonly closed?: { readonly atMs: number; readonly by: string; readonly reason?: string };
}

export type Breakers = ReadonlyMap<string, Breaker>;

const VERSION = 1;
const MAX_ENTRIES = 10_000;
const MAX_LINE_BYTES = 16_384;
/** Longer than any window: the counters that are left behind are over then. */
const KEEP_MS = 32 * 86_400_000;
const MAX_TEXT = { guardrail: 129, issuer: 2048, subject: 1024, why: 256, reason: 256 } as const;
const ID = /^[0-9a-f]{16}$/;
const MAX_TURN = 1_000_000_000;

/** Names the budget of an owner, as one text that no other budget has. */
export function budgetName(guardrail: string, whose: BreakerOwner | undefined): string {
  const names = whose && [whose.issuer, whose.subject, whose.actorIssuer ?? null, whose.actor ?? null];
  return JSON.stringify([guardrail, names ?? null]);
}

/** Gives the id of the breaker of a budget. */
export function breakerId(guardrail: string, whose: BreakerOwner | undefined): string {
  return hash('sha256', budgetName(guardrail, whose)).slice(0, 16);
}

/** Tells whether it is open. */
export const isOpen = ({ turn }: Breaker): boolean => turn % 2 === 1;

/** Closes a breaker. */
export function closing(breaker: Breaker, closed: NonNullable<Breaker['closed']>): Breaker {
  return { ...breaker, turn: breaker.turn + 1, closed };
}

/** Makes the list of breakers that are sealed with a key, as stores keep it. */
export function breakerFormat(key: Buffer): ListFormat<Breaker> {
  const seal = { key, purpose: 'sallyport breaker', maxLineBytes: MAX_LINE_BYTES };
  return {
    name: 'breakers',
    maxEntries: MAX_ENTRIES,
    maxLineBytes: MAX_LINE_BYTES,
    maxBytes: MAX_ENTRIES * 1024,
    write: (breaker) => sealLine(write(breaker), seal),
    read: (line) => {
      const body = openLine(line, seal);
      const breaker = body === undefined ? undefined : read(body);
      return breaker !== undefined && write(breaker) === body ? breaker : undefined;
    },
    supersedes: (one, other) => one.turn > other.turn,
    isOver: ({ closed }, nowMs) => closed !== undefined && nowMs >= closed.atMs + KEEP_MS,
  };
}

function write({ id, guardrail, whose, turn, openedAtMs, why, closed }: Breaker): string {
  return JSON.stringify({
    v: VERSION,
    ...{ id, guardrail },
    issuer: whose?.issuer,
    subject: whose?.subject,
    actor: whose?.actor,
    actorIssuer: whose?.actorIssuer,
    ...{ turn, opened: isoOf(openedAtMs), why },
    closed: closed && isoOf(closed.atMs),
    closedBy: closed?.by,
    reason: closed?.reason,
  });
}

function read(body: string): Breaker | undefined {
  const members = membersOf(body);
  if (members === undefined) return undefined;
  const { turn, issuer, subject, actor, actorIssuer, closedBy, reason } = members;
  const openedAtMs = timeOf(members['opened']);
  const closedAtMs = timeOf(members['closed']);
  if (openedAtMs === undefined || typeof turn !== 'number' || !Number.isInteger(turn)) return undefined;
  if (turn < 1 || turn > MAX_TURN || (closedAtMs === undefined) !== (turn % 2 === 1)) return undefined;
  if (closedAtMs !== undefined && !isText(closedBy, MAX_OPERATOR_NAME)) return undefined;
  if (reason !== undefined && !isText(reason, MAX_TEXT.reason)) return undefined;
  const whose =
    issuer === undefined
      ? undefined
      : {
          ...{ issuer: textOf(issuer), subject: textOf(subject) },
          ...(actor !== undefined && { actor: textOf(actor) }),
          ...(actorIssuer !== undefined && { actorIssuer: textOf(actorIssuer) }),
        };
  const breaker: Breaker = {
    ...{ id: textOf(members['id']), guardrail: textOf(members['guardrail']) },
    ...(whose !== undefined && { whose }),
    ...{ turn, openedAtMs, why: textOf(members['why']) },
    ...(closedAtMs !== undefined && {
      closed: { atMs: closedAtMs, by: textOf(closedBy), ...(reason !== undefined && { reason: textOf(reason) }) },
    }),
  };
  return isSound(breaker) ? breaker : undefined;
}

function isSound({ id, guardrail, whose, why }: Breaker): boolean {
  if (!isText(guardrail, MAX_TEXT.guardrail) || !isText(why, MAX_TEXT.why)) return false;
  if (!ID.test(id) || id !== breakerId(guardrail, whose)) return false;
  if (whose === undefined) return true;
  const { issuer, subject, actor, actorIssuer } = whose;
  return (
    isText(issuer, MAX_TEXT.issuer) &&
    isText(subject, MAX_TEXT.subject) &&
    (actor === undefined || isText(actor, MAX_TEXT.subject)) &&
    (actorIssuer === undefined || isText(actorIssuer, MAX_TEXT.issuer))
  );
}
