/** How often V8 marks the whole heap while large bodies pass. */
import type { Bench } from '../bench.ts';
import { keepLarge, largeGet, largePut } from '../loads.ts';
import { inTurns, run } from '../measure.ts';

const GOAL = 4;

/** Shows it for each direction, of each build. */
export async function showMarkCompacts({ sizes, own, withFresh, report }: Bench): Promise<void> {
  const { largeBytes, markCompactBytes } = sizes;
  const times = markCompactBytes / largeBytes;
  await run(own, keepLarge(largeBytes));
  let output = '';
  const onOutput = (text: string): void => {
    output += text;
  };
  await withFresh({ moreFlags: ['--trace-gc'], onOutput }, async (gateways) => {
    for (const [method, load] of [
      ['GET', largeGet()],
      ['PUT', largePut(largeBytes)],
    ] as const) {
      const found = await inTurns(1, gateways, async (gateway) => {
        await run(gateway, load);
        output = '';
        for (let time = 0; time < times; time += 1) await run(gateway, load);
        // Each line begins with the id of its process.
        const begins = gateway.pids.map((pid) => `[${pid}:`);
        return output
          .split('\n')
          .filter((line) => begins.some((begin) => line.startsWith(begin)) && line.includes('Mark-Compact')).length;
      });
      const what = `${method} of ${markCompactBytes / 2 ** 20} MiB in bodies of ${largeBytes / 2 ** 20} MiB`;
      report.show({ what, unit: 'Mark-Compacts', digits: 0, goals: [{ bound: GOAL }] }, found);
    }
  });
}
