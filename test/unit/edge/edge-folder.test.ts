import assert from 'node:assert/strict';
import { mkdtemp, readdir, readFile, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { edgeKeysOf } from '../../../src/edge/edge-keys.ts';
import { INCLUDE, nameOf, readFolder, subjectDigest, tidyFolder, writeFolder } from '../../../src/edge/edge-folder.ts';
import { makeKey } from '../../support/identity/issuer.ts';

const ISSUER = 'https://id.example/a|b';

describe('the folder of the edge', () => {
  let folder: string;
  const keysOf = (...kids: string[]) =>
    kids.flatMap((kid) => edgeKeysOf(ISSUER, ['ES256'], [makeKey('ES256', kid).publicJwk as never]));
  const state = (keys: ReturnType<typeof keysOf>, retired = {}) => ({
    ...{ issuers: [{ issuer: ISSUER, clockSkewSeconds: 30 }], keys, retired },
    deniedSubjects: [subjectDigest(ISSUER, 'mallory')],
    deniedAddresses: ['198.51.100.7/32'],
  });

  beforeEach(async () => {
    folder = join(await mkdtemp(join(tmpdir(), 'sallyport-folder-')), 'keys');
  });
  afterEach(() => rm(join(folder, '..'), { recursive: true }));

  it('gives back what was written, in any issuer', async () => {
    const keys = keysOf('one', 'two');
    const [first] = keys;
    assert.ok(first);
    assert.equal(await writeFolder(folder, state(keys, { [nameOf(first)]: 7 })), true);
    const read = await readFolder(folder);
    assert.deepEqual(read.keys.toSorted(byKid), keys);
    assert.deepEqual(read.retired, { [nameOf(first)]: 7 });
  });

  const byKid = (one: { kid: string }, other: { kid: string }) => one.kid.localeCompare(other.kid);

  it('wants a reload only where keys changed, and keeps what is named', async () => {
    const keys = keysOf('one', 'two');
    await writeFolder(folder, state(keys));
    assert.equal(await writeFolder(folder, { ...state(keys), deniedSubjects: [] }), false);
    const fewer = state(keys.slice(1));
    assert.equal(await writeFolder(folder, fewer), true);
    await tidyFolder(folder, fewer);
    const names = await readdir(folder);
    assert.deepEqual(
      names.filter((name) => name.endsWith('.pem')),
      [keys[1]?.file],
    );
    assert.doesNotMatch(await readFile(join(folder, INCLUDE), 'utf8'), new RegExp(keys[0]?.file ?? ''));
  });

  it('can be read by all, and names nobody who is revoked', async () => {
    await writeFolder(folder, state(keysOf('one')));
    for (const name of await readdir(folder)) {
      assert.equal((await stat(join(folder, name))).mode & 0o777, 0o644, name);
      assert.doesNotMatch(await readFile(join(folder, name), 'utf8'), /mallory/);
    }
  });

  it('is empty where there is none', async () => {
    assert.deepEqual(await readFolder(folder), { keys: [], retired: {} });
  });
});
