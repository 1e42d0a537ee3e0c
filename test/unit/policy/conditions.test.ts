import assert from 'node:assert/strict';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { RequestFacts } from '../../../src/contracts/authorizer.ts';
import type { Principal } from '../../../src/contracts/principal.ts';
import { createAuthorizer } from '../../../src/policy/authorizer.ts';
import { InvalidPolicies } from '../../../src/policy/invalid-policies.ts';
import { loadPolicies } from '../../../src/policy/load-policies.ts';
import { policySchema } from '../../../src/policy/policy-schema.ts';
import { listing, on, principalWith, setOf, written } from './fixture.ts';

const PUT = on('PUT', 'a/x');
const GET = on('GET', 'a/x');
const AGENTS = new Map([['demo', new Set(['robot'])]]);

/** What an allow and a deny with a condition come to: `yes`, `no`, or `?` where the fact is absent. */
function answer(when: object, facts: RequestFacts, caller: Principal = principalWith()): string {
  const allow = { allow: ['PUT'], bucket: 'reports', everything: true };
  const deny = { deny: ['PUT'], bucket: 'reports', everything: true };
  const effect = (...rules: readonly object[]) => {
    const set = { ...setOf(written('p', rules as never)), agents: AGENTS };
    return createAuthorizer({ current: () => set }).decide(caller, PUT, facts).effect;
  };
  const isAllowed = effect({ ...allow, when }) === 'allow';
  const isDenied = effect(allow, { ...deny, when }) === 'deny';
  if (isAllowed !== isDenied) {
    assert.ok(isDenied, 'an absent fact satisfies an allow and no deny');
    return '?';
  }
  return isAllowed ? 'yes' : 'no';
}

const at = (time: string): RequestFacts => ({ nowMs: Date.parse(time) });
const withClaims = (claims: Principal['claims']) => principalWith({ claims });

