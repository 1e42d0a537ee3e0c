/** On a real Redis: one budget for all gateways that share it. */
import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import type { Amounts, Guardrail } from '../../../src/contracts/guardrails.ts';
import { createBreakerList } from '../../../src/guardrails/breaker-list.ts';
import { createLocalCounters, type Ask, type Counters } from '../../../src/guardrails/counters.ts';
import { createGuardrails } from '../../../src/guardrails/guardrails.ts';
import { createRedisCounters } from '../../../src/guardrails/redis-counters.ts';
import { Secret } from '../../../src/config/loading/secret.ts';
import { openRedis, type RedisConnection } from '../../../src/lists/redis-connection.ts';
import { createRedisStore } from '../../../src/lists/redis-store.ts';
import { createPipeline } from '../../../src/pipeline/pipeline.ts';
import { needs } from '../../support/needs.ts';
import { hasRedis, startRedis, type Redis } from '../../support/store/redis.ts';
import { chunks, client, world } from '../pipeline/world.ts';
import { observe } from '../revocation/fixture.ts';
import { FORMAT } from './fixture.ts';

const HOUR_MS = 3_600_000;
const clock = { now: Date.now };
const COUNTER = 'sallyport:budgets:a';

function ask(amounts: Amounts, limits: Amounts, id = 'a', windowMs = HOUR_MS): Ask {
  return { id, windowMs, limits, amounts };
}

