import assert from 'node:assert/strict';
import type { Amounts } from '../../../src/contracts/guardrails.ts';
import { createLocalCounters, type Ask, type LocalCounters } from '../../../src/guardrails/counters.ts';

const HOUR_MS = 3_600_000;

class World {
  nowMs = 1_000_000;
  readonly counters: LocalCounters;

  constructor(maxUnits?: number) {
    this.counters = createLocalCounters({ now: () => this.nowMs }, maxUnits);
  }

  take(amounts: Amounts, limits: Amounts, touched: readonly number[] = [], id = 'a'): string {
    const taking = this.counters.take([ask(amounts, limits, id)], touched);
    return taking.kind === 'lacking' ? `lacking ${taking.measure}` : taking.kind;
  }
}

function ask(amounts: Amounts, limits: Amounts, id = 'a', windowMs = HOUR_MS): Ask {
  return { id, windowMs, limits, amounts };
}

describe('local counters', () => {
  it('give a budget to the last, and nothing beyond it', () => {
    const world = new World();
    for (let count = 0; count < 3; count += 1) assert.equal(world.take({ deletes: 1 }, { deletes: 3 }), 'taken');
    assert.equal(world.take({ deletes: 1 }, { deletes: 3 }), 'lacking deletes');
  });

  it('take a batch whole or not at all', () => {
    const world = new World();
    assert.equal(world.take({ deletes: 1000 }, { deletes: 1500 }), 'taken');
    assert.equal(world.take({ deletes: 1000 }, { deletes: 1500 }), 'lacking deletes');
    assert.equal(world.take({ deletes: 500 }, { deletes: 1500 }), 'taken');
  });

  it('let what spends nothing of it pass a budget that is spent', () => {
    const world = new World();
    const limits = { requests: 10, deletes: 1 };
    assert.equal(world.take({ requests: 1, deletes: 1 }, limits), 'taken');
    assert.equal(world.take({ requests: 1, deletes: 1 }, limits), 'lacking deletes');
    assert.equal(world.take({ requests: 1, deletes: 0 }, limits), 'taken');
  });

  it('begin a window with the first request after the last one ended', () => {
    const world = new World();
    assert.equal(world.take({ requests: 1 }, { requests: 1 }), 'taken');
    world.nowMs += HOUR_MS - 1;
    assert.equal(world.take({ requests: 1 }, { requests: 1 }), 'lacking requests');
    world.nowMs += 1;
    assert.equal(world.take({ requests: 1 }, { requests: 1 }), 'taken');
    world.nowMs += HOUR_MS - 1;
    assert.equal(world.take({ requests: 1 }, { requests: 1 }), 'lacking requests');
  });

  it('never make a window longer because a clock was set back', () => {
    const world = new World();
    assert.equal(world.take({ requests: 1 }, { requests: 1 }), 'taken');
    world.nowMs -= 10 * HOUR_MS;
    assert.equal(world.take({ requests: 1 }, { requests: 1 }), 'taken');
    assert.equal(world.take({ requests: 1 }, { requests: 1 }), 'lacking requests');
  });

  it('count a key once in a window, and all new ones of a request before any is taken', () => {
    const world = new World();
    assert.equal(world.take({}, { keys: 3 }, [1, 2]), 'taken');
    assert.equal(world.take({}, { keys: 3 }, [1, 2]), 'taken');
    assert.equal(world.take({}, { keys: 3 }, [2, 3, 4]), 'lacking keys');
    assert.equal(world.take({}, { keys: 3 }, [3]), 'taken');
    assert.equal(world.take({}, { keys: 3 }, [4]), 'lacking keys');
    world.nowMs += HOUR_MS;
    assert.equal(world.take({}, { keys: 3 }, [4, 5, 6]), 'taken');
  });

  it('take from all budgets that bear on a request, or from none', () => {
    const { counters } = new World();
    const both = [ask({ requests: 1 }, { requests: 5 }, 'wide'), ask({ requests: 1 }, { requests: 1 }, 'narrow')];
    assert.equal(counters.take(both, []).kind, 'taken');
    for (let count = 0; count < 9; count += 1) {
      const taking = counters.take(both, []);
      assert.ok(taking.kind === 'lacking' && taking.at === 1);
    }
    const wide = counters.take([ask({ requests: 4 }, { requests: 5 }, 'wide')], []);
    assert.ok(wide.kind === 'taken' && wide.standings[0]?.used.requests === 5);
  });

  it('add what came out later, take back what was not, and never fall below nothing', () => {
    const world = new World();
    const limits = { read: 100, written: 100 };
    assert.equal(world.take({ read: 1, written: 60 }, limits), 'taken');
    world.counters.add('a', { read: 99, written: -60 });
    assert.equal(world.take({ read: 1 }, limits), 'lacking read');
    assert.equal(world.take({ written: 100 }, limits), 'taken');
    world.counters.add('a', { written: -1000 });
    assert.equal(world.take({ written: 100 }, limits), 'taken');
    assert.equal(world.take({ written: 1 }, limits), 'lacking written');
  });

  it('add nothing to a window that has ended', () => {
    const world = new World();
    assert.equal(world.take({ read: 1 }, { read: 10 }), 'taken');
    world.nowMs += HOUR_MS;
    world.counters.add('a', { read: 1000 });
    assert.equal(world.take({ read: 1 }, { read: 10 }), 'taken');
  });

  it('keep apart what has another id', () => {
    const world = new World();
    assert.equal(world.take({ requests: 1 }, { requests: 1 }, [], 'a'), 'taken');
    assert.equal(world.take({ requests: 1 }, { requests: 1 }, [], 'b'), 'taken');
    assert.equal(world.take({ requests: 1 }, { requests: 1 }, [], 'a'), 'lacking requests');
  });

  it('hold no more than their bound, whoever comes, and forget nobody to make room', () => {
    const world = new World(1000);
    assert.equal(world.take({ requests: 1 }, { requests: 1 }, [], 'first'), 'taken');
    let full = 0;
    for (let number = 0; number < 100_000; number += 1) {
      if (world.take({ requests: 1 }, { requests: 1 }, [], `identity ${number}`) === 'full') full += 1;
      assert.ok(world.counters.units() <= 1000);
    }
    assert.equal(full, 100_000 - 99);
    assert.equal(world.take({ requests: 1 }, { requests: 1 }, [], 'first'), 'lacking requests');
    world.nowMs += HOUR_MS;
    assert.equal(world.take({ requests: 1 }, { requests: 1 }, [], 'late'), 'taken');
    assert.equal(world.counters.units(), 10);
  });

  it('hold of one identity no more keys than its budget has', () => {
    const world = new World();
    for (let key = 0; key < 100_000; key += 1) world.take({}, { keys: 500 }, [key]);
    assert.equal(world.counters.units(), 510);
  });

  it('stay within the memory that they say, with all of their bound in use', function () {
    this.timeout(20_000);
    const world = new World();
    const before = process.memoryUsage().heapUsed;
    for (let number = 0; number < 100_000; number += 1) {
      const keys = Array.from({ length: 10 }, (_, key) => 2 ** 47 + number * 10 + key);
      world.take({ requests: 1 }, { requests: 1, keys: 10 }, keys, `identity ${number}`);
    }
    assert.ok(world.counters.units() <= 1_000_000 && world.counters.units() > 900_000);
    const grownMb = (process.memoryUsage().heapUsed - before) / 2 ** 20;
    assert.ok(grownMb < 120, `${grownMb} MB`);
  });
});
