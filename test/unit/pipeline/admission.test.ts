import assert from 'node:assert/strict';
import { setImmediate as nextTurn } from 'node:timers/promises';
import type { Exchange } from '../../../src/contracts/exchange.ts';
import { THINGS_PER_IDENTITY, type Admission } from '../../../src/pipeline/admission.ts';
import { admissionOf, client, principal } from './world.ts';

describe('the work of an identity', () => {
  let admission: Admission;
  let created: string[];
  const entered = (subject: string): Exchange => {
    const exchange = client('GET', '/box');
    const caller = { principal: { ...principal, subject }, trail: { queued: () => undefined } };
    assert.equal(admission.enter(exchange, caller, { pool: 'read', seats: 1 }), undefined);
    return exchange;
  };
  const begin = (name: string, exchange: Exchange, things: number): void => {
    void admission.spend(exchange, things).then(() => created.push(name));
  };

  beforeEach(() => {
    admission = admissionOf({ seats: 64, maxWaiting: 0 });
    created = [];
  });

  it('waits for what is in progress of the same identity, in turn, and for nobody else', async () => {
    const [first, second, third, fourth] = Array.from({ length: 4 }, () => entered('alice'));
    assert.ok(first && second && third && fourth);
    begin('first', first, THINGS_PER_IDENTITY - 1);
    begin('second', second, 1000);
    // It would fit, but nobody is passed over.
    begin('third', third, 1);
    begin('fourth', fourth, THINGS_PER_IDENTITY);
    begin('bob', entered('bob'), 1000);
    await nextTurn();
    assert.deepEqual(created, ['first', 'bob']);
    admission.leave(first);
    await nextTurn();
    assert.deepEqual(created.slice(2), ['second', 'third']);
    admission.leave(second);
    await nextTurn();
    assert.deepEqual(created.slice(4), []);
    admission.leave(third);
    await nextTurn();
    assert.deepEqual(created.slice(4), ['fourth']);
  });

  it('is never more than one may have: what is larger than that begins when it is alone', async () => {
    begin('huge', entered('alice'), 10 * THINGS_PER_IDENTITY);
    await nextTurn();
    assert.deepEqual(created, ['huge']);
  });

  it('cannot lock each other: who has begun does not wait again', async () => {
    const [one, other] = [entered('alice'), entered('alice')];
    begin('one', one, THINGS_PER_IDENTITY / 2);
    begin('other', other, THINGS_PER_IDENTITY / 2);
    begin('one again', one, THINGS_PER_IDENTITY / 2);
    begin('other again', other, THINGS_PER_IDENTITY / 2);
    await nextTurn();
    assert.deepEqual(created, ['one', 'other', 'one again', 'other again']);
  });

  it('is all there again when everybody has left', async () => {
    for (let round = 0; round < 10; round += 1) {
      const exchanges = Array.from({ length: 4 }, () => entered('alice'));
      for (const exchange of exchanges) begin('round', exchange, 900);
      for (const exchange of exchanges) {
        await nextTurn();
        admission.leave(exchange);
        admission.leave(exchange);
      }
    }
    assert.equal(created.length, 40);
  });
});
