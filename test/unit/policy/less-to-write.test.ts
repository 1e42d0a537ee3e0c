import assert from 'node:assert/strict';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { InvalidPolicies } from '../../../src/policy/invalid-policies.ts';
import { loadPolicies, type KnownNames } from '../../../src/policy/load-policies.ts';
import { createAuthorizer } from '../../../src/policy/authorizer.ts';
import { policySchema } from '../../../src/policy/policy-schema.ts';
import { VERB_GROUPS } from '../../../src/policy/verb-groups.ts';
import { OPERATIONS } from '../../../src/s3/operations/operations.ts';
import { VERBS } from '../../../src/s3/operations/verb.ts';
import { admin, authorizerOf, listing, on, principalWith, setOf, written } from './fixture.ts';

const someone = principalWith();
const parses = (rule: object, subjects?: readonly unknown[]) =>
  policySchema.safeParse(written('p', [{ ...rule }], subjects)).success;

describe('a rule of several buckets, prefixes or keys', () => {
  it('holds in each of them and nowhere else, as one rule', () => {
    const authorizer = authorizerOf(
      written('p', [
        { allow: ['GET', 'LIST'], buckets: ['reports', 'artifacts'], prefixes: ['a/', 'b/'] },
        { allow: ['PUT'], bucket: 'reports', keys: ['x', 'y'] },
      ]),
    );
    for (const bucket of ['reports', 'artifacts']) {
      for (const key of ['a/1', 'b/1']) {
        assert.equal(authorizer.decide(someone, on('GET', key, bucket)).rule, 'p/r0');
      }
      assert.equal(authorizer.decide(someone, on('GET', 'c/1', bucket)).effect, 'deny');
      assert.equal(authorizer.decide(someone, listing('b/', [], bucket)).rule, 'p/r0');
    }
    assert.equal(authorizer.decide(someone, on('GET', 'a/1', 'payroll')).effect, 'deny');
    for (const key of ['x', 'y']) assert.equal(authorizer.decide(someone, on('PUT', key)).rule, 'p/r1');
    for (const key of ['x/', 'z', 'xy']) assert.equal(authorizer.decide(someone, on('PUT', key)).effect, 'deny');
    assert.equal(authorizer.decide(someone, on('PUT', 'x', 'artifacts')).effect, 'deny');
  });

  it('covers a listing by one of its prefixes alone, never by two together', () => {
    const authorizer = authorizerOf(written('p', [{ allow: ['LIST'], bucket: 'reports', prefixes: ['a/x/', 'a/y/'] }]));
    assert.equal(authorizer.decide(someone, listing('a/')).effect, 'deny');
    assert.equal(authorizer.decide(someone, listing('a/x/', ['a/y/1'])).effect, 'deny');
    assert.equal(authorizer.decide(someone, listing('a/y/', ['a/y/1'])).effect, 'allow');
  });

  it('says in its reason which of them decided', () => {
    const rule = { allow: ['read'], buckets: ['reports', 'artifacts'], prefixes: ['a/', 'b/'] };
    const { reason } = authorizerOf(written('p', [rule])).decide(someone, on('GET', 'b/1', 'artifacts'));
    assert.equal(reason, 'Rule p/r0 allows GET and GET_TAGS on everything in artifacts under b/.');
  });

  it('gives each bucket its own grants, allows first', () => {
    const authorizer = authorizerOf(
      written('p', [
        { deny: ['GET'], bucket: 'reports', keys: ['a/x', 'a/y'] },
        { allow: ['GET'], buckets: ['reports', 'artifacts'], prefixes: ['a/', 'b/'] },
      ]),
    );
    assert.deepEqual(
      authorizer.grants(someone, 'reports').map(({ effect, scope }) => [effect, scope]),
      [
        ['allow', { prefix: 'a/' }],
        ['allow', { prefix: 'b/' }],
        ['deny', { key: 'a/x' }],
        ['deny', { key: 'a/y' }],
      ],
    );
    assert.equal(authorizer.grants(someone, 'artifacts').length, 2);
    assert.deepEqual(authorizer.grants(someone, 'payroll'), []);
  });

  it('is refused where it says a thing twice, not at all, or in two ways', () => {
    const good = { allow: ['GET'], bucket: 'reports', prefix: 'a/' };
    const { bucket, prefix, ...bare } = good;
    assert.ok(parses(good));
    for (const rule of [
      { ...good, buckets: ['artifacts'] },
      { ...bare, prefix },
      { ...bare, prefix, buckets: [] },
      { ...bare, prefix, buckets: ['reports', 'reports'] },
      { ...bare, prefix, buckets: 'reports' },
      { ...bare, prefix, buckets: ['re*'] },
      { ...bare, prefix, buckets: null },
      { ...bare, bucket, prefix, prefixes: ['b/'] },
      { ...bare, bucket, prefixes: ['b'] },
      { ...bare, bucket, prefixes: [''] },
      { ...bare, bucket, prefixes: [] },
      { ...bare, bucket, prefixes: 'b/' },
      { ...bare, bucket, prefixes: ['a/'], keys: ['b'] },
      { ...bare, bucket, keys: ['b'], everything: true },
      { ...bare, bucket, keys: ['b', 'b'] },
      { ...bare, bucket, keys: Array.from({ length: 257 }, (_, index) => `${index}`) },
      { allow: ['LIST'], bucket, keys: ['b'] },
      { allow: ['list'], bucket, key: 'b' },
      { allow: ['versions'], bucket, keys: ['b'] },
      { deny: ['ADMIN'], bucket, prefixes: ['a/'] },
    ]) {
      assert.equal(parses(rule), false, JSON.stringify(rule));
    }
  });
});

