/**
 * The breakers in memory, kept current in the background. Enters: what the store holds, several times a second, and what opens
 * here. Leaves: whether a breaker is open now. One that is open stays so until somebody has closed it: while the store cannot
 * be read, and where it cannot be written yet.
 */
import type { Clock } from '../contracts/clock.ts';
import type { HealthSource } from '../contracts/health.ts';
import type { Observer } from '../contracts/observer.ts';
import type { ListStore } from '../lists/list-store.ts';
import { createListWatch } from '../lists/list-watch.ts';
import { breakerId, isOpen, type Breaker, type BreakerOwner, type Breakers } from './breaker.ts';

export interface BreakerListOptions {
  readonly store: ListStore<Breaker>;
  readonly clock: Clock;
  readonly observer: Pick<Observer, 'event'>;
  /** Default 400: what is opened or closed is so everywhere within a second. */
  readonly pollMs?: number;
}

export interface BreakerList extends HealthSource {
  /** Whether the list was ever read: before that nobody knows what is open. */
  readonly isKnown: () => boolean;
  /** As it was last known, open or closed; `undefined`: it never opened. */
  readonly of: (id: string) => Breaker | undefined;
  /** Opens it here at once, and everywhere as soon as the store has it; gives it as it stands then. */
  readonly open: (guardrail: string, whose: BreakerOwner | undefined, why: string) => Breaker;
  /** Reads the list now, and writes what is not in it yet. Never rejects: what went wrong is in `health`. */
  readonly refresh: () => Promise<void>;
  /** Begins to do so again and again, until `close`. */
  readonly watch: () => void;
  /** For metrics: how many are open. */
  readonly count: () => number;
  readonly close: () => Promise<void>;
}

const POLL_MS = 400;

/** Makes the list; nothing is known until it is read. */
export function createBreakerList({ store, clock, observer, pollMs = POLL_MS }: BreakerListOptions): BreakerList {
  const known = new Map<string, Breaker>();
  /** What opened here and is not known to be in the store. */
  const unwritten = new Set<string>();
  let isKnown = false;

  const take = (read: Breakers): void => {
    for (const [id, breaker] of known) {
      if ((read.get(id)?.turn ?? 0) >= breaker.turn) unwritten.delete(id);
      // A store that lost what was open in it has it again; a file is its owner's to fix.
      else if (store.isRestorable && isOpen(breaker)) unwritten.add(id);
      else if (!unwritten.has(id)) known.delete(id);
    }
    for (const [id, breaker] of read) if (breaker.turn >= (known.get(id)?.turn ?? 0)) known.set(id, breaker);
  };

  const writeBack = async (): Promise<void> => {
    const wanted = [...unwritten].flatMap((id) => known.get(id) ?? []);
    if (wanted.length === 0) return;
    await store.update((kept) => wanted.filter(({ id, turn }) => turn > (kept.get(id)?.turn ?? 0)));
    for (const { id, turn } of wanted) if (known.get(id)?.turn === turn) unwritten.delete(id);
  };

  const watch = createListWatch({
    ...{ name: 'breakers', clock, pollMs },
    read: async () => {
      const read = await store.read();
      if (read !== undefined) take(read);
      isKnown = true;
      await writeBack();
      if (watch.recover()) observer.event('breakers_recovered');
    },
    tell: (detail, cause) => observer.event('breakers_unavailable', { detail, ...cause }),
  });

  return {
    isKnown: () => isKnown,
    of: (id) => known.get(id),
    open: (guardrail, whose, why) => {
      const id = breakerId(guardrail, whose);
      const before = known.get(id);
      if (before !== undefined && isOpen(before)) return before;
      const turn = (before?.turn ?? 0) + 1;
      const breaker = { id, guardrail, ...(whose && { whose }), turn, openedAtMs: clock.now(), why };
      known.set(id, breaker);
      unwritten.add(id);
      observer.event('breaker_opened', { breaker: id, guardrail, why });
      void watch.refresh();
      return breaker;
    },
    refresh: watch.refresh,
    watch: watch.watch,
    count: () => [...known.values()].filter(isOpen).length,
    health: () => [watch.report(() => 'those that are known stay open')],
    close: async () => {
      if (unwritten.size > 0) await watch.refresh();
      await watch.close();
      await store.close();
    },
  };
}
