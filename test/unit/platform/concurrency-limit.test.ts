import assert from 'node:assert/strict';
import { createConcurrencyLimit } from '../../../src/platform/concurrency-limit.ts';

describe('a concurrency limit', () => {
  const full = () => Object.assign(new Error('full'), { code: 'full' });
  const { promise, resolve } = Promise.withResolvers<string>();
  const wait = () => promise;
  const now = () => Promise.resolve('now');

  it('refuses at once who finds its places taken, and gives them back, also those of what failed', async () => {
    const limit = createConcurrencyLimit(2, full);
    const waiting = [limit.enter(wait), limit.enter(wait)];
    await assert.rejects(limit.enter(now), { code: 'full' });
    await assert.rejects(limit.enter(now), { code: 'full' });
    resolve('later');
    assert.deepEqual(await Promise.all(waiting), ['later', 'later']);
    for (let round = 0; round < 4; round += 1) {
      await assert.rejects(
        limit.enter(() => Promise.reject(new Error('no'))),
        { message: 'no' },
      );
    }
    assert.equal(await limit.enter(now), 'now');
  });

  it('is of each key', async () => {
    const limit = createConcurrencyLimit(1, full);
    const { promise: held, resolve: letGo } = Promise.withResolvers<string>();
    const waiting = limit.enter(() => held, 'a');
    await assert.rejects(limit.enter(now, 'a'), { code: 'full' });
    assert.equal(await limit.enter(now, 'b'), 'now');
    letGo('a');
    assert.equal(await waiting, 'a');
    assert.equal(await limit.enter(now, 'a'), 'now');
  });
});