describe('a rule of all buckets', () => {
  const of = (buckets: readonly string[], ...policies: readonly unknown[]) =>
    createAuthorizer({ current: () => ({ ...setOf(...policies), buckets: new Set(buckets) }) });
  const all = { allow: ['GET', 'LIST', 'ADMIN'], buckets: 'all', everything: true };

  it('holds in every bucket of the configuration, those that came later too, and in no other', () => {
    for (const buckets of [['reports'], ['reports', 'new-one', 'all', 'manage', 'constructor']]) {
      const authorizer = of(buckets, written('p', [all]));
      for (const bucket of buckets) {
        assert.equal(authorizer.decide(someone, on('GET', 'x', bucket)).rule, 'p/r0');
        assert.equal(authorizer.decide(someone, listing('', [], bucket)).rule, 'p/r0');
        assert.equal(authorizer.decide(someone, admin(bucket)).rule, 'p/r0');
        assert.equal(authorizer.decide(someone, { kind: 'bucket', bucket }).effect, 'allow');
        assert.equal(authorizer.grants(someone, bucket).length, 1);
      }
      assert.deepEqual(authorizer.visibleBuckets(someone, [...buckets, 'elsewhere', '*']), buckets);
      for (const bucket of ['elsewhere', '*', '__proto__', '']) {
        assert.equal(authorizer.decide(someone, on('GET', 'x', bucket)).rule, 'default-deny');
        assert.equal(authorizer.decide(someone, { kind: 'bucket', bucket }).rule, 'default-deny');
        assert.deepEqual(authorizer.grants(someone, bucket), []);
      }
    }
  });

  it('is another thing than a rule of a bucket that is called all', () => {
    const authorizer = of(['reports', 'all'], written('p', [{ allow: ['GET'], buckets: ['all'], everything: true }]));
    assert.equal(authorizer.decide(someone, on('GET', 'x', 'all')).effect, 'allow');
    assert.equal(authorizer.decide(someone, on('GET', 'x', 'reports')).effect, 'deny');
  });

  it('gives way to a deny of one bucket, and as a deny wins over an allow of one', () => {
    const one = { bucket: 'reports', everything: true };
    const buckets = ['reports', 'artifacts'];
    const but = of(buckets, written('p', [all, { ...one, deny: ['GET'] }]));
    assert.equal(but.decide(someone, on('GET', 'x')).rule, 'p/r1');
    assert.equal(but.decide(someone, on('GET', 'x', 'artifacts')).rule, 'p/r0');
    const never = of(
      buckets,
      written('a', [{ ...one, allow: ['GET'] }]),
      written('b', [{ ...all, allow: undefined, deny: ['GET'] }]),
    );
    assert.equal(never.decide(someone, on('GET', 'x')).rule, 'b/r0');
    assert.deepEqual(never.visibleBuckets(someone, buckets), []);
    assert.equal(never.grants(someone, 'reports').length, 2);
  });

  it('names of several that decide alike the one that is written first, whether it names the bucket or not', () => {
    const one = { allow: ['GET'], bucket: 'reports', everything: true };
    assert.equal(of(['reports'], written('p', [one, all])).decide(someone, on('GET', 'x')).rule, 'p/r0');
    assert.equal(of(['reports'], written('p', [all, one])).decide(someone, on('GET', 'x')).rule, 'p/r0');
  });
});

