import assert from 'node:assert/strict';
import { GatewayError } from '../../../src/errors/gateway-error.ts';
import { lifting, revocation } from '../../../src/revocation/changes.ts';
import { idOf, MAX_ENTRIES } from '../../../src/revocation/entry.ts';
import { createRevocationList } from '../../../src/revocation/revocation-list.ts';
import { Clock, entriesOf, entryOf, MemoryStore, NOW_MS, observe, PRINCIPAL, subject } from './fixture.ts';

const ALICE = subject('alice');
const ORDER = { nowMs: NOW_MS, by: 'operator', reason: undefined };

const world = (whenUnavailable: 'fail-open' | 'fail-closed' = 'fail-closed') => {
  const store = new MemoryStore();
  const clock = new Clock();
  const { observer, warnings } = observe();
  const list = createRevocationList({ store, clock, observer, whenUnavailable, maxStaleSeconds: 10 });
  const codeOf = (more: Partial<typeof PRINCIPAL> = {}): string | undefined => {
    try {
      list.check({ ...PRINCIPAL, ...more });
      return undefined;
    } catch (error) {
      assert.ok(error instanceof GatewayError);
      return error.code;
    }
  };
  return { store, clock, list, warnings, codeOf };
};

describe('the list of revocations in memory', () => {
  it('refuses a token as a token and a session as a session', async () => {
    const { store, list, codeOf } = world();
    store.kept = entriesOf(entryOf(ALICE));
    await list.refresh();
    assert.equal(codeOf(), 'RevokedToken');
    assert.equal(codeOf({ accessKeyId: 'SPLYAAAAAAAAAAAAAAAA' }), 'RevokedSession');
    assert.equal(codeOf({ subject: 'bob' }), undefined);
  });

  it('fails closed before it was read, and once the last reading is too old', async () => {
    const { store, clock, list, codeOf } = world('fail-closed');
    store.isDown = true;
    await list.refresh();
    assert.equal(codeOf(), 'ServiceUnavailable');
    store.isDown = false;
    await list.refresh();
    assert.equal(codeOf(), undefined);
    store.isDown = true;
    clock.nowMs += 10_000;
    await list.refresh();
    assert.equal(codeOf(), undefined);
    clock.nowMs += 1;
    assert.equal(codeOf(), 'ServiceUnavailable');
    assert.equal(list.isShut(), true);
    store.isDown = false;
    await list.refresh();
    assert.equal(codeOf(), undefined);
    assert.equal(list.health()[0]?.state, 'ok');
  });

  it('is not young again because a clock was set back', async () => {
    const { store, clock, list, codeOf } = world('fail-closed');
    await list.refresh();
    store.isDown = true;
    clock.nowMs -= 3_600_000;
    await list.refresh();
    assert.equal(codeOf(), 'ServiceUnavailable');
  });

  it('fails open with the last list, and says so at once and again each minute', async () => {
    const { store, clock, list, warnings, codeOf } = world('fail-open');
    store.kept = entriesOf(entryOf(ALICE));
    await list.refresh();
    store.isDown = true;
    for (let second = 0; second < 121; second += 1) {
      clock.nowMs += 1000;
      await list.refresh();
    }
    assert.equal(codeOf(), 'RevokedToken');
    assert.equal(codeOf({ subject: 'bob' }), undefined);
    assert.equal(warnings.length, 3);
    assert.equal(list.health()[0]?.state, 'degraded');
    assert.equal(list.status().ageMs, 121_000);
  });

  it('keeps in force and puts back what a store has lost, and what it has in an older state', async () => {
    const { store, list, codeOf } = world();
    const older = entryOf(ALICE, { atMs: NOW_MS - 1, lifted: true });
    store.kept = entriesOf(entryOf(ALICE), entryOf(subject('bob')));
    await list.refresh();
    store.kept = entriesOf(older);
    await list.refresh();
    assert.equal(codeOf(), 'RevokedToken');
    assert.equal(codeOf({ subject: 'bob' }), 'RevokedToken');
    assert.equal(store.kept.size, 2);
    assert.equal(store.kept.get(idOf(ALICE))?.lifted, undefined);
  });

  it('stays degraded while it may not put them back, and obeys them all the same', async () => {
    const { store, list, codeOf } = world();
    store.kept = entriesOf(entryOf(ALICE));
    await list.refresh();
    store.kept = new Map();
    store.isReadOnly = true;
    await list.refresh();
    assert.equal(codeOf(), 'RevokedToken');
    assert.equal(list.health()[0]?.state, 'degraded');
  });

  it('is not current because a list that it could not put in force is unchanged', async () => {
    const { store, clock, list, codeOf } = world('fail-closed');
    store.kept = entriesOf(entryOf(ALICE));
    await list.refresh();
    // Together with what it has lost, this is more than any list may hold.
    const template = entryOf(subject('bob'));
    const others = Array.from({ length: MAX_ENTRIES }, (_, index) => [`other-${index}`, template] as const);
    const replaced = new Map(others);
    const reads = [replaced, undefined];
    store.read = () => Promise.resolve(reads.shift());
    await list.refresh();
    clock.nowMs += 10_001;
    await list.refresh();
    assert.equal(list.health()[0]?.state, 'degraded');
    assert.equal(codeOf({ subject: 'carol' }), 'ServiceUnavailable');
  });

  it('lets go what was lifted, and does not put it back', async () => {
    const { store, list, codeOf } = world();
    await store.update((kept) => [revocation(kept, ALICE, undefined, ORDER)]);
    await list.refresh();
    assert.equal(codeOf(), 'RevokedToken');
    await store.update((kept) => [lifting(kept.get(idOf(ALICE))!, ORDER)]);
    await list.refresh();
    await list.refresh();
    assert.equal(codeOf(), undefined);
    assert.equal(store.kept.get(idOf(ALICE))?.lifted, true);
  });

  it('does not take for lost what has only ended', async () => {
    const { store, clock, list, warnings } = world();
    store.kept = entriesOf(entryOf(ALICE, { expiresAtMs: NOW_MS + 1000 }));
    await list.refresh();
    clock.nowMs += 301_001;
    store.kept = new Map();
    await list.refresh();
    assert.deepEqual(warnings, []);
    assert.equal(store.kept.size, 0);
  });
});

describe('an order to revoke', () => {
  it('only ever strengthens what is there: the longer end, the later time', () => {
    const first = revocation(new Map(), ALICE, NOW_MS + 2000, ORDER);
    const again = revocation(entriesOf(first), ALICE, NOW_MS + 1000, ORDER);
    assert.equal(again.expiresAtMs, NOW_MS + 2000);
    assert.equal(revocation(entriesOf(first), ALICE, undefined, ORDER).expiresAtMs, undefined);
    const late = revocation(new Map(), { kind: 'issued-before', beforeMs: 20 }, undefined, ORDER);
    const early = revocation(entriesOf(late), { kind: 'issued-before', beforeMs: 10 }, undefined, ORDER);
    assert.deepEqual(early.revoked, { kind: 'issued-before', beforeMs: 20 });
  });

  it('holds although the clock of the operator is behind that of the last one', () => {
    const lifted = lifting(entryOf(ALICE, { atMs: NOW_MS + 60_000 }), ORDER);
    const again = revocation(entriesOf(lifted), ALICE, undefined, ORDER);
    assert.ok(again.atMs > lifted.atMs);
    assert.equal(again.lifted, undefined);
  });
});
