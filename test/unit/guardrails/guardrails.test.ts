import assert from 'node:assert/strict';
import type { Guardrail, Guardrails, Overspent, Spending } from '../../../src/contracts/guardrails.ts';
import type { Principal } from '../../../src/contracts/principal.ts';
import { closing } from '../../../src/guardrails/breaker.ts';
import { createBreakerList } from '../../../src/guardrails/breaker-list.ts';
import { createLocalCounters, type Counters } from '../../../src/guardrails/counters.ts';
import { createGuardrails } from '../../../src/guardrails/guardrails.ts';
import { breakerOf, BreakerStore } from './fixture.ts';

const NOON_MS = Date.parse('2026-12-02T12:00:00Z');
const HOURLY: Guardrail = {
  ...{ name: 'ci/hourly', per: 'identity', windowMs: 3_600_000 },
  ...{ limits: { deletes: 2 }, whenSpent: 'wait' },
};
const ONE: Spending = { amounts: { requests: 1, deletes: 1 }, touched: ['box/k'] };

const alice: Principal = {
  ...{ issuerName: 'i', issuer: 'https://issuer.invalid', subject: 'alice', groups: [], claims: {} },
  ...{ tokenIdHash: '', expiresAtMs: Infinity },
};

class World {
  nowMs = NOON_MS;
  readonly counted: string[] = [];
  readonly guardrails: Guardrails;

  constructor(bearing: readonly Guardrail[], counters?: Counters) {
    const clock = { now: () => this.nowMs };
    this.guardrails = createGuardrails({
      of: () => bearing,
      counters: counters ?? createLocalCounters(clock),
      clock,
      count: (what) => this.counted.push(what),
    });
  }

  take(principal: Principal = alice, spending: Spending = ONE, request: object = {}): string {
    const taken = this.guardrails.take(request, principal, () => spending);
    assert.ok(taken !== undefined && !(taken instanceof Promise));
    return taken.kind;
  }

  refused(spending: Spending = ONE): Overspent {
    const taken = this.guardrails.take({}, alice, () => spending);
    assert.ok(taken !== undefined && !(taken instanceof Promise) && taken.kind === 'spent');
    return taken;
  }
}

