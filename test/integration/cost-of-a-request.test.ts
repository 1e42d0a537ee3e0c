/**
 * What a small request costs, in figures that are the same on a busy machine, so that they cannot grow unnoticed. The bounds lie
 * up to 15 % above what was measured; CPU is the benchmark's (`npm run bench`).
 */
import { strict as assert } from 'node:assert';
import { join } from 'node:path';
import { createEnvironment, type Environment } from '../bench/environment.ts';
import { allocatedBytes, countedPromises, WITHOUT_COLLECTIONS, withPromisesCounted } from '../bench/exact.ts';
import { startGateway, type Gateway, type GatewaySettings } from '../bench/gateway.ts';
import { smallGets, smallPuts } from '../bench/loads.ts';
import { run } from '../bench/measure.ts';
import { put, SMALL } from '../bench/target.ts';
import { COMPILE_CACHE } from '../support/compile-cache.ts';

const root = join(import.meta.dirname, '..', '..');
const REQUESTS = 300;
const ROUNDS = 3;
/** Optimized code allocates less, and when V8 gets round to it is chance: these figures are some 20 % above those of a gateway that serves. */
const WITHOUT_OPTIMIZATION = ['--no-opt', '--no-maglev'];

const REQUESTS_OF_1_KIB = [
  { method: 'GET', load: smallGets, heapKib: 94, promises: 25 },
  { method: 'PUT', load: smallPuts, heapKib: 109, promises: 28 },
] as const;

describe('the cost of a request of 1 KiB', function () {
  this.timeout(240_000);
  let environment: Environment;

  before(async () => {
    environment = await createEnvironment();
  });
  after(() => environment.close());

  it('is bounded in what it allocates of the heap', async () => {
    const gateway = await startWarm({ flags: [...WITHOUT_COLLECTIONS, ...WITHOUT_OPTIMIZATION] });
    for (const { method, load, heapKib } of REQUESTS_OF_1_KIB) {
      const kib = (await allocatedBytes(gateway, REQUESTS, load(REQUESTS, 8), ROUNDS)) / 1024;
      assert.ok(kib > 1 && kib <= heapKib, `${method}: ${kib.toFixed(1)} KiB, at most ${heapKib}`);
    }
  });

  it('is bounded in the promises that the gateway makes', async () => {
    const file = join(environment.folder, 'promises.json');
    const gateway = await startWarm(withPromisesCounted(file));
    for (const { method, load, promises } of REQUESTS_OF_1_KIB) {
      const { ours } = await countedPromises(gateway, file, REQUESTS, load(REQUESTS, 1));
      assert.ok(ours > 1 && ours <= promises, `${method}: ${ours.toFixed(1)} promises, at most ${promises}`);
    }
  });

  async function startWarm(settings: Pick<GatewaySettings, 'flags' | 'env'>): Promise<Gateway> {
    const gateway = await startGateway(environment, {
      ...{ name: 'gateway', checkout: root, program: 'src/main.ts', ...settings },
      env: { ...COMPILE_CACHE, ...settings.env },
    });
    await run(gateway, (pool, target) => put(pool, target, '/box/keep/small', SMALL));
    for (const { load } of REQUESTS_OF_1_KIB) await run(gateway, load(REQUESTS));
    return gateway;
  }
});
