import assert from 'node:assert/strict';
import type { Decision } from '../../../src/contracts/authorizer.ts';
import { createAuthorizer } from '../../../src/policy/authorizer.ts';
import { VERBS } from '../../../src/s3/operations/verb.ts';
import { admin, authorizerOf, listing, on, principalWith, setOf, written } from './fixture.ts';

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

  it('names whom to ask of the policy whose rule decides, and in grants of each', () => {
    const policy = written('p', [
      { allow: ['GET'], bucket: 'box', everything: true },
      { deny: ['GET'], bucket: 'box', prefix: 'a/' },
    ]) as object;
    const authorizer = authorizerOf({ ...policy, owner: 'ann' });
    const decide = (key: string) =>
      authorizer.decide(principalWith(), { kind: 'object', verb: 'GET', bucket: 'box', key });
    assert.equal(decide('a/x').owner, 'ann');
    assert.deepEqual(
      authorizer.grants(principalWith(), 'box').map(({ owner }) => owner),
      ['ann', 'ann'],
    );
    // Nobody's rule denies by default.
    const none = authorizer.decide(principalWith({ groups: [] }), {
      kind: 'object',
      verb: 'GET',
      bucket: 'box',
      key: 'x',
    });
    assert.equal(none.owner, undefined);
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

  it('never takes an object without a key, or a listing or ADMIN of an object, for part of everything', () => {
    const verbs = [...VERBS];
    const authorizer = authorizerOf(written('p', [{ allow: verbs, bucket: 'reports', everything: true }]));
    assert.equal(outcome(authorizer.decide(someone, on('GET', ''))), 'deny default-deny');
    for (const verb of ['LIST', 'LIST_VERSIONS', 'ADMIN'] as const) {
      assert.equal(outcome(authorizer.decide(someone, on(verb, 'x'))), 'deny default-deny', verb);
    }
    const smuggled = { ...listing(''), verb: 'GET' } as unknown as ReturnType<typeof listing>;
    assert.equal(outcome(authorizer.decide(someone, smuggled)), 'deny default-deny');
    const disguised = { ...admin(), verb: 'GET' } as unknown as ReturnType<typeof admin>;
    assert.equal(outcome(authorizer.decide(someone, disguised)), 'deny default-deny');
  });

  it('grants each verb where it is named, and none for another', () => {
    for (const verb of VERBS.filter((each) => each !== 'ADMIN' && !each.startsWith('LIST'))) {
      const authorizer = authorizerOf(written('p', [{ allow: [verb], bucket: 'reports', everything: true }]));
      for (const other of VERBS) {
        assert.equal(authorizer.decide(someone, on(other, 'x')).effect, other === verb ? 'allow' : 'deny');
      }
      assert.equal(authorizer.decide(someone, admin()).effect, 'deny');
      assert.equal(authorizer.decide(someone, listing('')).effect, 'deny');
    }
  });

  it('leaves the bucket itself to ADMIN alone, whatever else is allowed in it', () => {
    const ordinary = VERBS.filter((verb) => verb !== 'ADMIN');
    const all = { allow: ordinary, bucket: 'reports', everything: true };
    const own = { allow: ['ADMIN'], bucket: 'reports', everything: true };
    assert.equal(outcome(authorizerOf(written('p', [all])).decide(someone, admin())), 'deny default-deny');
    const authorizer = authorizerOf(written('p', [own]));
    assert.equal(outcome(authorizer.decide(someone, admin())), 'allow p/r0');
    assert.equal(outcome(authorizer.decide(someone, admin('artifacts'))), 'deny default-deny');
    assert.equal(outcome(authorizer.decide(someone, on('GET', 'x'))), 'deny default-deny');
    assert.equal(outcome(authorizer.decide(someone, listing(''))), 'deny default-deny');
    const denied = { ...own, allow: undefined, deny: ['ADMIN'] };
    assert.equal(outcome(authorizerOf(written('p', [own, denied])).decide(someone, admin())), 'deny p/r1');
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

  it('of versions is a verb of its own, with the same bounds', () => {
    const versions = { ...year, allow: ['LIST_VERSIONS'] };
    const deny = { deny: ['LIST_VERSIONS'], bucket: 'reports', prefix: '2026/board/' };
    const authorizer = authorizerOf(written('p', [versions, deny]));
    const reasonFor = (prefix: string, after: string[] = []) =>
      outcome(authorizer.decide(someone, { ...listing(prefix, after), verb: 'LIST_VERSIONS' }));
    assert.equal(reasonFor('2026/q3/'), 'allow p/r0');
    assert.equal(reasonFor('2026/q3/', ['2025/z']), 'deny default-deny');
    assert.equal(reasonFor('2025/'), 'deny default-deny');
    assert.equal(reasonFor(''), 'deny p/r1');
    assert.equal(reasonFor('2026/'), 'deny p/r1');
    assert.equal(outcome(authorizer.decide(someone, listing('2026/q3/'))), 'deny default-deny');
    assert.equal(decide([year], '2026/'), 'allow p/r0');
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

describe('a policy applies to', () => {
  const rule = { allow: ['GET'], bucket: 'reports', everything: true };
  const applies = (selector: Record<string, string>, caller: ReturnType<typeof principalWith>) =>
    authorizerOf(written('p', [rule], [{ issuer: 'demo', ...selector }])).decide(caller, on('GET', 'x')).effect ===
    'allow';

  it('nobody of another issuer, whatever their subject and groups', () => {
    const otherCaller = principalWith({ issuerName: 'partner', subject: 'alice', claims: { client_id: 'app' } });
    assert.ok(!applies({ group: 'staff' }, otherCaller));
    assert.ok(!applies({ subject: 'alice' }, otherCaller));
    assert.ok(!applies({ client: 'app' }, otherCaller));
  });

  it('members of a group, compared letter by letter', () => {
    assert.ok(applies({ group: 'staff' }, principalWith({ groups: ['x', 'staff'] })));
    for (const groups of [[], ['Staff'], ['staff '], ['staf'], ['staff,x']]) {
      assert.ok(!applies({ group: 'staff' }, principalWith({ groups })));
    }
  });

  it('callers by the client in `client_id`, or in `azp` where there is none', () => {
    assert.ok(applies({ client: 'app' }, principalWith({ claims: { client_id: 'app', azp: 'other' } })));
    assert.ok(applies({ client: 'app' }, principalWith({ claims: { azp: 'app' } })));
    assert.ok(!applies({ client: 'app' }, principalWith({ claims: { client_id: 'other', azp: 'app' } })));
    assert.ok(!applies({ client: 'app' }, principalWith({ claims: { client_id: ['app'] } })));
    assert.ok(
      !applies(
        { client: 'app' },
        principalWith({ claims: Object.create({ client_id: 'app' }) as Record<string, string> }),
      ),
    );
  });

  it('a subject only where all of its lines hold, and where any of its subjects does', () => {
    const selector = { subject: 'alice', group: 'staff', client: 'app' };
    const alice = { subject: 'alice', groups: ['staff'], claims: { client_id: 'app' } };
    assert.ok(applies(selector, principalWith(alice)));
    assert.ok(!applies(selector, principalWith({ ...alice, subject: 'bob' })));
    assert.ok(!applies(selector, principalWith({ ...alice, groups: [] })));
    assert.ok(!applies(selector, principalWith({ ...alice, claims: {} })));
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
  it('hold every rule that applies to the caller in the bucket, allows first', () => {
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

describe('a session of one policy', () => {
  const read = { allow: ['GET'], bucket: 'reports', prefix: 'a/' };
  const write = { allow: ['PUT', 'ADMIN'], bucket: 'reports', everything: true };
  const keep = { deny: ['GET'], bucket: 'reports', prefix: 'a/secret/' };
  const others = [{ issuer: 'demo', group: 'others' }];
  const authorizer = authorizerOf(
    written('reading', [read]),
    written('writing', [write]),
    written('keeping', [keep]),
    written('theirs', [{ allow: ['DELETE', 'GET'], bucket: 'reports', everything: true }], others),
  );
  const decide = (binding: string | undefined, verb: 'GET' | 'PUT' | 'DELETE', key: string) =>
    outcome(authorizer.decide(principalWith(binding === undefined ? {} : { binding }), on(verb, key)));

  it('has the allows of that policy and of no other', () => {
    assert.equal(decide('reading', 'GET', 'a/x'), 'allow reading/r0');
    assert.equal(decide('reading', 'PUT', 'a/x'), 'deny default-deny');
    assert.equal(decide('writing', 'GET', 'a/x'), 'deny default-deny');
    assert.equal(decide('writing', 'PUT', 'a/x'), 'allow writing/r0');
    assert.equal(outcome(authorizer.decide(principalWith({ binding: 'reading' }), admin())), 'deny default-deny');
  });

  it('is held by the denies of all policies that apply to the caller', () => {
    assert.equal(decide('reading', 'GET', 'a/secret/x'), 'deny keeping/r0');
    assert.equal(decide('writing', 'GET', 'a/secret/x'), 'deny keeping/r0');
    assert.deepEqual(authorizer.grants(principalWith({ binding: 'reading' }), 'reports'), [
      { effect: 'allow', verbs: ['GET'], scope: { prefix: 'a/' } },
      { effect: 'deny', verbs: ['GET'], scope: { prefix: 'a/secret/' } },
    ]);
  });

  it('gives nothing when it names a policy that is not there or does not apply to the caller', () => {
    for (const binding of ['gone', 'theirs', '', '*', '0', 'Reading', 'reading,writing', 'reading|0', '__proto__']) {
      for (const verb of ['GET', 'PUT', 'DELETE'] as const) {
        assert.equal(decide(binding, verb, 'a/x'), 'deny default-deny', binding);
      }
      const bound = principalWith({ binding });
      assert.ok(authorizer.grants(bound, 'reports').every(({ effect }) => effect === 'deny'));
      assert.deepEqual(authorizer.visibleBuckets(bound, ['reports']), []);
      assert.deepEqual(authorizer.bindings(bound), []);
    }
  });

  it('gives nothing from the moment that the policy is gone or names the caller no more', () => {
    const bound = principalWith({ binding: 'p' });
    let set = setOf(written('p', [read]), written('q', [read]));
    const reloading = createAuthorizer({ current: () => set });
    assert.equal(outcome(reloading.decide(bound, on('GET', 'a/x'))), 'allow p/r0');
    set = setOf(written('p', [read], others), written('q', [read]));
    assert.equal(outcome(reloading.decide(bound, on('GET', 'a/x'))), 'deny default-deny');
    set = setOf(written('q', [read]));
    assert.equal(outcome(reloading.decide(bound, on('GET', 'a/x'))), 'deny default-deny');
  });

  it('never shares what was worked out with a session of another policy or of none', () => {
    const bound = ['reading', undefined, 'writing', 'gone'];
    const first = bound.map((binding) => decide(binding, 'PUT', 'b'));
    for (let round = 0; round < 2; round += 1) {
      assert.deepEqual(
        bound.map((binding) => decide(binding, 'PUT', 'b')),
        first,
      );
    }
    assert.deepEqual(first, ['deny default-deny', 'allow writing/r0', 'allow writing/r0', 'deny default-deny']);
  });

  it('can be requested of every policy that applies to the caller, and of no other once it is bound', () => {
    assert.deepEqual(authorizer.bindings(principalWith()), ['keeping', 'reading', 'writing']);
    assert.deepEqual(authorizer.bindings(principalWith({ groups: [] })), []);
    assert.deepEqual(authorizer.bindings(principalWith({ issuerName: 'partner' })), []);
    assert.deepEqual(authorizer.bindings(principalWith({ binding: 'reading' })), ['reading']);
  });
});

describe('a relevant principal', () => {
  const rule = { allow: ['GET'], bucket: 'reports', everything: true };
  const authorizer = authorizerOf(
    written('p', [rule], [{ issuer: 'demo', group: 'staff' }]),
    written('q', [rule], [{ issuer: 'demo', client: 'app' }]),
    written('r', [rule], [{ issuer: 'partner', group: 'elsewhere', client: 'theirs' }]),
  );

  it('keeps the groups and the client that policies of its issuer name, and everything else that it is', () => {
    const whole = principalWith({
      groups: ['x', 'staff', 'elsewhere', 'staff'],
      claims: { client_id: 'app', azp: 'other', email: 'a@b' },
      binding: 'p',
      accessKeyId: 'SPLY',
    });
    assert.deepEqual(authorizer.relevant(whole), { ...whole, groups: ['staff'], claims: { client_id: 'app' } });
  });

  it('keeps no client that stands behind another one, and none that no policy names', () => {
    for (const claims of [
      { client_id: 'unnamed', azp: 'app' },
      { azp: 'theirs' },
      { client_id: 7 },
      { client_id: ['app'] },
    ]) {
      assert.deepEqual(authorizer.relevant(principalWith({ claims })).claims, {});
    }
    assert.deepEqual(authorizer.relevant(principalWith({ claims: { azp: 'app' } })).claims, { azp: 'app' });
  });

  it('is the principal itself where it loses nothing, and the same one each time where it does', () => {
    const lean = principalWith({ claims: { client_id: 'app' } });
    assert.equal(authorizer.relevant(lean), lean);
    const whole = principalWith({ groups: ['x', 'staff'] });
    assert.equal(authorizer.relevant(whole), authorizer.relevant(whole));
    assert.equal(authorizer.relevant(authorizer.relevant(whole)), authorizer.relevant(whole));
  });
});
