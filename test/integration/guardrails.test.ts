/** Budgets as the workers of one machine count them: together, whichever of them a request comes to. */
import assert from 'node:assert/strict';
import { cp, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { runCommand } from '../support/client/run-command.ts';
import { needs } from '../support/needs.ts';
import { startStack, type Stack } from '../support/stack/stack.ts';
import { hasRedis, startRedis, type Redis } from '../support/store/redis.ts';

const POLICIES = fileURLToPath(new URL('../../policies', import.meta.url));
const BUDGET = 7;

const GUARDRAILS = `
id: cleaners
description: Cleaners delete a few things in a day.
subjects: [{ issuer: demo, group: cleaners }]
rules:
  - id: clean
    allow: [PUT, DELETE]
    bucket: reports
    everything: true
guardrails:
  - id: daily
    per: identity
    window: 1d
    deletes: ${BUDGET}
    whenSpent: wait
`;

const STOPPING = `
id: sweepers
description: Sweepers stop where they delete too much.
owner: storage@example.com
subjects: [{ issuer: demo, group: sweepers }]
rules:
  - id: sweep
    allow: [DELETE]
    bucket: reports
    everything: true
guardrails:
  - id: daily
    per: identity
    window: 1d
    deletes: 3
    whenSpent: stop
`;

async function policyFolder(): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'sallyport-guardrails-'));
  await cp(POLICIES, folder, { recursive: true });
  await writeFile(join(folder, 'cleaners.yaml'), GUARDRAILS);
  await writeFile(join(folder, 'sweepers.yaml'), STOPPING);
  await writeFile(join(folder, 'breakers.key'), 'k'.repeat(32), { mode: 0o600 });
  return folder;
}

describe('budgets, with several workers', function () {
  this.timeout(90_000);
  let stack: Stack;
  let folder: string;

  before(async () => {
    folder = await policyFolder();
    const policies = { directory: folder, guardrails: { keyFile: join(folder, 'breakers.key') } };
    stack = await startStack('embedded', { workers: 2, policies, revocation: { file: 'revocations.jsonl' } });
  });
  after(async () => {
    await stack.stop();
    await rm(folder, { recursive: true, force: true });
  });

  const remove = async (token: string, key: string) => stack.client.call({ method: 'DELETE', target: key, token });

  it('are one for all of them: who deletes in a loop is stopped exactly there, and nobody else is', async () => {
    const token = await stack.forge({ sub: 'sweeper', groups: ['cleaners'] });
    const statuses: number[] = [];
    for (let round = 0; round < 5; round += 1) {
      const answers = await Promise.all(
        Array.from({ length: 8 }, (_, number) => remove(token, `/reports/x/${round}-${number}`)),
      );
      statuses.push(...answers.map(({ status }) => status));
    }
    assert.equal(statuses.filter((status) => status === 204).length, BUDGET);
    assert.equal(statuses.filter((status) => status === 503).length, 40 - BUDGET);
    const last = await remove(token, '/reports/x/last');
    assert.match(last.body.toString(), /The budget cleaners\/daily of this identity is spent: 7 of 7 deletions in 1 d/);
    assert.ok(Number(last.headers['retry-after']) > 80_000);
    const other = await stack.forge({ sub: 'other', groups: ['cleaners'] });
    assert.equal((await remove(other, '/reports/x/0')).status, 204);
    const put = { method: 'PUT', target: '/reports/x/kept', token, body: 'x' };
    assert.equal((await stack.client.call(put)).status, 200);
    assert.match(await stack.metrics(), /sallyport_guardrails_total\{outcome="spent"\} 34/);
  });

  const command = (...args: readonly string[]) =>
    runCommand([...args, '--config', join(dirname(stack.auditDirectory), 'gateway.yaml')], {
      env: process.env,
      user: () => 'olivia',
    });

  it('that stop do so in every worker, until an operator has closed the breaker', async () => {
    const token = await stack.forge({ sub: 'broom', groups: ['sweepers'] });
    const sweep = async () => (await remove(token, '/reports/x/0')).status;
    for (let count = 0; count < 3; count += 1) assert.equal(await sweep(), 204);
    const refused = await remove(token, '/reports/x/0');
    assert.equal(refused.status, 403);
    assert.match(refused.body.toString(), /breaker of the budget sweepers\/daily is open.*Ask: storage@example\.com/s);
    const listed = JSON.parse((await command('breakers', '--json')).stdout) as Record<string, string>;
    assert.deepEqual([listed['guardrail'], listed['subject'], listed['state']], ['sweepers/daily', 'broom', 'open']);
    assert.deepEqual(await Promise.all([sweep(), sweep(), sweep(), sweep()]), [403, 403, 403, 403]);
    assert.match(await stack.metrics(), /sallyport_breakers_open 1/);
    const closed = await command('breakers', 'close', listed['id'] ?? '', '--reason', 'INC-9');
    assert.equal(closed.code, 0, closed.stderr);
    const startedMs = performance.now();
    while ((await sweep()) !== 204) assert.ok(performance.now() - startedMs < 10_000);
    const entries = await stack.auditLines();
    assert.ok(entries.some((entry) => entry['operation'] === 'CloseBreaker' && entry['subject'] === 'olivia'));
    assert.ok(entries.some((entry) => entry['entry'] === 'denial' && entry['rule'] === 'sweepers/daily'));
  });
});

