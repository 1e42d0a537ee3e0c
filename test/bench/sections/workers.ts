/**
 * What a second worker brings. Requests per second say it only where the gateway has two cores for itself and its clients and
 * the store have others; CPU per request says everywhere whether the workers hinder each other.
 */
import { execFile } from 'node:child_process';
import { availableParallelism } from 'node:os';
import { promisify } from 'node:util';
import type { Bench } from '../bench.ts';
import { smallGets, smallPuts } from '../loads.ts';
import { each, inTurns, measure, run } from '../measure.ts';
import { end } from '../processes.ts';

const GATEWAY_CORES = '0,1';
const LEAST_CORES = 4;
const GOAL = 1.8;
const AT_ONCE = 64;

/** Shows both, of this checkout's build. */
export async function showWorkers({ rounds, sizes, environment, report, startOwn }: Bench): Promise<void> {
  const { smallRequests } = sizes;
  const one = await startOwn('one worker', { config: { workers: 1 } });
  const two = await startOwn('two workers', { config: { workers: 2 } });
  const cores = availableParallelism();
  const isApart = cores >= LEAST_CORES;
  if (isApart) {
    for (const pid of [process.pid, environment.storePid]) await useCores(pid, `2-${cores - 1}`);
    for (const { primary, pids } of [one, two])
      for (const pid of [primary.pid ?? 0, ...pids]) await useCores(pid, GATEWAY_CORES);
  } else
    report.skip(
      '1 KiB with two workers on two cores, requests/s',
      `which needs ${LEAST_CORES} cores or more, two of them for clients and store, and here are ${cores}; CPU per request says whether the workers hinder each other`,
    );
  for (const [method, load] of [
    ['GET', smallGets(smallRequests, AT_ONCE)],
    ['PUT', smallPuts(smallRequests, AT_ONCE)],
  ] as const) {
    for (const gateway of [one, two]) await run(gateway, load, AT_ONCE);
    const found = await inTurns(rounds, [one, two], (target) => measure(target, smallRequests, load, AT_ONCE));
    const what = `1 KiB ${method}, two workers`;
    report.show(
      { what, unit: 'us CPU/request', digits: 0, scale: 1e6 },
      each(found, ({ cpu }) => cpu),
    );
    if (!isApart) continue;
    report.show(
      { what, unit: 'requests/s', digits: 0, goals: [{ of: one, bound: GOAL, isLeast: true }] },
      each(found, ({ perSecond }) => perSecond),
    );
  }
  for (const { primary } of [one, two]) await end(primary);
}

/** Has all threads of a process run on these cores only. @see taskset(1) */
async function useCores(pid: number, cores: string): Promise<void> {
  await promisify(execFile)('taskset', ['-a', '-c', '-p', cores, String(pid)]);
}
