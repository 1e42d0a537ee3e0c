/** What happens to those who are served by a process in which something happened that nobody caught. */
import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { request as httpRequest, type OutgoingHttpHeaders } from 'node:http';
import { request, type RequestOptions } from 'node:https';
import { setTimeout as sleep } from 'node:timers/promises';
import { podKeys, startPod, startPodStore, type PodStore } from '../support/sidecar/sidecar-store.ts';
import { keyVariables } from '../support/sidecar/sidecar-world.ts';
import { startStack, type Stack } from '../support/stack/stack.ts';
import { workerIds } from '../support/stack/worker-ids.ts';

const NODE_OPTIONS = `--import ${new URL('../support/http/throws-on-signal.ts', import.meta.url).href}`;
const LIMIT_MS = 60_000;

async function until(what: string, isSo: () => Promise<boolean> | boolean): Promise<void> {
  const since = Date.now();
  while (!(await isSo())) {
    assert.ok(Date.now() - since < LIMIT_MS, what);
    await sleep(50);
  }
}

function isAlive(pid: number): boolean {
  try {
    return process.kill(pid, 0);
  } catch {
    return false;
  }
}

/** Sends a body in two halves, of which the second goes out when it is told to. */
function sendInHalves(send: typeof request | typeof httpRequest, { headers = {}, ...options }: RequestOptions) {
  const body = randomBytes(1_000_000);
  const outgoing = send({
    ...options,
    headers: { ...(headers as OutgoingHttpHeaders), 'content-length': String(body.length) },
    agent: false,
  });
  const status = new Promise<number>((resolve, reject) => {
    outgoing.on('response', (response) => resolve(response.resume().statusCode ?? 0));
    outgoing.on('error', reject);
  });
  status.catch(() => undefined);
  outgoing.write(body.subarray(0, 500_000));
  return { status, finish: () => outgoing.end(body.subarray(500_000)) };
}

