import assert from 'node:assert/strict';
import { chmod, mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createDurably, replaceDurably, replaceFile } from '../../../src/platform/durable-file.ts';

describe('a durable file', () => {
  let folder: string;
  let path: string;
  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'sallyport-file-'));
    path = join(folder, 'file');
  });
  afterEach(() => rm(folder, { recursive: true }));

  const no = () => Promise.reject(new Error('no'));
  const modeOf = async () => (await stat(path)).mode & 0o777;

  it('is created once, for its owner alone', async () => {
    await createDurably(path, 'one');
    await assert.rejects(createDurably(path, 'two'), { code: 'EEXIST' });
    assert.equal(await readFile(path, 'utf8'), 'one');
    assert.equal(await modeOf(), 0o600);
    assert.deepEqual(await readdir(folder), ['file']);
  });

  it('is not there where it could not be made, and neither is anything beside it', async () => {
    await assert.rejects(createDurably(path, 'one', no), { message: 'no' });
    assert.deepEqual(await readdir(folder), []);
  });

  for (const [name, replace] of Object.entries({ replaceFile, replaceDurably })) {
    it(`is replaced as a whole by ${name}, for its owner alone unless it is said otherwise`, async () => {
      await writeFile(path, 'old');
      await chmod(path, 0o644);
      await replace(path, 'new');
      assert.equal(await readFile(path, 'utf8'), 'new');
      assert.equal(await modeOf(), 0o600);
      await replace(path, Buffer.from('newer'), { prepare: (file) => file.chmod(0o640) });
      assert.equal(await readFile(path, 'utf8'), 'newer');
      assert.equal(await modeOf(), 0o640);
      assert.deepEqual(await readdir(folder), ['file']);
    });

    it(`stays as it was where ${name} fails before it is in place`, async () => {
      await writeFile(path, 'old');
      let seen = '';
      const confirm = async (candidate: string): Promise<void> => {
        seen = await readFile(candidate, 'utf8');
        await no();
      };
      await assert.rejects(replace(path, 'new', { confirm }), { message: 'no' });
      assert.equal(seen, 'new');
      await assert.rejects(replace(path, 'new', { prepare: no }), { message: 'no' });
      await assert.rejects(replace(folder, 'new'));
      assert.equal(await readFile(path, 'utf8'), 'old');
      assert.deepEqual(await readdir(folder), ['file']);
    });
  }
});
