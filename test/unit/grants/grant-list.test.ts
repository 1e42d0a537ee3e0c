import assert from 'node:assert/strict';
import { chmod, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Principal } from '../../../src/contracts/principal.ts';
import { approval, ending, newGrant } from '../../../src/grants/changes.ts';
import { grantFormat } from '../../../src/grants/entry.ts';
import { createFileStore } from '../../../src/lists/file-store.ts';
import {
  ALICE,
  Clock,
  FORMAT,
  grantOf,
  GrantStore,
  HOUR_MS,
  listOf,
  NOW_MS,
  TERMS,
  type ListWorld,
} from './fixture.ts';

const idsOf = ({ list }: Pick<ListWorld, 'list'>, principal: Principal = ALICE): readonly string[] =>
  list.of(principal).map(({ id }) => id);

describe('the grants in memory', () => {
  it('are those of one subject of one issuer, and of nobody else', async () => {
    const entry = grantOf();
    const world = await listOf(new GrantStore(entry, grantOf({ subject: 'bob' })));
    assert.deepEqual(idsOf(world), [entry.id]);
    const [grant] = world.list.of(ALICE);
    assert.deepEqual(grant, {
      ...{ id: entry.id, verbs: ['GET', 'LIST'], bucket: 'reports', scope: { prefix: '2026/' } },
      reason: 'Granted until 2026-05-01T13:00:00.000Z: INC-1',
    });
    const others: readonly Principal[] = [
      { ...ALICE, subject: 'Alice' },
      { ...ALICE, subject: 'alic\u0065\u0301' },
      { ...ALICE, subject: '*' },
      { ...ALICE, subject: '__proto__' },
      { ...ALICE, issuer: 'https://other.test' },
      // An agent in her name has what names it; a session of one role has that role.
      { ...ALICE, actor: { subject: 'agent' } },
      { ...ALICE, binding: 'readers' },
    ];
    for (const other of others) assert.deepEqual(world.list.of(other), []);
  });

  it('end by themselves, to the millisecond, in a process that reads nothing new', async () => {
    const world = await listOf(new GrantStore(grantOf({ seconds: 2 })));
    world.clock.nowMs = NOW_MS + 1999;
    assert.equal(world.list.of(ALICE).length, 1);
    world.clock.nowMs = NOW_MS + 2000;
    assert.deepEqual(world.list.of(ALICE), []);
    // A clock that is set back gives nothing back.
    world.clock.nowMs = NOW_MS + 1;
    await world.list.refresh();
    assert.deepEqual(world.list.of(ALICE), []);
    assert.equal(world.list.count(), 0);
  });

  it('are given as the same array while they are the same, and as another once they are not', async () => {
    const [one, two] = [grantOf(), grantOf({ seconds: 1 })];
    const store = new GrantStore(one, two);
    const world = await listOf(store);
    const both = world.list.of(ALICE);
    store.put(grantOf({ subject: 'bob' }));
    await world.list.refresh();
    assert.equal(world.list.of({ ...ALICE }), both);
    world.clock.nowMs = NOW_MS + 1000;
    await world.list.refresh();
    const left = world.list.of(ALICE);
    assert.deepEqual(idsOf(world), [one.id]);
    assert.equal(world.list.of(ALICE), left);
    store.put(ending(one, { nowMs: NOW_MS, by: 'x' }, undefined));
    await world.list.refresh();
    assert.deepEqual(world.list.of(ALICE), []);
  });

  it('are none while the list cannot be read, and none once it was not read for long', async () => {
    const store = new GrantStore(grantOf());
    const world = await listOf(store);
    store.isDown = true;
    await world.list.refresh();
    assert.deepEqual(world.list.of(ALICE), []);
    assert.partialDeepStrictEqual(world.list.health(), [
      { name: 'grants', state: 'degraded', detail: 'down; no grant is in force' },
    ]);
    assert.deepEqual(world.warnings, ['grants_unavailable: down']);
    store.isDown = false;
    await world.list.refresh();
    assert.equal(world.list.of(ALICE).length, 1);
    assert.equal(world.list.count(), 1);
    // A store that does not answer: nothing is confirmed any more.
    world.clock.nowMs = NOW_MS + 3001;
    assert.deepEqual(world.list.of(ALICE), []);
    assert.equal(world.list.count(), 0);
  });

  it('are none where a store forgot them, and what was ended stays so where a store went back in time', async () => {
    const entry = grantOf();
    const store = new GrantStore(entry);
    const world = await listOf(store);
    store.kept = new Map();
    await world.list.refresh();
    assert.deepEqual(world.list.of(ALICE), []);
    store.put(ending(entry, { nowMs: NOW_MS, by: 'x' }, undefined));
    await world.list.refresh();
    store.kept = new Map([[entry.id, entry]]);
    await world.list.refresh();
    assert.deepEqual(world.list.of(ALICE), []);
    // And it is put back, for those who start now.
    assert.equal(store.kept.get(entry.id)?.closed?.how, 'ended');
  });

  it('that somebody put back after their end are obeyed by who starts then, until the time in them and no longer', async () => {
    const entry = grantOf();
    const store = new GrantStore(entry);
    const running = await listOf(store);
    store.put(ending(entry, { nowMs: NOW_MS, by: 'x' }, undefined));
    await running.list.refresh();
    // With the line from before: sealed, and so no forgery.
    const replayed = await listOf(new GrantStore(entry));
    assert.deepEqual(idsOf(running), []);
    assert.deepEqual(idsOf(replayed), [entry.id]);
    replayed.clock.nowMs = NOW_MS + entry.seconds * 1000;
    await replayed.list.refresh();
    assert.deepEqual(idsOf(replayed), []);
    // What was never approved gives nothing, whoever puts it back.
    const pending = newGrant('f'.repeat(16), { ...TERMS, approvers: ['bob'] }, { nowMs: NOW_MS, by: 'olivia' });
    assert.deepEqual(idsOf(await listOf(new GrantStore(pending))), []);
  });

  it('are held to the rules of this gateway, whatever wrote them', async () => {
    const long = grantOf({ seconds: 9 * 3600 });
    assert.deepEqual(idsOf(await listOf(new GrantStore(long))), []);
    assert.deepEqual(idsOf(await listOf(new GrantStore(long), { maxDurationSeconds: 9 * 3600 })), [long.id]);
    const alone = grantOf();
    const byBob = grantOf({ approvers: ['bob'] });
    const byCarol = grantOf({ approvers: ['carol'] });
    const world = await listOf(new GrantStore(alone, byBob, byCarol), { approvers: ['carol'] });
    assert.deepEqual(idsOf(world), [byCarol.id]);
  });

  it('begin with their approval, and not before it', async () => {
    const pending = newGrant('00000000000000ff', { ...TERMS, approvers: ['bob'] }, { nowMs: NOW_MS, by: 'olivia' });
    const store = new GrantStore(pending);
    const world = await listOf(store);
    assert.deepEqual(world.list.of(ALICE), []);
    store.put(approval(pending, { nowMs: NOW_MS + 1000, by: 'bob' }));
    await world.list.refresh();
    assert.deepEqual(idsOf(world), [pending.id]);
  });

  it('take a clock that is a little ahead, and not one that is far ahead', async () => {
    const near = grantOf({}, NOW_MS + 60_000);
    const far = grantOf({}, NOW_MS + 2 * HOUR_MS);
    assert.deepEqual(idsOf(await listOf(new GrantStore(near, far))), [near.id]);
  });

  describe('in a file', () => {
    let folder: string;
    let path: string;
    const store = () => createFileStore({ format: FORMAT, path, clock: new Clock() });
    const lines = (...entries: readonly ReturnType<typeof grantOf>[]) =>
      entries.map((entry) => `${FORMAT.write(entry)}\n`).join('');

    beforeEach(async () => {
      folder = await mkdtemp(join(tmpdir(), 'sallyport-grants-'));
      path = join(folder, 'grants');
    });
    afterEach(() => rm(folder, { recursive: true, force: true }));

    it('are none where any of it is not exactly a list: forged, twice, cut off, open to others, huge', async () => {
      const [good, other] = [grantOf(), grantOf({ subject: 'bob' })];
      await writeFile(path, lines(good), { mode: 0o600 });
      assert.deepEqual(idsOf(await listOf(store())), [good.id]);
      const forged = grantFormat(Buffer.alloc(32, 9)).write(other);
      const spoiled = [
        `${lines(good)}${forged}\n`,
        lines(good).replace('"alice"', '"mallory"'),
        lines(good, good),
        lines(good).slice(0, -1),
        `${lines(good)}{}\n`,
        `\ufeff${lines(good)}`,
        '\n'.repeat(1001),
        'x'.repeat(5_000_000),
        '\u0000'.repeat(100),
      ];
      for (const content of spoiled) {
        await writeFile(path, content, { mode: 0o600 });
        const world = await listOf(store());
        assert.deepEqual(world.list.of(ALICE), [], content.slice(0, 200));
        assert.equal(world.list.health()[0]?.state, 'degraded');
      }
      await writeFile(path, lines(good), { mode: 0o600 });
      await chmod(path, 0o666);
      assert.deepEqual(idsOf(await listOf(store())), []);
    });

    it('are over although they are left in it, and stay bounded', async () => {
      await writeFile(path, lines(grantOf({}, NOW_MS - 2 * HOUR_MS)), { mode: 0o600 });
      const world = await listOf(store());
      assert.deepEqual(world.list.of(ALICE), []);
      assert.equal(world.list.health()[0]?.state, 'ok');
      await rm(path);
      const flood = Array.from({ length: 1001 }, () => grantOf());
      await assert.rejects(
        store().update(() => flood),
        { name: 'ListStoreError', message: /grants holds more than 1000/ },
      );
      await store().update(() => flood.slice(0, 1000));
      assert.equal((await store().read())?.size, 1000);
    });
  });
});