describe('guardrails', () => {
  it('ask nothing, and look at nothing, where none bears on the caller', () => {
    const { guardrails } = new World([], {
      take: () => assert.fail('asked'),
      add: () => assert.fail('asked'),
    });
    const request = {};
    assert.equal(
      guardrails.take(request, alice, () => assert.fail('looked')),
      undefined,
    );
    guardrails.settle(request, { bytesIn: 1, bytesOut: 1 });
  });

  it('say which budget is spent, its window, and when it refills', () => {
    const world = new World([HOURLY]);
    world.take();
    world.nowMs += 1_500_000;
    world.take();
    const { rule, reason, retryAfterSeconds } = world.refused();
    assert.equal(rule, 'ci/hourly');
    assert.equal(
      reason,
      'The budget ci/hourly of this identity is spent: 2 of 2 deletions in 1 h. It refills at 2026-12-02T13:00:00.000Z, in 35 min.',
    );
    assert.equal(retryAfterSeconds, 2100);
    assert.deepEqual(world.counted, ['admitted', 'admitted', 'spent']);
  });

  it('say so where a request takes more than a whole budget has', () => {
    const { reason } = new World([HOURLY]).refused({ amounts: { requests: 1, deletes: 3 }, touched: [] });
    assert.match(reason, /0 of 2 deletions in 1 h; this request takes 3 more\..*ask for 2 at most\.$/);
  });

  it('tell for the record how each budget stands', () => {
    const world = new World([{ ...HOURLY, limits: { requests: 10, deletes: 2, keys: 5 } }]);
    const taken = world.guardrails.take({}, alice, () => ONE);
    assert.deepEqual(taken, { kind: 'admitted', notes: ['ci/hourly: 1/10 requests, 1/2 deletes, 1/5 keys'] });
  });

  it('give each identity a budget of its own, and an agent another one than the person it acts for', () => {
    const world = new World([HOURLY]);
    const others: readonly Principal[] = [
      alice,
      { ...alice, subject: 'bob' },
      { ...alice, issuer: 'https://other.invalid' },
      { ...alice, actor: { subject: 'bot' } },
      { ...alice, actor: { subject: 'bot', issuer: 'https://other.invalid' } },
    ];
    for (const each of others) {
      assert.deepEqual([world.take(each), world.take(each), world.take(each)], ['admitted', 'admitted', 'spent']);
    }
    // Another token, or a session, is no other identity.
    assert.equal(world.take({ ...alice, tokenIdHash: 'x', accessKeyId: 'SPY', binding: 'p', groups: ['g'] }), 'spent');
  });

  it('let all whom a policy names share one budget where that is meant', () => {
    const world = new World([{ ...HOURLY, per: 'policy' }]);
    assert.equal(world.take(alice), 'admitted');
    assert.equal(world.take({ ...alice, subject: 'bob' }), 'admitted');
    assert.equal(world.take({ ...alice, subject: 'eve' }), 'spent');
  });

  it('count each key once, however often a request has it', () => {
    const world = new World([{ ...HOURLY, limits: { keys: 2 } }]);
    const touching = (...touched: string[]): Spending => ({ amounts: { requests: 1 }, touched });
    assert.equal(world.take(alice, touching('box/a', 'box/a', 'box/b')), 'admitted');
    assert.equal(world.take(alice, touching('box/b', 'box/a')), 'admitted');
    assert.equal(world.take(alice, touching('chest/a')), 'spent');
  });

  it('settle bytes by what came and went in the end, once', () => {
    const world = new World([{ ...HOURLY, limits: { read: 100, written: 100 } }]);
    const writing: Spending = { amounts: { requests: 1, written: 80 }, touched: [] };
    const reading: Spending = { amounts: { requests: 1, read: 1 }, touched: [] };
    const [upload, download] = [{}, {}];
    assert.equal(world.take(alice, writing, upload), 'admitted');
    assert.equal(world.take(alice, writing), 'spent');
    world.guardrails.settle(upload, { bytesIn: 10, bytesOut: 0 });
    world.guardrails.settle(upload, { bytesIn: 10, bytesOut: 0 });
    assert.equal(world.take(alice, writing), 'admitted');
    assert.equal(world.take(alice, reading, download), 'admitted');
    world.guardrails.settle(download, { bytesIn: 0, bytesOut: 500 });
    assert.equal(world.take(alice, reading), 'spent');
  });

  it('give nothing that cannot be counted', async () => {
    const world = new World([HOURLY], { take: () => Promise.reject(new Error('away')), add: () => undefined });
    const taken = await world.guardrails.take({}, alice, () => ONE);
    assert.ok(taken?.kind === 'spent' && taken.retryAfterSeconds === 2);
    assert.match(taken.reason, /ci\/hourly cannot be counted now/);
    assert.deepEqual(world.counted, ['unavailable']);
  });

  it('refuse who cannot be counted for want of memory, and say so', () => {
    const world = new World([HOURLY], createLocalCounters({ now: () => NOON_MS }, 5));
    assert.match(world.refused().reason, /cannot be counted for one more now/);
    assert.deepEqual(world.counted, ['full']);
  });

  describe('that stop', () => {
    const STOP: Guardrail = { ...HOURLY, whenSpent: 'stop', owner: 'ann' };

    async function stopping(store = new BreakerStore(), counters?: Counters) {
      const clock = { now: () => NOON_MS };
      const breakers = createBreakerList({ store, clock, observer: { event: () => undefined } });
      await breakers.refresh();
      const counted: string[] = [];
      const guardrails = createGuardrails({
        of: () => [STOP],
        counters: counters ?? createLocalCounters(clock),
        breakers,
        clock,
        count: (what) => counted.push(what),
      });
      const take = (principal = alice) => {
        const taken = guardrails.take({}, principal, () => ONE);
        assert.ok(taken !== undefined && !(taken instanceof Promise));
        return taken;
      };
      return { store, breakers, counted, take };
    }

    it('open a breaker at the first request that asks for more, and say who closes it', async () => {
      const { take, counted } = await stopping();
      assert.deepEqual([take().kind, take().kind], ['admitted', 'admitted']);
      const stopped = take();
      assert.ok(stopped.kind === 'stopped');
      assert.deepEqual([stopped.rule, stopped.owner], ['ci/hourly', 'ann']);
      assert.match(
        stopped.reason,
        /^The breaker of the budget ci\/hourly is open: this identity asked for more than 2 deletions in 1 h, at 2026-12-02T12:00:00.000Z\. It stays so until an operator closes it \(sallyport breakers close [0-9a-f]{16}\)\.$/,
      );
      assert.equal(take().kind, 'stopped');
      assert.equal(take({ ...alice, subject: 'bob' }).kind, 'admitted');
      assert.deepEqual(counted, ['admitted', 'admitted', 'opened', 'stopped', 'admitted']);
    });

    it('ask no counter while a breaker is open', async () => {
      const store = new BreakerStore();
      store.put(breakerOf({ whose: { issuer: alice.issuer, subject: alice.subject } }));
      const { take } = await stopping(store, { take: () => assert.fail('asked'), add: () => undefined });
      assert.equal(take().kind, 'stopped');
    });

    it('give the whole budget again when a person has closed it, and open again beyond that', async () => {
      const { take, breakers, store } = await stopping();
      for (let count = 0; count < 3; count += 1) take();
      await breakers.refresh();
      const [open] = store.kept.values();
      assert.ok(open !== undefined);
      store.put(closing(open, { atMs: NOON_MS, by: 'olivia' }));
      await breakers.refresh();
      assert.deepEqual([take().kind, take().kind, take().kind], ['admitted', 'admitted', 'stopped']);
      await breakers.refresh();
      assert.equal(store.kept.get(open.id)?.turn, 3);
    });

    it('give nothing before it is known which breakers are open', async () => {
      const store = new BreakerStore();
      store.isDown = true;
      const { take, breakers } = await stopping(store);
      assert.equal(take().kind, 'spent');
      store.isDown = false;
      await breakers.refresh();
      assert.equal(take().kind, 'admitted');
    });
  });
});
