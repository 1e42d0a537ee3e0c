/** What a small request costs in heap, promises and requests to the store. */
import { join } from 'node:path';
import type { Bench } from '../bench.ts';
import { allocatedBytes, countedPromises, WITHOUT_COLLECTIONS, withPromisesCounted } from '../exact.ts';
import { smallGets, smallPuts } from '../loads.ts';
import { each, inTurns, run } from '../measure.ts';

const METHODS = [
  { method: 'GET', load: smallGets, heapKib: 35, promises: 6 },
  { method: 'PUT', load: smallPuts, heapKib: 45, promises: undefined },
] as const;
const WARM_ROUNDS = 3;
/** Of one request after the other. */
const PROMISE_REQUESTS = 100;

/** Shows them, of each build. */
export async function showExact({ sizes, rounds, environment, withFresh, report }: Bench): Promise<void> {
  const { exactRequests } = sizes;
  await withFresh({ flags: WITHOUT_COLLECTIONS }, async (gateways) => {
    for (const gateway of gateways)
      for (const { load } of METHODS) await run(gateway, load(WARM_ROUNDS * exactRequests));
    for (const { method, load, heapKib } of METHODS) {
      const heap = await inTurns(1, gateways, (gateway) =>
        allocatedBytes(gateway, exactRequests, load(exactRequests, 8), rounds),
      );
      report.show(
        { what: `1 KiB ${method}`, unit: 'KiB heap', digits: 1, scale: 1 / 1024, goals: [{ bound: heapKib }] },
        heap,
      );
      const requests = await inTurns(1, gateways, async (gateway) => {
        const before = await environment.counters();
        await run(gateway, load(exactRequests));
        return ((await environment.counters()).requests - before.requests) / exactRequests;
      });
      report.show(
        { what: `1 KiB ${method}`, unit: 'requests to the store', digits: 2, goals: [{ bound: 1 }] },
        requests,
      );
    }
  });
  // The builds count in turns, each into the same file.
  const file = join(environment.folder, 'promises.json');
  await withFresh(withPromisesCounted(file), async (gateways) => {
    for (const { method, load, promises } of METHODS) {
      const found = await inTurns(1, gateways, async (gateway) => {
        await run(gateway, load(exactRequests));
        return countedPromises(gateway, file, PROMISE_REQUESTS, load(PROMISE_REQUESTS, 1));
      });
      const goals = promises === undefined ? [] : [{ bound: promises }];
      const what = `1 KiB ${method}`;
      report.show(
        { what, unit: 'promises of our own', digits: 1, goals },
        each(found, ({ ours }) => ours),
      );
      report.show(
        { what, unit: 'promises in all', digits: 1 },
        each(found, ({ all }) => all),
      );
    }
  });
}
