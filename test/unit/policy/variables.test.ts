import assert from 'node:assert/strict';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { ClaimValue, Principal } from '../../../src/contracts/principal.ts';
import { iamDialect } from '../../../src/credentials/iam-dialect.ts';
import { createAuthorizer } from '../../../src/policy/authorizer.ts';
import { InvalidPolicies } from '../../../src/policy/invalid-policies.ts';
import { loadPolicies } from '../../../src/policy/load-policies.ts';
import { policySchema } from '../../../src/policy/policy-schema.ts';
import { isSegment, parseTemplate } from '../../../src/policy/template.ts';
import { authorizerOf, listing, on, principalWith, setOf, written, type WrittenRule } from './fixture.ts';

const home = { allow: ['GET', 'LIST'], bucket: 'reports', prefix: 'home/${sub}/' };
const ofTeam = { allow: ['GET', 'LIST'], bucket: 'reports', prefix: 'teams/${claims.team}/' };
const ofTeams = { ...ofTeam, prefix: 'teams/${claims.teams}/', each: 'claims.teams' };
const withClaims = (claims: Readonly<Record<string, unknown>>): Principal =>
  principalWith({ claims: claims as Readonly<Record<string, ClaimValue>> });
const decide = (rules: readonly WrittenRule[], caller: Principal, key: string, bucket = 'reports') =>
  authorizerOf(written('p', rules)).decide(caller, on('GET', key, bucket));
const effect = (...of: Parameters<typeof decide>) => decide(...of).effect;

/** Values that must stand for nothing. */
const UNUSABLE: readonly unknown[] = [
  ...['', '.', '..', '/', 'a/b', '../b', 'a/', '/a', 'a/../b'],
  ...['\u0000', 'a\nb', 'a\r', '\u007f', '\u0085', 'a\ud800', '\udc00'],
  ...['x'.repeat(257), 'é'.repeat(129), 'x'.repeat(10_240)],
  ...[7, 0, true, false, null, undefined, {}, { team: 'red' }, ['red'], []],
];
/** Values that stand for themselves and for nothing else, whatever they look like. */
const LITERAL: readonly string[] = [
  ...['*', '?', '**', '%2e%2e', '%2F', '..%2f', '...', '~', '$', '${sub}', '${*}', '[a]', '\\', 'a b', ' ', '+'],
  ...['cafe\u0301', 'caf\u00e9', '\u0430lice', 'al\u200bice', '__proto__', 'constructor', 'x'.repeat(256)],
];

describe('a variable', () => {
  it('stands for the value of the caller: its own place, and no other', () => {
    const [alice, bob] = [principalWith({ subject: 'alice' }), principalWith({ subject: 'bob' })];
    const authorizer = authorizerOf(written('p', [home]));
    for (let round = 0; round < 2; round += 1) {
      assert.equal(authorizer.decide(alice, on('GET', 'home/alice/x')).rule, 'p/r0');
      assert.equal(authorizer.decide(alice, on('GET', 'home/bob/x')).effect, 'deny');
      assert.equal(authorizer.decide(bob, on('GET', 'home/bob/x')).rule, 'p/r0');
      assert.equal(authorizer.decide(bob, on('GET', 'home/alice/x')).effect, 'deny');
      assert.equal(authorizer.decide(alice, listing('home/alice/')).effect, 'allow');
      for (const prefix of ['', 'home/', 'home/alice', 'home/bob/']) {
        assert.equal(authorizer.decide(alice, listing(prefix)).effect, 'deny', prefix);
      }
    }
    for (const key of ['home/alice', 'home/alice2/x', 'home//x', 'home/${sub}/x', 'home/Alice/x']) {
      assert.equal(authorizer.decide(alice, on('GET', key)).effect, 'deny', key);
    }
    assert.match(authorizer.decide(alice, on('GET', 'home/alice/x')).reason, /under home\/alice\/\./);
  });

  it('stands in keys and in names of buckets as well, beside others and in the middle of a segment', () => {
    const caller = principalWith({ subject: 'alice', claims: { team: 'red', year: '2026' } });
    const key = { allow: ['GET'], bucket: 'reports', key: 'cards/${sub}.json' };
    assert.equal(effect([key], caller, 'cards/alice.json'), 'allow');
    for (const other of ['cards/bob.json', 'cards/alice.jsonx', 'cards/.json', 'cards/alice']) {
      assert.equal(effect([key], caller, other), 'deny');
    }
    const bucket = { allow: ['GET'], bucket: 'team-${claims.team}', prefix: '${claims.year}/${sub}/' };
    assert.equal(effect([bucket], caller, '2026/alice/x', 'team-red'), 'allow');
    assert.equal(effect([bucket], caller, '2026/alice/x', 'team-blue'), 'deny');
    assert.equal(effect([bucket], caller, '2025/alice/x', 'team-red'), 'deny');
    assert.equal(effect([{ ...home, prefix: '${issuer}/${sub}/' }], caller, 'demo/alice/x'), 'allow');
  });

  it('stands for the two characters when they are doubled', () => {
    const rule = { allow: ['GET'], bucket: 'reports', prefix: '$${sub}/$/${sub}/$$${x}/' };
    assert.equal(effect([rule], principalWith({ subject: 'a' }), '${sub}/$/a/$${x}/1'), 'allow');
    assert.equal(effect([rule], principalWith({ subject: 'a' }), 'a/$/a/$${x}/1'), 'deny');
    assert.equal(effect([{ ...rule, prefix: '$${sub}/' }], principalWith(), '${sub}/1'), 'allow');
  });

  it('is read in time that grows with the text alone', () => {
    for (const text of ['${'.repeat(50_000), '$'.repeat(100_000), `${'${sub}/'.repeat(20_000)}x`]) parseTemplate(text);
    assert.ok('problem' in parseTemplate('${'.repeat(50_000)));
  });
});

