import assert from 'node:assert/strict';
import { mkdtemp, open, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { readBoundedFile } from '../../../src/platform/bounded-file.ts';

describe('a bounded file', () => {
  let folder: string;
  beforeEach(async () => (folder = await mkdtemp(join(tmpdir(), 'sallyport-file-'))));
  afterEach(() => rm(folder, { recursive: true }));

  const read = async (path: string, maxBytes: number): Promise<string | undefined> => {
    await using file = await open(path);
    return (await readBoundedFile(file, maxBytes))?.toString();
  };

  it('is read whole up to its last byte, and not at all beyond it', async () => {
    const path = join(folder, 'file');
    for (const content of ['', 'x', 'x'.repeat(10)]) {
      await writeFile(path, content);
      assert.equal(await read(path, 10), content);
    }
    await writeFile(path, 'x'.repeat(11));
    assert.equal(await read(path, 10), undefined);
  });

  it('is bounded where the system says that it has no size', async () => {
    assert.equal(await read('/dev/zero', 100_000), undefined);
  });
});
