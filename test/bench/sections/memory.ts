/** The memory that a process holds when nothing was asked of it yet, and after many small requests. */
import { setTimeout as wait } from 'node:timers/promises';
import type { Bench } from '../bench.ts';
import { smallGets, smallPuts } from '../loads.ts';
import { inTurns, run } from '../measure.ts';
import { rssBytes } from '../processes.ts';

const IDLE_GOAL_MIB = 95;
const GOAL_MIB = 200;

/** Shows both, of each build. */
export async function showMemory({ sizes, withFresh, report }: Bench): Promise<void> {
  const { memoryRequests, idleMs } = sizes;
  await withFresh({}, async (gateways) => {
    const show = async (what: string, bound: number): Promise<void> => {
      const found = await inTurns(1, gateways, ({ pid }) => rssBytes(pid));
      report.show({ what, unit: 'MiB RSS', digits: 0, scale: 1 / 2 ** 20, goals: [{ bound }] }, found);
    };
    await wait(idleMs);
    await show(`idle, ${idleMs / 1000} s after the start`, IDLE_GOAL_MIB);
    for (const load of [smallGets(memoryRequests / 2), smallPuts(memoryRequests / 2)])
      for (const gateway of gateways) await run(gateway, load);
    await show(`after ${memoryRequests} requests of 1 KiB`, GOAL_MIB);
  });
}