describe('a value', () => {
  it('that cannot be one segment of a path makes an allow not apply', () => {
    for (const value of UNUSABLE) {
      const caller = withClaims(value === undefined ? {} : { team: value });
      const text = String(value);
      for (const key of [`teams/${text}/x`, 'teams//x', 'teams/x', 'teams/red/x', 'x', 'b/x', `teams/${text}`]) {
        assert.equal(effect([ofTeam], caller, key), 'deny', JSON.stringify([value, key]));
      }
    }
  });

  it('that looks like something else is itself', () => {
    for (const value of LITERAL) {
      const caller = withClaims({ team: value });
      assert.equal(effect([ofTeam], caller, `teams/${value}/x`), 'allow', value);
      const others = ['red', '', '..', 'a/b', 'café', 'cafe\u0301', 'alice', 'someone', 'xx'].filter(
        (each) => each !== value,
      );
      for (const other of others) {
        assert.equal(effect([ofTeam], caller, `teams/${other}/x`), 'deny', `${value} ${other}`);
      }
      assert.equal(effect([ofTeam], caller, 'teams'), 'deny');
    }
  });

  it('is told to be a segment for exactly these', () => {
    for (const value of UNUSABLE) if (typeof value === 'string') assert.ok(!isSegment(value), JSON.stringify(value));
    for (const value of LITERAL) assert.ok(isSegment(value), value);
    assert.ok(isSegment('é'.repeat(128)));
  });

  it('is a claim of the caller, never what objects have by themselves', () => {
    for (const name of ['__proto__', 'constructor', 'toString', 'hasOwnProperty']) {
      const rule = { ...home, prefix: `teams/\${claims.${name}}/` };
      assert.match(decide([rule], withClaims({}), 'teams/x/y').reason, /p\/r0 does not apply/);
      const inherited = principalWith({ claims: Object.create({ [name]: 'red' }) as Principal['claims'] });
      assert.equal(effect([rule], inherited, 'teams/red/x'), 'deny');
      const own = principalWith({ claims: JSON.parse(`{"${name}": "red"}`) as Principal['claims'] });
      assert.equal(effect([rule], own, 'teams/red/x'), 'allow', name);
    }
  });

  it('in the name of a bucket is of use only where that is one: no pattern, no other case, never all', () => {
    const rule = { allow: ['GET'], bucket: '${claims.team}', everything: true };
    const affixed = { ...rule, bucket: 'team-${claims.team}' };
    assert.equal(effect([rule], withClaims({ team: 'reports' }), 'x'), 'allow');
    for (const value of ['*', 'all', 'manage', 'Reports', 'reports.', '-', 'ab', '${sub}', ...UNUSABLE]) {
      for (const bucket of ['reports', '*', 'artifacts', 'ab', 'team-reports']) {
        assert.equal(effect([rule, affixed], withClaims({ team: value }), 'x', bucket), 'deny', String(value));
      }
      const authorizer = authorizerOf(written('p', [rule]));
      assert.deepEqual(authorizer.visibleBuckets(withClaims({ team: value }), ['reports', 'artifacts']), []);
    }
    const constructed = createAuthorizer({
      current: () => ({ ...setOf(written('p', [rule])), buckets: new Set(['reports']) }),
    });
    assert.equal(constructed.decide(withClaims({ team: 'constructor' }), on('GET', 'x')).effect, 'deny');
  });

  it('of one caller is never that of another, however alike they look', () => {
    const rule = { ...home, prefix: '${claims.a}/${claims.b}/' };
    const authorizer = authorizerOf(written('p', [rule]));
    const callers = [
      { a: 'x', b: 'y' },
      { a: 'x', b: ['y'] },
      { a: '["x","y"]', b: 'y' },
      { a: 'x","y', b: '' },
      { a: 'x', b: null },
      { a: 'null', b: 'null' },
      { a: 1, b: 1 },
      { a: '1', b: '1' },
    ].map(withClaims);
    const effects = callers.map((caller) => authorizer.decide(caller, on('GET', 'x/y/1')).effect);
    assert.deepEqual(effects, ['allow', ...Array.from({ length: 7 }, () => 'deny')]);
    assert.equal(authorizer.decide(callers.at(-1) ?? withClaims({}), on('GET', '1/1/1')).effect, 'allow');
    assert.equal(authorizer.decide(callers.at(-2) ?? withClaims({}), on('GET', '1/1/1')).effect, 'deny');
  });
});