describe('counters in Redis', () => {
  let redis: Redis;
  const connections: RedisConnection[] = [];

  const connect = async (user?: string): Promise<RedisConnection> => {
    const word = user === undefined ? undefined : new Secret(user);
    const plain = { tls: undefined, username: word, password: word, database: 0 };
    const connection = openRedis({ host: '127.0.0.1', port: redis.port, silenceTimeoutMs: 60_000, ...plain });
    connections.push(connection);
    await connection.settled();
    return connection;
  };
  const countersOf = (connection: RedisConnection, answerMs?: number): Counters =>
    createRedisCounters({
      ...{ connection, keyPrefix: 'sallyport:', clock, ...observe() },
      ...(answerMs !== undefined && { answerMs }),
    });
  const kindOf = async (counters: Counters, asks: readonly Ask[], touched: readonly number[] = []) => {
    const taking = await counters.take(asks, touched);
    return taking.kind === 'lacking' ? `lacking ${taking.measure}` : taking.kind;
  };

  before(async function () {
    needs(this, 'redis-server', hasRedis);
    redis = await startRedis();
  });
  beforeEach(() => redis.command('FLUSHALL'));
  afterEach(() => {
    for (const each of connections.splice(0)) each.close();
  });
  after(() => (hasRedis ? redis.stop() : undefined));

  it('do what local ones do: to the last, whole or not at all, from all budgets or from none', async () => {
    const counters = countersOf(await connect());
    const batch = ask({ requests: 1, deletes: 1000 }, { requests: 10, deletes: 1500 });
    assert.equal(await kindOf(counters, [batch]), 'taken');
    assert.equal(await kindOf(counters, [batch]), 'lacking deletes');
    assert.equal(await kindOf(counters, [{ ...batch, amounts: { requests: 1, deletes: 500 } }]), 'taken');
    const both = [ask({ requests: 1 }, { requests: 5 }, 'wide'), ask({ requests: 1 }, { requests: 1 }, 'narrow')];
    assert.equal(await kindOf(counters, both), 'taken');
    for (let count = 0; count < 9; count += 1) {
      const taking = await counters.take(both, []);
      assert.ok(taking.kind === 'lacking' && taking.at === 1 && taking.standing.used.requests === 1);
    }
    const wide = await counters.take([ask({ requests: 4 }, { requests: 5 }, 'wide')], []);
    assert.ok(wide.kind === 'taken' && wide.standings[0]?.used.requests === 5);
  });

  it('count a key once, all new ones of a request before any is taken', async () => {
    const counters = countersOf(await connect());
    const keys = [ask({}, { keys: 3 })];
    assert.equal(await kindOf(counters, keys, [1, 2 ** 47]), 'taken');
    assert.equal(await kindOf(counters, keys, [1, 2 ** 47]), 'taken');
    assert.equal(await kindOf(counters, keys, [1, 3, 4]), 'lacking keys');
    assert.equal(await kindOf(counters, keys, [3]), 'taken');
    assert.equal(await kindOf(counters, keys, [4]), 'lacking keys');
    const many = Array.from({ length: 1000 }, (_, key) => key);
    assert.equal(await kindOf(counters, [ask({}, { keys: 1000 }, 'many')], many), 'taken');
  });

  it('add what came out later, never below nothing, and nothing where there is no window', async () => {
    const counters = countersOf(await connect());
    const limits = { read: 100, written: 100 };
    counters.add('a', { read: 1000 });
    assert.equal(await kindOf(counters, [ask({ read: 1, written: 60 }, limits)]), 'taken');
    counters.add('a', { read: 99, written: -1000 });
    assert.equal(await kindOf(counters, [ask({ read: 1 }, limits)]), 'lacking read');
    assert.equal(await kindOf(counters, [ask({ written: 100 }, limits)]), 'taken');
  });

  it('end with their windows, which nothing makes longer', async () => {
    const counters = countersOf(await connect());
    const soon = ask({ requests: 1 }, { requests: 1, keys: 5 }, 'a', 300);
    assert.equal(await kindOf(counters, [soon], [1]), 'taken');
    assert.equal(await kindOf(counters, [soon], [1]), 'lacking requests');
    for (const key of [COUNTER, `${COUNTER}:keys`]) {
      const left = Number((await redis.command('PTTL', key)).replace(/\D/g, ''));
      assert.ok(left > 0 && left <= 300, `${key} ${left}`);
    }
    await new Promise((resolve) => setTimeout(resolve, 350));
    assert.equal(await kindOf(counters, [soon], [1]), 'taken');
    await redis.command('PERSIST', COUNTER);
    assert.equal(await kindOf(counters, [soon], [1]), 'taken');
    assert.ok(Number((await redis.command('PTTL', COUNTER)).replace(/\D/g, '')) <= 300);
  });

  it('are one for who asks at once through several connections', async () => {
    const all = await Promise.all([connect(), connect(), connect()]);
    const each = all.map((connection) => countersOf(connection));
    const taken = await Promise.all(
      Array.from({ length: 30 }, (_, index) => kindOf(each[index % 3]!, [ask({ deletes: 1 }, { deletes: 10 })])),
    );
    assert.equal(taken.filter((kind) => kind === 'taken').length, 10);
  });

  it('need no more of an ACL than their documentation says', async () => {
    const text = await readFile(new URL('../../../docs/guardrails.md', import.meta.url), 'utf8');
    const [, commands = ''] = /`~<keyPrefix>\*` with `([^`]*)`/.exec(text) ?? [];
    await redis.command('ACL', 'SETUSER', 'budgets', 'on', '>budgets', '~sallyport:*', ...commands.split(' '));
    const counters = countersOf(await connect('budgets'));
    const one = ask({ requests: 1, read: 1 }, { requests: 9, read: 9, keys: 9 });
    assert.equal(await kindOf(counters, [one], [1]), 'taken');
    assert.equal(await kindOf(counters, [one], [1]), 'taken');
    counters.add('a', { read: -100 });
    const taking = await counters.take([one], [2]);
    assert.ok(taking.kind === 'taken');
    assert.deepEqual(taking.standings[0]?.used, { requests: 3, read: 1, keys: 2 });
  });

  it('go on where Redis forgot the script, and fail where somebody put something else there', async () => {
    const counters = countersOf(await connect());
    const one = [ask({ requests: 1 }, { requests: 9 })];
    assert.equal(await kindOf(counters, one), 'taken');
    await redis.command('SCRIPT', 'FLUSH');
    assert.equal(await kindOf(counters, one), 'taken');
    await redis.command('HSET', COUNTER, 'requests', 'many');
    await assert.rejects(async () => counters.take(one, []));
    await redis.command('SET', COUNTER, 'x', 'PX', '1000');
    await assert.rejects(async () => counters.take(one, []));
  });

  it('never wait long for a Redis that does not answer, or is not there', async () => {
    const counters = countersOf(await connect(), 200);
    const one = [ask({ requests: 1 }, { requests: 9 })];
    assert.equal(await kindOf(counters, one), 'taken');
    await redis.command('CLIENT', 'PAUSE', '1000', 'ALL');
    const startedMs = performance.now();
    await assert.rejects(async () => counters.take(one, []));
    assert.ok(performance.now() - startedMs < 900);
    await redis.kill();
    try {
      const goneMs = performance.now();
      await assert.rejects(async () => counters.take(one, []));
      assert.ok(performance.now() - goneMs < 900);
    } finally {
      await redis.start();
    }
  });

  it('are those of the machine meanwhile for budgets that wait, and give nothing of budgets that stop', async () => {
    const away: Counters = { take: () => Promise.reject(new Error('away')), add: () => assert.fail('asked') };
    const guardrail = {
      name: 'ci/hourly',
      per: 'identity',
      windowMs: HOUR_MS,
      limits: { deletes: 1, written: 9 },
    } as const;
    const principal = {
      ...{ issuerName: 'i', issuer: 'i', subject: 's', groups: [], claims: {}, tokenIdHash: '', expiresAtMs: 0 },
    };
    const spending = () => ({ amounts: { requests: 1, deletes: 1, written: 5 }, touched: [] });
    const counted: string[] = [];
    const guardrailsOf = (whenSpent: Guardrail['whenSpent']) =>
      createGuardrails({
        ...{ of: () => [{ ...guardrail, whenSpent }], counters: away, whileAway: createLocalCounters(clock), clock },
        breakers: { isKnown: () => true, of: () => undefined, open: () => assert.fail('opened') },
        count: (what) => counted.push(what),
      });
    const waiting = guardrailsOf('wait');
    const request = {};
    assert.equal((await waiting.take(request, principal, spending))?.kind, 'admitted');
    waiting.settle(request, { bytesIn: 5, bytesOut: 0 });
    assert.equal((await waiting.take({}, principal, spending))?.kind, 'spent');
    const stopping = await guardrailsOf('stop').take({}, principal, spending);
    assert.ok(stopping?.kind === 'spent' && stopping.reason.includes('cannot be counted now'));
    assert.deepEqual(counted, ['degraded', 'admitted', 'degraded', 'spent', 'unavailable']);
  });

  it('stop a loop that deletes 10,000 keys through three gateways at the budget', async function () {
    this.timeout(60_000);
    const BUDGET = 4500;
    const guardrail: Guardrail = {
      ...{ name: 'ci/daily', per: 'identity', windowMs: 24 * HOUR_MS, limits: { deletes: BUDGET, keys: 10_000 } },
      whenSpent: 'stop',
    };
    const deleted = new Set<string>();
    const gateways = await Promise.all(
      [1, 2, 3].map(async () => {
        const connection = await connect();
        const { observer } = observe();
        const store = createRedisStore({ format: FORMAT, connection, keyPrefix: 'sallyport:', clock, observer });
        const breakers = createBreakerList({ store, clock, observer });
        await breakers.refresh();
        const parts = { counters: countersOf(connection, 5000), breakers, clock, count: () => undefined };
        const guardrails = createGuardrails({ ...parts, of: () => [guardrail] });
        return { breakers, guardrails };
      }),
    );
    const keys = Array.from({ length: 10_000 }, (_, index) => `data/${index}`);
    const statuses: number[] = [];
    const sweep = async (batch: readonly string[], index: number): Promise<void> => {
      const { guardrails } = gateways[index % 3]!;
      const list = `<Delete>${batch.map((key) => `<Object><Key>${key}</Key></Object>`).join('')}</Delete>`;
      const md5 = createHash('md5').update(list).digest('base64');
      const made = world({
        answer: (_, body) => {
          const asked = [...body.toString().matchAll(/<Key>([^<]*)<\/Key>/g)].map(([, key = '']) => key);
          for (const key of asked) deleted.add(key);
          const document = asked.map((key) => `<Deleted><Key>${key}</Key></Deleted>`).join('');
          return { status: 200, body: chunks(`<DeleteResult>${document}</DeleteResult>`) };
        },
      });
      const headers = ['content-length', String(list.length), 'content-md5', md5];
      const exchange = client('POST', '/box?delete', headers, made.steps, chunks(list));
      await createPipeline({ ...made.dependencies, guardrails })(exchange);
      statuses.push(exchange.status() ?? 0);
    };
    const batches = Array.from({ length: 10 }, (_, index) => keys.slice(index * 1000, (index + 1) * 1000));
    for (let at = 0; at < batches.length; at += 3) {
      await Promise.all(batches.slice(at, at + 3).map((batch, index) => sweep(batch, index)));
    }
    assert.equal(deleted.size, 4000);
    assert.ok(deleted.size <= BUDGET + 1000);
    assert.deepEqual(statuses.toSorted(), [...Array<number>(4).fill(200), ...Array<number>(6).fill(403)]);
    // Every gateway hears of it, and none lets a single deletion pass any more.
    for (const { breakers } of gateways) await breakers.refresh();
    assert.deepEqual(
      gateways.map(({ breakers }) => breakers.count()),
      [1, 1, 1],
    );
    for (const index of [0, 1, 2]) await sweep(['data/single'], index);
    assert.equal(deleted.size, 4000);
    for (const { breakers } of gateways) await breakers.close();
  });
});
