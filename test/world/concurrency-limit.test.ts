import { strict as assert } from 'node:assert';
import { setImmediate } from 'node:timers/promises';
import { withPorts } from './run/concurrency-limit.ts';

describe('places', () => {
  it('never lets more work at once than there are, and lets all of it, whatever fails', async () => {
    const turn = withPorts(2);
    let now = 0;
    let most = 0;
    const work = async (number: number): Promise<void> => {
      now += 1;
      most = Math.max(most, now);
      await setImmediate();
      now -= 1;
      if (number % 3 === 0) throw new Error('of the work');
    };
    const done = await Promise.allSettled(Array.from({ length: 9 }, (_, number) => turn(() => work(number))));
    assert.equal(most, 2);
    assert.equal(done.filter(({ status }) => status === 'fulfilled').length, 6);
  });
});
