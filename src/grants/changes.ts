/** What operators do to grants, step by step. Each gives the entry as it stands then, or says in one line why not. */
import { isText } from '../lists/line.ts';
import {
  endOf,
  MAX_GRANT_TEXT,
  problemOf,
  stateOf,
  type GrantEntries,
  type GrantEntry,
  type GrantTerms,
} from './entry.ts';

/** A step that cannot be taken. The message is one line for an operator. */
export class GrantRefused extends Error {
  constructor(message: string) {
    super(message);
    this.name = 'GrantRefused';
  }
}

export interface GrantOrder {
  readonly nowMs: number;
  /** The operator, by the name that an entry can hold. */
  readonly by: string;
}

/** Makes a grant: in force at once where nobody has to approve it. @throws GrantRefused */
export function newGrant(id: string, terms: GrantTerms, { nowMs, by }: GrantOrder): GrantEntry {
  const problem = problemOf(terms);
  if (problem !== undefined) throw new GrantRefused(problem);
  if (terms.approvers.length > 0 && terms.approvers.every((name) => name === by)) {
    throw new GrantRefused(`${by} asks for it and cannot approve it; name somebody else`);
  }
  const step = { atMs: nowMs, by };
  return { ...terms, id, requested: step, ...(terms.approvers.length === 0 ? { approved: step } : {}) };
}

/** Puts a grant in force: its time begins now. @throws GrantRefused */
export function approval(entry: GrantEntry, { nowMs, by }: GrantOrder): GrantEntry {
  mustBePending(entry, nowMs);
  mustBeApprover(entry, by);
  return { ...entry, approved: { atMs: nowMs, by } };
}

/** Refuses a grant for good. @throws GrantRefused */
export function refusal(entry: GrantEntry, { nowMs, by }: GrantOrder, reason: string | undefined): GrantEntry {
  mustBePending(entry, nowMs);
  mustBeApprover(entry, by);
  return closed(entry, 'refused', { nowMs, by }, reason);
}

/** Ends a grant before its time, or takes a request back. @throws GrantRefused */
export function ending(entry: GrantEntry, order: GrantOrder, reason: string | undefined): GrantEntry {
  const state = stateOf(entry, order.nowMs);
  if (state !== 'active' && state !== 'pending') throw new GrantRefused(`grant ${entry.id} is over already: ${state}`);
  return closed(entry, 'ended', order, reason);
}

/** Notes that the time of a grant was over. */
export function lapse(entry: GrantEntry, order: GrantOrder): GrantEntry {
  return closed(entry, 'lapsed', order, undefined);
}

/** Gives those whose time is over, which nobody has noted. */
export function lapsed(entries: GrantEntries, nowMs: number): readonly GrantEntry[] {
  return [...entries.values()].filter((entry) => entry.closed === undefined && nowMs >= endOf(entry));
}

/** Gives the one grant whose id begins so. @throws GrantRefused */
export function grantWithId(entries: GrantEntries, idStart: string): GrantEntry {
  const [entry, ...more] = [...entries.values()].filter(({ id }) => id.startsWith(idStart));
  if (entry === undefined)
    throw new GrantRefused(`no grant has the id ${idStart}; \`sallyport grants --all\` lists them`);
  if (more.length > 0) throw new GrantRefused(`several grants have ids that begin with ${idStart}; name more digits`);
  return entry;
}

function closed(
  entry: GrantEntry,
  how: NonNullable<GrantEntry['closed']>['how'],
  { nowMs, by }: GrantOrder,
  reason: string | undefined,
): GrantEntry {
  if (reason !== undefined && !isText(reason, MAX_GRANT_TEXT.reason))
    throw new GrantRefused('the reason must be one line');
  return { ...entry, closed: { atMs: nowMs, by, how, ...(reason === undefined ? {} : { reason }) } };
}

function mustBePending(entry: GrantEntry, nowMs: number): void {
  const state = stateOf(entry, nowMs);
  if (state === 'pending') return;
  const what = state === 'active' ? 'in force already' : state;
  throw new GrantRefused(`grant ${entry.id} is ${what}: only one that is pending can be approved or refused`);
}

function mustBeApprover({ id, approvers, requested }: GrantEntry, by: string): void {
  const names = approvers.filter((name) => name !== requested.by).join(', ');
  if (by === requested.by)
    throw new GrantRefused(`${by} asked for grant ${id}, and somebody else must decide: ${names}`);
  if (!approvers.includes(by)) throw new GrantRefused(`${by} is not among those who decide grant ${id}: ${names}`);
}
