/** What became of changes of the configuration, as metrics. */
import { Gauge, type Registry } from 'prom-client';
import { described } from './metric-table.ts';

export interface ConfigurationState {
  readonly isRefused: () => boolean;
  /** How many keys wait for a restart. */
  readonly waiting: () => number;
}

/** Has it asked for at each scrape. */
export function measureConfiguration(registry: Registry, { isRefused, waiting }: ConfigurationState): void {
  new Gauge({
    ...described('sallyport_configuration_refused'),
    registers: [registry],
    collect() {
      this.set(isRefused() ? 1 : 0);
    },
  });
  new Gauge({
    ...described('sallyport_configuration_waits_for_restart'),
    registers: [registry],
    collect() {
      this.set(waiting());
    },
  });
}

/** A key that this process knows. */
export interface KnownKey {
  readonly kind: 'session' | 'keyring';
  /** Its name in configuration; no secret. */
  readonly id: string;
  /** Whether new sessions or objects are made with it. */
  readonly isCurrent: boolean;
}

/** Has the keys asked for at each scrape. */
export function measureKeys(registry: Registry, known: () => readonly KnownKey[]): void {
  new Gauge({
    ...described('sallyport_keys_known'),
    registers: [registry],
    collect() {
      this.reset();
      for (const { kind, id, isCurrent } of known()) this.inc({ kind, id, use: isCurrent ? 'current' : 'accepted' });
    },
  });
}
