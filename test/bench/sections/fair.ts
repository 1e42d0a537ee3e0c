/** What one caller who uploads as much as it can costs others who read. */
import { once } from 'node:events';
import type { Bench } from '../bench.ts';
import type { FloodPlan, FloodResult } from '../flood.ts';
import { run, type Found } from '../measure.ts';
import type { OpenLoopPlan } from '../open-loop.ts';
import { end, startProgram } from '../processes.ts';
import { put, SMALL, type Target } from '../target.ts';

const READERS = 20;
const PER_READER_AND_SECOND = 10;
const UPLOADS = 500;
const UPLOAD_BYTES = 64 * 1024 * 1024;
/** Of the 99th percentile while somebody uploads to that while nobody does. */
const BOUND = 3;
/** Phases are so many times as long as an open loop of others, since there are few requests in a second. */
const LONGER = 3;
const SETTLING_MS = 2000;

/** Shows the median and the 99th percentile of the readers, while nobody uploads and while somebody does. */
export async function showFair({ environment, rounds, sizes, startOwn, report, judge }: Bench): Promise<void> {
  const gateway = await startOwn('gateway', { config: { log: { level: 'error' } } });
  const { child: sender } = await startProgram('open-loop.ts');
  const callers: Target[] = [];
  for (let index = 0; index < READERS; index += 1) callers.push(await callerOf(`reader-${index}`));
  const uploader = await callerOf('uploader');
  await run(gateway, (pool, target) => put(pool, target, '/box/keep/small', SMALL));

  const readAll = async (): Promise<readonly number[]> => {
    const plan: OpenLoopPlan = {
      ...{ targets: callers, method: 'GET', perSecond: READERS * PER_READER_AND_SECOND },
      ...{ seconds: sizes.latencySeconds * LONGER, workers: 64 },
    };
    sender.send(plan);
    const [took] = (await once(sender, 'message')) as [readonly number[]];
    return took.toSorted((a, b) => a - b);
  };
  await readAll();
  const quiet = { ...gateway, name: 'quiet' };
  const flooded = { ...gateway, name: 'flooded' };
  const found = new Map<Target, (readonly number[])[]>([
    [quiet, []],
    [flooded, []],
  ]);
  for (let round = 0; round < rounds; round += 1) {
    found.get(quiet)?.push(await readAll());
    const { child: flood } = await startProgram('flood.ts');
    flood.send({ target: uploader, atOnce: UPLOADS, sizeBytes: UPLOAD_BYTES } satisfies FloodPlan);
    await new Promise((resolve) => setTimeout(resolve, SETTLING_MS));
    found.get(flooded)?.push(await readAll());
    flood.send('stop');
    const [{ completed, refused, failed, sentBytes }] = (await once(flood, 'message')) as [FloodResult];
    console.log(
      `  uploads: ${completed} whole, ${refused} refused, ${failed} failed; ${(sentBytes / 2 ** 20).toFixed(0)} MiB sent`,
    );
    await end(flood);
    await untilIdle(gateway.adminOrigin);
  }
  const what = `1 KiB GET of ${READERS} callers at ${PER_READER_AND_SECOND}/s each, beside ${UPLOADS} uploads of 64 MiB of one`;
  for (const percentile of [50, 99]) {
    const goals = percentile === 99 ? [{ of: quiet, bound: BOUND }] : [];
    report.show({ what: `${what}, p${percentile}`, unit: 'ms', digits: 1, goals }, at(found, percentile));
  }
  const [before = [], during = []] = [...at(found, 99).values()];
  judge(during.every((value, index) => value <= BOUND * (before[index] ?? NaN)));
  await end(sender);
  await end(gateway.primary);

  async function callerOf(subject: string): Promise<Target> {
    const token = await (await fetch(`${environment.storeOrigin}/token?${subject}`)).text();
    const { name, origin, pids } = gateway;
    return { name, origin, pids, headers: { authorization: `Bearer ${token}` } };
  }
}

/** Resolves when the gateway has nothing in progress. */
async function untilIdle(adminOrigin: string): Promise<void> {
  while (!/^sallyport_in_flight(?:\{[^}]*\})? 0$/m.test(await (await fetch(`${adminOrigin}/metrics`)).text())) {
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
}

function at(found: Found<readonly number[]>, percentile: number): Found<number> {
  const pick = (took: readonly number[]): number => took[Math.floor((took.length * percentile) / 100)] ?? NaN;
  return new Map([...found].map(([target, runs]) => [target, runs.map(pick)]));
}
