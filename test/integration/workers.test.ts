import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { readdir } from 'node:fs/promises';
import { request } from 'node:https';
import { setTimeout as sleep } from 'node:timers/promises';
import { startStack, type Stack } from '../support/stack/stack.ts';
import { workerIds } from '../support/stack/worker-ids.ts';

describe('several workers', function () {
  this.timeout(60_000);
  let stack: Stack;
  let bob: string;

  before(async () => {
    stack = await startStack('embedded', { workers: 2 });
    bob = await stack.token('bob');
  });
  after(() => stack.stop());

  const put = (key: string, body: Buffer | string) =>
    stack.client.call({ method: 'PUT', target: `/reports/${key}`, token: bob, body });
  const get = (key: string) => stack.client.call({ method: 'GET', target: `/reports/${key}`, token: bob });

  /** The processes under the primary. */
  const workers = (): Promise<number[]> => workerIds(stack.gateway.pid());

  it('serve side by side, each with an audit file of its own', async () => {
    assert.equal((await workers()).length, 2);
    const answers = await Promise.all(
      Array.from({ length: 40 }, (_, index) => put(`workers/${index}`, `body ${index}`)),
    );
    assert.ok(answers.every(({ status }) => status === 200));
    const names = (await readdir(stack.auditDirectory)).filter((name) => name.startsWith('access-'));
    assert.deepEqual([...new Set(names.map((name) => /-(w\d+)-/.exec(name)?.[1]))].toSorted(), ['w0', 'w1']);
    const ids = new Set((await stack.auditLines()).map(({ requestId }) => requestId));
    assert.ok(answers.every(({ requestId }) => ids.has(requestId)));
  });

  const uploads = async (): Promise<number> => {
    const series = /^sallyport_requests_total\{[^}]*operation="PutObject"[^}]*\} (\d+)$/gm;
    return [...(await stack.metrics()).matchAll(series)].reduce((sum, [, count]) => sum + Number(count), 0);
  };

  it('are counted together', async () => {
    assert.equal(await uploads(), 40);
    assert.equal((await stack.ready()).ready, true);
  });

  it('are replaced when one dies, while the other goes on', async () => {
    const [victim = 0] = await workers();
    process.kill(victim, 'SIGKILL');
    for (let count = 0; count < 20; count += 1) {
      const answer = await get('workers/0').catch(() => undefined);
      // A request that the dead worker held is cut; HAProxy says so.
      if (answer !== undefined) assert.ok([200, 502, 503].includes(answer.status), String(answer.status));
    }
    for (let attempt = 0; (await workers()).length < 2 || (await workers()).includes(victim); attempt += 1) {
      assert.ok(attempt < 100, 'the worker was not replaced');
      await sleep(100);
    }
    assert.equal((await get('workers/0')).status, 200);
    // A sum that fell would look like a new start to Prometheus.
    assert.equal(await uploads(), 40);
  });

  it('finish what is in flight on SIGTERM, and end', async () => {
    const body = randomBytes(2_000_000);
    const outgoing = request({
      ...stack.client.options({
        method: 'PUT',
        target: '/reports/workers/slow',
        token: bob,
        headers: { 'content-length': String(body.length) },
      }),
      agent: false,
    });
    const status = new Promise<number>((resolve, reject) => {
      outgoing.on('response', (response) => resolve(response.resume().statusCode ?? 0));
      outgoing.on('error', reject);
    });
    outgoing.write(body.subarray(0, 1_000_000));
    while (!/^sallyport_in_flight(?:\{[^}]*\})? [1-9]/m.test(await stack.metrics())) await sleep(50);
    // As a service manager does: the signal goes to every process, and the primary passes it on as well.
    for (const pid of await workers()) process.kill(pid, 'SIGTERM');
    const stopping = stack.gateway.stop();
    await sleep(300);
    outgoing.end(body.subarray(1_000_000));
    assert.equal(await status, 200);
    await stopping;
    await stack.gateway.start();
    // HAProxy looks once a second whether it is back.
    let read = await get('workers/slow');
    for (let attempt = 0; read.status === 503 && attempt < 50; attempt += 1) {
      await sleep(100);
      read = await get('workers/slow');
    }
    assert.ok(read.body.equals(body));
    const outcome = (await stack.audit()).find(({ key }) => key === 'workers/slow');
    assert.equal(outcome?.result, 'completed');
  });
});
