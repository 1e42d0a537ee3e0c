/**
 * The watch over a list in memory: it is read again and again, and an operator is told when that does not work. What is read
 * and what it means is its user's. It never rejects, and never lets two readings overlap.
 */
import type { Clock } from '../contracts/clock.ts';
import type { HealthReport } from '../contracts/health.ts';
import { createSingleFlight } from '../platform/single-flight.ts';
import { causeOf, ListStoreError } from './list-store.ts';

export interface ListWatchOptions {
  /** In sentences, and in `/readyz`: `revocations`. */
  readonly name: string;
  readonly clock: Clock;
  readonly pollMs: number;
  /** Reads the list once. What it throws is complained of. */
  readonly read: () => Promise<void>;
  /** Tells an operator, at once and then now and again. `cause` holds no text of others. */
  readonly tell: (problem: string, cause: Readonly<Record<string, string>>) => void;
}

export interface ListWatch {
  /** Reads the list now. Never rejects. */
  readonly refresh: () => Promise<void>;
  /** Begins to read it again and again, until `close`. */
  readonly watch: () => void;
  /** What is wrong, in a clause; `undefined`: nothing. */
  readonly problem: () => string | undefined;
  /** For `/readyz`. `doing`: what follows from a problem, in a clause. */
  readonly report: (doing: () => string) => HealthReport;
  readonly complain: (problem: string, error?: unknown) => void;
  /** Forgets what was wrong, and tells whether something was. */
  readonly recover: () => boolean;
  /** Resolves when the reading under way has ended; none begins after it. */
  readonly close: () => Promise<void>;
}

/** How often somebody is told that it still does not work. */
const REMIND_MS = 60_000;

/** Makes the watch; nothing is read before `refresh` or `watch`. */
export function createListWatch({ name, clock, pollMs, read, tell }: ListWatchOptions): ListWatch {
  const readings = createSingleFlight();
  let problem: string | undefined;
  let remindedMs = -Infinity;
  let checkedAtMs: number | undefined;
  let timer: NodeJS.Timeout | undefined;
  let closed = false;

  const complain = (clause: string, error?: unknown): void => {
    const isNews = problem === undefined;
    problem = clause;
    const nowMs = clock.now();
    if (!isNews && nowMs - remindedMs < REMIND_MS) return;
    remindedMs = nowMs;
    tell(clause, causeOf(error));
  };

  const readOnce = async (): Promise<void> => {
    try {
      await read();
    } catch (error) {
      complain(error instanceof ListStoreError ? error.message : `the list of ${name} cannot be read`, error);
    }
    checkedAtMs = clock.now();
  };

  const refresh = (): Promise<void> => readings.join(readOnce);

  const schedule = (): void => {
    timer = setTimeout(() => {
      void refresh().then(() => {
        if (!closed) schedule();
      });
    }, pollMs).unref();
  };

  return {
    refresh,
    watch: schedule,
    problem: () => problem,
    report: (doing) => {
      if (checkedAtMs === undefined) return { name, state: 'unknown', detail: 'not read yet' };
      return problem === undefined
        ? { name, state: 'ok', checkedAtMs }
        : { name, state: 'degraded', detail: `${problem}; ${doing()}`, checkedAtMs };
    },
    complain,
    recover: () => {
      const wasWrong = problem !== undefined;
      problem = undefined;
      return wasWrong;
    },
    close: async () => {
      closed = true;
      clearTimeout(timer);
      await readings.inFlight();
    },
  };
}
