import assert from 'node:assert/strict';
import fc from 'fast-check';
import type { Access, Grant } from '../../../src/contracts/authorizer.ts';
import { insteadOf } from '../../../src/pipeline/instead.ts';
import { authorizerOf, principalWith, written } from '../policy/fixture.ts';

const allow = (prefix: string, verbs: Grant['verbs'] = ['GET', 'LIST'], owner?: string): Grant => ({
  ...{ effect: 'allow', verbs, scope: { prefix } },
  ...(owner !== undefined && { owner }),
});
const deny = (scope: Grant['scope'], verbs: Grant['verbs'] = ['GET', 'LIST']): Grant => ({
  ...{ effect: 'deny', verbs, scope },
});
const get = (key: string): Access => ({ kind: 'object', verb: 'GET', bucket: 'box', key });
const list = (prefix: string): Access => ({ kind: 'listing', verb: 'LIST', bucket: 'box', prefix, after: [] });

describe('what somebody who was denied may do instead', () => {
  it('is the place of its own that is nearest, for the same verb', () => {
    const grants = [allow('teams/red/'), allow('teams/blue/'), allow('teams/blue/x/y/', ['PUT']), allow('home/')];
    const found = insteadOf(grants, [get('teams/blu/x')]);
    assert.deepEqual(found, { instead: 'The nearest prefix of yours for GET: box/teams/blue/' });
    assert.match(insteadOf(grants, [list('')]).instead ?? '', /for LIST: box\/teams\/red\/$/);
    const byKey: Grant = { effect: 'allow', verbs: ['GET'], scope: { key: 'a/one.txt' } };
    assert.match(
      insteadOf([byKey, ...grants], [get('a/two.txt')]).instead ?? '',
      /key of yours for GET: box\/a\/one\.txt$/,
    );
  });

  it('is nothing where the caller has nothing, for this verb, elsewhere', () => {
    assert.deepEqual(insteadOf([], [get('x')]), {});
    assert.deepEqual(insteadOf([allow('a/', ['PUT'])], [get('x')]), {});
    // All of it is the caller's, and a deny stands against it.
    assert.deepEqual(insteadOf([allow(''), deny({ prefix: 'a/' })], [get('a/x')]), {});
    assert.deepEqual(insteadOf([allow('a/')], [{ kind: 'admin', verb: 'ADMIN', bucket: 'box' }]), {});
    assert.deepEqual(insteadOf([allow('a/')], []), {});
  });

  it('is no place whose rule has a condition that this request does not meet, nor one that such a deny takes away', () => {
    const authorizer = authorizerOf(
      written('p', [
        { allow: ['GET'], bucket: 'box', prefix: 'teams/blue/', when: { networks: ['10.0.0.0/8'] } },
        { allow: ['GET'], bucket: 'box', prefix: 'teams/red/' },
        { allow: ['GET'], bucket: 'box', prefix: 'home/' },
        { deny: ['GET'], bucket: 'box', prefix: 'teams/red/', when: { acr: ['silver'] } },
      ]),
    );
    const namedFrom = (clientAddress: string, acr: string) => {
      const caller = principalWith({ claims: { acr } });
      return insteadOf(authorizer.grants(caller, 'box', { clientAddress }), [get('teams/blu')]).instead;
    };
    const sentence = 'The nearest prefix of yours for GET: box/';
    assert.equal(namedFrom('10.1.1.1', 'gold'), `${sentence}teams/blue/`);
    assert.equal(namedFrom('192.168.1.1', 'gold'), `${sentence}teams/red/`);
    assert.equal(namedFrom('192.168.1.1', 'silver'), `${sentence}home/`);
  });

  it('is no place that a deny takes away', () => {
    assert.deepEqual(insteadOf([allow('a/'), deny({ prefix: 'a/' })], [get('b')]), {});
    assert.deepEqual(insteadOf([allow('a/b/'), deny({ prefix: '' })], [get('b')]), {});
    // A listing of it would show what is denied below.
    const partly = [allow('a/'), deny({ prefix: 'a/secret/' })];
    assert.deepEqual(insteadOf(partly, [list('b/')]), {});
    assert.match(insteadOf(partly, [get('b/x')]).instead ?? '', /box\/a\/$/);
  });

  it('is about the part of the request that was denied', () => {
    const tags: Access = { kind: 'object', verb: 'PUT_TAGS', bucket: 'box', key: 'a/x' };
    const put: Access = { kind: 'object', verb: 'PUT', bucket: 'box', key: 'a/x' };
    const grants = [allow('a/', ['PUT']), allow('b/', ['PUT', 'PUT_TAGS'])];
    assert.match(insteadOf(grants, [put, tags]).instead ?? '', /for PUT_TAGS: box\/b\/$/);
  });

  it('names whom to ask: of that place, else of anything else that the caller has in the bucket', () => {
    assert.equal(insteadOf([allow('a/', ['GET'], 'ann'), allow('b/', ['GET'], 'bob')], [get('b')]).owner, 'bob');
    assert.deepEqual(insteadOf([allow('a/', ['PUT'], 'ann')], [get('b')]), { owner: 'ann' });
    // Who denies is not asked by whom nothing is given.
    assert.deepEqual(insteadOf([{ ...deny({ prefix: '' }), owner: 'eve' }], [get('b')]), {});
  });

  it('is bounded, and one line of what can be shown, whatever a prefix or a claim holds', () => {
    const odd = `a\u202E\u0000\uD800${'x'.repeat(2000)}/`;
    const { instead = '' } = insteadOf([allow(odd)], [get('b')]);
    assert.ok(instead.length < 400);
    assert.doesNotMatch(instead, /[\p{C}\p{Zl}\p{Zp}]/u);
  });

  it('looks at a bounded number of rules', () => {
    const many = Array.from({ length: 2000 }, (_, index) => allow(`p${index}/`));
    const denies = Array.from({ length: 2000 }, (_, index) => deny({ prefix: `p${index}/` }));
    const startedMs = performance.now();
    insteadOf([...many, ...denies], [get('x')]);
    assert.ok(performance.now() - startedMs < 500);
  });

  it('is always something that policy allows this caller, and never of another one', () => {
    const segment = fc.constantFrom('a', 'b', 'c');
    const prefix = fc.array(segment, { maxLength: 3 }).map((parts) => parts.map((part) => `${part}/`).join(''));
    const rule = fc.record({
      effect: fc.constantFrom('allow', 'deny'),
      verbs: fc.uniqueArray(fc.constantFrom('GET', 'PUT', 'LIST'), { minLength: 1 }),
      prefix,
    });
    const rules = fc.array(rule, { minLength: 1, maxLength: 8 });
    fc.assert(
      fc.property(rules, rules, prefix, fc.boolean(), (own, others, at, isListing) => {
        const policy = (id: string, group: string, list: typeof own) =>
          written(
            id,
            list.map(({ effect, verbs, prefix: scope }) => ({
              ...{ [effect]: verbs, bucket: 'box' },
              ...(scope === '' ? { everything: true } : { prefix: scope }),
            })),
            [{ issuer: 'demo', group }],
          );
        const authorizer = authorizerOf(policy('own', 'staff', own), policy('others', 'others', others));
        const principal = principalWith({ groups: ['staff'] });
        const access = isListing ? list(at) : get(`${at}x`);
        if (authorizer.decide(principal, access).effect === 'allow') return;
        const { instead } = insteadOf(authorizer.grants(principal, 'box'), [access]);
        if (instead === undefined) return;
        const named = /^The nearest prefix of yours for \w+: box\/(.*)$/.exec(instead)?.[1] ?? assert.fail(instead);
        const verb = isListing ? 'LIST' : 'GET';
        assert.ok(own.some((each) => each.effect === 'allow' && each.prefix === named && each.verbs.includes(verb)));
        if (isListing) assert.equal(authorizer.decide(principal, list(named)).effect, 'allow');
        // Something in it can be had: of one deny for each folder below, a name that none has is left.
        else assert.equal(authorizer.decide(principal, get(`${named}zzz`)).effect, 'allow');
      }),
      { numRuns: 2000 },
    );
  });
});