describe('a condition', () => {
  it('on `from` and `until` holds from the first millisecond to the last one before the end', () => {
    const when = { from: '2026-12-01T00:00:00+01:00', until: '2026-12-31T18:00:00Z' };
    assert.equal(answer(when, at('2026-11-30T22:59:59.999Z')), 'no');
    assert.equal(answer(when, at('2026-11-30T23:00:00Z')), 'yes');
    assert.equal(answer(when, at('2026-12-31T17:59:59.999Z')), 'yes');
    assert.equal(answer(when, at('2026-12-31T18:00:00Z')), 'no');
    assert.equal(answer(when, {}), '?');
  });

  it('on `hours` knows days and summer time of its zone', () => {
    const hours = { days: ['mon', 'fri'], from: '08:00', to: '18:00', timeZone: 'Europe/Zurich' };
    assert.equal(answer({ hours }, at('2026-12-04T07:00:00Z')), 'yes');
    assert.equal(answer({ hours }, at('2026-12-04T06:59:59Z')), 'no');
    assert.equal(answer({ hours }, at('2026-12-04T17:00:00Z')), 'no');
    assert.equal(answer({ hours }, at('2026-07-03T06:00:00Z')), 'yes');
    assert.equal(answer({ hours }, at('2026-12-03T12:00:00Z')), 'no');
    assert.equal(
      answer({ hours: { ...hours, days: undefined, from: '00:00', to: '24:00' } }, at('2026-12-06T00:00:00Z')),
      'yes',
    );
    assert.equal(answer({ hours }, {}), '?');
  });

  it('on `networks` takes an address and nothing that looks like one', () => {
    const networks = ['10.0.0.0/8', '2001:db8::/32'];
    const of = (clientAddress: string) => answer({ networks }, { clientAddress });
    for (const inside of ['10.255.0.1', '::ffff:10.0.0.1', '::FFFF:10.0.0.1', '2001:db8:ffff::1']) {
      assert.equal(of(inside), 'yes', inside);
    }
    for (const outside of ['11.0.0.1', '::ffff:11.0.0.1', '2001:db9::1', '::1'])
      assert.equal(of(outside), 'no', outside);
    for (const none of ['edge', '', '10.0.0.1, 11.0.0.1', '10.0.0', '10.0.0.1:80', '010.0.0.1', 'unix:']) {
      assert.equal(of(none), '?', none);
    }
    assert.equal(answer({ networks: ['0.0.0.0/0'] }, { clientAddress: '9.9.9.9' }), 'yes');
    assert.equal(answer({ networks: ['0.0.0.0/0'] }, { clientAddress: '2001:db8::1' }), 'no');
  });

  it('on `tokenKind` looks at what the token was made as', () => {
    const when = { tokenKind: ['access_token', 'workload_identity'] };
    assert.equal(answer(when, {}, { ...principalWith(), tokenKind: 'access_token' }), 'yes');
    assert.equal(answer(when, {}, { ...principalWith(), tokenKind: 'id_token' }), 'no');
    assert.equal(answer(when, {}, principalWith()), '?');
    // A claim of that name is the token's own word.
    assert.equal(answer(when, {}, withClaims({ tokenKind: 'access_token' })), '?');
  });

  it('on `acr`, `amr` and the age of the login reads the claims, of the right type only', () => {
    assert.equal(answer({ acr: ['gold', 'silver'] }, {}, withClaims({ acr: 'gold' })), 'yes');
    assert.equal(answer({ acr: ['gold'] }, {}, withClaims({ acr: 'Gold' })), 'no');
    for (const claims of [{}, { acr: ['gold'] }, { acr: 1 }])
      assert.equal(answer({ acr: ['gold'] }, {}, withClaims(claims)), '?');
    assert.equal(answer({ amr: ['mfa', 'hwk'] }, {}, withClaims({ amr: ['pwd', 'hwk'] })), 'yes');
    assert.equal(answer({ amr: ['mfa'] }, {}, withClaims({ amr: 'mfa' })), 'yes');
    assert.equal(answer({ amr: ['mfa'] }, {}, withClaims({ amr: ['pwd'] })), 'no');
    for (const claims of [{}, { amr: [] }, { amr: true }])
      assert.equal(answer({ amr: ['mfa'] }, {}, withClaims(claims)), '?');
    const now = at('2026-12-04T12:00:00Z');
    const login = (secondsAgo: number) => withClaims({ auth_time: (now.nowMs ?? 0) / 1000 - secondsAgo });
    const when = { authenticatedWithin: '15m' };
    assert.deepEqual(
      [0, 900, 901, -30, -61].map((ago) => answer(when, now, login(ago))),
      ['yes', 'yes', 'no', 'yes', '?'],
    );
    for (const claims of [{}, { auth_time: '1' }]) assert.equal(answer(when, now, withClaims(claims)), '?');
    assert.equal(answer(when, {}, login(0)), '?');
    assert.equal(answer({ acr: ['x'] }, {}, withClaims(Object.create({ acr: 'x' }) as Principal['claims'])), '?');
  });

  it('on the way in and on agents knows who acts for somebody, and the clients of the configuration', () => {
    assert.equal(answer({ wayIn: ['session', 'bearer'] }, { wayIn: 'session' }), 'yes');
    assert.equal(answer({ wayIn: ['session'] }, { wayIn: 'presigned' }), 'no');
    assert.equal(answer({ wayIn: ['session'] }, {}), '?');
    const via = { via: 'agent' };
    assert.equal(answer(via, {}, withClaims({ azp: 'robot' })), 'yes');
    assert.equal(answer(via, {}, withClaims({ azp: 'console' })), 'no');
    assert.equal(answer(via, {}, withClaims({ client_id: 'console', azp: 'robot' })), 'no');
    assert.equal(answer(via, {}, withClaims({})), '?');
    const deny = { deny: ['PUT'], bucket: 'reports', everything: true, when: via };
    const everywhere = { allow: ['PUT'], bucket: 'reports', everything: true };
    const subjects = [{ issuer: 'demo', group: 'staff', actor: 'bot' }];
    const set = setOf(written('p', [everywhere], subjects), written('q', [deny]));
    const acting = principalWith({ actor: { subject: 'bot' } });
    assert.equal(createAuthorizer({ current: () => set }).decide(acting, PUT).rule, 'q/r0');
    assert.equal(answer(via, {}, principalWith({ issuerName: 'demo', claims: { azp: 'robot' } })), 'yes');
  });

  it('on what is stored knows size, type and tags, and that nothing is overwritten', () => {
    const of = (when: object, stored: RequestFacts['stored']) => answer(when, { stored });
    const size = { size: { min: '1 KiB', max: 2048 } };
    assert.deepEqual(
      [1023, 1024, 2048, 2049].map((sizeBytes) => of(size, { sizeBytes })),
      ['no', 'yes', 'yes', 'no'],
    );
    assert.equal(of(size, {}), '?');
    const types = { contentTypes: ['image/*', 'text/plain'] };
    for (const contentType of ['image/png', 'IMAGE/PNG', 'text/plain; charset=utf-8', ' text/plain ']) {
      assert.equal(of(types, { contentType }), 'yes', contentType);
    }
    for (const contentType of ['text/html', 'text/plainer', 'imagex/png'])
      assert.equal(of(types, { contentType }), 'no');
    for (const contentType of [undefined, '', 'image', 'image/png, text/html', 'image/png; a=b, text/html', 'a/b/c']) {
      assert.equal(of(types, { contentType }), '?', contentType);
    }
    const tags = { tags: { project: 'x', kept: '' } };
    assert.equal(
      of(tags, {
        tags: new Map([
          ['project', 'x'],
          ['kept', ''],
          ['more', '1'],
        ]),
      }),
      'yes',
    );
    assert.equal(of(tags, { tags: new Map([['project', 'x']]) }), 'no');
    assert.equal(of(tags, { tags: new Map() }), 'no');
    assert.equal(of(tags, {}), '?');
    assert.deepEqual(
      [true, false, undefined].map((createsOnly) => of({ createOnly: true }, { createsOnly })),
      ['yes', 'no', '?'],
    );
  });

  it('is one of several that must all hold', () => {
    const when = { wayIn: ['bearer'], size: { max: 10 } };
    assert.equal(answer(when, { wayIn: 'bearer', stored: { sizeBytes: 10 } }), 'yes');
    assert.equal(answer(when, { wayIn: 'session', stored: {} }), 'no');
    assert.equal(answer(when, { wayIn: 'bearer', stored: {} }), '?');
  });
});