describe('budgets in Redis', function () {
  this.timeout(90_000);
  let redis: Redis;
  let stack: Stack;
  const undo: (() => Promise<unknown>)[] = [];

  before(async function () {
    needs(this, 'redis-server', hasRedis);
    redis = await startRedis();
    undo.push(redis.stop);
    const folder = await policyFolder();
    undo.push(() => rm(folder, { recursive: true, force: true }));
    const policies = { directory: folder, guardrails: { keyFile: join(folder, 'breakers.key') } };
    const address = { address: `127.0.0.1:${redis.port}`, allowPlaintextLoopback: true };
    stack = await startStack('embedded', {
      workers: 2,
      policies,
      revocation: { redis: address, whenUnavailable: 'fail-open' },
    });
    undo.push(stack.stop);
  });
  after(async () => {
    for (const each of undo.reverse()) await each();
  });

  it('are counted there, stop there, and give nothing that stops while it is away', async () => {
    const [broom, sweeper] = await Promise.all([
      stack.forge({ sub: 'broom', groups: ['sweepers'] }),
      stack.forge({ sub: 'sweeper', groups: ['cleaners'] }),
    ]);
    const statuses: number[] = [];
    const remove = async (token: string): Promise<number> => {
      const { status } = await stack.client.call({ method: 'DELETE', target: '/reports/x/0', token });
      if (token === broom) statuses.push(status);
      return status;
    };
    const until = async (what: string, isSo: () => Promise<boolean>): Promise<void> => {
      const startedMs = performance.now();
      while (!(await isSo())) assert.ok(performance.now() - startedMs < 20_000, what);
    };
    await until(
      'a first deletion of each',
      async () => (await remove(broom)) === 204 && (await remove(sweeper)) === 204,
    );
    assert.match(await redis.command('KEYS', '*budgets*'), /budgets:[\w-]{22}/);
    await redis.kill();
    assert.equal(await remove(broom), 503);
    assert.equal(await remove(sweeper), 204);
    await redis.start();
    await until('the breaker opens', async () => (await remove(broom)) === 403);
    // What was taken by an answer that came too late was not given.
    const given = statuses.filter((status) => status === 204).length;
    assert.ok(given >= 1 && given <= 3, String(statuses));
    assert.match(await stack.metrics(), /sallyport_guardrails_total\{outcome="degraded"\} [1-9]/);
    await until('the breaker is in Redis', async () => /1/.test(await redis.command('HLEN', 'sallyport:breakers')));
  });
});
