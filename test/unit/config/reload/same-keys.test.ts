import assert from 'node:assert/strict';
import type { Config } from '../../../../src/config/config.ts';
import { createKnownKeys } from '../../../../src/config/reload/same-keys.ts';
import { Sample, SEED } from '../sample.ts';

const OTHER = 'another seed of no less than thirty-two bytes';
/** What changed between two configurations. */
const changedKeys = (before: Config, after: Config): readonly string[] => createKnownKeys(before).changed(after);
const key = (id: string, keyFile: string) => ({ id, keyFile });

describe('config/reload/same-keys', () => {
  let sample: Sample;
  before(async () => {
    sample = await Sample.create();
    await sample.write('same', SEED);
    await sample.write('other', OTHER);
  });
  after(() => sample.remove());

  const seeds = (versions: Readonly<Record<string, string>>, current = 1): Promise<Config> => {
    const named = Object.entries(versions).map(([version, seedFile]) => [version, { seedFile }] as const);
    return sample.load({ 'keyring.local': { current, versions: Object.fromEntries(named) } });
  };
  const sessions = (current: object, previous?: object): Promise<Config> =>
    sample.load({ sessions: { deploymentId: 'test', keys: { current, ...(previous && { previous }) } } });

  it('a version may come, go, or be read from another place, while its seed is the same', async () => {
    const before = await seeds({ 1: 'seed' });
    assert.deepEqual(changedKeys(before, await seeds({ 1: 'same', 2: 'other' }, 2)), []);
    assert.deepEqual(changedKeys(await seeds({ 1: 'seed', 2: 'other' }), before), []);
  });

  it('a version with another seed is named, whether its file was overwritten or another one is named', async () => {
    const changes = changedKeys(await seeds({ 1: 'seed', 2: 'other' }), await seeds({ 1: 'other', 2: 'seed' }));
    assert.deepEqual(
      changes.map((line) => line.split(':')[0]),
      ['keyring.local.versions.1', 'keyring.local.versions.2'],
    );
    for (const line of changes) assert.ok(!line.includes(SEED) && !line.includes(OTHER));
  });

  it('a version that was taken out comes back with the seed that it had, and with no other', async () => {
    const known = createKnownKeys(await seeds({ 1: 'seed', 2: 'other' }));
    known.add(await seeds({ 1: 'seed' }));
    assert.deepEqual(known.changed(await seeds({ 1: 'seed', 2: 'other' })), []);
    const [line = ''] = known.changed(await seeds({ 1: 'seed', 2: 'same' }));
    assert.match(line, /^keyring\.local\.versions\.2: its seed is another one than before/);
  });

  it('a key for sessions may become the previous one under its name', async () => {
    const before = await sessions(key('k1', 'seed'));
    assert.deepEqual(changedKeys(before, await sessions(key('k2', 'other'), key('k1', 'same'))), []);
  });

  it('a key for sessions with another content is named, wherever it stands', async () => {
    const before = await sessions(key('k1', 'seed'));
    for (const after of [
      await sessions(key('k1', 'other')),
      await sessions(key('k2', 'seed'), key('k1', 'other')),
    ] as const) {
      const [line = '', ...more] = changedKeys(before, after);
      assert.match(line, /^sessions\.keys: the key k1 is another one than before/);
      assert.ok(more.length === 0 && !line.includes(SEED) && !line.includes(OTHER));
    }
  });

  it('what has no keys has none that changed', async () => {
    const without = await sample.load({ keyring: undefined, 'buckets.reports.encryption': 'off' });
    const withKeys = await sessions(key('k1', 'seed'));
    assert.deepEqual(changedKeys(without, withKeys), []);
    assert.deepEqual(changedKeys(withKeys, without), []);
  });
});
