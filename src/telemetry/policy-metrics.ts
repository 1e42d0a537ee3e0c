/** Which sets of policies are in force and refused, as metrics: one series for each version that there is at the time. */
import { Gauge, type Registry } from 'prom-client';
import { described } from './metric-table.ts';

export interface PolicyVersions {
  /** That by which this process decides; absent where it decides nothing. */
  readonly inForce?: (() => string) | undefined;
  /** Absent where this process reads no directory; it gives `undefined` where nothing is refused. */
  readonly refused?: (() => string | undefined) | undefined;
  /** That which is decided beside it; absent where none is, `undefined` as long as there is no good one. */
  readonly preview?: (() => string | undefined) | undefined;
}

/** Has the versions asked for at each scrape. */
export function measurePolicies(registry: Registry, { inForce, refused, preview }: PolicyVersions): void {
  if (inForce !== undefined) series(registry, 'in_force', inForce);
  if (refused !== undefined) series(registry, 'refused', refused);
  if (preview !== undefined) series(registry, 'previewed', preview);
}

function series(
  registry: Registry,
  name: 'in_force' | 'refused' | 'previewed',
  version: () => string | undefined,
): void {
  new Gauge({
    ...described(`sallyport_policies_${name}`),
    registers: [registry],
    collect() {
      this.reset();
      const now = version();
      if (now !== undefined) this.set({ version: now }, 1);
    },
  });
}