describe('a rule with conditions', () => {
  const contractor = {
    allow: ['GET', 'LIST'],
    bucket: 'reports',
    prefix: 'a/',
    when: { until: '2026-12-31T00:00:00Z' },
  };
  const before = at('2026-12-30T23:59:59.999Z');
  const after = at('2026-12-31T00:00:00Z');

  it('ends in decisions, grants and lists of buckets at its end, whatever was remembered', () => {
    for (const rule of [contractor, { ...contractor, prefix: 'a/${sub}/' }]) {
      const set = setOf(written('p', [rule]));
      const authorizer = createAuthorizer({ current: () => set });
      const caller = principalWith({ subject: 'x' });
      const key = on('GET', 'a/x/y');
      for (let round = 0; round < 2; round += 1) {
        assert.equal(authorizer.decide(caller, key, before).effect, 'allow');
        assert.equal(authorizer.decide(caller, listing('a/x/'), before).effect, 'allow');
        assert.equal(authorizer.grants(caller, 'reports', before).length, 1);
        assert.equal(authorizer.grants(caller, 'reports', before), authorizer.grants(caller, 'reports', before));
        assert.deepEqual(authorizer.visibleBuckets(caller, ['reports'], before), ['reports']);
        assert.equal(authorizer.decide(caller, key, after).effect, 'deny');
        assert.equal(authorizer.decide(caller, listing('a/x/'), after).effect, 'deny');
        assert.deepEqual(authorizer.grants(caller, 'reports', after), []);
        assert.deepEqual(authorizer.visibleBuckets(caller, ['reports'], after), []);
        assert.equal(authorizer.decide(caller, { kind: 'bucket', bucket: 'reports' }, after).effect, 'deny');
      }
    }
  });

  it('says in a denial which condition is not met, and what it looked at', () => {
    const set = setOf(written('p', [contractor]));
    const { reason } = createAuthorizer({ current: () => set }).decide(principalWith(), GET, after);
    assert.match(
      reason,
      /Rule p\/r0 does not apply: its condition `until` is not met \(it is 2026-12-31T00:00:00\.000Z\)\.$/,
    );
    const type = { allow: ['PUT'], bucket: 'reports', prefix: 'a/', when: { contentTypes: ['image/png'] } };
    const typed = setOf(written('p', [type]));
    const decide = (contentType?: string) =>
      createAuthorizer({ current: () => typed }).decide(principalWith(), PUT, { stored: { contentType } }).reason;
    assert.match(decide('text/h\u202etml'), /`contentTypes` is not met \(it is "text\/h\uFFFDtml"\)/);
    assert.match(decide(), /`contentTypes` is not met \(what it looks at is not known\)/);
  });

  it('about what is stored gives a session the object at hand alone', () => {
    const small = { allow: ['PUT'], bucket: 'reports', prefix: 'a/', when: { size: { max: 10 } } };
    const read = { allow: ['GET', 'PUT'], bucket: 'reports', prefix: 'b/' };
    const notLarge = { deny: ['PUT'], bucket: 'reports', prefix: 'b/', when: { size: { min: 100 } } };
    const set = setOf(written('p', [small, read, notLarge]));
    const authorizer = createAuthorizer({ current: () => set });
    const facts = { stored: { sizeBytes: 5 } };
    const grants = (key: string, verb: 'PUT' | 'GET' = 'PUT') =>
      authorizer.grants(principalWith(), 'reports', facts, [on(verb, key)]);
    assert.equal(authorizer.decide(principalWith(), PUT, facts).effect, 'allow');
    assert.deepEqual(grants('a/x'), [{ effect: 'allow', verbs: ['PUT'], scope: { key: 'a/x' } }]);
    assert.deepEqual(grants('b/x'), [{ effect: 'allow', verbs: ['PUT'], scope: { key: 'b/x' } }]);
    assert.deepEqual(grants('b/x', 'GET'), [
      { effect: 'allow', verbs: ['GET', 'PUT'], scope: { prefix: 'b/' } },
      { effect: 'deny', verbs: ['PUT'], scope: { prefix: 'b/' } },
    ]);
    assert.deepEqual(authorizer.visibleBuckets(principalWith(), ['reports']), ['reports']);
  });

  it('keeps for a session the claims that it looks at', () => {
    const when = { acr: ['gold'], amr: ['mfa'], authenticatedWithin: '1h', via: 'agent' };
    const set = setOf(written('p', [{ ...contractor, when }]));
    const claims = { acr: 'gold', amr: ['mfa'], auth_time: 1, azp: 'robot', email: 'x' };
    const { email, ...kept } = claims;
    assert.equal(email, 'x');
    assert.deepEqual(createAuthorizer({ current: () => set }).relevant(withClaims(claims)).claims, kept);
  });
});

