import assert from 'node:assert/strict';
import { setTimeout as after } from 'node:timers/promises';
import { withinTime } from '../../../src/platform/time-limit.ts';

describe('a time limit', () => {
  const never = (): never => assert.fail('was late');

  it('gives what comes in time, failures too, and does not look again', async () => {
    assert.equal(await withinTime(Promise.resolve('in time'), 5, never), 'in time');
    await assert.rejects(withinTime(Promise.reject(new Error('failed')), 5, never), { message: 'failed' });
    await after(20);
  });

  it('gives something else where it is late, or fails', async () => {
    const { promise: work, resolve } = Promise.withResolvers<string>();
    assert.equal(await withinTime(work, 5, () => 'late'), 'late');
    const fail = (): never => {
      throw new Error('late');
    };
    await assert.rejects(withinTime(work, 5, fail), { message: 'late' });
    resolve('work');
    assert.equal(await withinTime(work, 5, never), 'work');
  });

  it('hears of no failure that comes too late', async () => {
    const failing = after(10).then(() => {
      throw new Error('nobody waits');
    });
    assert.equal(await withinTime<unknown>(failing, 1, () => undefined), undefined);
    await after(30);
  });
});