describe('a group of verbs', () => {
  it('stands for its verbs and no other, in allows and denies', () => {
    for (const [group, expanded] of Object.entries(VERB_GROUPS)) {
      const [allow] = setOf(written('p', [{ allow: [group], bucket: 'reports', everything: true }])).policies;
      assert.deepEqual(allow?.rules[0]?.verbs, expanded);
      const [deny] = setOf(written('p', [{ deny: ['ADMIN', group], bucket: 'reports', everything: true }])).policies;
      assert.deepEqual(deny?.rules[0]?.verbs, ['ADMIN', ...expanded]);
    }
  });

  it('gives away neither the bucket itself, nor the end of versions, nor ACLs and locks', () => {
    const given: readonly string[] = Object.values(VERB_GROUPS).flat();
    for (const verb of ['ADMIN', 'DELETE_VERSION', 'PUT_ACL', 'PUT_LOCK', 'PUT_SSE', 'PUT_STORAGE_CLASS']) {
      assert.ok((VERBS as readonly string[]).includes(verb) && !given.includes(verb), verb);
    }
  });

  it('is refused in capitals, beside a verb that it holds, and where it is none', () => {
    const rule = (...allow: readonly string[]) => ({ allow, bucket: 'reports', everything: true });
    assert.ok(parses(rule('read', 'PUT')));
    for (const verbs of [
      ['READ'],
      ['read', 'GET'],
      ['read', 'read'],
      ['all'],
      ['admin'],
      ['toString'],
      ['__proto__'],
      ['constructor'],
      [''],
    ]) {
      assert.equal(parses(rule(...verbs)), false, verbs.join());
    }
  });
});

describe('tags and versioning of a bucket', () => {
  it('are shown to whoever may do anything in it, and set by ADMIN alone', () => {
    const { GetBucketTagging, GetBucketVersioning, PutBucketTagging, DeleteBucketTagging, PutBucketVersioning } =
      OPERATIONS;
    for (const { verb } of [GetBucketTagging, GetBucketVersioning]) assert.equal(verb, undefined);
    for (const { verb } of [PutBucketTagging, DeleteBucketTagging, PutBucketVersioning]) assert.equal(verb, 'ADMIN');
    const authorizer = authorizerOf(written('p', [{ allow: ['list'], bucket: 'reports', prefix: 'a/' }]));
    for (const document of ['GetBucketTagging', 'GetBucketVersioning'] as const) {
      assert.equal(authorizer.decide(someone, { kind: 'bucket', bucket: 'reports', document }).effect, 'allow');
    }
    assert.equal(authorizer.decide(someone, admin()).effect, 'deny');
  });
});

describe('everybody of an issuer', () => {
  const rule = { allow: ['GET'], bucket: 'reports', everything: true };
  const everybody = [{ issuer: 'demo', everybody: true }];

  it('is whoever the issuer knows, and nobody of another one', () => {
    const authorizer = authorizerOf(written('p', [rule], everybody));
    assert.equal(authorizer.decide(principalWith({ groups: [] }), on('GET', 'x')).effect, 'allow');
    assert.equal(authorizer.decide(principalWith({ issuerName: 'other' }), on('GET', 'x')).effect, 'deny');
    assert.deepEqual(authorizer.bindings(principalWith({ groups: [] })), ['p']);
  });

  it('is no agent that acts for them, but every deny holds for it', () => {
    const agent = principalWith({ actor: { subject: 'agent' } });
    assert.equal(authorizerOf(written('p', [rule], everybody)).decide(agent, on('GET', 'x')).effect, 'deny');
    const denied = authorizerOf(
      written('p', [{ ...rule, allow: undefined, deny: ['GET'] }], everybody),
      written('q', [rule], [{ issuer: 'demo', actor: 'agent' }]),
    );
    assert.equal(denied.decide(agent, on('GET', 'x')).rule, 'p/r0');
  });

  it('has to be said, alone, and can only be true', () => {
    assert.ok(parses(rule, everybody));
    for (const subject of [
      { issuer: 'demo' },
      { everybody: true },
      { issuer: 'demo', everybody: false },
      { issuer: 'demo', everybody: 'true' },
      { issuer: 'demo', everybody: true, group: 'staff' },
      { issuer: 'demo', everybody: true, actor: 'agent' },
    ]) {
      assert.equal(parses(rule, [subject]), false, JSON.stringify(subject));
    }
  });
});