describe('an unresolved variable', () => {
  const everything = { allow: ['GET', 'LIST'], bucket: 'reports', everything: true };

  it('makes an allow not apply, and a denial that it could have prevented says so, and why', () => {
    for (const [value, why] of [
      [undefined, /caller has none/],
      [['red'], /list/],
      [7, /no text/],
      ['..', /one segment/],
    ] as const) {
      const caller = withClaims(value === undefined ? {} : { team: value });
      const { rule, reason } = decide([ofTeam], caller, 'teams/red/x');
      assert.equal(rule, 'default-deny');
      assert.match(
        reason,
        /No rule allows GET on reports\/teams\/red\/x.* Rule p\/r0 does not apply.*\$\{claims\.team\}/,
      );
      assert.match(reason, why);
    }
    assert.doesNotMatch(decide([ofTeam], withClaims({}), 'elsewhere/x').reason, /does not apply/);
    assert.doesNotMatch(
      decide([{ ...ofTeam, allow: ['PUT'] }], withClaims({}), 'teams/red/x').reason,
      /does not apply/,
    );
    assert.doesNotMatch(decide([ofTeam], withClaims({}), 'teams/red/x', 'artifacts').reason, /does not apply/);
  });

  it('makes a deny hold for all that it could stand for, and its reason says so', () => {
    const deny = { deny: ['GET', 'LIST'], bucket: 'reports', prefix: 'teams/${claims.team}/secret/' };
    for (const value of UNUSABLE) {
      const caller = withClaims(value === undefined ? {} : { team: value });
      for (const key of [
        'teams/red/secret/x',
        'teams/blue/secret/',
        'teams//secret/x',
        `teams/${String(value)}/secret/x`,
      ]) {
        assert.equal(decide([everything, deny], caller, key).rule, 'p/r1', JSON.stringify([value, key]));
      }
      assert.match(decide([everything, deny], caller, 'teams/a/secret/x').reason, /\$\{claims\.team\} could stand for/);
      assert.equal(decide([everything, deny], caller, 'elsewhere/x').rule, 'p/r0');
      const authorizer = authorizerOf(written('p', [everything, deny]));
      for (const prefix of ['', 'teams/', 'teams/red/']) {
        assert.equal(authorizer.decide(caller, listing(prefix)).rule, 'p/r1', prefix);
      }
    }
    const red = withClaims({ team: 'red' });
    assert.equal(decide([everything, deny], red, 'teams/red/secret/x').rule, 'p/r1');
    assert.equal(decide([everything, deny], red, 'teams/blue/secret/x').rule, 'p/r0');
    const own = { ...deny, reason: 'Ask.' };
    assert.match(decide([everything, own], withClaims({}), 'teams/a/secret/x').reason, /^Ask\. It holds for all/);
    assert.equal(decide([everything, own], red, 'teams/red/secret/x').reason, 'Ask.');
  });

  it('makes a deny of a key or a bucket hold for every one that it could name', () => {
    const key = { deny: ['GET'], bucket: 'reports', key: 'cards/${claims.team}.json' };
    assert.equal(decide([everything, key], withClaims({}), 'cards/red.json').rule, 'p/r1');
    assert.equal(decide([everything, key], withClaims({}), 'card').rule, 'p/r0');
    const all = { ...everything, buckets: 'all', bucket: undefined };
    const bucket = { deny: ['GET'], bucket: 'team-${claims.team}-x', prefix: 'a/' };
    for (const value of [undefined, 'Red', '*', ['red']]) {
      const caller = withClaims(value === undefined ? {} : { team: value });
      assert.equal(decide([all, bucket], caller, 'a/1', 'team-red-x').rule, 'p/r1');
      for (const other of ['team-x', 'team--x', 'team-red', 'reports'].filter((each) => each !== 'team--x')) {
        assert.equal(decide([all, bucket], caller, 'a/1', other).rule, 'p/r0', other);
      }
      assert.equal(decide([all, bucket], caller, 'b/1', 'team-red-x').rule, 'p/r0');
      const grants = authorizerOf(written('p', [all, bucket])).grants(caller, 'team-red-x');
      assert.deepEqual(
        grants.map((grant) => grant.effect),
        ['allow', 'deny'],
      );
    }
  });

  it('takes from a deny that holds in part what is resolved of it', () => {
    const deny = { deny: ['GET'], bucket: 'reports', prefix: 'a/${sub}/${claims.team}/' };
    assert.equal(decide([everything, deny], withClaims({}), 'a/someone/red/x').rule, 'p/r1');
    assert.equal(decide([everything, deny], withClaims({}), 'a/other/red/x').rule, 'p/r0');
  });
});

