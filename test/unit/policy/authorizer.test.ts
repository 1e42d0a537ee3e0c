import assert from 'node:assert/strict';
import type { Decision } from '../../../src/contracts/authorizer.ts';
import { createAuthorizer } from '../../../src/policy/authorizer.ts';
import { authorizerOf, listing, on, principalWith, setOf, written } from './policies-of.ts';

const outcome = ({ effect, rule }: Decision) => `${effect} ${rule}`;

describe('decide', () => {
  const someone = principalWith();

  it('denies by default, and says what was missing', () => {
    const decision = authorizerOf(written('p', [{ allow: ['GET'], bucket: 'reports', prefix: 'a/' }])).decide(
      someone,
      on('DELETE', '2026/q3.csv'),
    );
    assert.equal(outcome(decision), 'deny default-deny');
    assert.match(decision.reason, /DELETE on reports\/2026\/q3\.csv/);
    assert.equal(decision.policyVersion, 'v1');
  });

  it('names the rule that is written first where several allow', () => {
    const rule = { allow: ['GET'], bucket: 'reports', everything: true };
    const authorizer = authorizerOf(written('a', [rule, rule]), written('b', [rule]));
    assert.equal(outcome(authorizer.decide(someone, on('GET', 'x'))), 'allow a/r0');
  });

  it('gives the reason of the rule, or one that says what the rule covers', () => {
    const authorizer = authorizerOf(
      written('p', [
        { allow: ['GET', 'PUT'], bucket: 'reports', prefix: 'a/' },
        { deny: ['PUT'], bucket: 'reports', key: 'a/final', reason: 'It is final.' },
      ]),
    );
    assert.match(authorizer.decide(someone, on('GET', 'a/x')).reason, /p\/r0 allows GET and PUT .* reports under a\//);
    assert.equal(authorizer.decide(someone, on('PUT', 'a/final')).reason, 'It is final.');
  });

  it('compares keys as they are: no case folding, no normalisation, no dot segments, no escapes', () => {
    const authorizer = authorizerOf(written('p', [{ allow: ['GET'], bucket: 'reports', prefix: 'caf\u00e9/' }]));
    assert.equal(authorizer.decide(someone, on('GET', 'caf\u00e9/x')).effect, 'allow');
    for (const key of [
      'cafe\u0301/x',
      'CAF\u00c9/x',
      '/caf\u00e9/x',
      './caf\u00e9/x',
      'x/../caf\u00e9/x',
      'caf%C3%A9/x',
    ]) {
      assert.equal(authorizer.decide(someone, on('GET', key)).effect, 'deny', key);
    }
  });

  it('takes a key for this key and no other', () => {
    const authorizer = authorizerOf(written('p', [{ allow: ['GET'], bucket: 'reports', key: 'a/x' }]));
    assert.equal(authorizer.decide(someone, on('GET', 'a/x')).effect, 'allow');
    for (const key of ['a/x/', 'a/x2', 'a/', 'a', 'A/x']) {
      assert.equal(authorizer.decide(someone, on('GET', key)).effect, 'deny', key);
    }
  });

  it('never takes an object without a key, or a LIST of an object, for part of everything', () => {
    const verbs = ['GET', 'PUT', 'DELETE', 'LIST'];
    const authorizer = authorizerOf(written('p', [{ allow: verbs, bucket: 'reports', everything: true }]));
    assert.equal(outcome(authorizer.decide(someone, on('GET', ''))), 'deny default-deny');
    assert.equal(outcome(authorizer.decide(someone, on('LIST', 'x'))), 'deny default-deny');
  });

  it('repeats no more of a hostile key than a document and a terminal can carry', () => {
    const { reason } = authorizerOf(written('p', [{ allow: ['GET'], bucket: 'reports', key: 'x' }])).decide(
      someone,
      on('GET', `\u0000\u001b[31m\u202e\ud800${'\u{1f600}'.repeat(400)}`),
    );
    assert.ok(reason.length < 400);
    assert.ok(reason.isWellFormed());
    assert.doesNotMatch(reason, /\p{C}/u);
  });

  it('decides by the set that is in force at the time of the call', () => {
    const rule = { allow: ['GET'], bucket: 'reports', everything: true };
    let set = setOf(written('p', [rule]));
    const authorizer = createAuthorizer({ current: () => set });
    assert.equal(authorizer.decide(someone, on('GET', 'x')).effect, 'allow');
    set = { ...setOf(written('p', [{ ...rule, allow: ['PUT'] }])), version: 'v2' };
    assert.deepEqual(outcome(authorizer.decide(someone, on('GET', 'x'))), 'deny default-deny');
    assert.equal(authorizer.policyVersion(), 'v2');
  });

  it('decides alike for the same caller whether its ability was cached or not', () => {
    const policies = Array.from({ length: 40 }, (_, index) =>
      written(
        `p${index}`,
        [{ allow: ['GET'], bucket: 'reports', prefix: `f${index}/` }],
        [{ issuer: 'demo', group: `g${index}` }],
      ),
    );
    const authorizer = authorizerOf(...policies);
    for (let round = 0; round < 3; round += 1) {
      for (let index = 0; index < 40; index += 1) {
        const member = principalWith({ groups: [`g${index}`] });
        assert.equal(outcome(authorizer.decide(member, on('GET', `f${index}/x`))), `allow p${index}/r0`);
        assert.equal(outcome(authorizer.decide(member, on('GET', `f${(index + 1) % 40}/x`))), 'deny default-deny');
      }
    }
  });
});

describe('a listing', () => {
  const someone = principalWith();
  const decide = (rules: Record<string, unknown>[], prefix: string, after: string[] = []) =>
    outcome(authorizerOf(written('p', rules)).decide(someone, listing(prefix, after)));
  const year = { allow: ['LIST'], bucket: 'reports', prefix: '2026/' };
  const everything = { allow: ['LIST'], bucket: 'reports', everything: true };

  it('is allowed where one rule covers its prefix whole', () => {
    assert.equal(decide([year], '2026/'), 'allow p/r0');
    assert.equal(decide([year], '2026/q'), 'allow p/r0');
    assert.equal(decide([everything], ''), 'allow p/r0');
  });

  it('is denied where it would show more than a rule covers', () => {
    for (const prefix of ['', '2', '2026', '2026-secret/', '2025/', '/2026/']) {
      assert.equal(decide([year], prefix), 'deny default-deny', prefix);
    }
  });

  it('is not put together from several rules, nor from GET', () => {
    const halves = [year, { ...year, prefix: '2025/' }];
    assert.equal(decide(halves, '202'), 'deny default-deny');
    assert.equal(decide([{ ...everything, allow: ['GET'] }], '2026/'), 'deny default-deny');
  });

  it('is denied where a deny covers it, and where it would show what a deny covers', () => {
    const deny = { deny: ['LIST'], bucket: 'reports', prefix: '2026/board/' };
    for (const prefix of ['', '2', '2026/', '2026/bo', '2026/board/', '2026/board/may/']) {
      assert.equal(decide([everything, deny], prefix), 'deny p/r1', prefix);
    }
    assert.equal(decide([everything, deny], '2026/q'), 'allow p/r0');
    assert.equal(decide([everything, deny], '2026/board-games/'), 'allow p/r0');
  });

  it('says so where it is denied for what lies below', () => {
    const deny = { deny: ['LIST'], bucket: 'reports', prefix: '2026/board/', reason: 'Board only.' };
    const { reason } = authorizerOf(written('p', [everything, deny])).decide(someone, listing('2026/'));
    assert.match(reason, /would show what p\/r1 denies: Board only\./);
  });

  it('is denied where it would show the one key that a deny names', () => {
    const deny = { deny: ['LIST'], bucket: 'reports', key: '2026/plan' };
    assert.equal(decide([everything, deny], '2026/'), 'deny p/r1');
    assert.equal(decide([everything, deny], '2026/plan'), 'deny p/r1');
    assert.equal(decide([everything, deny], '2026/plan/'), 'allow p/r0');
  });

  it('is denied where a marker lies outside of what the rule covers', () => {
    assert.equal(decide([year], '2026/', ['', '2026/q1.csv']), 'allow p/r0');
    for (const marker of ['2025/z', '2026', '2026-secret/a', '2027/', '\u0000']) {
      assert.equal(decide([year], '2026/', ['2026/a', marker]), 'deny default-deny', marker);
    }
    const { reason } = authorizerOf(written('p', [year])).decide(someone, listing('2026/', ['2025/']));
    assert.match(reason, /marker .* p\/r0/);
  });

  it('may be covered by a wider rule where a marker leaves the narrower one', () => {
    const rules = [{ ...year, prefix: '2026/q1/' }, year];
    assert.equal(decide(rules, '2026/q1/', ['2026/q1/x']), 'allow p/r0');
    assert.equal(decide(rules, '2026/q1/', ['2026/q0']), 'allow p/r1');
  });
});

describe('a policy bears on', () => {
  const rule = { allow: ['GET'], bucket: 'reports', everything: true };
  const bears = (selector: Record<string, string>, caller: ReturnType<typeof principalWith>) =>
    authorizerOf(written('p', [rule], [{ issuer: 'demo', ...selector }])).decide(caller, on('GET', 'x')).effect ===
    'allow';

  it('nobody of another issuer, whatever their subject and groups', () => {
    const stranger = principalWith({ issuerName: 'partner', subject: 'alice', claims: { client_id: 'app' } });
    assert.ok(!bears({ group: 'staff' }, stranger));
    assert.ok(!bears({ subject: 'alice' }, stranger));
    assert.ok(!bears({ client: 'app' }, stranger));
  });

  it('members of a group, compared letter by letter', () => {
    assert.ok(bears({ group: 'staff' }, principalWith({ groups: ['x', 'staff'] })));
    for (const groups of [[], ['Staff'], ['staff '], ['staf'], ['staff,x']]) {
      assert.ok(!bears({ group: 'staff' }, principalWith({ groups })));
    }
  });

  it('callers by the client in `client_id`, or in `azp` where there is none', () => {
    assert.ok(bears({ client: 'app' }, principalWith({ claims: { client_id: 'app', azp: 'other' } })));
    assert.ok(bears({ client: 'app' }, principalWith({ claims: { azp: 'app' } })));
    assert.ok(!bears({ client: 'app' }, principalWith({ claims: { client_id: 'other', azp: 'app' } })));
    assert.ok(!bears({ client: 'app' }, principalWith({ claims: { client_id: ['app'] } })));
    assert.ok(
      !bears(
        { client: 'app' },
        principalWith({ claims: Object.create({ client_id: 'app' }) as Record<string, string> }),
      ),
    );
  });

  it('a subject only where all of its lines hold, and where any of its subjects does', () => {
    const selector = { subject: 'alice', group: 'staff', client: 'app' };
    const alice = { subject: 'alice', groups: ['staff'], claims: { client_id: 'app' } };
    assert.ok(bears(selector, principalWith(alice)));
    assert.ok(!bears(selector, principalWith({ ...alice, subject: 'bob' })));
    assert.ok(!bears(selector, principalWith({ ...alice, groups: [] })));
    assert.ok(!bears(selector, principalWith({ ...alice, claims: {} })));
    const either = [
      { issuer: 'demo', subject: 'bob' },
      { issuer: 'demo', group: 'staff' },
    ];
    assert.equal(authorizerOf(written('p', [rule], either)).decide(principalWith(), on('GET', 'x')).effect, 'allow');
  });
});

describe('a bucket', () => {
  const someone = principalWith();
  const decide = (...rules: Record<string, unknown>[]) => {
    const authorizer = authorizerOf(written('p', rules));
    const decision = authorizer.decide(someone, { kind: 'bucket', bucket: 'reports' });
    const visible = authorizer.visibleBuckets(someone, ['artifacts', 'reports']);
    assert.deepEqual(visible, decision.effect === 'allow' ? ['reports'] : []);
    return outcome(decision);
  };
  const get = { allow: ['GET'], bucket: 'reports', prefix: 'a/' };

  it('is visible where some rule allows something in it', () => {
    assert.equal(decide(get), 'allow p/r0');
    assert.equal(decide({ ...get, bucket: 'elsewhere' }), 'deny default-deny');
  });

  it('is not visible for denies alone, nor where denies leave nothing of what is allowed', () => {
    const deny = { deny: ['GET'], bucket: 'reports', everything: true };
    assert.equal(decide(deny), 'deny default-deny');
    assert.equal(decide(get, deny), 'deny p/r1');
    assert.equal(decide(get, { ...deny, deny: ['PUT'] }), 'allow p/r0');
  });

  it('stays visible where denies leave something', () => {
    assert.equal(decide(get, { deny: ['GET'], bucket: 'reports', prefix: 'a/b/' }), 'allow p/r0');
    assert.equal(decide(get, { deny: ['GET'], bucket: 'reports', key: 'a/b' }), 'allow p/r0');
    const both = { ...get, allow: ['GET', 'PUT'] };
    assert.equal(decide(both, { deny: ['GET'], bucket: 'reports', prefix: 'a/' }), 'allow p/r0');
  });
});

describe('grants', () => {
  it('hold every rule that bears on the caller in the bucket, allows first', () => {
    const authorizer = authorizerOf(
      written('a', [
        { deny: ['DELETE'], bucket: 'reports', everything: true },
        { allow: ['GET', 'LIST'], bucket: 'reports', prefix: 'a/' },
        { allow: ['GET'], bucket: 'artifacts', everything: true },
      ]),
      written('b', [{ allow: ['PUT'], bucket: 'reports', key: 'b' }]),
      written('c', [{ allow: ['PUT'], bucket: 'reports', everything: true }], [{ issuer: 'demo', group: 'others' }]),
    );
    assert.deepEqual(authorizer.grants(principalWith(), 'reports'), [
      { effect: 'allow', verbs: ['GET', 'LIST'], scope: { prefix: 'a/' } },
      { effect: 'allow', verbs: ['PUT'], scope: { key: 'b' } },
      { effect: 'deny', verbs: ['DELETE'], scope: { prefix: '' } },
    ]);
    assert.deepEqual(authorizer.grants(principalWith({ groups: [] }), 'reports'), []);
    assert.deepEqual(authorizer.grants(principalWith(), '__proto__'), []);
  });
});
