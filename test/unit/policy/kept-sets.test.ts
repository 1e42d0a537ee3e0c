import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { mkdtemp, readdir, readFile, rm, stat, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { keepSet, readKeptSet } from '../../../src/policy/kept-sets.ts';
import { openKeptSource } from '../../../src/policy/kept-source.ts';
import type { PolicySet } from '../../../src/policy/load-policies.ts';
import { versionOf } from '../../../src/policy/set-version.ts';

const FILES = [
  { name: 'a.yaml', text: 'id: a\n# "quoted", é, \u{1F600}\n' },
  { name: 'b.yaml', text: '' },
];

describe('a kept set of policies', () => {
  let folder: string;
  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'sallyport-kept-'));
  });
  afterEach(() => rm(folder, { recursive: true, force: true }));

  const version = versionOf(FILES);

  it('is read back as it was, by its version, and is its owner’s alone', async () => {
    await keepSet(folder, FILES);
    assert.deepEqual(await readKeptSet(folder, version), FILES);
    const { mode } = await stat(join(folder, `${version}.json`));
    assert.equal(mode & 0o777, 0o600);
    assert.deepEqual(await readdir(folder), [`${version}.json`]);
  });

  it('is named after the beginning of the SHA-256 of its file, so that any tool can tell', async () => {
    await keepSet(folder, FILES);
    const content = await readFile(join(folder, `${version}.json`));
    assert.ok(createHash('sha256').update(content).digest('hex').startsWith(version));
  });

  it('is written once', async () => {
    await keepSet(folder, FILES);
    const before = await stat(join(folder, `${version}.json`));
    await sleep(5);
    await keepSet(folder, FILES);
    assert.equal((await stat(join(folder, `${version}.json`))).ino, before.ino);
  });

  it('is never replaced by another one, nor another one taken for it', async () => {
    const path = join(folder, `${version}.json`);
    await writeFile(path, JSON.stringify([['a.yaml', 'id: forged']]));
    await assert.rejects(keepSet(folder, FILES), /holds another set/);
    await assert.rejects(readKeptSet(folder, version), /does not hold that set/);
    for (const content of ['', '{', '{}', '[1]', '[["a"]]', '[["a.yaml", 1]]', 'null']) {
      await writeFile(path, content);
      await assert.rejects(readKeptSet(folder, version), /does not hold that set/, content);
    }
  });

  it('is not looked for elsewhere, whatever is asked for', async () => {
    for (const asked of ['', '../../etc/passwd', `${version}/..`, `${version}\0`, version.toUpperCase() + 'G', 'abc']) {
      await assert.rejects(readKeptSet(folder, asked), /12 hex digits/, asked);
    }
  });

  it('is no link and no pipe, which would be followed or waited for', async () => {
    const path = join(folder, `${version}.json`);
    await writeFile(join(folder, 'elsewhere'), JSON.stringify(FILES.map(({ name, text }) => [name, text])));
    await symlink(join(folder, 'elsewhere'), path);
    await assert.rejects(readKeptSet(folder, version), { code: 'ELOOP' });
    await rm(path);
    execFileSync('mkfifo', [path]);
    await assert.rejects(readKeptSet(folder, version), /is no set of policies/);
    await assert.rejects(keepSet(folder, FILES), /is no set of policies/);
  });
});

describe('a process that is told which kept set is in force', () => {
  const set = (version: string): PolicySet => ({ version, policies: [] });

  it('uses a set when it is told to, and not when it has it ready', async () => {
    const source = await openKeptSource((version) => Promise.resolve(set(version)), 'v1');
    await source.prepare('v2');
    assert.equal(source.current().version, 'v1');
    const using = source.use('v2');
    await using;
    assert.equal(source.current().version, 'v2');
  });

  it('reads a set once, and one that could not be read again', async () => {
    const asked: string[] = [];
    let broken = true;
    const source = await openKeptSource((version) => {
      asked.push(version);
      return version === 'v2' && broken ? Promise.reject(new Error('EMFILE')) : Promise.resolve(set(version));
    }, 'v1');
    await assert.rejects(source.prepare('v2'), /EMFILE/);
    await assert.rejects(source.use('v2'), /EMFILE/);
    assert.equal(source.current().version, 'v1');
    broken = false;
    await source.prepare('v2');
    await source.use('v2');
    await source.use('v2');
    assert.deepEqual(asked, ['v1', 'v2', 'v2', 'v2']);
  });

  it('ends on the set that it was told last, whichever was slow', async () => {
    const slow = Promise.withResolvers<PolicySet>();
    const source = await openKeptSource(
      (version) => (version === 'v2' ? slow.promise : Promise.resolve(set(version))),
      'v1',
    );
    const second = source.use('v2');
    await source.use('v3');
    slow.resolve(set('v2'));
    await second;
    assert.equal(source.current().version, 'v3');
    // And back to one that is in force while another one is read.
    const again = Promise.withResolvers<PolicySet>();
    const back = await openKeptSource(
      (version) => (version === 'v2' ? again.promise : Promise.resolve(set(version))),
      'v1',
    );
    const late = back.use('v2');
    await back.use('v1');
    again.resolve(set('v2'));
    await late;
    assert.equal(back.current().version, 'v1');
  });
});
