/** What small and large requests cost in CPU, and how many there are per second. */
import type { Bench } from '../bench.ts';
import { keepLarge, largeGet, largePut, smallGets, smallPuts } from '../loads.ts';
import { each, inTurns, measure, run, type Load } from '../measure.ts';
import { show, type Shown } from '../show.ts';

interface Row {
  readonly what: string;
  readonly units: number;
  readonly load: Load;
  readonly cpu: Omit<Shown, 'what' | 'goal'>;
  readonly rate: Omit<Shown, 'what' | 'goal'>;
  readonly goal: number;
}

/** Shows both. */
export async function showRequests({ rounds, sizes, targets, gateways }: Bench): Promise<void> {
  const { smallRequests, largeBytes } = sizes;
  await run(gateways[0], keepLarge(largeBytes));
  const small = {
    units: smallRequests,
    cpu: { unit: 'us CPU/request', digits: 0, scale: 1e6 },
    rate: { unit: 'req/s', digits: 0 },
  };
  const large = {
    units: largeBytes / 2 ** 30,
    cpu: { unit: 's CPU/GiB', digits: 2 },
    rate: { unit: 'MB/s', digits: 0, scale: 2 ** 30 / 1e6 },
  };
  const mib = largeBytes / 2 ** 20;
  const rows: readonly Row[] = [
    { what: '1 KiB GET', load: smallGets(smallRequests), goal: 2.0, ...small },
    { what: '1 KiB PUT', load: smallPuts(smallRequests), goal: 2.4, ...small },
    { what: `${mib} MiB GET`, load: largeGet(), goal: 1.0, ...large },
    { what: `${mib} MiB PUT`, load: largePut(largeBytes), goal: 1.3, ...large },
  ];
  for (const { what, units, load, cpu, rate, goal } of rows) {
    const found = await inTurns(rounds, targets, (target) => measure(target, units, load));
    const builds = gateways.length;
    show(
      { what, goal, ...cpu },
      each(found, (figure) => figure.cpu),
      builds,
    );
    show(
      { what, ...rate },
      each(found, (figure) => figure.perSecond),
      builds,
    );
  }
}
