/** How often V8 marks the whole heap while large bodies pass. */
import type { Bench } from '../bench.ts';
import { keepLarge, largeGet, largePut } from '../loads.ts';
import { run } from '../measure.ts';
import { goalText } from '../show.ts';

const GOAL = 4;

/** Shows it for each direction, of each build. */
export async function showMarkCompacts({ sizes, gateways, eachFresh }: Bench): Promise<void> {
  const { largeBytes, markCompactBytes } = sizes;
  const times = markCompactBytes / largeBytes;
  await run(gateways[0], keepLarge(largeBytes));
  let output = '';
  const onOutput = (text: string): void => {
    output += text;
  };
  await eachFresh({ moreFlags: ['--trace-gc'], onOutput }, async (gateway) => {
    for (const [method, load] of [
      ['GET', largeGet()],
      ['PUT', largePut(largeBytes)],
    ] as const) {
      await run(gateway, load);
      output = '';
      for (let time = 0; time < times; time += 1) await run(gateway, load);
      // Each line begins with the id of its process.
      const count = output
        .split('\n')
        .filter((line) => line.startsWith(`[${gateway.pid}:`) && line.includes('Mark-Compact')).length;
      console.log(
        `${method} of ${markCompactBytes / 2 ** 20} MiB in bodies of ${largeBytes / 2 ** 20} MiB, Mark-Compacts: ${gateway.name} ${count} (${goalText(count, GOAL, 0)})`,
      );
    }
  });
}
