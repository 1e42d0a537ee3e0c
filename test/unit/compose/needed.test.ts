import assert from 'node:assert/strict';
import { createNeeded } from '../../../src/compose/needed.ts';
import type { HealthReport } from '../../../src/contracts/health.ts';

const VAULT: Record<HealthReport['state'], HealthReport> = {
  ok: { name: 'keyring:vault', state: 'ok' },
  unknown: { name: 'keyring:vault', state: 'unknown' },
  degraded: { name: 'keyring:vault', state: 'degraded' },
};
const STORE: HealthReport = { name: 'store:main', state: 'degraded' };

describe('what readiness needs', () => {
  for (const name of ['keyring:vault', 'keyring']) {
    it(`is there unless it is degraded, or unknown at first: ${name}`, () => {
      let nowMs = 50_000;
      const needed = createNeeded([name], { now: () => nowMs });
      needed.start();
      const isThere = (state: HealthReport['state']) => needed.isThere(() => [STORE, VAULT[state]]);
      assert.deepEqual([isThere('ok'), isThere('unknown'), isThere('degraded')], [true, false, false]);
      nowMs += 10_001;
      assert.deepEqual([isThere('ok'), isThere('unknown'), isThere('degraded')], [true, true, false]);
    });
  }

  it('is nothing by default, and nobody is asked', () => {
    const needed = createNeeded([], { now: () => 0 });
    needed.start();
    assert.ok(needed.isThere(() => assert.fail('asked')));
  });
});
