import assert from 'node:assert/strict';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { createBudget } from '../../../src/platform/budget.ts';

describe('a budget', () => {
  it('is had at once as far as it goes, and then in turn: nobody is passed over', async () => {
    const budget = createBudget(10);
    const had: string[] = [];
    const take = (name: string, amount: number) =>
      budget.take(amount).then((release) => {
        had.push(name);
        return release;
      });
    const first = await take('first', 6);
    assert.deepEqual([budget.isFree(4), budget.isFree(5)], [true, false]);
    const second = take('second', 8);
    // It would fit.
    const third = take('third', 1);
    assert.equal(budget.isFree(1), false);
    await nextTurn();
    assert.deepEqual(had, ['first']);
    first();
    first();
    (await second)();
    (await third)();
    assert.deepEqual(had, ['first', 'second', 'third']);
    assert.deepEqual([budget.isFree(10), budget.isFree(11)], [true, false]);
  });

  it('refuses more than all of it', () => {
    assert.throws(() => createBudget(10).take(11), RangeError);
  });
});