describe('a list', () => {
  it('counts only where the rule names it in `each`, and then once for each value', () => {
    const caller = withClaims({ teams: ['red', 'blue', 'red'] });
    for (const team of ['red', 'blue']) assert.equal(effect([ofTeams], caller, `teams/${team}/x`), 'allow');
    assert.equal(effect([ofTeams], caller, 'teams/green/x'), 'deny');
    assert.equal(effect([{ ...ofTeams, each: undefined }], caller, 'teams/red/x'), 'deny');
    assert.equal(authorizerOf(written('p', [ofTeams])).grants(caller, 'reports').length, 2);
    assert.equal(effect([ofTeams], withClaims({ teams: 'red' }), 'teams/red/x'), 'allow');
    const groups = { allow: ['GET'], bucket: 'reports', prefix: '${groups}/', each: 'groups' };
    assert.equal(effect([groups], principalWith({ groups: ['staff', 'ops'] }), 'ops/x'), 'allow');
  });

  it('lends its good values to an allow, and makes a deny of it hold for all as soon as one is none', () => {
    const caller = withClaims({ teams: ['..', 'red', 'a/b', ''] });
    const deny = { ...ofTeams, allow: undefined, deny: ['GET'] };
    const everything = { allow: ['GET'], bucket: 'reports', everything: true };
    assert.equal(effect([ofTeams], caller, 'teams/red/x'), 'allow');
    for (const key of ['teams/../x', 'teams/a/b/x', 'teams//x', 'teams/x']) {
      assert.equal(effect([ofTeams], caller, key), 'deny', key);
    }
    assert.equal(decide([everything, deny], caller, 'teams/green/x').rule, 'p/r1');
    assert.equal(decide([everything, deny], withClaims({ teams: ['red'] }), 'teams/green/x').rule, 'p/r0');
    for (const none of [{}, { teams: [] }, { teams: 7 }]) {
      assert.equal(decide([everything, deny], withClaims(none), 'teams/green/x').rule, 'p/r1');
      assert.equal(effect([ofTeams], withClaims(none), 'teams/green/x'), 'deny');
    }
  });

  it('is bounded together with all others of the caller: beyond that an allow does not apply, and a deny holds for all', () => {
    const teams = Array.from({ length: 500 }, (_, index) => `t${index}`);
    const rules = Array.from({ length: 6 }, (_, index) => ({ ...ofTeams, prefix: `f${index}/\${claims.teams}/` }));
    const caller = withClaims({ teams });
    const authorizer = authorizerOf(written('p', rules));
    assert.ok(authorizer.grants(caller, 'reports').length <= 2000);
    assert.equal(authorizer.decide(caller, on('GET', 'f3/t499/x')).effect, 'allow');
    const over = authorizer.decide(caller, on('GET', 'f4/t1/x'));
    assert.equal(over.effect, 'deny');
    assert.match(over.reason, /too many/);
    const deny = { ...ofTeams, allow: undefined, deny: ['GET'], prefix: 'f0/${claims.teams}/' };
    assert.equal(decide([...rules, deny], caller, 'f0/t1/x').rule, 'p/r6');
  });
});

