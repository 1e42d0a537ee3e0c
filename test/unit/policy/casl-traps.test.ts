import assert from 'node:assert/strict';
import { createMongoAbility, subject } from '@casl/ability';
import type { Access } from '../../../src/contracts/authorizer.ts';
import type { ClaimValue } from '../../../src/contracts/principal.ts';
import { GatewayError } from '../../../src/errors/gateway-error.ts';
import { compileAbility, compileRules } from '../../../src/policy/compile.ts';
import { policySchema } from '../../../src/policy/policy-schema.ts';
import { compileScope } from '../../../src/policy/scope.ts';
import type { Verb } from '../../../src/s3/operations/verb.ts';
import { authorizerOf, listing, on, principalWith, setOf, written } from './fixture.ts';

const isInternalError = (error: unknown) => error instanceof GatewayError && error.code === 'InternalError';

/** Each trap is shown in CASL itself first: should a release of CASL close it, its test here says so. */
describe('CASL trap', () => {
  const someone = principalWith();

  it('"the last rule wins": a deny wins wherever it is written', () => {
    const casl = createMongoAbility([
      { action: 'GET', subject: 'reports', inverted: true },
      { action: 'GET', subject: 'reports' },
    ]);
    assert.ok(casl.can('GET', 'reports'));

    const deny = { deny: ['GET'], bucket: 'reports', prefix: 'a/' };
    const allow = { allow: ['GET'], bucket: 'reports', everything: true };
    for (const authorizer of [
      authorizerOf(written('p', [deny, allow])),
      authorizerOf(written('p', [allow, deny])),
      authorizerOf(written('a', [deny]), written('b', [allow])),
      authorizerOf(written('a', [allow]), written('b', [deny])),
    ]) {
      assert.equal(authorizer.decide(someone, on('GET', 'a/x')).effect, 'deny');
      assert.equal(authorizer.decide(someone, on('GET', 'b/x')).effect, 'allow');
    }
  });

  it('"a type string ignores conditions": nothing but an access is ever asked about', () => {
    const casl = createMongoAbility([{ action: 'GET', subject: 'reports', conditions: { key: 'a/x' } }]);
    assert.ok(casl.can('GET', 'reports'));

    const ability = compileAbility(
      setOf(written('p', [{ allow: ['GET', 'PUT'], bucket: 'reports', key: 'a/x' }])).policies.flatMap(
        (policy) => compileRules(policy, 'v1').fixed,
      ),
    );
    const asked = (access: Access) => ({ access, principal: principalWith(), facts: {} });
    // @ts-expect-error a type string does not compile
    assert.throws(() => ability.ruleFor('reports'), TypeError);
    assert.equal(ability.ruleFor(asked({ kind: 'object', verb: 'GET', bucket: 'reports', key: '' })), undefined);
    assert.equal(
      ability.ruleFor(asked({ kind: 'listing', verb: 'LIST', bucket: 'reports', prefix: '', after: [] })),
      undefined,
    );
  });

  it('"an undefined condition value matches": a scope without a value is refused, an access without a key throws', () => {
    const casl = createMongoAbility([{ action: 'GET', subject: 'reports', conditions: { key: undefined } }]);
    assert.ok(casl.can('GET', subject('reports', {})));

    for (const scope of [{ prefix: undefined }, { key: undefined }, {}, { prefix: '', key: '' }]) {
      assert.throws(() => compileScope('allow', scope as unknown as { key: string }), isInternalError);
    }
    for (const value of [undefined, null, '', 7]) {
      const rule = { allow: ['GET'], bucket: 'reports', prefix: value };
      assert.equal(policySchema.safeParse(written('p', [rule])).success, false);
    }
    const authorizer = authorizerOf(written('p', [{ allow: ['GET'], bucket: 'reports', everything: true }]));
    const keyless = { kind: 'object', verb: 'GET', bucket: 'reports' } as unknown as ReturnType<typeof on>;
    assert.throws(() => authorizer.decide(someone, keyless), TypeError);
  });

  it('"an undefined condition value matches": a claim that the caller lacks selects no policy', () => {
    const authorizer = authorizerOf(
      written('p', [{ allow: ['GET'], bucket: 'reports', everything: true }], [{ issuer: 'demo', client: 'robot' }]),
    );
    assert.equal(authorizer.decide(someone, on('GET', 'x')).effect, 'deny');
    assert.equal(policySchema.safeParse(written('p', [], [{ issuer: 'demo', client: undefined }])).success, false);
    assert.equal(policySchema.safeParse(written('p', [], [{ issuer: 'demo', group: null }])).success, false);
  });

  it('"an unknown operator never throws": a scope of a kind that is not known is refused, twice', () => {
    const casl = createMongoAbility([
      { action: 'GET', subject: 'reports' },
      { action: 'GET', subject: 'reports', inverted: true, conditions: { key: { $startWith: 'secret/' } } },
    ]);
    assert.ok(casl.can('GET', subject('reports', { key: 'secret/x' })));

    const typo = { deny: ['GET'], bucket: 'reports', prefx: 'secret/' };
    assert.equal(policySchema.safeParse(written('p', [typo])).success, false);
    assert.throws(() => compileScope('deny', { startWith: 'secret/' } as unknown as { key: string }), isInternalError);
  });

  it('"an undefined condition value matches": an allow with an unset variable matches nothing, a deny all that it could mean', () => {
    const rule = { bucket: 'reports', prefix: 'a/${claims.team}/' };
    const allow = authorizerOf(written('p', [{ ...rule, allow: ['GET'] }]));
    const deny = authorizerOf(
      written('p', [
        { ...rule, deny: ['GET'] },
        { allow: ['GET'], bucket: 'reports', everything: true },
      ]),
    );
    for (const claims of [{}, { team: '' }, { team: ['a'] }, { team: 7 }, Object.create({ team: 'x' }) as object]) {
      const caller = principalWith({ claims: claims as Record<string, ClaimValue> });
      for (const key of ['a/undefined/x', 'a//x', 'a/x', 'a/x/y', 'a/${claims.team}/x', 'a/7/x']) {
        assert.equal(allow.decide(caller, on('GET', key)).effect, 'deny');
        assert.equal(deny.decide(caller, on('GET', key)).effect, 'deny');
      }
      assert.equal(deny.decide(caller, on('GET', 'b/x')).effect, 'allow');
    }
  });

  it('"an unknown operator never matches": a condition that is not known, or has no value, is refused', () => {
    const rule = { deny: ['GET'], bucket: 'reports', everything: true };
    for (const when of [
      { ac: ['gold'] },
      { $or: [] },
      { acr: undefined },
      { acr: null },
      { acr: { $in: ['x'] } },
      {},
    ]) {
      assert.equal(policySchema.safeParse(written('p', [{ ...rule, when }])).success, false, JSON.stringify(when));
    }
  });

  it('"$regex is open to ReDoS": scopes are literal, whatever they look like', () => {
    const authorizer = authorizerOf(written('p', [{ allow: ['GET'], bucket: 'reports', prefix: '(a+)+$*.?/' }]));
    assert.equal(authorizer.decide(someone, on('GET', '(a+)+$*.?/x')).effect, 'allow');
    assert.equal(authorizer.decide(someone, on('GET', `${'a'.repeat(1000)}!`)).effect, 'deny');
    const operator = { allow: ['GET'], bucket: 'reports', key: { $regex: '^(a+)+$' } };
    assert.equal(policySchema.safeParse(written('p', [operator])).success, false);
  });

  it('"subject() mutates": an access is decided as it is, frozen or not', () => {
    const marked = { key: 'x' };
    subject('reports', marked);
    assert.ok(Object.hasOwn(marked, '__caslSubjectType__'));

    const authorizer = authorizerOf(written('p', [{ allow: ['GET'], bucket: 'reports', everything: true }]));
    const access = on('GET', 'x');
    assert.equal(authorizer.decide(someone, access).effect, 'allow');
    assert.deepEqual(Reflect.ownKeys(access), ['kind', 'verb', 'bucket', 'key']);
    assert.equal(authorizer.decide(someone, Object.freeze(on('GET', 'x'))).effect, 'allow');
  });

  it('"`all` is every type": a bucket of that name is one bucket', () => {
    assert.ok(createMongoAbility([{ action: 'GET', subject: 'all' }]).can('GET', 'reports'));

    const authorizer = authorizerOf(written('p', [{ allow: ['GET', 'LIST'], bucket: 'all', everything: true }]));
    assert.equal(authorizer.decide(someone, on('GET', 'x', 'all')).effect, 'allow');
    assert.equal(authorizer.decide(someone, on('GET', 'x', 'reports')).effect, 'deny');
    assert.equal(authorizer.decide(someone, listing('', [], 'reports')).effect, 'deny');
    assert.equal(authorizer.decide(someone, on('GET', 'x', '*')).effect, 'deny');
  });

  it('"`manage` is every action": no rule can name it, and no verb is asked for by it', () => {
    assert.ok(createMongoAbility([{ action: 'manage', subject: 'reports' }]).can('DELETE', 'reports'));

    for (const verb of ['manage', '*', 'all']) {
      const rule = { allow: [verb], bucket: 'reports', everything: true };
      assert.equal(policySchema.safeParse(written('p', [rule])).success, false);
    }
    const authorizer = authorizerOf(written('p', [{ allow: ['GET'], bucket: 'manage', everything: true }]));
    assert.equal(authorizer.decide(someone, on('GET', 'x', 'manage')).effect, 'allow');
    assert.equal(authorizer.decide(someone, on('PUT', 'x', 'manage')).effect, 'deny');
    assert.equal(authorizer.decide(someone, on('*' as Verb, 'x', 'manage')).effect, 'deny');
    assert.equal(authorizer.decide(someone, on('manage' as Verb, 'x', 'manage')).effect, 'deny');
  });
});
