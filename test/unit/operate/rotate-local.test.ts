import assert from 'node:assert/strict';
import { mkdtemp, readdir, readFile, rm, stat, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parse } from 'yaml';
import { activateVersion, addVersion, type LocalVersions } from '../../../src/operate/rotate-local.ts';

interface File {
  readonly keyring: { readonly local: { current?: number; versions: Record<string, { seedFile: string }> } };
}

/** As the real one, without the rest of a configuration. */
const load = async (path: string): Promise<LocalVersions> => {
  const { local } = (parse(await readFile(path, 'utf8')) as File).keyring;
  const versions = Object.keys(local.versions).map(Number);
  return { current: local.current ?? versions[0] ?? 0, versions };
};

describe('rotation of the local keyring', () => {
  let folder: string;
  let configPath: string;
  const write = (local: string) =>
    writeFile(configPath, `# first\nkeyring:\n  local: # here\n${local}log: {} # last\n`);

  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'sallyport-rotate-'));
    configPath = join(folder, 'c.yaml');
    await writeFile(join(folder, 'seed-1'), 'x'.repeat(32), { mode: 0o600 });
    await write('    versions:\n      1: { seedFile: seed-1 }\n');
  });
  afterEach(() => rm(folder, { recursive: true, force: true }));

  it('adds a seed of 32 random bytes beside the present one, for its owner alone', async () => {
    const { version, seedPath } = await addVersion({ configPath, load });
    assert.equal(version, 2);
    assert.equal(seedPath, join(folder, 'seed-2'));
    assert.match(await readFile(seedPath, 'utf8'), /^[0-9a-f]{64}\n$/);
    assert.equal((await stat(seedPath)).mode & 0o777, 0o600);
  });

  it('says which version is current where one alone needed no saying, and keeps every comment', async () => {
    await addVersion({ configPath, load });
    const text = await readFile(configPath, 'utf8');
    assert.deepEqual(await load(configPath), { current: 1, versions: [1, 2] });
    for (const comment of ['# first', '# here', '# last']) assert.ok(text.includes(comment), comment);
  });

  it('leaves no file behind but the two that it is about', async () => {
    await addVersion({ configPath, load });
    await activateVersion({ configPath, load });
    assert.deepEqual((await readdir(folder)).sort(), ['c.yaml', 'seed-1', 'seed-2']);
    assert.equal((await load(configPath)).current, 2);
  });

  it('never overwrites a seed', async () => {
    await writeFile(join(folder, 'seed-2'), 'precious');
    const before = await readFile(configPath, 'utf8');
    await assert.rejects(addVersion({ configPath, load }), { name: 'RotationRefused' });
    assert.equal(await readFile(join(folder, 'seed-2'), 'utf8'), 'precious');
    assert.equal(await readFile(configPath, 'utf8'), before);
  });

  it('puts nothing in place that does not load, and takes its seed back', async () => {
    const before = await readFile(configPath, 'utf8');
    const failing = async (path: string): Promise<LocalVersions> => {
      if (path !== configPath) throw new Error('not usable');
      return load(path);
    };
    await assert.rejects(addVersion({ configPath, load: failing }), /not usable/);
    assert.equal(await readFile(configPath, 'utf8'), before);
    assert.deepEqual((await readdir(folder)).sort(), ['c.yaml', 'seed-1']);
  });

  it('puts nothing in place where something else says what is current', async () => {
    const overridden = async (path: string): Promise<LocalVersions> => ({ ...(await load(path)), current: 1 });
    await addVersion({ configPath, load });
    const before = await readFile(configPath, 'utf8');
    await assert.rejects(activateVersion({ configPath, load: overridden }), { name: 'RotationRefused' });
    assert.equal(await readFile(configPath, 'utf8'), before);
  });

  it('does not undo what somebody else wrote to the file meanwhile', async () => {
    const meddling = async (path: string): Promise<LocalVersions> => {
      if (path !== configPath) await writeFile(configPath, 'theirs');
      return load(path);
    };
    await assert.rejects(addVersion({ configPath, load: meddling }), { name: 'RotationRefused' });
    assert.equal(await readFile(configPath, 'utf8'), 'theirs');
  });

  it('writes through a link instead of replacing it', async () => {
    const link = join(folder, 'link.yaml');
    await symlink(configPath, link);
    await addVersion({ configPath: link, load });
    assert.deepEqual((await load(configPath)).versions, [1, 2]);
  });

  it('refuses to add a version while another one waits, and to activate one of several', async () => {
    await write('    current: 1\n    versions:\n      1: { seedFile: seed-1 }\n      2: { seedFile: seed-1 }\n');
    await assert.rejects(addVersion({ configPath, load }), { name: 'RotationRefused' });
    await write(
      '    current: 1\n    versions:\n      1: { seedFile: seed-1 }\n      2: { seedFile: a }\n      3: { seedFile: b }\n',
    );
    await assert.rejects(activateVersion({ configPath, load }), { name: 'RotationRefused' });
  });

  it('refuses a section that is written by reference', async () => {
    const aliased = 'all: &all\n  1: { seedFile: seed-1 }\nkeyring:\n  local:\n    versions: *all\n';
    await writeFile(configPath, aliased);
    await assert.rejects(addVersion({ configPath, load }), { name: 'RotationRefused' });
    assert.equal(await readFile(configPath, 'utf8'), aliased);
  });
});
