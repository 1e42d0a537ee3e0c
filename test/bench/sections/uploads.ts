/** The most memory that many large uploads at once take, of fresh processes, so that it is of these uploads alone. */
import type { Bench } from '../bench.ts';
import { inTurns, run, type Load } from '../measure.ts';
import { end, peakRssBytes } from '../processes.ts';
import { beginUpload, parallel, put } from '../target.ts';

/** The most of them at once may take this much memory of a process. */
const TARGET_MB = 250;
const GOALS_MB: ReadonlyMap<number, number> = new Map([
  [64, 200],
  [16, 160],
]);

/** Shows it, of the relay too, and of the most uploads also as parts. */
export async function showUploads({ sizes, freshRelay, withFresh, report, judge }: Bench): Promise<void> {
  const { uploadsAtOnce, largeBytes } = sizes;
  for (const atOnce of uploadsAtOnce) {
    const objects: Load = (pool, target) =>
      parallel(atOnce, atOnce, (index) => put(pool, target, `/box/discard/at-once-${index}`, largeBytes));
    const parts: Load = async (pool, target) => {
      const path = await beginUpload(pool, target, '/box/discard/at-once');
      await parallel(atOnce, atOnce, () => put(pool, target, path, largeBytes));
    };
    const isMost = atOnce === uploadsAtOnce[0];
    for (const [form, load] of [['objects', objects] as const, ...(isMost ? [['parts', parts] as const] : [])]) {
      await withFresh({}, async (gateways) => {
        const relay = form === 'objects' ? [await freshRelay()] : [];
        const found = await inTurns(1, [...relay, ...gateways], async (target) => {
          await run(target, load, atOnce);
          return peakRssBytes(target.pid);
        });
        const what = `${atOnce} uploads of ${largeBytes / 2 ** 20} MiB at once, as ${form}`;
        const bound = GOALS_MB.get(atOnce);
        const goals = bound === undefined ? [] : [{ bound }];
        report.show({ what, unit: 'MB peak RSS', digits: 0, scale: 1e-6, goals }, found);
        judge(([...found.values()].at(-1)?.[0] ?? NaN) / 1e6 <= TARGET_MB);
        for (const { child } of relay) await end(child);
      });
    }
  }
}