describe('rules with variables beside others', () => {
  const deny = { deny: ['GET'], bucket: 'reports', prefix: 'home/' };

  it('give way to any deny, and deny what anything else allows', () => {
    const caller = principalWith({ subject: 'alice' });
    assert.equal(decide([home, deny], caller, 'home/alice/x').rule, 'p/r1');
    const own = { ...home, allow: undefined, deny: ['GET'] };
    assert.equal(decide([{ ...deny, deny: undefined, allow: ['GET'] }, own], caller, 'home/alice/x').rule, 'p/r1');
  });

  it('are named in the order in which all are written', () => {
    const plain = { allow: ['GET'], bucket: 'reports', prefix: 'home/' };
    const caller = principalWith({ subject: 'alice' });
    assert.equal(decide([plain, home], caller, 'home/alice/x').rule, 'p/r0');
    assert.equal(decide([home, plain], caller, 'home/alice/x').rule, 'p/r0');
    const { grants } = authorizerOf(written('p', [deny, home, plain]));
    assert.deepEqual(
      grants(caller, 'reports').map((grant) => [grant.effect, grant.scope]),
      [
        ['allow', { prefix: 'home/alice/' }],
        ['allow', { prefix: 'home/' }],
        ['deny', { prefix: 'home/' }],
      ],
    );
  });

  it('share grants among callers of whom they say the same, and where they say nothing', () => {
    const authorizer = authorizerOf(written('p', [ofTeam, { allow: ['GET'], bucket: 'artifacts', everything: true }]));
    const [one, same, other] = ['red', 'red', 'blue'].map((team) => withClaims({ team }));
    assert.ok(one !== undefined && same !== undefined && other !== undefined);
    assert.equal(authorizer.grants(one, 'reports'), authorizer.grants(same, 'reports'));
    assert.notEqual(authorizer.grants(one, 'reports'), authorizer.grants(other, 'reports'));
    assert.equal(authorizer.grants(one, 'artifacts'), authorizer.grants(other, 'artifacts'));
  });

  it('hold by the policy that a session is of, and for an agent only where it is named', () => {
    const authorizer = authorizerOf(
      written('p', [home]),
      written('q', [{ allow: ['GET'], bucket: 'reports', prefix: 'q/' }]),
    );
    assert.equal(authorizer.decide(principalWith({ binding: 'p' }), on('GET', 'home/someone/x')).effect, 'allow');
    assert.equal(authorizer.decide(principalWith({ binding: 'q' }), on('GET', 'home/someone/x')).effect, 'deny');
    const agent = principalWith({ actor: { subject: 'agent' } });
    assert.equal(authorizer.decide(agent, on('GET', 'home/someone/x')).effect, 'deny');
  });

  it('keep what they look at in an identity that is cut down', () => {
    const authorizer = authorizerOf(written('p', [ofTeam]), written('q', [home], [{ issuer: 'demo', client: 'app' }]));
    const caller = withClaims({ team: 'red', other: 'x' });
    assert.deepEqual(authorizer.relevant(caller).claims, { team: 'red' });
    const groups = { allow: ['GET'], bucket: 'reports', prefix: '${groups}/', each: 'groups' };
    const whole = principalWith({ groups: ['staff', 'x', 'y'], claims: { other: 'x' } });
    assert.deepEqual(authorizerOf(written('p', [groups])).relevant(whole).groups, ['staff', 'x', 'y']);
  });

  it('never make a claim that stays pass for the client, where the claim before it does not stay', () => {
    const authorizer = authorizerOf(
      written('p', [{ ...home, prefix: '${claims.azp}/' }]),
      written('q', [{ allow: ['GET'], bucket: 'reports', prefix: 'q/' }], [{ issuer: 'demo', client: 'app' }]),
    );
    const caller = withClaims({ client_id: 'unnamed', azp: 'app' });
    assert.equal(authorizer.decide(caller, on('GET', 'q/x')).effect, 'deny');
    assert.equal(authorizer.decide(authorizer.relevant(caller), on('GET', 'q/x')).effect, 'deny');
    assert.equal(authorizer.decide(authorizer.relevant(caller), on('GET', 'app/x')).effect, 'allow');
  });
});

