/** What large bodies cost in CPU while other processes want all cores: caches and threads are then shared. */
import { spawn } from 'node:child_process';
import { availableParallelism } from 'node:os';
import type { Bench } from '../bench.ts';
import { keepLarge, largeGet, largePut } from '../loads.ts';
import { inTurns, measure, run } from '../measure.ts';
import { adopt, end } from '../processes.ts';

/** Ends by itself, should nobody end it. */
const SPIN = ['timeout', '600', 'sh', '-c', 'while :; do :; done'] as const;
const GOAL = 1.3;

/** Shows it as a multiple of the quiet value of the same round. */
export async function showBusy({ rounds, sizes, relays, gateways, own, report }: Bench): Promise<void> {
  const { largeBytes } = sizes;
  const gib = largeBytes / 2 ** 30;
  await run(own, keepLarge(largeBytes));
  for (const [method, load] of [
    ['GET', largeGet()],
    ['PUT', largePut(largeBytes)],
  ] as const) {
    const found = await inTurns(rounds, [relays[0], ...gateways], async (target) => {
      const quiet = await measure(target, gib, load);
      const busy = await whileBusy(() => measure(target, gib, load));
      return busy.cpu / quiet.cpu;
    });
    const what = `${largeBytes / 2 ** 20} MiB ${method} on busy cores`;
    report.show({ what, unit: 'CPU, quiet = 1', digits: 2, goals: [{ bound: GOAL }] }, found);
  }
}

async function whileBusy<Value>(use: () => Promise<Value>): Promise<Value> {
  const [program, ...args] = SPIN;
  const spinning = Array.from({ length: availableParallelism() }, () => spawn(program, args, { stdio: 'ignore' }));
  spinning.forEach(adopt);
  try {
    return await use();
  } finally {
    await Promise.all(spinning.map(end));
  }
}
