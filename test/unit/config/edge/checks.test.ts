import assert from 'node:assert/strict';
import { Sample } from '../sample.ts';

describe('the secret of the edge', () => {
  let sample: Sample;
  before(async () => {
    sample = await Sample.create();
  });
  after(() => sample.remove());

  it('has 32 to 128 characters, or whoever guesses it chooses the addresses on record', async () => {
    for (const [length, wrong] of [
      [31, ['edge.secretFile']],
      [32, []],
      [128, []],
      [129, ['edge.secretFile']],
    ] as const) {
      await sample.write('edge', `${'e'.repeat(length)}\n`);
      assert.deepEqual(await sample.wrongKeys({ 'edge.secretFile': 'edge' }), wrong, `${length}`);
    }
  });
});
