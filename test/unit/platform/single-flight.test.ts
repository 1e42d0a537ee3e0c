import assert from 'node:assert/strict';
import { createSingleFlight } from '../../../src/platform/single-flight.ts';

describe('single flight', () => {
  it('gives all who come while a call is in progress its one result', async () => {
    const calls = createSingleFlight<number>();
    const { promise, resolve } = Promise.withResolvers<number>();
    let created = 0;
    const begin = (): Promise<number> => {
      created += 1;
      return promise;
    };
    const joined = [calls.join(begin), calls.join(begin)];
    assert.equal(calls.inFlight(), joined[0]);
    resolve(7);
    assert.deepEqual(await Promise.all(joined), [7, 7]);
    assert.equal(created, 1);
  });

  it('begins anew after a result, and after a failure, which all who had joined share', async () => {
    const calls = createSingleFlight<number>();
    const fail = (): Promise<number> => Promise.reject(new Error('the first'));
    const joined = await Promise.allSettled([calls.join(fail), calls.join(() => Promise.resolve(1))]);
    assert.deepEqual(
      joined.map(({ status }) => status),
      ['rejected', 'rejected'],
    );
    assert.equal(calls.inFlight(), undefined);
    assert.equal(await calls.join(() => Promise.resolve(2)), 2);
    assert.equal(await calls.join(() => Promise.resolve(3)), 3);
  });

  it('keeps keys apart', async () => {
    const calls = createSingleFlight<string>();
    const { promise, resolve } = Promise.withResolvers<string>();
    const waiting = calls.join(() => promise, 'a');
    assert.equal(await calls.join(() => Promise.resolve('b'), 'b'), 'b');
    assert.equal(calls.inFlight('b'), undefined);
    assert.equal(calls.inFlight('a'), waiting);
    resolve('a');
    assert.equal(await waiting, 'a');
  });
});
