/**
 * Asks what a process depends on how it is, in the background. Enters: probes. Leaves: nothing; each has its own report. What
 * requests have told of late is not asked for again, so that with traffic this costs nothing; nothing is ever asked for a
 * request, and of one dependency no two questions are in progress.
 */
import type { Clock } from '../contracts/clock.ts';
import type { HealthProbe } from '../contracts/health.ts';

export interface BackgroundProbes {
  /** Begins to ask, and goes on until it is closed. */
  readonly start: () => void;
  readonly close: () => void;
}

/** What does not work is asked so often; each time up to half as long again. */
const FAILING_MS = 5000;
/** At the start something else asks as a rule, such as the watch over buckets. */
const FIRST_MS = 500;

/** Makes it; nothing is asked before the start. `usualMs`: what works, and of which nothing was heard for so long, is asked. */
export function createBackgroundProbes(
  probes: readonly HealthProbe[],
  { clock, usualMs }: { readonly clock: Clock; readonly usualMs: number },
): BackgroundProbes {
  const timers = new Map<HealthProbe, NodeJS.Timeout>();

  const askIn = (probe: HealthProbe, pauseMs: number): void => {
    const delayMs = pauseMs * (1 + Math.random() / 2);
    timers.set(probe, setTimeout(() => void turn(probe), delayMs).unref());
  };
  const pauseOf = (probe: HealthProbe): number =>
    probe.report().state === 'degraded' ? Math.min(FAILING_MS, usualMs) : usualMs;
  /** Milliseconds for which what was heard last still holds. A clock that was set back makes nothing young. */
  const freshFor = (probe: HealthProbe): number => {
    const { checkedAtMs = -Infinity } = probe.report();
    const ageMs = Math.abs(clock.now() - checkedAtMs);
    return Math.max(0, pauseOf(probe) - ageMs);
  };
  const turn = async (probe: HealthProbe): Promise<void> => {
    const freshMs = freshFor(probe);
    if (freshMs === 0) await probe.ask();
    if (timers.has(probe)) askIn(probe, freshMs === 0 ? pauseOf(probe) : freshMs);
  };

  return {
    start: () => {
      for (const probe of probes) askIn(probe, FIRST_MS);
    },
    close: () => {
      for (const timer of timers.values()) clearTimeout(timer);
      timers.clear();
    },
  };
}
