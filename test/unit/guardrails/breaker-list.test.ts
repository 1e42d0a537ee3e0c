import assert from 'node:assert/strict';
import { closing, isOpen } from '../../../src/guardrails/breaker.ts';
import { createBreakerList, type BreakerList } from '../../../src/guardrails/breaker-list.ts';
import { ALICE, breakerOf, BreakerStore, NOW_MS } from './fixture.ts';

const clock = { now: () => NOW_MS };
const CLOSED = { atMs: NOW_MS + 1000, by: 'olivia' };
const { id } = breakerOf();

describe('the list of breakers', () => {
  const events: string[] = [];
  beforeEach(() => events.splice(0));

  const listOf = (store: BreakerStore): BreakerList =>
    createBreakerList({ store, clock, observer: { event: (event) => events.push(event) } });
  const open = (list: BreakerList) => list.open('ci/hourly', ALICE, 'more than 2 deletions in 1 h');
  const isOpenIn = (list: BreakerList): boolean => {
    const breaker = list.of(id);
    return breaker !== undefined && isOpen(breaker);
  };

  it('is not known before it was read', async () => {
    const store = new BreakerStore();
    store.isDown = true;
    const list = listOf(store);
    await list.refresh();
    assert.equal(list.isKnown(), false);
    assert.partialDeepStrictEqual(list.health(), [
      { name: 'breakers', state: 'degraded', detail: 'down; those that are known stay open' },
    ]);
    store.isDown = false;
    await list.refresh();
    assert.equal(list.isKnown(), true);
    assert.partialDeepStrictEqual(list.health(), [{ name: 'breakers', state: 'ok' }]);
    assert.deepEqual(events, ['breakers_unavailable', 'breakers_recovered']);
  });

  it('opens one at once here, and then in the store', async () => {
    const store = new BreakerStore();
    const [one, other] = [listOf(store), listOf(store)];
    await one.refresh();
    assert.equal(open(one).id, id);
    assert.ok(isOpenIn(one));
    await one.refresh();
    await other.refresh();
    assert.ok(isOpenIn(other));
    assert.equal(one.count(), 1);
    assert.deepEqual(events, ['breaker_opened']);
  });

  it('opens one once, however often it is asked, and by however many processes', async () => {
    const store = new BreakerStore();
    const lists = [listOf(store), listOf(store), listOf(store)];
    await Promise.all(lists.map((list) => list.refresh()));
    for (const list of lists) assert.deepEqual(open(list), open(list));
    for (const list of [...lists, ...lists]) await list.refresh();
    assert.equal(store.kept.size, 1);
    assert.equal(store.kept.get(id)?.turn, 1);
    store.put(closing(breakerOf(), CLOSED));
    for (const list of lists) await list.refresh();
    assert.deepEqual(lists.map(isOpenIn), [false, false, false]);
  });

  it('keeps one open that cannot be written, and writes it as soon as that works', async () => {
    const store = new BreakerStore();
    const list = listOf(store);
    await list.refresh();
    store.isFull = true;
    open(list);
    await list.refresh();
    await list.refresh();
    assert.ok(isOpenIn(list) && store.kept.size === 0);
    store.isFull = false;
    await list.refresh();
    assert.equal(store.kept.size, 1);
  });

  it('keeps one open while the store is away', async () => {
    const store = new BreakerStore();
    store.put(breakerOf());
    const list = listOf(store);
    await list.refresh();
    store.isDown = true;
    await list.refresh();
    assert.ok(isOpenIn(list));
  });

  it('puts back what a store lost that was open, an older turn in its place among it', async () => {
    const store = new BreakerStore();
    const again = breakerOf({ turn: 3 });
    store.put(again);
    const list = listOf(store);
    await list.refresh();
    for (const kept of [new Map(), new Map([[id, closing(breakerOf(), CLOSED)]])]) {
      store.kept = kept;
      await list.refresh();
      assert.ok(isOpenIn(list));
      assert.equal(store.kept.get(id)?.turn, 3);
    }
  });

  it('takes a file as its owner left it', async () => {
    const store = new BreakerStore(false);
    store.put(breakerOf());
    const list = listOf(store);
    await list.refresh();
    store.kept = new Map();
    await list.refresh();
    assert.ok(!isOpenIn(list));
    // What opened here and is not in the file yet has not been taken out of it.
    store.isFull = true;
    open(list);
    await list.refresh();
    assert.ok(isOpenIn(list));
  });

  it('goes on to the next turn when one opens again', async () => {
    const store = new BreakerStore();
    const list = listOf(store);
    store.put(closing(breakerOf(), CLOSED));
    await list.refresh();
    assert.equal(open(list).turn, 3);
    assert.ok(isOpenIn(list));
  });

  it('writes what opened here before it is closed down', async () => {
    const store = new BreakerStore();
    const list = listOf(store);
    await list.refresh();
    open(list);
    await list.close();
    assert.equal(store.kept.size, 1);
  });
});