describe('sets', () => {
  let directory: string;
  beforeEach(async () => {
    directory = await mkdtemp(join(tmpdir(), 'sets-'));
  });
  afterEach(() => rm(directory, { recursive: true }));

  const SETS = `sets:
  open: { buckets: [reports, artifacts] }
  quarters:
    prefixes:
      - 2026/q1/
      - 2026/q2/
  notices: { keys: [README, LICENSE] }
`;
  const policy = (rules: string, id = 'p') => `id: ${id}
description: A policy of a test.
subjects: [{ issuer: demo, group: staff }]
rules:
  - ${rules}
`;
  const known: KnownNames = { issuers: new Map([['demo', []]]), buckets: ['reports', 'artifacts'] };
  const load = async (files: Readonly<Record<string, string>>) => {
    for (const [name, content] of Object.entries(files)) await writeFile(join(directory, name), content);
    return loadPolicies(directory, known);
  };
  const issues = async (files: Readonly<Record<string, string>>) => {
    const error: unknown = await load(files).then(
      () => assert.fail('the set was accepted'),
      (reason: unknown) => reason,
    );
    assert.ok(error instanceof InvalidPolicies, String(error));
    return error.issues.map(({ file, line, path }) => `${file}:${line ?? '-'} ${path}`);
  };
  const RULE = '{ id: r, allow: [GET], buckets: { set: open }, prefixes: { set: quarters } }';

  it('are shared by the rules of all files, and are no policies themselves', async () => {
    const { policies } = await load({
      'sets.yaml': SETS,
      'a.yaml': policy(RULE, 'a'),
      'b.yaml': policy('{ id: r, deny: [GET], bucket: reports, keys: { set: notices } }', 'b'),
    });
    assert.deepEqual(
      policies.map(({ id, rules }) => [id, rules[0]?.buckets, rules[0]?.scopes]),
      [
        ['a', ['reports', 'artifacts'], [{ prefix: '2026/q1/' }, { prefix: '2026/q2/' }]],
        ['b', ['reports'], [{ key: 'README' }, { key: 'LICENSE' }]],
      ],
    );
  });

  it('change the version of the policies when they change', async () => {
    const { version } = await load({ 'sets.yaml': SETS, 'a.yaml': policy(RULE) });
    assert.notEqual((await load({ 'sets.yaml': SETS.replace('q2', 'q3') })).version, version);
  });

  it('are refused where a rule names none, or one of another kind, each with its line', async () => {
    assert.deepEqual(
      await issues({
        'sets.yaml': SETS,
        'a.yaml': policy('{ id: r, allow: [GET], buckets: { set: quarters }, keys: { set: constructor } }'),
      }),
      ['a.yaml:5 rules[0].buckets.set', 'a.yaml:5 rules[0].keys.set'],
    );
  });

  it('do not make an error of a reference to a set in a file that has errors of its own', async () => {
    assert.deepEqual(await issues({ 'sets.yaml': SETS.replace('q1/', 'q1'), 'a.yaml': policy(RULE) }), [
      'sets.yaml:5 sets.quarters.prefixes[0]',
    ]);
  });

  it('are refused with a name that stands twice, and with anything but one kind of list', async () => {
    const files = { 'a.yaml': policy(RULE), 'b.yaml': SETS };
    assert.deepEqual(await issues({ ...files, 'c.yaml': 'sets: { open: { keys: [x] } }\n' }), ['c.yaml:1 sets.open']);
    for (const sets of [
      'sets: {}',
      'sets: { open: {} }',
      'sets: { open: [reports] }',
      'sets: { open: { keys: [x], prefixes: [a/] } }',
      'sets: { open: { keys: [] } }',
      'sets: { open: { buckets: all } }',
      'sets: { open: { verbs: [GET] } }',
      'sets: { Open: { keys: [x] } }',
      'sets: { open: { keys: [x] } }\nid: p',
      'sets: { open: { keys: { set: notices } } }',
    ]) {
      assert.ok(
        (await issues({ ...files, 'c.yaml': sets })).every((at) => at.startsWith('c.yaml:')),
        sets,
      );
    }
  });

  it('must not be all that there is', async () => {
    assert.equal((await issues({ 'sets.yaml': SETS })).length, 1);
  });

  it('are held to the names that the configuration knows, and to the bound of all rules', async () => {
    assert.deepEqual(await issues({ 'sets.yaml': SETS.replace('artifacts', 'payroll'), 'a.yaml': policy(RULE) }), [
      'a.yaml:5 rules[0].buckets',
    ]);
    const many = Array.from({ length: 200 }, (_, index) => `f${index}/`).join(', ');
    const rules = Array.from({ length: 6 }, (_, index) => RULE.replace('id: r', `id: r${index}`)).join('\n  - ');
    const sets = SETS.replace(/prefixes:[^]*q2\//, `prefixes: [${many}]`);
    assert.deepEqual(await issues({ 'sets.yaml': sets, 'a.yaml': policy(rules) }), ['a.yaml:5 rules']);
  });
});
