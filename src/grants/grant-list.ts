/**
 * The grants in memory, kept current in the background. Enters: what the store holds, several times a second. Leaves: what is
 * given to one identity now. Where the store cannot be read nothing is given; what is over stays over, whatever a store or a
 * clock says later.
 */
import type { Clock } from '../contracts/clock.ts';
import type { GrantSettings } from '../contracts/grant-settings.ts';
import type { HealthSource } from '../contracts/health.ts';
import type { Observer } from '../contracts/observer.ts';
import type { TemporaryGrant, TemporaryGrants } from '../contracts/temporary-grants.ts';
import type { ListStore } from '../lists/list-store.ts';
import { createListWatch } from '../lists/list-watch.ts';
import { endOf, isApprovedRightly, isFurther, type GrantEntries, type GrantEntry } from './entry.ts';

export interface GrantListOptions extends Pick<GrantSettings, 'maxDurationSeconds' | 'approvers'> {
  readonly store: ListStore<GrantEntry>;
  readonly clock: Clock;
  readonly observer: Observer;
  readonly isOver: (entry: GrantEntry, nowMs: number) => boolean;
  /** Default 400: what is given or ended is so everywhere within a second. */
  readonly pollMs?: number;
}

export interface GrantList extends TemporaryGrants, HealthSource {
  /** Reads the list now. Never rejects: what went wrong is in `health`. */
  readonly refresh: () => Promise<void>;
  /** Begins to read it again and again, until `close`. */
  readonly watch: () => void;
  /** For metrics: how many grants are in force. */
  readonly count: () => number;
  readonly close: () => Promise<void>;
}

const POLL_MS = 400;
/** A list that could not be read again for so long gives nothing. */
const MAX_AGE_MS = 3000;
/** Of two machines that keep time. A grant that begins later than that was made by a clock that is wrong. */
const MAX_SKEW_MS = 300_000;

/** The grants of one identity that a list holds, and what of them was in force when it was last looked. */
interface Own {
  readonly entries: readonly GrantEntry[];
  live: readonly GrantEntry[];
  grants: readonly TemporaryGrant[];
}

const NONE: readonly TemporaryGrant[] = Object.freeze([]);

/** Makes the list; it is empty until it is read. */
export function createGrantList(options: GrantListOptions): GrantList {
  const { store, clock, observer, isOver, maxDurationSeconds, approvers, pollMs = POLL_MS } = options;
  /** By issuer and subject. */
  let index = new Map<string, Map<string, Own>>();
  /** What is over for good, as it was when that was seen. */
  const over = new Map<string, GrantEntry>();
  let confirmedMs: number | undefined;

  const isCurrent = (nowMs: number): boolean =>
    watch.problem() === undefined && confirmedMs !== undefined && Math.abs(nowMs - confirmedMs) <= MAX_AGE_MS;

  /** By the gateway's own rules: who wrote it may have had others. */
  const mayHold = (entry: GrantEntry): boolean =>
    entry.approved !== undefined &&
    entry.closed === undefined &&
    entry.seconds <= maxDurationSeconds &&
    isApprovedRightly(entry) &&
    (approvers.length === 0 || (entry.approvers.length > 0 && approvers.includes(entry.approved.by)));

  const isInForce = (entry: GrantEntry, nowMs: number): boolean => {
    if (over.has(entry.id)) return false;
    if (nowMs >= endOf(entry)) {
      over.set(entry.id, entry);
      return false;
    }
    return (entry.approved?.atMs ?? Infinity) <= nowMs + MAX_SKEW_MS;
  };

  const liveOf = (own: Own, nowMs: number): readonly TemporaryGrant[] => {
    const live = own.entries.filter((entry) => isInForce(entry, nowMs));
    if (live.length !== own.live.length || live.some((entry, at) => entry !== own.live[at])) {
      own.live = live;
      own.grants = live.length === 0 ? NONE : Object.freeze(live.map(grantOf));
    }
    return own.grants;
  };

  /** Puts in force what was read, and gives what the store holds as still open and is over. */
  const take = (read: GrantEntries, nowMs: number): readonly GrantEntry[] => {
    for (const entry of read.values()) {
      if (entry.closed !== undefined) over.set(entry.id, entry);
    }
    for (const [id, entry] of over) if (isOver(entry, nowMs)) over.delete(id);
    const before = index;
    index = new Map();
    const held = [...read.values()].filter((entry) => mayHold(entry) && !over.has(entry.id));
    for (const [issuer, ofIssuer] of Map.groupBy(held, (entry) => entry.issuer)) {
      const subjects = new Map<string, Own>();
      for (const [subject, entries] of Map.groupBy(ofIssuer, (entry) => entry.subject)) {
        const known = before.get(issuer)?.get(subject);
        // What was worked out of the same grants goes on to hold.
        const isSame = idsOf(known?.entries ?? []) === idsOf(entries);
        subjects.set(subject, known !== undefined && isSame ? known : { entries, live: [], grants: NONE });
      }
      index.set(issuer, subjects);
    }
    return [...over.values()].filter((entry) => {
      const kept = read.get(entry.id);
      return kept !== undefined && isFurther(entry, kept);
    });
  };

  let pending: GrantEntries | undefined;
  const read = async (): Promise<void> => {
    const startedMs = clock.now();
    pending = (await store.read()) ?? pending;
    const reopened = pending === undefined ? [] : take(pending, startedMs);
    pending = undefined;
    // A store that went back in time: whoever starts on it must not take for open what is over.
    if (reopened.length > 0 && store.isRestorable) {
      await store.update((kept) => reopened.filter((entry) => kept.has(entry.id)));
    }
    confirmedMs = startedMs;
    if (watch.recover()) observer.event('grants_recovered');
  };

  const watch = createListWatch({
    ...{ name: 'grants', clock, pollMs, read },
    tell: (detail, cause) => observer.event('grants_unavailable', { detail, ...cause }),
  });

  return {
    of: (principal) => {
      // Who acts for somebody else, and a session that was cut to one policy, have nothing beyond what names them.
      if (index.size === 0 || principal.actor !== undefined || principal.binding !== undefined) return NONE;
      const own = index.get(principal.issuer)?.get(principal.subject);
      const nowMs = clock.now();
      return own === undefined || !isCurrent(nowMs) ? NONE : liveOf(own, nowMs);
    },
    refresh: watch.refresh,
    watch: watch.watch,
    count: () => {
      const nowMs = clock.now();
      if (!isCurrent(nowMs)) return 0;
      let count = 0;
      for (const subjects of index.values()) for (const own of subjects.values()) count += liveOf(own, nowMs).length;
      return count;
    },
    health: () => [watch.report(() => 'no grant is in force')],
    close: async () => {
      await watch.close();
      await store.close();
    },
  };
}

const idsOf = (entries: readonly GrantEntry[]): string => entries.map(({ id }) => id).join();

function grantOf(entry: GrantEntry): TemporaryGrant {
  const { id, verbs, bucket, scope, reason } = entry;
  const until = new Date(endOf(entry)).toISOString();
  return Object.freeze({ id, verbs, bucket, scope, reason: `Granted until ${until}: ${reason}` });
}
