import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import type { Access } from '../../../src/contracts/authorizer.ts';
import type { Amounts, Guardrails, Spending } from '../../../src/contracts/guardrails.ts';
import { createLocalCounters } from '../../../src/guardrails/counters.ts';
import { createGuardrails } from '../../../src/guardrails/guardrails.ts';
import { createPipeline } from '../../../src/pipeline/pipeline.ts';
import { chunks, client, world, type Behaviour, type Client, type World } from './world.ts';

const EFFECTS = ['plan', 'store token', 'assume-role', 'sign', 'forward', 'body read'];
const LENGTH = ['content-length', '4'] as const;

interface Run extends World {
  readonly exchange: Client;
  readonly answer: string;
}

class Budgeted {
  readonly spent: Spending[] = [];
  readonly settled: { readonly bytesIn: number; readonly bytesOut: number }[] = [];
  readonly #guardrails: Guardrails;

  constructor(limits: Amounts) {
    const clock = { now: () => 1000 };
    const guardrail = { name: 'p/hourly', per: 'identity', windowMs: 3_600_000, limits, whenSpent: 'wait' } as const;
    const parts = { counters: createLocalCounters(clock), clock, count: () => undefined };
    this.#guardrails = createGuardrails({ ...parts, of: () => [guardrail] });
  }

  async run(
    method: string,
    target: string,
    headers: readonly string[] = [],
    body?: string,
    behaviour: Behaviour = {},
  ): Promise<Run> {
    const made = world(behaviour);
    const { take, settle } = this.#guardrails;
    const guardrails: Guardrails = {
      take: (request, principal, spending) =>
        take(request, principal, () => {
          const spends = spending();
          this.spent.push(spends);
          return spends;
        }),
      settle: (request, bytes) => {
        this.settled.push({ bytesIn: bytes.bytesIn, bytesOut: bytes.bytesOut });
        settle(request, bytes);
      },
    };
    const exchange = client(method, target, headers, made.steps, body === undefined ? chunks() : chunks(body));
    await createPipeline({ ...made.dependencies, guardrails })(exchange);
    return { ...made, exchange, answer: exchange.sent.join('') };
  }

  deleteKeys(keys: readonly string[], behaviour: Behaviour = {}): Promise<Run> {
    const list = `<Delete>${keys.map((key) => `<Object><Key>${key}</Key></Object>`).join('')}</Delete>`;
    const md5 = createHash('md5').update(list).digest('base64');
    const headers = ['content-length', String(list.length), 'content-md5', md5];
    return this.run('POST', '/box?delete', headers, list, behaviour);
  }
}

const secret = (access: Access): boolean => access.kind === 'object' && access.key.startsWith('secret');

