/** Whether what configuration says that readiness needs is there. Enters: reports. Leaves: yes or no. */
import type { Clock } from '../contracts/clock.ts';
import type { HealthReport } from '../contracts/health.ts';

export interface Needed {
  /** The process begins to ask. */
  readonly start: () => void;
  readonly isThere: (reports: () => readonly HealthReport[]) => boolean;
}

/** So long nothing that is not known yet counts as there. */
const FIRST_ANSWER_MS = 10_000;

/** Makes it: `needs` are names of reports, or what comes before their colon. */
export function createNeeded(needs: readonly string[], clock: Clock): Needed {
  const names = new Set(needs);
  let startedMs = -Infinity;
  return {
    start: () => {
      startedMs = clock.now();
    },
    isThere: (reports) => {
      if (names.size === 0) return true;
      const isFirst = clock.now() - startedMs < FIRST_ANSWER_MS;
      return reports().every(({ name, state }) => {
        if (!names.has(name) && !names.has(name.split(':')[0] ?? '')) return true;
        return state === 'ok' || (state === 'unknown' && !isFirst);
      });
    },
  };
}
