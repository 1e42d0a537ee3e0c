/** What is known of dependencies, as metrics: one series for each. Buckets are one together: labels hold none. */
import { Gauge, type Registry } from 'prom-client';
import type { Clock } from '../contracts/clock.ts';
import type { HealthReport } from '../contracts/health.ts';
import { described } from './metric-table.ts';

/** Has the reports asked for at each scrape. */
export function measureDependencies(registry: Registry, reports: () => readonly HealthReport[], clock: Clock): void {
  const registers = [registry];
  new Gauge({
    ...described('sallyport_dependency_up'),
    registers,
    collect() {
      this.reset();
      for (const [dependency, all] of byDependency(reports())) {
        const states = all.map(({ state }) => state);
        if (states.includes('degraded')) this.set({ dependency }, 0);
        else if (states.includes('ok')) this.set({ dependency }, 1);
      }
    },
  });
  new Gauge({
    ...described('sallyport_dependency_check_age_seconds'),
    registers,
    collect() {
      this.reset();
      for (const [dependency, all] of byDependency(reports())) {
        const times = all.flatMap(({ checkedAtMs }) => checkedAtMs ?? []);
        if (times.length > 0) this.set({ dependency }, Math.max(0, clock.now() - Math.min(...times)) / 1000);
      }
    },
  });
}

function byDependency(reports: readonly HealthReport[]): Map<string, HealthReport[]> {
  return Map.groupBy(reports, ({ name }) => (name.startsWith('bucket:') ? 'bucket' : name));
}
