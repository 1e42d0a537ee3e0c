/** Connections that are cut while requests of every class, and refusals of every kind, are answered; `npm run verify:cuts` does it ten thousand times. */
import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { fixedSeed, triesOf } from '../support/chance.ts';
import { cutAll } from '../support/http/cuts.ts';
import { createRandom } from '../support/random.ts';
import { podKeys, startPod, startPodStore } from '../support/sidecar/sidecar-store.ts';
import { keyVariables } from '../support/sidecar/sidecar-world.ts';
import { startStack } from '../support/stack/stack.ts';
import { assertAlive, prepare, vitalsOf } from '../support/http/survival.ts';
import { wireSamples } from '../support/http/wire-samples.ts';

const COUNT = triesOf(400);

describe('connections that are cut', function () {
  this.timeout(120_000);
  const seed = fixedSeed ?? Math.floor(Math.random() * 2 ** 31);
  const random = createRandom(seed);

  it(`end no process of a gateway, directly or through HAProxy (seed ${seed})`, async () => {
    const stack = await startStack('embedded');
    try {
      const allowed = await stack.token('bob');
      const denied = await stack.forge({ sub: 'nobody', groups: ['nobodies'] });
      await prepare(stack, allowed);
      const samples = wireSamples({ allowed, denied });
      const before = await vitalsOf(stack);
      const front = { port: Number(new URL(stack.frontUrl).port), ca: await readFile(stack.caFile, 'utf8') };
      for (const endpoint of [stack.gatewaySocket, front])
        await cutAll(endpoint, samples, { count: COUNT, atOnce: 16, random });
      await assertAlive(stack, before, allowed);
    } finally {
      await stack.stop();
    }
  });

  it('end no sidecar', async () => {
    const pod = await startPodStore();
    const world = await startPod(pod, keyVariables(podKeys));
    try {
      const samples = wireSamples({ allowed: 'aaaa', denied: 'bbbb' }, `127.0.0.1:${world.port}`);
      await cutAll(world.port, samples, { count: COUNT, atOnce: 16, random });
      assert.equal(world.child.exitCode, null, world.stderr());
      assert.equal((await fetch(`${world.endpoint}/-/ready`)).status, 200);
      assert.doesNotMatch(world.stderr(), /nobody/);
    } finally {
      await world.stop();
      await pod.stop();
    }
  });
});
