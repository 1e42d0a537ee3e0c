/** The most memory that many large uploads at once take, of fresh processes, so that it is of these uploads alone. */
import type { Bench } from '../bench.ts';
import { run, type Load } from '../measure.ts';
import { end, peakRssBytes } from '../processes.ts';
import { goalText } from '../show.ts';
import { beginUpload, parallel, put } from '../target.ts';

/** So many uploads of that size at once may take this much memory of a process. */
const TARGET_MB = 250;
const GOAL_MB = 200;

/** Shows it, as objects and as parts. */
export async function showUploads({ sizes, freshRelay, eachFresh, judge }: Bench): Promise<void> {
  const { uploadsAtOnce, largeBytes } = sizes;
  const what = `peak RSS with ${uploadsAtOnce} uploads of ${largeBytes / 2 ** 20} MiB at once`;
  const objects: Load = (pool, target) =>
    parallel(uploadsAtOnce, uploadsAtOnce, (index) => put(pool, target, `/box/discard/at-once-${index}`, largeBytes));
  const parts: Load = async (pool, target) => {
    const path = await beginUpload(pool, target, '/box/discard/at-once');
    await parallel(uploadsAtOnce, uploadsAtOnce, () => put(pool, target, path, largeBytes));
  };
  const peakMb = async (pid: number): Promise<number> => (await peakRssBytes(pid)) / 1e6;

  const relay = await freshRelay();
  await run(relay, objects, uploadsAtOnce);
  console.log(`${what}: relay ${(await peakMb(relay.pid)).toFixed(0)} MB`);
  await end(relay.child);
  for (const [form, load] of [
    ['objects', objects],
    ['parts', parts],
  ] as const) {
    await eachFresh({}, async (gateway, isOwn) => {
      await run(gateway, load, uploadsAtOnce);
      const peak = await peakMb(gateway.pid);
      console.log(
        `${what}, as ${form}: ${gateway.name} ${peak.toFixed(0)} MB (target <= ${TARGET_MB}; ${goalText(peak, GOAL_MB, 0)})`,
      );
      if (isOwn) judge(peak <= TARGET_MB);
    });
  }
}
