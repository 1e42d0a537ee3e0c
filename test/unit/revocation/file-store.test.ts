import assert from 'node:assert/strict';
import { rmSync, writeFileSync } from 'node:fs';
import { chmod, mkdtemp, readdir, readFile, rm, stat, utimes, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { operatorName } from '../../../src/lists/line.ts';
import { revocation } from '../../../src/revocation/changes.ts';
import { MAX_ENTRIES, REVOCATIONS, writeEntry } from '../../../src/revocation/entry.ts';
import { createFileStore } from '../../../src/lists/file-store.ts';
import { createRevocationList } from '../../../src/revocation/revocation-list.ts';
import { Clock, entryOf, NOW_MS, observe, PRINCIPAL, subject } from './fixture.ts';

const ORDER = { nowMs: NOW_MS, by: 'operator', reason: undefined };
const FAILURE = { name: 'ListStoreError' };

describe('the list of revocations in a file', () => {
  let folder: string;
  let path: string;
  const clock = new Clock();
  const open = () => createFileStore({ format: REVOCATIONS, path, clock });
  const revoke = (name: string) => open().update((kept) => [revocation(kept, subject(name), undefined, ORDER)]);
  const line = (name: string) => `${writeEntry(entryOf(subject(name)))}\n`;

  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'sallyport-revocation-'));
    path = join(folder, 'revocations.jsonl');
  });
  afterEach(() => rm(folder, { recursive: true, force: true }));

  it('is empty where there is no file, and is read again only when it was replaced', async () => {
    const store = open();
    assert.equal((await store.read())?.size, 0);
    assert.equal(await store.read(), undefined);
    await revoke('alice');
    assert.equal((await store.read())?.size, 1);
    assert.equal(await store.read(), undefined);
  });

  it('loses nothing of many writers at once, and leaves nothing behind', async () => {
    await Promise.all(Array.from({ length: 12 }, (_, index) => revoke(`person-${index}`)));
    assert.equal((await open().read())?.size, 12);
    assert.deepEqual(await readdir(folder), ['revocations.jsonl']);
  });

  it('keeps its mode, and starts as a file that others cannot read', async () => {
    await revoke('alice');
    assert.equal((await stat(path)).mode & 0o777, 0o640);
    await chmod(path, 0o600);
    await revoke('bob');
    assert.equal((await stat(path)).mode & 0o777, 0o600);
  });

  it('takes in nothing that would have readers refuse all of it', async () => {
    await revoke('alice');
    for (const order of [
      { ...ORDER, by: 'x'.repeat(65) },
      { ...ORDER, by: '' },
      { ...ORDER, reason: 'two\nlines' },
    ]) {
      const attempt = open().update((kept) => [revocation(kept, subject('bob'), undefined, order)]);
      await assert.rejects(attempt, FAILURE);
    }
    assert.equal((await open().read())?.size, 1);
    assert.deepEqual(await readdir(folder), ['revocations.jsonl']);
  });

  it('takes in an operator of any name', async () => {
    const users = ['', 'root', `${'x'.repeat(63)}\u{1f600}`, 'a\nb\u202e', `CORP\\${'svc-'.repeat(40)}@example.test`];
    for (const [at, user] of users.entries()) {
      const order = { ...ORDER, by: operatorName(user) };
      await open().update((kept) => [revocation(kept, subject(`person-${at}`), undefined, order)]);
    }
    assert.equal((await open().read())?.size, users.length);
  });

  it('takes the turn of a writer that was killed', async () => {
    await writeFile(`${path}.lock`, '');
    const old = new Date(Date.now() - 60_000);
    await utimes(`${path}.lock`, old, old);
    await revoke('alice');
    assert.equal((await open().read())?.size, 1);
  });

  it('waits for a writer that lives, and aborts in bounded time', async () => {
    await writeFile(`${path}.lock`, '');
    const store = createFileStore({ format: REVOCATIONS, path, clock, lockTimeoutMs: 120 });
    await assert.rejects(
      store.update(() => []),
      FAILURE,
    );
  });

  it('writes nothing once it lost its turn', async () => {
    await revoke('alice');
    const before = await readFile(path, 'utf8');
    const late = open().update((kept) => {
      // Another one took this writer for dead.
      rmSync(`${path}.lock`);
      writeFileSync(`${path}.lock`, 'another');
      return [revocation(kept, subject('bob'), undefined, ORDER)];
    });
    await assert.rejects(late, FAILURE);
    assert.equal(await readFile(path, 'utf8'), before);
  });

  it('is refused whole where any of it is not exactly a list', async () => {
    const good = line('alice');
    const spoiled = [
      good.slice(0, -1),
      `${good}${line('bob').slice(0, 40)}`,
      `${good}${good}`,
      `${good}\n`,
      `${good}{}\n`,
      ` ${good}`,
      `\ufeff${good}`,
      good.replace('alice', 'mallory'),
      good.replace('\n', '\r\n'),
      '\u0000'.repeat(100),
    ];
    for (const content of spoiled) {
      await writeFile(path, content, { mode: 0o600 });
      await assert.rejects(open().read(), FAILURE, JSON.stringify(content));
      // Nor is it written over: what it said would be lost.
      await assert.rejects(revoke('carol'), FAILURE);
      assert.equal(await readFile(path, 'utf8'), content);
    }
  });

  it('is refused where others may write it, or where it is no file', async () => {
    await writeFile(path, line('alice'));
    await chmod(path, 0o666);
    await assert.rejects(open().read(), FAILURE);
    path = folder;
    await assert.rejects(open().read(), FAILURE);
  });

  it('is bounded: a flood of entries is neither read nor written', async () => {
    await writeFile(path, '\n'.repeat(MAX_ENTRIES + 1), { mode: 0o600 });
    await assert.rejects(open().read(), FAILURE);
    await rm(path);
    const flood = Array.from({ length: MAX_ENTRIES + 1 }, (_, index) => entryOf(subject(`bot-${index}`)));
    await assert.rejects(
      open().update(() => flood),
      FAILURE,
    );
    assert.equal((await open().read())?.size, 0);
  });

  it('stays in force while the file is spoiled, cut off or gone', async () => {
    await revoke('alice');
    const { observer } = observe();
    const list = createRevocationList({
      ...{ store: open(), clock, observer },
      ...{ whenUnavailable: 'fail-closed', maxStaleSeconds: 10 },
    });
    await list.refresh();
    for (const spoil of [() => writeFile(path, 'x'), () => writeFile(path, ''), () => rm(path)]) {
      await spoil();
      await list.refresh();
      assert.throws(() => list.check(PRINCIPAL), { code: 'RevokedToken' });
      assert.equal(list.health()[0]?.state, 'degraded');
    }
    await revoke('alice');
    await list.refresh();
    assert.equal(list.health()[0]?.state, 'ok');
  });
});
