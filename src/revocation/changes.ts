/** What operators do to the list: revoke, so that what is there only grows stronger, and lift. */
import { idOf, type Entries, type Entry, type Revoked } from './entry.ts';

export interface Order {
  readonly nowMs: number;
  /** The operator. */
  readonly by: string;
  readonly reason: string | undefined;
}

/** How long it is remembered that something was lifted which had no end: longer than any replica is cut off. */
const LIFTED_MS = 30 * 24 * 3_600_000;

/** Gives the entry that revokes. Revoked already: it lasts as long as the longer, and reaches as far as the farther. */
export function revocation(kept: Entries, revoked: Revoked, expiresAtMs: number | undefined, order: Order): Entry {
  const id = idOf(revoked);
  const before = kept.get(id);
  const inForce = before?.lifted === true ? undefined : before;
  const endMs = inForce === undefined ? expiresAtMs : later(inForce.expiresAtMs, expiresAtMs);
  return {
    id,
    revoked: inForce === undefined ? revoked : farther(inForce.revoked, revoked),
    ...written(before, order),
    ...(endMs === undefined ? {} : { expiresAtMs: endMs }),
  };
}

/** Gives the entry that lifts another one. */
export function lifting(entry: Entry, order: Order): Entry {
  return {
    id: entry.id,
    revoked: entry.revoked,
    ...written(entry, order),
    expiresAtMs: entry.expiresAtMs ?? order.nowMs + LIFTED_MS,
    lifted: true,
  };
}

/** Never before what it takes the place of, whatever the clocks of two machines say. */
function written(before: Entry | undefined, { nowMs, by, reason }: Order): Pick<Entry, 'atMs' | 'by' | 'reason'> {
  const atMs = before === undefined ? nowMs : Math.max(nowMs, before.atMs + 1);
  return { atMs, by, ...(reason === undefined ? {} : { reason }) };
}

/** `undefined` is never. */
function later(one: number | undefined, other: number | undefined): number | undefined {
  return one === undefined || other === undefined ? undefined : Math.max(one, other);
}

function farther(one: Revoked, other: Revoked): Revoked {
  if (one.kind !== 'issued-before' || other.kind !== 'issued-before') return other;
  return one.beforeMs > other.beforeMs ? one : other;
}
