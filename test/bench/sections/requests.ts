/** What small and large requests cost in CPU, and how many there are per second. */
import type { Bench } from '../bench.ts';
import { keepLarge, largeGet, largePut, smallGets, smallPuts } from '../loads.ts';
import { each, inTurns, measure, run, type Load } from '../measure.ts';
import type { Shown } from '../show.ts';

interface Row {
  readonly what: string;
  readonly units: number;
  readonly load: Load;
  readonly cpu: Omit<Shown, 'what' | 'goals'>;
  readonly rate: Omit<Shown, 'what' | 'goals'>;
  /** Of the CPU: x of the relay, and x of the other build. */
  readonly goals: readonly [number, number?];
}

/** Shows both. */
export async function showRequests({
  rounds,
  sizes,
  targetsAndPeers,
  relays,
  own,
  other,
  report,
}: Bench): Promise<void> {
  const { smallRequests, largeBytes } = sizes;
  await run(own, keepLarge(largeBytes));
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
    { what: '1 KiB GET', load: smallGets(smallRequests), goals: [2.0, 0.53], ...small },
    { what: '1 KiB PUT', load: smallPuts(smallRequests), goals: [2.4, 0.55], ...small },
    { what: `${mib} MiB GET`, load: largeGet(), goals: [1.0], ...large },
    { what: `${mib} MiB PUT`, load: largePut(largeBytes), goals: [1.3], ...large },
  ];
  for (const { what, units, load, cpu, rate, goals } of rows) {
    const found = await inTurns(rounds, targetsAndPeers, (target) => measure(target, units, load));
    const [ofRelay, ofOther] = goals;
    report.show(
      {
        what,
        ...cpu,
        goals: [
          { of: relays[0], bound: ofRelay },
          ...(other === undefined || ofOther === undefined ? [] : [{ of: other, bound: ofOther }]),
        ],
      },
      each(found, (figure) => figure.cpu),
    );
    report.show(
      { what, ...rate },
      each(found, (figure) => figure.perSecond),
    );
  }
}
