/**
 * Sends requests at a fixed rate, whether or not earlier ones have been answered, and tells how long each took. A process of
 * its own: what it waits for is its own loop and the target, and not the store. Enters by message: a plan; leaves: milliseconds.
 */
import { setTimeout as wait } from 'node:timers/promises';
import { Pool } from 'undici';
import { smallPath } from './loads.ts';
import { get, put, signAhead, SMALL, type Target } from './target.ts';

export interface OpenLoopPlan {
  /** Asked in turns. */
  readonly targets: readonly Target[];
  readonly method: 'GET' | 'PUT';
  readonly perSecond: number;
  readonly seconds: number;
  /** Requests at once; what is more waits, and its wait counts. */
  readonly workers: number;
}

process.on('message', (plan: OpenLoopPlan) => void sendAll(plan).then((took) => process.send?.(took)));
process.on('disconnect', () => process.exit(0));
process.send?.('ready');

async function sendAll({ targets, method, perSecond, seconds, workers }: OpenLoopPlan): Promise<readonly number[]> {
  const [first] = targets;
  if (first === undefined) throw new RangeError('nobody to ask');
  const pool = new Pool(first.origin, { connections: workers });
  const one = async (index: number): Promise<number> => {
    const target = targets[index % targets.length] ?? first;
    const started = performance.now();
    if (method === 'GET') await get(pool, target, '/box/keep/small');
    else await put(pool, target, smallPath(index), SMALL);
    return performance.now() - started;
  };
  const total = Math.round(perSecond * seconds);
  const paths = Array.from({ length: total }, (_, index) => smallPath(index));
  for (const target of targets) signAhead(target, paths);
  const under: Promise<number>[] = [];
  for (const started = performance.now(); under.length < total;) {
    const due = ((performance.now() - started) / 1000) * perSecond;
    while (under.length < Math.min(due, total)) under.push(one(under.length));
    await wait(1);
  }
  const took = await Promise.all(under);
  await pool.close();
  return took;
}
