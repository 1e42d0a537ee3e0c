import assert from 'node:assert/strict';
import { policySchema } from '../../../src/policy/policy-schema.ts';
import { readDocument } from '../../../src/policy/read-document.ts';
import { authorizerOf, on, principalWith, written } from './fixture.ts';

const all = [{ allow: ['GET'], bucket: 'reports', everything: true }];
const agent = { subject: 'agent' };

describe('an agent for a user', () => {
  const effect = (subjects: readonly unknown[], principal = principalWith({ actor: agent })) =>
    authorizerOf(written('p', all, subjects)).decide(principal, on('GET', 'x')).effect;

  it('is allowed nothing by what allows the user', () => {
    for (const subject of [{ group: 'staff' }, { subject: 'someone' }]) {
      assert.equal(effect([{ issuer: 'demo', ...subject }], principalWith()), 'allow');
      assert.equal(effect([{ issuer: 'demo', ...subject }]), 'deny');
    }
  });

  it('is allowed what names the agent, for the users that are named with it', () => {
    assert.equal(effect([{ issuer: 'demo', subject: 'someone', actor: 'agent' }]), 'allow');
    assert.equal(effect([{ issuer: 'demo', actor: 'agent' }]), 'allow');
    assert.equal(effect([{ issuer: 'demo', subject: 'someone', actor: 'other' }]), 'deny');
    assert.equal(effect([{ issuer: 'demo', subject: 'other', actor: 'agent' }]), 'deny');
    assert.equal(effect([{ issuer: 'other', subject: 'someone', actor: 'agent' }]), 'deny');
  });

  it('has every deny of the user', () => {
    const authorizer = authorizerOf(
      written('agents', all, [{ issuer: 'demo', actor: 'agent' }]),
      written('users', [{ deny: ['GET'], bucket: 'reports', key: 'secret' }], [{ issuer: 'demo', group: 'staff' }]),
    );
    const principal = principalWith({ actor: agent });
    assert.equal(authorizer.decide(principal, on('GET', 'x')).effect, 'allow');
    assert.equal(authorizer.decide(principal, on('GET', 'secret')).rule, 'users/r0');
  });

  it('is another one than the user, the agent itself, and an agent of the same name elsewhere', () => {
    const subjects = [{ issuer: 'demo', actor: 'agent' }];
    assert.equal(effect(subjects, principalWith()), 'deny');
    assert.equal(effect(subjects, principalWith({ subject: 'agent' })), 'deny');
    const elsewhere = principalWith({ actor: { issuer: 'https://other.example', subject: 'agent' } });
    assert.equal(effect(subjects, elsewhere), 'deny');
    const named = [{ issuer: 'demo', actor: 'agent', actorIssuer: 'https://other.example' }];
    assert.equal(effect(named, elsewhere), 'allow');
    assert.equal(effect(named), 'deny');
    assert.equal(
      effect(subjects, principalWith({ actor: { issuer: 'https://idp.example', subject: 'agent' } })),
      'allow',
    );
  });

  it('never gets by a binding what the agent may not choose', () => {
    const authorizer = authorizerOf(written('p', all), written('q', all, [{ issuer: 'demo', actor: 'agent' }]));
    assert.deepEqual(authorizer.bindings(principalWith({ actor: agent })), ['q']);
    const bound = (binding: string) =>
      authorizer.decide(principalWith({ actor: agent, binding }), on('GET', 'x')).effect;
    assert.equal(bound('q'), 'allow');
    assert.equal(bound('p'), 'deny');
  });

  it('is kept when an identity is cut down to what policies look at', () => {
    const authorizer = authorizerOf(written('p', all));
    const principal = principalWith({ actor: agent, groups: ['staff', 'other'] });
    assert.deepEqual(authorizer.relevant(principal).actor, agent);
  });
});

describe('claims of a subject', () => {
  const effect = (claims: unknown, carried: Record<string, string | number | boolean | readonly string[]>) =>
    authorizerOf(written('p', all, [{ issuer: 'demo', claims }])).decide(
      principalWith({ claims: carried }),
      on('GET', 'x'),
    ).effect;

  it('match the same value of the same kind, or a list that holds it, and nothing else', () => {
    assert.equal(effect({ team: 'red' }, { team: 'red' }), 'allow');
    assert.equal(effect({ team: 'red' }, { team: ['blue', 'red'] }), 'allow');
    assert.equal(effect({ level: 3 }, { level: 3 }), 'allow');
    assert.equal(effect({ mfa: true }, { mfa: true }), 'allow');
    for (const carried of [{}, { team: 'Red' }, { team: ['reds'] }, { team: '' }, { other: 'red' }]) {
      assert.equal(effect({ team: 'red' }, carried), 'deny');
    }
    assert.equal(effect({ level: 3 }, { level: '3' }), 'deny');
    assert.equal(effect({ mfa: true }, { mfa: 'true' }), 'deny');
    assert.equal(effect({ constructor: 'x' }, {}), 'deny');
  });

  it('must match all together', () => {
    assert.equal(effect({ team: 'red', level: 3 }, { team: 'red', level: 3 }), 'allow');
    assert.equal(effect({ team: 'red', level: 3 }, { team: 'red' }), 'deny');
  });

  it('stay with an identity that is cut down, and those of no policy do not', () => {
    const authorizer = authorizerOf(written('p', all, [{ issuer: 'demo', claims: { team: 'red' } }]));
    const claims = { team: 'blue', other: 'x', client_id: 'unnamed' };
    assert.deepEqual(authorizer.relevant(principalWith({ claims })).claims, { team: 'blue' });
  });

  it('refuse a policy that names none, too many, or one that cannot be', () => {
    const parses = (claims: unknown) => policySchema.safeParse(written('p', all, [{ issuer: 'demo', claims }])).success;
    assert.equal(parses({ a: 'x' }), true);
    assert.equal(parses({}), false);
    assert.equal(parses(Object.fromEntries(Array.from({ length: 9 }, (_, index) => [`c${index}`, 'x']))), false);
    for (const value of [null, '', ['x'], {}, 'a\u202e']) assert.equal(parses({ a: value }), false);
    assert.equal(policySchema.safeParse(written('p', all, [{ issuer: 'demo', actorIssuer: 'x' }])).success, false);
  });

  it('never lose one by its name: a claim less would be a condition less', () => {
    const text = (claims: string) =>
      `{id: p, description: d, subjects: [{issuer: demo, claims: {${claims}}}], rules: [{id: r, allow: [GET], bucket: reports, everything: true}]}`;
    assert.ok('value' in readDocument('p.yaml', text('a: x'), () => policySchema));
    assert.ok('issues' in readDocument('p.yaml', text('a: x, __proto__: y'), () => policySchema));
  });
});