describe('a request of somebody who has budgets', () => {
  it('is refused before anything is done where one is spent, in words, and on record as denied by it', async () => {
    const budgeted = new Budgeted({ deletes: 1 });
    assert.equal((await budgeted.run('DELETE', '/box/a')).exchange.status(), 204);
    const { exchange, answer, steps, entries } = await budgeted.run('DELETE', '/box/b');
    assert.equal(exchange.status(), 503);
    assert.match(answer, /<Code>SlowDown<\/Code><Message>The budget p\/hourly of this identity is spent: 1 of 1 del/);
    assert.match(answer, /<Rule>p\/hourly</);
    assert.equal(exchange.answerHeaders['retry-after'], '3600');
    assert.deepEqual(
      steps.filter((step) => EFFECTS.includes(step)),
      [],
    );
    const [entry] = entries;
    assert.ok(entries.length === 1 && entry?.entry === 'denial');
    assert.deepEqual([entry.decision, entry.rule, entry.error, entry.status], ['deny', 'p/hourly', 'SlowDown', 503]);
    assert.match(entry.reason, /1 of 1 deletions in 1 h/);
  });

  it('has on record how its budgets stand', async () => {
    const { entries } = await new Budgeted({ requests: 5, deletes: 2 }).run('DELETE', '/box/a');
    const [intent] = entries;
    assert.ok(intent?.entry === 'intent');
    assert.deepEqual(intent.budgets, ['p/hourly: 1/5 requests, 1/2 deletes']);
  });

  it('spends nothing where policy denies it', async () => {
    const budgeted = new Budgeted({ requests: 1 });
    await budgeted.run('DELETE', '/box/a', [], undefined, { decision: 'deny' });
    assert.deepEqual(budgeted.spent, []);
    assert.equal((await budgeted.run('DELETE', '/box/a')).exchange.status(), 204);
  });

  it('spends nothing of a batch of which policy denies every key, and answers each of them', async () => {
    const budgeted = new Budgeted({ requests: 1 });
    const denied = await budgeted.deleteKeys(['secret-1', 'secret-2'], { denies: secret });
    assert.equal(denied.exchange.status(), 200);
    assert.equal(denied.answer.match(/<Code>AccessDenied</g)?.length, 2);
    assert.deepEqual(budgeted.spent, []);
    assert.equal((await budgeted.deleteKeys(['a', 'secret-1'], { denies: secret })).sent.length > 0, true);
    assert.equal((await budgeted.deleteKeys(['b'])).exchange.status(), 503);
    assert.equal(budgeted.spent.length, 2);
  });

  it('takes every key of DeleteObjects that policy allows before one is deleted, or none', async () => {
    const budgeted = new Budgeted({ deletes: 3 });
    const { sent, entries, answer } = await budgeted.deleteKeys(['a', 'b', 'c', 'd']);
    assert.equal(sent.length, 0);
    assert.match(answer, /<Code>SlowDown</);
    assert.equal(entries.filter(({ entry }) => entry === 'denial').length, 4);
    const mixed = await budgeted.deleteKeys(['a', 'b', 'c', 'secret/x'], { denies: secret });
    assert.equal(mixed.sent.length > 0, true);
    assert.equal(budgeted.spent.at(-1)?.amounts.deletes, 3);
    const [request] = mixed.entries;
    assert.ok(request?.entry === 'request');
    assert.deepEqual(request.budgets, ['p/hourly: 3/3 deletes']);
    assert.equal((await budgeted.deleteKeys(['e'])).sent.length, 0);
  });

  it('writes one end for each key of a batch that a budget refuses, the denied ones among them', async () => {
    const { entries } = await new Budgeted({ deletes: 1 }).deleteKeys(['a', 'b', 'secret/x'], { denies: secret });
    const items = entries.flatMap((entry) => (entry.entry === 'denial' ? [entry.item] : []));
    assert.deepEqual(items, [0, 1, 2]);
  });

  it('counts a write as one that may overwrite unless it says that it creates', async () => {
    const budgeted = new Budgeted({ overwrites: 1 });
    const creating = ['if-none-match', '*', ...LENGTH];
    await budgeted.run('PUT', '/box/a', creating, 'body');
    await budgeted.run('PUT', '/box/b', creating, 'body');
    await budgeted.run('PUT', '/box/a', LENGTH, 'body');
    assert.deepEqual(
      budgeted.spent.map(({ amounts }) => amounts.overwrites),
      [0, 0, 1],
    );
    assert.equal((await budgeted.run('PUT', '/box/c', ['x-amz-copy-source', '/box/a'])).exchange.status(), 503);
    assert.equal((await budgeted.run('POST', '/box/c?uploadId=u', LENGTH, 'body')).exchange.status(), 503);
    // A part is nothing that can be seen yet, nor is a new upload.
    await budgeted.run('PUT', '/box/c?partNumber=1&uploadId=u', LENGTH, 'body');
    await budgeted.run('POST', '/box/c?uploads');
    assert.deepEqual(
      budgeted.spent.slice(-2).map(({ amounts }) => amounts.overwrites),
      [0, 0],
    );
  });

  it('takes the bytes that it declares before its body is read, parts among them, and settles by what came', async () => {
    const budgeted = new Budgeted({ written: 6 });
    const part = '/box/c?partNumber=1&uploadId=u';
    const { exchange } = await budgeted.run('PUT', part, LENGTH, 'body');
    assert.equal(exchange.status(), 200);
    assert.deepEqual(budgeted.settled, [{ bytesIn: 4, bytesOut: 0 }]);
    const refused = await budgeted.run('PUT', part, LENGTH, 'body');
    assert.deepEqual([refused.exchange.status(), refused.steps.includes('body read')], [503, false]);
    assert.equal((await budgeted.run('PUT', '/box/d', ['content-length', '2'], 'xx')).exchange.status(), 200);
  });

  it('touches the keys of target and source, and none by a listing', async () => {
    const budgeted = new Budgeted({ keys: 10 });
    await budgeted.run('PUT', '/box/k', ['x-amz-copy-source', '/chest/other']);
    await budgeted.run('GET', '/box?list-type=2&prefix=a/');
    assert.deepEqual(
      budgeted.spent.map(({ touched }) => touched),
      [['box/k', 'chest/other'], []],
    );
  });

  it('as a dry run costs a request and nothing else', async () => {
    const budgeted = new Budgeted({ requests: 2, deletes: 1 });
    const dry = ['x-sallyport-dry-run', 'true'];
    assert.equal((await budgeted.run('DELETE', '/box/a', dry)).exchange.status(), 200);
    assert.deepEqual(budgeted.spent, [{ amounts: { requests: 1 }, touched: [] }]);
    assert.equal((await budgeted.run('DELETE', '/box/a')).exchange.status(), 204);
    const { exchange } = await budgeted.run('DELETE', '/box/a', dry);
    assert.deepEqual([exchange.status(), exchange.answerHeaders['x-sallyport-dry-run']], [503, 'error']);
  });

  it('that asks for the buckets, or goes wrong at the store, is counted as well', async () => {
    const budgeted = new Budgeted({ requests: 2 });
    await budgeted.run('GET', '/');
    await budgeted.run('DELETE', '/box/a', [], undefined, { answer: () => ({ status: 500 }) });
    assert.equal((await budgeted.run('GET', '/')).exchange.status(), 503);
  });

  it('is denied while a breaker is open: 403 with the reason, in a header of HEAD, and on record', async () => {
    const stopped = { kind: 'stopped', rule: 'p/hourly', reason: 'The breaker is open.', owner: 'ann' } as const;
    const guardrails: Guardrails = { take: () => stopped, settle: () => undefined };
    for (const method of ['DELETE', 'HEAD']) {
      const made = world();
      const exchange = client(method, '/box/k', [], made.steps);
      await createPipeline({ ...made.dependencies, guardrails })(exchange);
      assert.equal(exchange.status(), 403);
      assert.match(
        exchange.answerHeaders['x-sallyport-denied-by'] ?? '',
        /^p\/hourly: The breaker is open\. Ask: ann$/,
      );
      const [entry] = made.entries;
      assert.ok(entry?.entry === 'denial');
      assert.deepEqual([entry.result, entry.rule, entry.error], ['denied', 'p/hourly', 'AccessDenied']);
    }
  });
});
