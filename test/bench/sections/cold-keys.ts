/** What a small GET costs where each is of another object and no data key is remembered. */
import type { Bench } from '../bench.ts';
import { keyringOf } from '../gateway.ts';
import { each, inTurns, measure, run, type Load } from '../measure.ts';
import { get, parallel, put, SMALL } from '../target.ts';

const AT_ONCE = 32;

/** Shows it. */
export async function showColdKeys({
  rounds,
  sizes,
  environment,
  relays,
  own,
  withFresh,
  report,
}: Bench): Promise<void> {
  const { coldObjects } = sizes;
  const path = (index: number): string => `/box/keep/cold-${index}`;
  const load: Load = (pool, target) => parallel(AT_ONCE, coldObjects, (index) => get(pool, target, path(index)));
  await run(own, (pool, target) => parallel(AT_ONCE, coldObjects, (index) => put(pool, target, path(index), SMALL)));
  const keyring = { ...keyringOf(environment.folder), cache: { maxKeys: 0 } };
  const what = `1 KiB GET, ${coldObjects} objects in turn, keyring.cache.maxKeys: 0`;
  await withFresh({ config: { keyring } }, async (gateways) => {
    for (const gateway of gateways) await run(gateway, load);
    const found = await inTurns(rounds, [...relays, ...gateways], (target) => measure(target, coldObjects, load));
    report.show(
      { what, unit: 'us CPU/request', digits: 0, scale: 1e6, goals: [{ of: relays[0], bound: 3 }] },
      each(found, ({ cpu }) => cpu),
    );
  });
}
