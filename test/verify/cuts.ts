/**
 * `npm run verify:cuts [-- --cuts N] [--seed N]`: N (10,000) connections that are reset 0 to 8 ms after, or in the middle of,
 * a request of every class of operation and of every kind of refusal: at the gateway's own socket, through HAProxy, and at
 * a sidecar. Each process must live, keep nothing of them, and serve. Exits 1 at the first untruth.
 */
import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { setTimeout as sleep } from 'node:timers/promises';
import { cutAll, type CutEndpoint } from '../support/http/cuts.ts';
import { numberOption } from '../support/options.ts';
import { createRandom } from '../support/random.ts';
import { podKeys, startPod, startPodStore } from '../support/sidecar/sidecar-store.ts';
import { keyVariables } from '../support/sidecar/sidecar-world.ts';
import { startStack } from '../support/stack/stack.ts';
import { assertAlive, prepare, rssMbOf, vitalsOf } from '../support/http/survival.ts';
import { wireSamples } from '../support/http/wire-samples.ts';

const count = numberOption('cuts', 10_000);
const seed = numberOption('seed', Math.floor(Math.random() * 2 ** 31));
const random = createRandom(seed);
const AT_ONCE = 16;
const ROUNDS = 10;
/** Beyond what the first round needed: buffers and code that comes into use. */
const GROWTH_MB = 120;

const done = (what: string): void => {
  process.stdout.write(`ok  ${what}\n`);
};

async function verifyGateway(): Promise<void> {
  const stack = await startStack('embedded');
  try {
    const front: CutEndpoint = {
      port: Number(new URL(stack.frontUrl).port),
      ca: await readFile(stack.caFile, 'utf8'),
    };
    await prepare(stack, await stack.token('bob'));
    const before = await vitalsOf(stack);
    const endpoints = [
      ['at the socket of the gateway', stack.gatewaySocket, 0.5],
      ['through HAProxy', front, 0.3],
    ] as const;
    for (const [where, endpoint, share] of endpoints) {
      const rssMb: number[] = [];
      for (let round = 0; round < ROUNDS; round += 1) {
        const allowed = await stack.token('bob');
        const denied = await stack.forge({ sub: 'nobody', groups: ['nobodies'] });
        const samples = wireSamples({ allowed, denied });
        await cutAll(endpoint, samples, { count: Math.ceil((count * share) / ROUNDS), atOnce: AT_ONCE, random });
        rssMb.push((await assertAlive(stack, before, allowed)).rssMb);
      }
      const [first = 0] = rssMb;
      assert.ok((rssMb.at(-1) ?? 0) < first + GROWTH_MB, `memory grew: ${rssMb.join(', ')} MB`);
      done(`${count * share} cuts ${where}: the same processes serve; memory ${rssMb.map(Math.round).join(', ')} MB`);
    }
    // Who left has an end on record as well.
    const interrupted = async () => (await stack.audit()).filter(({ result }) => result === 'interrupted');
    for (let attempt = 0; attempt < 100 && (await interrupted()).length > 0; attempt += 1) await sleep(300);
    assert.deepEqual(await interrupted(), [], 'every intent has its outcome');
    const accesses = await stack.audit();
    done(`${accesses.length} accesses on record, each with its end`);
  } finally {
    await stack.stop();
  }
}

async function verifySidecar(): Promise<void> {
  const pod = await startPodStore();
  const world = await startPod(pod, keyVariables(podKeys));
  try {
    const samples = wireSamples({ allowed: 'aaaa', denied: 'bbbb' }, `127.0.0.1:${world.port}`);
    await cutAll(world.port, samples, { count: Math.ceil(count * 0.2), atOnce: AT_ONCE, random });
    assert.equal(world.child.exitCode, null, world.stderr());
    assert.equal((await fetch(`${world.endpoint}/-/ready`)).status, 200);
    const metrics = await (await fetch(`http://127.0.0.1:${world.adminPort}/metrics`)).text();
    assert.match(metrics, /^sallyport_uncaught_errors_total\{where="request"\} 0$/m);
    assert.match(metrics, /^sallyport_uncaught_errors_total\{where="process"\} 0$/m);
    done(`${count * 0.2} cuts at a sidecar: it serves; memory ${Math.round(await rssMbOf(world.child.pid ?? 0))} MB`);
  } finally {
    await world.stop();
    await pod.stop();
  }
}

process.stdout.write(`seed ${seed}\n`);
await verifyGateway();
await verifySidecar();
