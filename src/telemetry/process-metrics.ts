/** What is said of a whole service, once, however many processes it has: whether it is ready, what it is, since when it runs. */
import { Gauge, type Registry } from 'prom-client';
import { described } from './metric-table.ts';

export interface Service {
  /** Of the program. */
  readonly version: string;
  readonly ready: () => boolean | Promise<boolean>;
}

const START = 'process_start_time_seconds';

/** Has it asked for at each scrape. The start is that of this process, whoever else is counted in. */
export function measureService(registry: Registry, { version, ready }: Service): void {
  const registers = [registry];
  new Gauge({ ...described('sallyport_build_info'), registers }).set({ version }, 1);
  new Gauge({
    ...described('sallyport_ready'),
    registers,
    async collect() {
      this.set((await ready()) ? 1 : 0);
    },
  });
  if (registry.getSingleMetric(START) !== undefined) return;
  const help = 'Start time of the process since unix epoch in seconds.';
  new Gauge({ name: START, help, registers }).set(performance.timeOrigin / 1000);
}
