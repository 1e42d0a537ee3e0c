/** What a small request costs in heap, promises and requests to the store. */
import { join } from 'node:path';
import type { Bench } from '../bench.ts';
import { allocatedBytes, countedPromises, WITHOUT_COLLECTIONS, withPromisesCounted } from '../exact.ts';
import { smallGets, smallPuts } from '../loads.ts';
import { run } from '../measure.ts';
import { goalText } from '../show.ts';

const METHODS = [
  { method: 'GET', load: smallGets, heapKib: 35, promises: 6 },
  { method: 'PUT', load: smallPuts, heapKib: 45, promises: undefined },
] as const;
const WARM_ROUNDS = 3;
/** Of one request after the other. */
const PROMISE_REQUESTS = 100;

/** Shows them, of each build. */
export async function showExact({ sizes, rounds, environment, eachFresh }: Bench): Promise<void> {
  const { exactRequests } = sizes;
  await eachFresh({ flags: WITHOUT_COLLECTIONS }, async (gateway) => {
    for (const { load } of METHODS) await run(gateway, load(WARM_ROUNDS * exactRequests));
    for (const { method, load, heapKib } of METHODS) {
      const kib = (await allocatedBytes(gateway, exactRequests, load(exactRequests, 8), rounds)) / 1024;
      console.log(
        `1 KiB ${method}, heap allocated: ${gateway.name} ${kib.toFixed(1)} KiB (${goalText(kib, heapKib, 0)})`,
      );
      const before = await environment.counters();
      await run(gateway, load(exactRequests));
      const requests = ((await environment.counters()).requests - before.requests) / exactRequests;
      console.log(
        `1 KiB ${method}, requests to the store: ${gateway.name} ${requests.toFixed(2)} (${goalText(requests, 1, 2)})`,
      );
    }
  });
  const file = join(environment.folder, 'promises.json');
  await eachFresh(withPromisesCounted(file), async (gateway) => {
    for (const { load } of METHODS) await run(gateway, load(exactRequests));
    for (const { method, load, promises } of METHODS) {
      const { all, ours } = await countedPromises(gateway, file, PROMISE_REQUESTS, load(PROMISE_REQUESTS, 1));
      const goal = promises === undefined ? '' : ` (${goalText(ours, promises, 0)})`;
      console.log(
        `1 KiB ${method}, promises: ${gateway.name} ${ours.toFixed(1)} of our own${goal}, ${all.toFixed(1)} in all`,
      );
    }
  });
}
