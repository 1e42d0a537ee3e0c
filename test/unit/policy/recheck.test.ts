import assert from 'node:assert/strict';
import { DIFFERS, recheckBy } from '../../../src/policy/analysis/recheck.ts';
import type { RecordedAccess } from '../../../src/policy/analysis/replay.ts';
import { setOf, written } from './fixture.ts';
import { recorded } from './recorded.ts';

describe('a recorded access that is decided anew', () => {
  const set = setOf(written('p', [{ allow: ['GET'], bucket: 'reports', prefix: '2026/' }]));
  const problem = async (changes: Partial<RecordedAccess> = {}): Promise<string | undefined> =>
    (await recheckBy(() => Promise.resolve(set))(recorded(changes))).problem;

  it('agrees with its record, or does not in effect, rule or parts', async () => {
    assert.equal(await problem(), undefined);
    assert.equal(await problem({ key: '2027/x', decision: 'deny', rule: 'default-deny' }), undefined);
    assert.equal(await problem({ decision: 'deny', rule: 'default-deny' }), DIFFERS);
    assert.equal(await problem({ rule: 'p/r1' }), DIFFERS);
    assert.equal(await problem({ filtered: true }), DIFFERS);
  });

  it('says why it cannot be told', async () => {
    assert.match((await problem({ operation: 'CanI' })) ?? '', /^CanI is no operation of S3/);
    assert.equal(await problem({ clipped: ['groups'] }), 'the record lacks groups, which was cut');
    const gone = recheckBy(() => Promise.resolve({ problem: 'it is gone' }));
    assert.deepEqual(await gone(recorded()), { problem: 'it is gone' });
    const everywhere = setOf(written('p', [{ allow: ['GET'], buckets: 'all', everything: true }]));
    const found = await recheckBy(() => Promise.resolve(everywhere))(recorded({ decision: 'deny' }));
    assert.match(found.problem ?? '', /^the record lacks the buckets of the configuration \(--config/);
  });
});
