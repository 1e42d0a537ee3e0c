import assert from 'node:assert/strict';
import { createTurns } from '../../../src/platform/turns.ts';

/** Turns of 100 bytes that come when they are called for. */
function byHand() {
  const due: (() => void)[] = [];
  const turns = createTurns((next) => due.push(next), 100);
  const passed: string[] = [];
  const pass = (name: string, bytes: number): void => {
    const turn = turns.take(bytes);
    if (turn === undefined) passed.push(name);
    else void turn.then(() => passed.push(name));
  };
  const next = async (): Promise<readonly string[]> => {
    passed.length = 0;
    due.shift()?.();
    await Promise.resolve();
    return [...passed];
  };
  return { pass, passed, next, due };
}

describe('turns', () => {
  it('let bodies pass at once until a turn is full, and the rest in the next ones, as they came', async () => {
    const { pass, passed, next } = byHand();
    for (const [name, bytes] of [
      ['a', 60],
      ['b', 60],
      ['c', 60],
      ['d', 10],
      ['e', 60],
      ['f', 1],
    ] as const) {
      pass(name, bytes);
    }
    assert.deepEqual(passed, ['a', 'b']);
    assert.deepEqual(await next(), ['c', 'd', 'e']);
    assert.deepEqual(await next(), ['f']);
  });

  it('ask for a turn only where somebody waits', async () => {
    const { pass, passed, next, due } = byHand();
    pass('a', 100);
    assert.equal(due.length, 0);
    pass('b', 10);
    pass('c', 10);
    assert.deepEqual([passed, due.length], [['a'], 1]);
    assert.deepEqual(await next(), ['b', 'c']);
    assert.equal(due.length, 0);
    pass('d', 10);
    assert.deepEqual(passed, ['b', 'c', 'd']);
  });

  it('let what is larger than a turn pass in one of its own', async () => {
    const { pass, passed, next } = byHand();
    pass('a', 1000);
    pass('b', 1000);
    pass('c', 1);
    assert.deepEqual(passed, ['a']);
    assert.deepEqual(await next(), ['b']);
    assert.deepEqual(await next(), ['c']);
  });

  it('come between what bodies do and what else there is to do', async () => {
    const turns = createTurns();
    let isOver = false;
    const body = async (): Promise<void> => {
      while (!isOver) await turns.take(64 * 1024);
    };
    const bodies = [body(), body()];
    // A timer would never fire where bodies wait for nothing but each other.
    await new Promise((resolve) => setTimeout(resolve, 5));
    isOver = true;
    await Promise.all(bodies);
  });
});
