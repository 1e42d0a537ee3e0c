import assert from 'node:assert/strict';
import { chmod, mkdtemp, readdir, rm, stat, utimes, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { withLock } from '../../../src/client/file-lock.ts';
import { readPrivate, writeWhole } from '../../../src/client/private-file.ts';

describe('the files of a person', () => {
  let folder: string;
  beforeEach(async () => (folder = await mkdtemp(join(tmpdir(), 'sallyport-client-'))));
  afterEach(() => rm(folder, { recursive: true }));

  it('are 0600 in a folder of 0700, and leave nothing beside them', async () => {
    const path = join(folder, 'deep', 'file');
    await writeWhole(path, 'one');
    await writeWhole(path, 'two');
    assert.equal((await readPrivate(path, true))?.toString(), 'two');
    assert.deepEqual(
      [(await stat(path)).mode & 0o777, (await stat(join(folder, 'deep'))).mode & 0o777],
      [0o600, 0o700],
    );
    assert.deepEqual(await readdir(join(folder, 'deep')), ['file']);
  });

  it('are refused where others can read or write them, if the system knows of others', async () => {
    const path = join(folder, 'file');
    await writeFile(path, 'x');
    for (const mode of [0o640, 0o604, 0o620, 0o666]) {
      await chmod(path, mode);
      await assert.rejects(readPrivate(path, true), { name: 'ClientFailure' });
      assert.equal((await readPrivate(path, false))?.toString(), 'x');
    }
  });

  it('are bounded, and may be missing', async () => {
    await writeWhole(join(folder, 'large'), Buffer.alloc(1_048_577));
    await assert.rejects(readPrivate(join(folder, 'large'), true), /larger/);
    assert.equal(await readPrivate(join(folder, 'none'), true), undefined);
  });

  describe('under a lock', () => {
    const times = { waitMs: 3000, staleMs: 60_000 };

    it('are changed by one at a time', async () => {
      let [inside, most] = [0, 0];
      const work = async () => {
        inside += 1;
        most = Math.max(most, inside);
        await sleep(5);
        inside -= 1;
      };
      await Promise.all(Array.from({ length: 8 }, () => withLock(join(folder, 'lock'), work, times)));
      assert.equal(most, 1);
      assert.deepEqual(await readdir(folder), []);
    });

    it('are let go when the work fails', async () => {
      const lock = join(folder, 'lock');
      await assert.rejects(
        withLock(lock, () => Promise.reject(new Error('no')), times),
        /no/,
      );
      assert.equal(await withLock(lock, () => Promise.resolve('yes'), times), 'yes');
    });

    it('are not waited for for ever, nor taken from a holder that lives', async () => {
      const lock = join(folder, 'lock');
      await writeFile(lock, 'another');
      await assert.rejects(
        withLock(lock, () => Promise.resolve(), { ...times, waitMs: 200 }),
        /timed out waiting/,
      );
      assert.deepEqual(await readdir(folder), ['lock']);
    });

    it('are taken from one that died, by one of those who wait', async () => {
      const lock = join(folder, 'lock');
      await writeFile(lock, 'dead');
      await utimes(lock, 1, 1);
      let [inside, most] = [0, 0];
      const work = async () => {
        inside += 1;
        most = Math.max(most, inside);
        await sleep(5);
        inside -= 1;
      };
      await Promise.all(Array.from({ length: 4 }, () => withLock(lock, work, times)));
      assert.equal(most, 1);
      assert.deepEqual(await readdir(folder), []);
    });
  });
});