describe('an error that nobody caught', function () {
  this.timeout(180_000);

  describe('in the only worker of a gateway', () => {
    let stack: Stack;
    let bob: string;

    before(async () => {
      stack = await startStack('embedded', {}, { NODE_OPTIONS });
      bob = await stack.token('bob');
      const body = 'kept';
      const put = await stack.client.call({ method: 'PUT', target: '/reports/kept', token: bob, body });
      assert.equal(put.status, 200, put.body.toString());
    });
    after(() => stack.stop());

    it('costs nobody a request: another one takes over while it finishes what it has, and ends', async () => {
      const primary = stack.gateway.pid();
      const [first = 0] = await workerIds(primary);
      const slow = sendInHalves(
        request,
        stack.client.options({ method: 'PUT', target: '/reports/slow', token: bob, headers: {} }),
      );
      await until('the slow request is in progress', async () =>
        /^sallyport_in_flight(?:\{[^}]*\})? [1-9]/m.test(await stack.metrics()),
      );

      process.kill(first, 'SIGUSR2');
      const statuses = new Map<number, number>();
      const done = new AbortController();
      const call = (async () => {
        while (!done.signal.aborted) {
          const answer = stack.client.call({ method: 'GET', target: '/reports/kept', token: bob });
          const { status } = await answer.catch(() => ({ status: 0 }));
          statuses.set(status, (statuses.get(status) ?? 0) + 1);
          await sleep(20);
        }
      })();
      await until('another one serves', async () => (await workerIds(primary)).some((pid) => pid !== first));
      await sleep(2500);
      assert.ok((await workerIds(primary)).includes(first), 'it waits for what it has');
      slow.finish();
      assert.equal(await slow.status, 200);
      await until('the old one ends', async () => !(await workerIds(primary)).includes(first));
      done.abort();
      await call;

      assert.deepEqual([...statuses.keys()], [200], JSON.stringify([...statuses]));
      assert.equal(stack.gateway.pid(), primary);
      assert.equal((await workerIds(primary)).length, 1);
      assert.equal((await stack.ready()).ready, true);
      const metrics = await stack.metrics();
      assert.match(metrics, /^sallyport_workers_replaced_total\{why="uncaught"\} 1$/m);
      // It was counted by the one that has ended.
      assert.match(metrics, /^sallyport_uncaught_errors_total\{where="process"\} 1$/m);
      const lines = (await readFile(stack.logs()[1] ?? '', 'utf8')).split('\n').filter((line) => line.startsWith('{'));
      const reported = lines.map((line) => JSON.parse(line) as Record<string, unknown>);
      const line = reported.find(({ event }) => event === 'uncaught_error');
      assert.equal(line?.['level'], 'error');
      assert.equal((line['error'] as Record<string, unknown>)['message'], 'thrown out of a timer');
      const outcome = (await stack.audit()).find(({ key }) => key === 'slow');
      assert.equal(outcome?.result, 'completed');
    });

    it('ends neither the primary nor a worker where one cannot speak to the other', async () => {
      const primary = stack.gateway.pid();
      const before = await workerIds(primary);
      for (const id of [primary, ...before]) process.kill(id, 'SIGWINCH');
      await sleep(300);
      assert.equal(stack.gateway.pid(), primary);
      assert.deepEqual(await workerIds(primary), before);
      assert.equal((await stack.ready()).ready, true);
    });

    it('has the next one replaced at once as well, where that one lived', async () => {
      const primary = stack.gateway.pid();
      const [second = 0] = await workerIds(primary);
      process.kill(second, 'SIGKILL');
      await until('another one serves', async () => {
        const answer = await stack.client
          .call({ method: 'GET', target: '/reports/kept', token: bob })
          .catch(() => null);
        return answer?.status === 200;
      });
      assert.equal(stack.gateway.pid(), primary);
      assert.match(await stack.metrics(), /^sallyport_workers_replaced_total\{why="ended"\} 1$/m);
    });
  });

  describe('that ends the primary', () => {
    it('costs nobody a request that is in progress: the worker finishes it, has it on record, and ends', async () => {
      const stack = await startStack('embedded');
      try {
        const token = await stack.token('bob');
        const slow = sendInHalves(
          request,
          stack.client.options({ method: 'PUT', target: '/reports/orphaned', token, headers: {} }),
        );
        await until('the slow request is in progress', async () =>
          /^sallyport_in_flight(?:\{[^}]*\})? [1-9]/m.test(await stack.metrics()),
        );
        const [worker = 0] = await workerIds(stack.gateway.pid());
        process.kill(stack.gateway.pid(), 'SIGKILL');
        await sleep(500);
        slow.finish();
        assert.equal(await slow.status, 200);
        await until('the worker ends', () => !isAlive(worker));
        const outcome = (await stack.audit()).find(({ key }) => key === 'orphaned');
        assert.equal(outcome?.result, 'completed');
      } finally {
        await stack.stop();
      }
    });
  });

  describe('in a sidecar', () => {
    let pod: PodStore;

    before(async () => {
      pod = await startPodStore();
    });
    after(() => pod.stop());

    it('has it finish what it has and end with code 1, for whoever started it to start it again', async () => {
      const world = await startPod(pod, { ...keyVariables(podKeys), NODE_OPTIONS });
      const { port } = world;
      const target = { port, host: '127.0.0.1', method: 'PUT', path: '/ledger/slow' };
      const slow = sendInHalves(httpRequest, target);
      await until('the slow request is in progress', () => world.proxy.calls.length > 0);
      world.child.kill('SIGUSR2');
      await until('it says so', () => world.stderr().includes('uncaught_error'));
      await sleep(500);
      assert.equal(world.child.exitCode, null, `it waits for what it has: ${world.stderr()} ${world.stdout()}`);
      const metrics = await (await fetch(`http://127.0.0.1:${world.adminPort}/metrics`)).text();
      assert.match(metrics, /^sallyport_uncaught_errors_total\{where="process"\} 1$/m);
      slow.finish();
      assert.equal(await slow.status, 200, world.stderr());
      assert.equal(await world.ended, 1);
      await world.stop();
    });
  });
});
