/** The memory that a process holds when nothing was asked of it yet, and after many small requests. */
import { setTimeout as wait } from 'node:timers/promises';
import type { Bench } from '../bench.ts';
import { smallGets, smallPuts } from '../loads.ts';
import { run } from '../measure.ts';
import { rssBytes } from '../processes.ts';
import { goalText } from '../show.ts';

const IDLE_GOAL_MIB = 95;
const GOAL_MIB = 200;

/** Shows both, of each build. */
export async function showMemory({ sizes, eachFresh }: Bench): Promise<void> {
  const { memoryRequests, idleMs } = sizes;
  await eachFresh({}, async (gateway) => {
    const show = async (what: string, goal: number): Promise<void> => {
      const mib = (await rssBytes(gateway.pid)) / 2 ** 20;
      console.log(`RSS ${what}: ${gateway.name} ${mib.toFixed(0)} MiB (${goalText(mib, goal, 0)})`);
    };
    await wait(idleMs);
    await show(`idle, ${idleMs / 1000} s after the start`, IDLE_GOAL_MIB);
    await run(gateway, smallGets(memoryRequests / 2));
    await run(gateway, smallPuts(memoryRequests / 2));
    await show(`after ${memoryRequests} requests of 1 KiB`, GOAL_MIB);
  });
}
