import assert from 'node:assert/strict';
import { inspect } from 'node:util';
import { Sample } from '../sample.ts';

const SHORT_SEED = 'Schlüssel';

describe('config: what another encrypting gateway left in a bucket', () => {
  let sample: Sample;
  before(async () => {
    sample = await Sample.create();
    await sample.write('old-seed', `${SHORT_SEED}\n`);
  });
  after(() => sample.remove());

  const migrating = (legacy: object) => ({ 'buckets.reports': { encryption: 'migrating', legacy } });

  it('is nothing unless it says so', async () => {
    assert.equal((await sample.load()).legacy.size, 0);
  });

  it('has its defaults: the usual metadata, and no keys wrapped with zeros', async () => {
    const { legacy, limits } = await sample.load(migrating({ seedFile: 'old-seed' }));
    const { seed, ...rest } = legacy.get('reports') ?? {};
    assert.deepEqual(rest, { metadataName: 'isec', kekVersionName: undefined, acceptZeroKek: false });
    assert.equal(seed?.reveal(), SHORT_SEED);
    assert.equal(limits.legacyObjectBytes, 67_108_864);
  });

  it('takes a seed as the other gateway was given it: of any length, without the final newline of its file', async () => {
    for (const [content, seed] of [
      ['x', 'x'],
      ['two words', 'two words'],
      [`${SHORT_SEED}\r\n`, SHORT_SEED],
    ] as const) {
      await sample.write('given', content);
      const { legacy } = await sample.load(migrating({ seedFile: 'given' }));
      assert.equal(legacy.get('reports')?.seed?.reveal(), seed);
    }
  });

  it('does not show its seed', async () => {
    const config = await sample.load(migrating({ seedFile: 'old-seed' }));
    assert(!inspect(config, { depth: null, showHidden: true }).includes(SHORT_SEED));
  });

  it('may concern one prefix alone', async () => {
    const bucket = { prefixes: { 'old/': 'migrating' }, legacy: { seedFile: 'old-seed' } };
    assert.deepEqual(await sample.wrongKeys({ 'buckets.reports': bucket }), []);
  });

  const key = 'buckets.reports.legacy';
  for (const [title, legacy, wrong] of [
    ['a seed that others may read', { seedFile: 'open' }, `${key}.seedFile`],
    ['an empty seed', { seedFile: 'empty' }, `${key}.seedFile`],
    ['a name of metadata in capitals', { seedFile: 'old-seed', metadataName: 'ISEC' }, `${key}.metadataName`],
    ['the metadata of our own envelope', { seedFile: 'old-seed', metadataName: 'sallyport' }, `${key}.metadataName`],
    ['a whole header', { seedFile: 'old-seed', kekVersionName: 'x-amz-meta-a:b' }, `${key}.kekVersionName`],
    ['a switch that is a text', { seedFile: 'old-seed', acceptZeroKek: 'yes' }, `${key}.acceptZeroKek`],
    ['neither a seed nor keys wrapped with zeros', { metadataName: 'isec' }, key],
  ] as const) {
    it(`refuses ${title}`, async () => {
      await sample.write('open', SHORT_SEED, 0o640);
      await sample.write('empty', '\n');
      assert.deepEqual(await sample.wrongKeys(migrating(legacy)), [wrong]);
    });
  }

  it('is refused where no place of the bucket is migrating, since nothing would be read', async () => {
    const legacy = { seedFile: 'old-seed' };
    for (const encryption of ['required', 'off']) {
      assert.deepEqual(await sample.wrongKeys({ 'buckets.reports': { encryption, legacy } }), [key]);
    }
  });
});
