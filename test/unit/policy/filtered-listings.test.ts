import assert from 'node:assert/strict';
import { checkPolicyTests, type PolicyTest } from '../../../src/policy/policy-tests.ts';
import { policySchema } from '../../../src/policy/policy-schema.ts';
import { authorizerOf, listing, principalWith, setOf, written, type WrittenRule } from './fixture.ts';

const STAFF = principalWith();
const lists = (prefix: string, more: WrittenRule = {}): WrittenRule => ({
  ...{ allow: ['LIST'], bucket: 'reports', listing: 'filtered' },
  ...(prefix === '' ? { everything: true } : { prefix }),
  ...more,
});
const denies = (scope: WrittenRule): WrittenRule => ({ deny: ['LIST'], bucket: 'reports', ...scope });

const decide = (rules: readonly WrittenRule[], prefix: string, after: readonly string[] = []) =>
  authorizerOf(written('p', rules)).decide(STAFF, listing(prefix, after));

describe('rules with `listing: filtered`', () => {
  it('show their parts of a listing that none of them covers whole, and are all named', () => {
    const decision = decide([lists('a/x/'), lists('b/'), lists('a/y/')], 'a/');
    assert.deepEqual(decision, {
      effect: 'allow',
      rule: 'p/r0, p/r2',
      reason:
        'Of everything in reports that starts with a/ only the parts are shown that rules of this identity allow.',
      policyVersion: 'v1',
      parts: { prefixes: ['a/x/', 'a/y/'], hidden: [] },
    });
  });

  it('are named once, however many prefixes they have', () => {
    const rule = { allow: ['LIST'], bucket: 'reports', prefixes: ['a/', 'b/'], listing: 'filtered' };
    assert.equal(decide([rule], '').rule, 'p/r0');
  });

  it('allow a listing that one of them covers whole as other rules do', () => {
    const decision = decide([lists('a/')], 'a/x');
    assert.deepEqual([decision.effect, decision.parts], ['allow', undefined]);
  });

  it('hide what is denied, by whichever rule', () => {
    const { effect, parts } = decide([lists(''), denies({ prefix: 'secret/' }), denies({ key: 'top' })], '');
    assert.deepEqual([effect, parts], ['allow', { prefixes: [''], hidden: [{ prefix: 'secret/' }, { key: 'top' }] }]);
  });

  it('leave a denial what it was where they show nothing', () => {
    for (const [rules, prefix, rule] of [
      [[lists('a/')], 'b/', 'default-deny'],
      [[lists(''), denies({ prefix: 'a/' })], 'a/b/', 'p/r1'],
      [[lists('a/b/'), denies({ prefix: 'a/' })], '', 'p/r1'],
      [[lists('a/'), denies({ everything: true })], '', 'p/r1'],
    ] as const) {
      const decision = decide(rules, prefix);
      assert.deepEqual([decision.effect, decision.rule, decision.parts], ['deny', rule, undefined]);
    }
  });

  it('show nothing of rules that do not say so, nor of another verb or bucket', () => {
    const plain = { allow: ['LIST'], bucket: 'reports', prefix: 'a/' };
    assert.equal(decide([plain], '').effect, 'deny');
    assert.deepEqual(decide([plain, lists('b/')], '').parts?.prefixes, ['b/']);
    assert.equal(decide([lists('a/', { allow: ['LIST_VERSIONS', 'GET'] })], '').effect, 'deny');
    assert.equal(decide([lists('a/', { bucket: 'others' })], '').effect, 'deny');
  });

  it('do not look at markers: what is behind one is filtered as well', () => {
    assert.deepEqual(decide([lists('a/')], '', ['z']).parts?.prefixes, ['a/']);
    assert.deepEqual(decide([lists('a/')], 'a/', ['z']).parts?.prefixes, ['a/']);
  });

  it('can be all of a file', () => {
    const policy = {
      ...(written('p', [{ allow: ['LIST'], bucket: 'reports', prefix: 'a/' }]) as object),
      listing: 'filtered',
    };
    assert.deepEqual(authorizerOf(policy).decide(STAFF, listing('')).parts?.prefixes, ['a/']);
    const mixed = [denies({ prefix: 'a/b/' }), { allow: ['GET'], bucket: 'reports', prefix: 'a/' }];
    const other = { ...(written('p', mixed) as object), listing: 'filtered' };
    assert.equal(authorizerOf(other).decide(STAFF, listing('')).effect, 'deny');
  });

  it('hide all that a deny could mean whose variable is not known', () => {
    const { parts } = decide([lists(''), denies({ prefix: 'home/${claims.team}/' })], '');
    assert.deepEqual(parts?.hidden, [{ prefix: 'home/' }]);
  });

  it('show the prefixes of the caller where they have variables', () => {
    assert.deepEqual(decide([lists('home/${sub}/')], '').parts?.prefixes, ['home/someone/']);
  });

  it('show their parts, and denies hide theirs, while their conditions hold', () => {
    const rules = [
      lists('a/', { when: { until: '2026-01-01T00:00:00Z' } }),
      lists('b/'),
      { ...denies({ prefix: 'b/x/' }), when: { from: '2026-01-01T00:00:00Z' } },
    ];
    const authorizer = authorizerOf(written('p', rules));
    const at = (nowMs?: number) => authorizer.decide(STAFF, listing(''), nowMs === undefined ? {} : { nowMs }).parts;
    const change = Date.parse('2026-01-01T00:00:00Z');
    assert.deepEqual(at(change - 1), { prefixes: ['a/', 'b/'], hidden: [] });
    assert.deepEqual(at(change), { prefixes: ['b/'], hidden: [{ prefix: 'b/x/' }] });
    // When it is not known, no allow applies and every deny does.
    assert.deepEqual(at(), { prefixes: ['b/'], hidden: [{ prefix: 'b/x/' }] });
  });

  it('grant no more than their parts where another rule depends on what is stored', () => {
    const small = { allow: ['PUT'], bucket: 'reports', prefix: 'a/', when: { size: { max: 10 } } };
    const authorizer = authorizerOf(written('p', [lists('a/'), small]));
    assert.equal(authorizer.decide(STAFF, listing('')).effect, 'allow');
    assert.deepEqual(authorizer.grants(STAFF, 'reports', {}, [listing('')]), [
      { effect: 'allow', verbs: ['LIST'], scope: { prefix: 'a/' } },
    ]);
  });

  it('refuse the flag where it says nothing', () => {
    for (const rule of [
      { deny: ['LIST'], bucket: 'reports', prefix: 'a/', listing: 'filtered' },
      { allow: ['GET'], bucket: 'reports', prefix: 'a/', listing: 'filtered' },
      lists('a/', { listing: true }),
      lists('a/', { listing: 'whole' }),
    ]) {
      assert.equal(policySchema.safeParse(written('p', [rule])).success, false);
    }
  });

  it('are told apart from an allow by the cases of policies', () => {
    const set = setOf(written('p', [lists('a/')]));
    const test = (effect: PolicyTest['effect'], prefix: string): PolicyTest => ({
      ...{ title: effect, principal: STAFF, access: listing(prefix), effect, rule: 'p/r0' },
    });
    const { failures } = checkPolicyTests(set, [
      test('filtered', ''),
      test('allow', ''),
      test('allow', 'a/'),
      test('filtered', 'a/'),
    ]);
    assert.deepEqual(failures, [
      'allow: expected allow by p/r0, got filtered by p/r0',
      'filtered: expected filtered by p/r0, got allow by p/r0',
    ]);
  });
});