describe('what variables become for a store', () => {
  const aws = iamDialect({ escapes: true, unknownActions: new Set() });
  const ceph = iamDialect({ escapes: false, unknownActions: new Set() });

  it('is literal in grants, and literal or nothing in the words of its IAM', () => {
    for (const value of ['*', 'a*b', '?', '${aws:username}', '${*}', '$', '[ab]', 'a\\b', 'a:b']) {
      const [grant] = authorizerOf(written('p', [ofTeam])).grants(withClaims({ team: value }), 'reports');
      assert.ok(grant !== undefined);
      assert.deepEqual(grant.scope, { prefix: `teams/${value}/` });
      const escaped = value.replace(/[*?$]/g, (special) => `\${${special}}`);
      assert.equal(aws.resource('arn', grant.scope), `arn/teams/${escaped}/*`);
      assert.equal(aws.anyPrefix(grant.scope), `teams/${escaped}/*`);
      const resource = ceph.resource('arn', grant.scope);
      assert.equal(resource, value === '$' ? 'arn/teams/$/*' : undefined, value);
    }
  });
});

describe('a text with a variable', () => {
  const parses = (changes: WrittenRule) => policySchema.safeParse(written('p', [{ ...home, ...changes }])).success;

  it('is refused where it is unfinished, unknown, or has two in one segment', () => {
    for (const prefix of [
      ...[
        '${sub/',
        'a/${',
        '${}/',
        '${ sub }/',
        '${SUB}/',
        '${claims}/',
        '${claims.}/',
        '${team}/',
        '${aws:username}/',
      ],
      ...[
        '${sub}${sub}/',
        '${sub}-${issuer}/',
        '${claims.a${sub}}/',
        '${sub}',
        'home/${sub}',
        '${__proto__}/',
        '${$}/',
      ],
    ]) {
      assert.equal(parses({ prefix }), false, prefix);
      assert.equal(parses({ prefix: undefined, prefixes: ['a/', prefix] }), false, prefix);
    }
    for (const prefix of [
      '${sub}/',
      'a-${sub}-b/${issuer}/',
      '${claims.https://example.com/team}/',
      '$${x}/',
      '$/',
      '{}/',
    ]) {
      assert.ok(parses({ prefix }), prefix);
    }
    for (const bucket of [
      '${sub}${issuer}',
      '${sub}-${issuer}',
      'A${sub}',
      '-${sub}',
      '${sub}-',
      '$${sub}',
      '${x}',
      '*${sub}',
    ]) {
      assert.equal(parses({ bucket }), false, bucket);
    }
    for (const bucket of ['${sub}', 'team-${claims.team}', '${claims.team}.x']) assert.ok(parses({ bucket }), bucket);
    for (const each of ['sub', 'issuer', 'teams', '${groups}', '', ['groups'], 'claims.']) {
      assert.equal(parses({ each }), false, String(each));
    }
  });

  describe('in a file', () => {
    let directory: string;
    beforeEach(async () => {
      directory = await mkdtemp(join(tmpdir(), 'variables-'));
    });
    afterEach(() => rm(directory, { recursive: true }));
    const policy = (rule: string, subjects = '{ issuer: demo, everybody: true }') => `id: p
description: A policy of a test.
subjects: [${subjects}]
rules:
  - ${rule}
`;
    const known = { issuers: new Map([['demo', ['team', 'tags']], ['other', []]]), buckets: ['reports'] }; // prettier-ignore
    const issues = async (content: string) => {
      await writeFile(join(directory, 'a.yaml'), content);
      return loadPolicies(directory, known).then(
        () => [],
        (error: unknown) => {
          assert.ok(error instanceof InvalidPolicies, String(error));
          return error.issues.map(({ line, path, message }) => `${line ?? '-'} ${path} ${message.slice(0, 24)}`);
        },
      );
    };

    it('is refused with a claim that an issuer of the policy does not carry', async () => {
      const rule = (name: string) => `{ id: r, deny: [GET], bucket: reports, prefix: 'a/\${claims.${name}}/' }`;
      assert.deepEqual(await issues(policy(rule('team'))), []);
      assert.deepEqual(await issues(policy(rule('tags.team'))), []);
      assert.equal((await issues(policy(rule('taem')))).length, 1);
      assert.equal((await issues(policy(rule('constructor')))).length, 1);
      const both = '{ issuer: demo, everybody: true }, { issuer: other, everybody: true }';
      assert.equal((await issues(policy(rule('team'), both))).length, 1);
    });

    it('is refused with groups and no `each`, and with an `each` of nothing', async () => {
      const rule = (each: string, prefix: string) =>
        `{ id: r, allow: [GET], bucket: reports, prefix: '${prefix}'${each} }`;
      assert.deepEqual(await issues(policy(rule(', each: groups', '${groups}/'))), []);
      assert.equal((await issues(policy(rule('', '${groups}/')))).length, 1);
      assert.equal((await issues(policy(rule(', each: groups', 'a/')))).length, 1);
      assert.equal((await issues(policy(rule(', each: claims.team', '${sub}/')))).length, 1);
    });

    it('is refused with subjects of several issuers that could not be told apart', async () => {
      const both = '{ issuer: demo, everybody: true }, { issuer: other, everybody: true }';
      const rule = (prefix: string, effect = 'allow') =>
        `{ id: r, ${effect}: [GET], bucket: reports, prefixes: [${prefix}] }`;
      assert.equal((await issues(policy(rule("'home/${sub}/'"), both))).length, 1);
      assert.equal((await issues(policy(rule("'${issuer}/${sub}/', 'x/${sub}/'"), both))).length, 1);
      assert.deepEqual(await issues(policy(rule("'${issuer}/${sub}/'"), both)), []);
      assert.deepEqual(await issues(policy(rule("'home/${sub}/'", 'deny'), both)), []);
      assert.deepEqual(await issues(policy(rule("'home/${sub}/'"))), []);
    });
  });
});

