import assert from 'node:assert/strict';
import { redecideBy, replayOf, type RecordedAccess, type Replay } from '../../../src/policy/analysis/replay.ts';
import { simulate } from '../../../src/policy/analysis/simulate.ts';
import type { PolicySet } from '../../../src/policy/load-policies.ts';
import { setOf, written } from './fixture.ts';
import { recorded, without } from './recorded.ts';

const get = { allow: ['GET'], bucket: 'reports', prefix: '2026/' };
const replay = (changes?: Partial<RecordedAccess>): Replay => {
  const read = replayOf(recorded(changes));
  assert.ok(!('missing' in read), JSON.stringify(read));
  return read;
};
const missing = (record: RecordedAccess) => {
  const read = replayOf(record);
  return 'missing' in read ? read.missing : undefined;
};
const versioned = (set: PolicySet, version: string): PolicySet => ({ ...set, version });

describe('a replayed record', () => {
  it('lacks what it does not have, what was cut and what no set decided', () => {
    const old = without(recorded(), 'verbs');
    assert.equal(missing(old), 'verbs');
    const older = without(recorded(), 'issuerName');
    assert.equal(missing(older), 'issuerName');
    assert.equal(missing(recorded({ clipped: ['groups'] })), 'groups, which was cut');
    assert.equal(missing(recorded({ clipped: ['reason'] })), undefined);
    assert.match(missing(recorded({ rule: 'p/r0, grant/0a1b' })) ?? '', /^grant\/0a1b, which/);
    assert.equal(missing(recorded({ rule: 'undecided', policyVersion: '' })), 'a decision');
    for (const wrong of [{ groups: 'staff' }, { claims: { a: {} } }, { verbs: ['READ'] }, { time: 'soon' }]) {
      assert.equal(missing(recorded(wrong as never)), Object.keys(wrong)[0]);
    }
  });

  it('is decided at the time of the decision, by what was known then', () => {
    const until = setOf(written('p', [{ ...get, when: { until: '2026-12-15T12:00:01Z' } }]));
    const redecide = redecideBy(until);
    assert.equal((redecide(replay(), until) as { effect: string }).effect, 'allow');
    assert.equal((redecide(replay({ decidedAfterMs: 1000 }), until) as { effect: string }).effect, 'deny');
  });

  const then = versioned(setOf(written('p', [get])), 'then');
  const by = (set: PolicySet, changes?: Partial<RecordedAccess>, before: PolicySet | undefined = then) => {
    const decision = redecideBy(set)(replay(changes), before);
    return 'missing' in decision ? `? ${decision.missing}` : `${decision.effect} ${decision.rule}`;
  };

  it('is not guessed where a session may have had a group that no policy named', () => {
    const more = written(
      'q',
      [{ deny: ['GET'], bucket: 'reports', prefix: '2026/' }],
      [{ issuer: 'demo', group: 'new' }],
    );
    const set = setOf(written('p', [get]), more);
    assert.equal(by(set), 'allow p/r0');
    const session = { accessKeyId: 'SPLY', wayIn: 'session' } as const;
    assert.equal(by(set, session), '? whether it is in group new');
    assert.equal(by(set, { ...session, groups: ['staff', 'new'] }), 'deny q/r0');
    assert.equal(by(set, session, set), 'allow p/r0');
    assert.equal(by(set, { ...session, key: '2025/x', decision: 'deny' }), 'deny default-deny');
    const allowsMore = setOf(written('p', [get]), written('q', [get], [{ issuer: 'demo', group: 'new' }]));
    assert.equal(by(allowsMore, session), 'allow p/r0');
    assert.equal(by(allowsMore, { ...session, groups: [], decision: 'deny' }), '? whether it is in group new');
  });

  it('is not guessed where the record may lack a claim, unless nothing depends on it', () => {
    const set = setOf(written('p', [{ ...get, when: { acr: ['gold'] } }]));
    assert.equal(by(set), '? claim acr');
    assert.equal(by(set, { claims: { acr: 'gold' } }), 'allow p/r0');
    assert.equal(by(set, {}, set), 'deny default-deny');
    assert.equal(by(set, { key: '2025/x' }), 'deny default-deny');
    const denied = setOf(
      written('p', [
        { ...get, when: { acr: ['gold'] } },
        { deny: ['GET'], bucket: 'reports', key: '2026/q3.csv' },
      ]),
    );
    assert.equal(by(denied), 'deny p/r1');
    const variable = setOf(written('p', [{ allow: ['GET'], bucket: 'reports', prefix: '${claims.year}/' }]));
    assert.equal(by(variable), '? claim year');
    const selected = setOf(written('p', [get], [{ issuer: 'demo', claims: { team: 'red' } }]));
    assert.equal(by(selected), '? claim team');
    assert.equal(
      by(setOf(written('p', [get], [{ issuer: 'demo', client: 'robot' }]))),
      '? whether its client is robot',
    );
  });

  it('is not guessed where the configuration would have to be known', () => {
    const all = setOf(written('p', [{ allow: ['GET'], buckets: 'all', everything: true }]));
    assert.equal(by(all), 'allow p/r0');
    assert.equal(by(all, { decision: 'deny' }), '? the buckets of the configuration');
    assert.equal(by({ ...all, buckets: new Set(['other']) }, { decision: 'deny' }), 'deny default-deny');
    const agents = setOf(written('p', [{ ...get, when: { via: 'agent' } }]));
    assert.equal(by(agents), '? the agents of the configuration');
    const actor = { actor: 'bot' };
    const forBot = setOf(written('p', [{ ...get, when: { via: 'agent' } }], [{ issuer: 'demo', actor: 'bot' }]));
    assert.equal(by(forBot, actor), 'allow p/r0');
  });
});

