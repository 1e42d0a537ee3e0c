import assert from 'node:assert/strict';
import { setTimeout as sleep } from 'node:timers/promises';
import { concurrently } from '../../../src/platform/concurrently.ts';

async function* numbers(count: number): AsyncGenerator<number> {
  for (let number = 0; number < count; number += 1) yield await Promise.resolve(number);
}

describe('tasks that run concurrently', () => {
  it('are never more than the limit, and all of them', async () => {
    let running = 0;
    let most = 0;
    const done: number[] = [];
    await concurrently(numbers(20), 3, async (number) => {
      running += 1;
      most = Math.max(most, running);
      await sleep(1);
      running -= 1;
      done.push(number);
    });
    assert.equal(most, 3);
    assert.equal(done.length, 20);
  });

  it('that have begun are carried to their end when the run is stopped', async () => {
    const control = new AbortController();
    let created = 0;
    let ended = 0;
    await concurrently(
      numbers(20),
      2,
      async () => {
        created += 1;
        if (created === 2) control.abort();
        await sleep(5);
        ended += 1;
      },
      control.signal,
    );
    assert.equal(created, 2);
    assert.equal(ended, 2);
  });

  it('end before a failure of one of them is told', async () => {
    let ended = 0;
    const run = concurrently(numbers(20), 2, async (number) => {
      if (number === 0) throw new Error('broken');
      await sleep(5);
      ended += 1;
    });
    await assert.rejects(run, /broken/);
    assert.ok(ended <= 2);
  });

  it('end before it is told that there are no more items to be had', async () => {
    let ended = 0;
    async function* breaking(): AsyncGenerator<number> {
      yield* numbers(2);
      throw new Error('no next page');
    }
    const run = concurrently(breaking(), 4, async () => {
      await sleep(5);
      ended += 1;
    });
    await assert.rejects(run, /no next page/);
    assert.equal(ended, 2);
  });
});
