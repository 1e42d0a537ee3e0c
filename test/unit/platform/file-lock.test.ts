import assert from 'node:assert/strict';
import { mkdir, mkdtemp, readdir, readFile, rm, utimes, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { withFileLock } from '../../../src/platform/file-lock.ts';

describe('a lock file', () => {
  let folder: string;
  let path: string;
  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'sallyport-lock-'));
    path = join(folder, 'lock');
  });
  afterEach(() => rm(folder, { recursive: true }));

  const options = { waitMs: 10_000, staleMs: 60_000, timedOut: () => new Error('timed out') };
  let [inside, most] = [0, 0];
  beforeEach(() => ([inside, most] = [0, 0]));
  const work = async (): Promise<void> => {
    inside += 1;
    most = Math.max(most, inside);
    await sleep(5);
    inside -= 1;
  };

  it('lets in one at a time, and leaves nothing behind, also where work fails', async () => {
    await Promise.all(Array.from({ length: 8 }, () => withFileLock(path, work, options)));
    assert.equal(most, 1);
    await assert.rejects(
      withFileLock(path, () => Promise.reject(new Error('no')), options),
      { message: 'no' },
    );
    assert.deepEqual(await readdir(folder), []);
  });

  it('is not taken from a holder that lives, and not waited for for ever', async () => {
    await writeFile(path, 'another');
    await assert.rejects(withFileLock(path, work, { ...options, waitMs: 120 }), { message: 'timed out' });
    assert.equal(await readFile(path, 'utf8'), 'another');
    assert.deepEqual([most, await readdir(folder)], [0, ['lock']]);
  });

  it('is taken from a holder that died, by one of those who wait', async () => {
    await writeFile(path, 'dead');
    await utimes(path, 1, 1);
    await Promise.all(Array.from({ length: 4 }, () => withFileLock(path, work, options)));
    assert.equal(most, 1);
    assert.deepEqual(await readdir(folder), []);
  });

  it('tells a holder that was passed over, who then leaves the lock of the other one alone', async () => {
    const held: boolean[] = [];
    await withFileLock(
      path,
      async (isHeld) => {
        held.push(await isHeld());
        await writeFile(path, 'another');
        held.push(await isHeld());
      },
      options,
    );
    assert.deepEqual(held, [true, false]);
    assert.equal(await readFile(path, 'utf8'), 'another');
  });

  it('fails at once where none can be made, and waits where that may mean that it is taken', async () => {
    const missing = join(folder, 'missing', 'lock');
    await assert.rejects(withFileLock(missing, work, options), { code: 'ENOENT' });
    const later = sleep(120).then(() => mkdir(join(folder, 'missing')));
    await withFileLock(missing, work, { ...options, alsoHeld: ['ENOENT'] });
    await later;
    assert.equal(most, 1);
  });
});
