import assert from 'node:assert/strict';
import { Sample } from '../sample.ts';

const KEPT = { file: 'revoked.jsonl' };

describe('the configured grants', () => {
  let sample: Sample;
  before(async () => {
    sample = await Sample.create();
  });
  after(() => sample.remove());

  it('are none where there is no group', async () => {
    assert.equal((await sample.load({ revocation: KEPT })).policies.grants, undefined);
  });

  it('last 8 hours at most, need nobody else, and do not show their key', async () => {
    const { grants } = (await sample.load({ revocation: KEPT, 'policies.grants': { keyFile: 'seed' } })).policies;
    assert.deepEqual([grants?.maxDurationSeconds, grants?.approvers], [28_800, []]);
    assert.equal(grants?.key.revealBytes().length, 39);
    assert.doesNotMatch(JSON.stringify(grants), /thirty-two/);
  });

  it('need a place to be kept, a key that nobody guesses, and names that are some', async () => {
    assert.deepEqual(await sample.wrongKeys({ 'policies.grants': { keyFile: 'seed' } }), ['policies.grants']);
    const wrong = (grants: object) => sample.wrongKeys({ revocation: KEPT, 'policies.grants': grants });
    assert.deepEqual(await wrong({}), ['policies.grants.keyFile']);
    await sample.write('short', 'x'.repeat(31));
    assert.deepEqual(await wrong({ keyFile: 'short' }), ['policies.grants.keyFile']);
    await sample.write('open', 'x'.repeat(32), 0o644);
    assert.deepEqual(await wrong({ keyFile: 'open' }), ['policies.grants.keyFile']);
    const keyFile = 'seed';
    assert.deepEqual(await wrong({ keyFile, maxDurationSeconds: 604_801 }), ['policies.grants.maxDurationSeconds']);
    assert.deepEqual(await wrong({ keyFile, approvers: ['bob', 'a b'] }), ['policies.grants.approvers.1']);
  });
});