describe('conditions as a file writes them', () => {
  const issuesOf = (when: unknown, verbs = ['PUT']) => {
    const parsed = policySchema.safeParse(written('p', [{ allow: verbs, bucket: 'reports', prefix: 'a/', when }]));
    return parsed.success
      ? []
      : parsed.error.issues.map(({ path, message }) => `${path.slice(2).join('.')}: ${message}`);
  };

  it('are refused where they are not known, or not of their type', () => {
    for (const when of [
      ...[{}, [], 'always', { weather: 'fine' }, { Until: '2026-12-31T00:00:00Z' }],
      ...[{ until: '2026-12-31' }, { until: 'tomorrow' }, { until: '2026-12-31T00:00:00' }, { until: 5 }],
      ...[{ until: '2026-13-31T00:00:00Z' }, { from: '2026-12-02T00:00:00Z', until: '2026-12-01T00:00:00Z' }],
      ...[{ hours: { from: '08:00', to: '18:00' } }, { hours: { from: '8:00', to: '18:00', timeZone: 'UTC' } }],
      ...[{ hours: { from: '18:00', to: '08:00', timeZone: 'UTC' } }],
      ...[{ hours: { from: '08:00', to: '18:00', timeZone: 'Mars/Base' } }],
      ...[{ hours: { from: '08:00', to: '18:00', timeZone: 'UTC', days: ['Monday'] } }],
      ...[{ networks: [] }, { networks: ['10.0.0.1'] }, { networks: ['10.0.0.0/33'] }, { networks: ['::/129'] }],
      ...[{ networks: ['10.0.0.0/8/8'] }, { networks: ['office/8'] }, { networks: '10.0.0.0/8' }],
      ...[{ acr: 'gold' }, { amr: [] }, { authenticatedWithin: 15 }, { authenticatedWithin: '0m' }],
      ...[{ wayIn: ['cookie'] }, { via: 'person' }, { size: {} }, { size: { max: -1 } }, { size: { max: '1 MB' } }],
      ...[{ size: { min: 2, max: 1 } }, { contentTypes: ['Image/PNG'] }, { contentTypes: ['*/*'] }],
      ...[{ contentTypes: ['image/*png'] }, { tags: {} }, { tags: { a: 1 } }, { createOnly: false }],
    ]) {
      assert.ok(issuesOf(when).length > 0, JSON.stringify(when));
      for (const issue of issuesOf(when)) assert.match(issue, /^when/);
    }
    assert.deepEqual(issuesOf({ until: '2026-12-31T00:00+01:00', size: { max: '10 MiB' }, networks: ['::/0'] }), []);
  });

  it('about what is stored go with PUT alone', () => {
    for (const when of [{ size: { max: 1 } }, { contentTypes: ['a/b'] }, { tags: { a: '' } }, { createOnly: true }]) {
      assert.deepEqual(issuesOf(when), []);
      assert.match(issuesOf(when, ['write'])[0] ?? '', /goes with PUT alone/);
    }
    assert.deepEqual(issuesOf({ wayIn: ['bearer'] }, ['read', 'list']), []);
  });

  it('are refused, with their line, where no issuer carries the claim that they look at', async () => {
    const directory = await mkdtemp(join(tmpdir(), 'conditions-'));
    try {
      const issues = async (when: string, carried: readonly string[]) => {
        const rule = `{ id: r, deny: [GET], bucket: reports, everything: true,\n    when: { ${when} } }`;
        const text = `id: p\ndescription: d\nsubjects: [{ issuer: demo, everybody: true }]\nrules:\n  - ${rule}\n`;
        await writeFile(join(directory, 'p.yaml'), text);
        const known = { issuers: new Map([['demo', carried]]), buckets: ['reports'], agents: AGENTS };
        return loadPolicies(directory, known).then(
          () => [],
          (error: unknown) => {
            assert.ok(error instanceof InvalidPolicies);
            return error.issues.map(({ line, message }) => `${line ?? '-'} ${message}`);
          },
        );
      };
      for (const [when, claim] of [
        ['acr: [gold]', 'acr'],
        ['amr: [mfa]', 'amr'],
        ['authenticatedWithin: 1h', 'auth_time'],
        ['via: agent', 'azp'],
      ] as const) {
        assert.deepEqual(await issues(when, [claim]), []);
        const [issue, ...others] = await issues(when, ['email']);
        assert.match(issue ?? '', /^6 .*(carries no such claim|cannot tell the agents)/);
        assert.deepEqual(others, []);
      }
    } finally {
      await rm(directory, { recursive: true, force: true });
    }
  });
});