describe('a deny with a variable', () => {
  const allowAll = { allow: ['GET'], buckets: 'all', everything: true };
  const denyHome = { deny: ['GET'], bucket: 'reports', prefix: 'home/${sub}/' };

  it('holds in sessions of another policy, and for whoever acts for the caller', () => {
    const authorizer = authorizerOf(written('a', [allowAll]), written('b', [denyHome]));
    const bound = principalWith({ subject: 'alice', binding: 'a' });
    assert.equal(authorizer.decide(bound, on('GET', 'home/alice/x')).rule, 'b/r0');
    assert.equal(authorizer.decide(bound, on('GET', 'home/bob/x')).rule, 'a/r0');
    const subjects = [{ issuer: 'demo', group: 'staff', actor: 'robot' }];
    const acting = authorizerOf(written('a', [allowAll], subjects), written('b', [denyHome]));
    const agent = principalWith({ subject: 'alice', actor: { subject: 'robot' } });
    assert.equal(acting.decide(agent, on('GET', 'home/alice/x')).rule, 'b/r0');
    assert.equal(acting.decide(agent, on('GET', 'home/bob/x')).rule, 'a/r0');
  });

  it('takes every bucket that it could mean where one of the values makes no name of a bucket', () => {
    const denyTeams = { deny: ['GET'], bucket: 't-${claims.teams}', prefix: 'a/', each: 'claims.teams' };
    const of = (teams: readonly string[], bucket: string) =>
      effect([allowAll, denyTeams], withClaims({ teams }), 'a/x', bucket);
    assert.equal(of(['red'], 't-blue'), 'allow');
    assert.equal(of(['red', 'RED'], 't-blue'), 'deny');
    assert.equal(of(['red', 'RED'], 'reports'), 'allow');
  });

  it('takes one key and no more where only its bucket is not known', () => {
    const denyKey = { deny: ['GET'], bucket: 't-${claims.team}', key: 'a' };
    assert.equal(effect([allowAll, denyKey], withClaims({}), 'a', 't-blue'), 'deny');
    assert.equal(effect([allowAll, denyKey], withClaims({}), 'ab', 't-blue'), 'allow');
  });

  it('is remembered for the values themselves, not for how many there are', () => {
    const authorizer = authorizerOf(written('p', [ofTeams]));
    for (const team of ['red', 'blue']) {
      const caller = withClaims({ teams: [team] });
      assert.equal(authorizer.decide(caller, on('GET', `teams/${team}/x`)).effect, 'allow');
    }
  });
});
