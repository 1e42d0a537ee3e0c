import { strict as assert } from 'node:assert';
import { join } from 'node:path';
import { createEnvironment, type Environment } from '../bench/environment.ts';
import { allocatedBytes, countedPromises, WITHOUT_COLLECTIONS, withPromisesCounted } from '../bench/exact.ts';
import { startGateway, type Gateway, type GatewaySettings } from '../bench/gateway.ts';
import { smallGets, smallPuts } from '../bench/loads.ts';
import { run } from '../bench/measure.ts';
import { put, SMALL } from '../bench/target.ts';
import { COMPILE_CACHE } from '../support/compile-cache.ts';

const REQUESTS = 300;
const ROUNDS = 3;
const root = join(import.meta.dirname, '..', '..');

/** Without it, what is allocated depends on when V8's compiler has had time. */
const WITHOUT_OPTIMIZATION = ['--no-opt', '--no-maglev'];

const BOUNDS = {
  GET: { load: smallGets, heapKib: 1, promises: 1 },
  PUT: { load: smallPuts, heapKib: 1, promises: 1 },
};

describe('the cost of a small request', function () {
  this.timeout(180_000);
  let environment: Environment;
  before(async () => {
    environment = await createEnvironment();
  });
  after(() => environment.close());

  for (const [method, { load, heapKib, promises }] of Object.entries(BOUNDS)) {
    it(`a ${method} of 1 KiB allocates at most ${heapKib} KiB of heap`, async () => {
      const gateway = await start({ flags: [...WITHOUT_COLLECTIONS, ...WITHOUT_OPTIMIZATION] });
      await run(gateway, load(REQUESTS));
      const kib = (await allocatedBytes(gateway, REQUESTS, load(REQUESTS, 8), ROUNDS)) / 1024;
      console.log(method, kib);
    });
    it(`a ${method} of 1 KiB makes at most ${promises} promises of our own`, async () => {
      const file = join(environment.folder, `${method}.json`);
      const { flags, env } = withPromisesCounted(file);
      const gateway = await start({ flags: flags ?? [], env: { ...env } });
      await run(gateway, load(REQUESTS));
      console.log(method, await countedPromises(gateway, file, REQUESTS, load(REQUESTS, 1)));
      console.log(method, await countedPromises(gateway, file, REQUESTS, load(REQUESTS, 1)));
    });
  }

  async function start(settings: Pick<GatewaySettings, 'flags' | 'env'>): Promise<Gateway> {
    const gateway = await startGateway(environment, {
      ...{ name: 'gateway', checkout: root, program: 'src/main.ts', ...settings },
      env: { ...COMPILE_CACHE, ...settings.env },
    });
    await run(gateway, (pool, target) => put(pool, target, '/box/keep/small', SMALL));
    return gateway;
  }
});
