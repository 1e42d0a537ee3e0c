/** How long small requests take at a rate that leaves the gateway idle most of the time. */
import { once } from 'node:events';
import type { Bench } from '../bench.ts';
import { each, inTurns } from '../measure.ts';
import type { OpenLoopPlan } from '../open-loop.ts';
import { end, startProgram } from '../processes.ts';
import type { Target } from '../target.ts';

const PER_SECOND = 500;
const WORKERS = 64;

/** Shows the median and the 99th percentile. */
export async function showLatency({ rounds, sizes, targetsAndPeers, relays, report }: Bench): Promise<void> {
  const { child } = await startProgram('open-loop.ts');
  for (const method of ['GET', 'PUT'] as const) {
    const sendAll = async (target: Target): Promise<readonly number[]> => {
      const plan: OpenLoopPlan = {
        ...{ targets: [sendable(target)], method, perSecond: PER_SECOND },
        ...{ seconds: sizes.latencySeconds, workers: WORKERS },
      };
      child.send(plan);
      const [took] = (await once(child, 'message')) as [readonly number[]];
      return took.toSorted((a, b) => a - b);
    };
    // The process that sends is to be warm as well.
    await sendAll(relays[0]);
    const found = await inTurns(rounds, targetsAndPeers, sendAll);
    for (const [percentile, bound] of [
      [50, 1.7],
      [99, 2.5],
    ] as const) {
      const what = `1 KiB ${method} at ${PER_SECOND}/s, p${percentile}`;
      report.show(
        { what, unit: 'ms', digits: 2, goals: [{ of: relays[0], bound }] },
        each(found, (took) => took[Math.floor((took.length * percentile) / 100)] ?? NaN),
      );
    }
  }
  await end(child);
}

/** A message takes no functions, which a gateway has. */
function sendable({ name, origin, pids, headers, keys }: Target): Target {
  return { name, origin, pids, headers, ...(keys === undefined ? {} : { keys }) };
}
