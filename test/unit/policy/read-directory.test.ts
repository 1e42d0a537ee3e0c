import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { appendFile, mkdir, mkdtemp, rename, rm, symlink, truncate, utimes, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { readDirectory, stampOf } from '../../../src/policy/read-directory.ts';

describe('a directory of policies', function () {
  this.timeout(20_000);
  let folder: string;
  let directory: string;
  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'sallyport-directory-'));
    directory = join(folder, 'policies');
    await mkdir(directory);
    await writeFile(join(directory, 'a.yaml'), 'a');
  });
  afterEach(() => rm(folder, { recursive: true, force: true }));

  const issues = async () => (await readDirectory(directory)).issues.map(({ file, message }) => `${file} ${message}`);
  const texts = async () => (await readDirectory(directory)).files.map(({ text }) => text);

  /** As Kubernetes writes a ConfigMap: files are links into `..data`, which is a link to a folder, and is replaced as a whole. */
  const writeConfigMap = async (number: number, files: Readonly<Record<string, string>>) => {
    const version = `..2026_12_02_${number}`;
    await mkdir(join(directory, version));
    for (const [name, text] of Object.entries(files)) {
      await writeFile(join(directory, version, name), text);
      await symlink(join('..data', name), join(directory, name)).catch(() => undefined);
    }
    await symlink(version, join(directory, '..data_tmp'));
    await rename(join(directory, '..data_tmp'), join(directory, '..data'));
  };

  it('is read through the links of a ConfigMap, and another one when these are swapped', async () => {
    await rm(join(directory, 'a.yaml'));
    await writeConfigMap(1, { 'a.yaml': 'one' });
    assert.deepEqual(await texts(), ['one']);
    const before = await stampOf(directory);
    await writeConfigMap(2, { 'a.yaml': 'two' });
    assert.deepEqual(await texts(), ['two']);
    assert.notEqual(await stampOf(directory), before);
    assert.deepEqual(await issues(), []);
  });

  it('is another one after each change that a file can have, and the same one after none', async () => {
    const path = join(directory, 'a.yaml');
    let last = await stampOf(directory);
    assert.equal(await stampOf(directory), last);
    const changes: [string, () => Promise<unknown>][] = [
      ['appended', () => appendFile(path, 'b')],
      [
        'same size and time',
        async () => {
          await writeFile(path, 'xy');
          await utimes(path, 0, 0);
        },
      ],
      [
        'renamed over',
        async () => {
          await writeFile(join(directory, '.next'), 'xy');
          await rename(join(directory, '.next'), path);
        },
      ],
      ['cut', () => truncate(path, 0)],
      ['added', () => writeFile(join(directory, 'b.yaml'), '')],
      ['renamed', () => rename(join(directory, 'b.yaml'), join(directory, 'c.yaml'))],
      ['removed', () => rm(join(directory, 'c.yaml'))],
      ['gone', () => rename(directory, join(folder, 'away'))],
      ['back', () => rename(join(folder, 'away'), directory)],
      [
        'hidden by a file',
        async () => {
          await rm(directory, { recursive: true });
          await writeFile(directory, '');
        },
      ],
    ];
    for (const [what, change] of changes) {
      await change();
      const now = await stampOf(directory);
      assert.notEqual(now, last, what);
      last = now;
    }
  });

  it('is refused where a file leads out of it, be it to a file of the same kind', async () => {
    await writeFile(join(folder, 'elsewhere.yaml'), 'id: forged');
    await symlink(join(folder, 'elsewhere.yaml'), join(directory, 'b.yaml'));
    await mkdir(join(folder, 'policies-of-others'));
    await writeFile(join(folder, 'policies-of-others', 'c.yaml'), 'id: forged');
    await symlink('../policies-of-others/c.yaml', join(directory, 'c.yaml'));
    await symlink('/dev/zero', join(directory, 'd.yaml'));
    const { files, issues: found } = await readDirectory(directory);
    assert.deepEqual(
      files.map(({ name }) => name),
      ['a.yaml'],
    );
    assert.deepEqual(
      found.map(({ file }) => file),
      ['b.yaml', 'c.yaml', 'd.yaml'],
    );
    assert.ok(found.every(({ message }) => message.includes('leads out of the directory')));
  });

  it('may be a link itself', async () => {
    await symlink(directory, join(folder, 'link'));
    assert.equal((await readDirectory(join(folder, 'link'))).files.length, 1);
  });

  it('waits for no pipe', async () => {
    execFileSync('mkfifo', [join(directory, 'b.yaml')]);
    assert.deepEqual(await issues(), ['b.yaml must be a file']);
    await stampOf(directory);
  });

  it('is refused where a link leads nowhere or in a circle, a file is none, is too long or no text', async () => {
    await symlink('nowhere.yaml', join(directory, 'b.yaml'));
    await symlink('c.yaml', join(directory, 'c.yaml'));
    await mkdir(join(directory, 'd.yaml'));
    await writeFile(join(directory, 'e.yaml'), 'x'.repeat(65_537));
    await writeFile(join(directory, 'f.yaml'), Buffer.from([0xff, 0xfe]));
    assert.deepEqual(await issues(), [
      'b.yaml cannot be read: ENOENT',
      'c.yaml cannot be read: ELOOP',
      'd.yaml must be a file',
      'e.yaml must be at most 65536 bytes long',
      'f.yaml must be UTF-8 text',
    ]);
  });

  it('is refused where it is gone, empty, or holds more files than are read', async () => {
    await rm(join(directory, 'a.yaml'));
    assert.match((await issues())[0] ?? '', /holds no \.yaml file/);
    for (let index = 0; index < 257; index += 1) await writeFile(join(directory, `p${index}.yaml`), '');
    assert.match((await issues())[0] ?? '', /at most 256/);
    await rm(directory, { recursive: true });
    assert.match((await issues())[0] ?? '', /cannot be read: ENOENT/);
  });

  it('is refused without being read to its end where it holds very many files, of whatever name', async () => {
    execFileSync('sh', ['-c', `cd "${directory}" && seq 1 20000 | sed 's/$/.txt/' | xargs touch`]);
    const startedMs = performance.now();
    assert.match((await issues())[0] ?? '', /more than 4096 entries/);
    assert.match(await stampOf(directory), /more than 4096 entries/);
    assert.ok(performance.now() - startedMs < 1000);
  });
});