describe('a denial by a budget', () => {
  it('is not replayable: what was spent is not on record', () => {
    const guardrails = [{ id: 'hourly', per: 'identity', window: '1h', deletes: 10, whenSpent: 'wait' }];
    const set = setOf({ ...(written('p', [get]) as object), guardrails });
    const spent = redecideBy(set)(replay({ decision: 'deny', rule: 'p/hourly' }), set);
    assert.deepEqual(spent, { missing: 'what was used of p/hourly' });
  });
});

describe('a simulation', () => {
  const then = setOf(written('p', [get]));

  it('counts what would change by kind, with an example, and what cannot be told by fact', () => {
    const trial = simulate(setOf(written('p', [{ ...get, prefix: '2027/' }])));
    const old = without(recorded({ requestId: 'OLD' }), 'verbs');
    for (const record of [recorded(), recorded({ requestId: 'S', key: '2026/x' }), recorded({ key: '2027/x' }), old]) {
      trial.add(record, then);
    }
    const { changes, missing: lacking, ...counts } = trial.report();
    assert.deepEqual(counts, { accesses: 4, unchanged: 1, changed: 2, notReplayable: 1, isCut: false });
    const who = { issuer: 'demo', subject: 'ann', verbs: 'GET', bucket: 'reports' };
    const example = { requestId: 'R', time: '2026-12-15T12:00:00.000Z', key: '2026/q3.csv' };
    const change = { from: 'allow', to: 'deny', fromRule: 'p/r0', toRule: 'default-deny', count: 2, example };
    assert.deepEqual(changes, [{ ...who, ...change }]);
    assert.deepEqual(lacking, [{ fact: 'verbs', count: 1, requestId: 'OLD' }]);
  });

  it('sees that a listing would be shown in parts', () => {
    const list = { allow: ['LIST'], bucket: 'reports', prefix: '2026/' };
    const trial = simulate(setOf(written('p', [{ ...list, listing: 'filtered' }])));
    const listed = { operation: 'ListObjectsV2', verbs: ['LIST'], key: '' } as const;
    trial.add(recorded({ ...listed, decision: 'deny', rule: 'default-deny' }), setOf(written('p', [list])));
    trial.add(recorded({ ...listed, filtered: true }), setOf(written('p', [list])));
    const { changes, unchanged } = trial.report();
    assert.equal(unchanged, 1);
    assert.deepEqual([changes[0]?.from, changes[0]?.to], ['deny', 'filtered']);
  });

  it('holds a bounded number of kinds', () => {
    const trial = simulate(setOf(written('p', [{ ...get, prefix: '2027/' }])));
    for (let index = 0; index < 3000; index += 1) trial.add(recorded({ subject: `s${index}` }), then);
    const { changes, changed, isCut } = trial.report();
    assert.deepEqual([changes.length, changed, isCut], [1000, 3000, true]);
  });
});
