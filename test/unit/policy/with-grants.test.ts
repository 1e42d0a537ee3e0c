import assert from 'node:assert/strict';
import { createAuthorizer } from '../../../src/policy/authorizer.ts';
import { policySchema } from '../../../src/policy/policy-schema.ts';
import type { TemporaryGrant } from '../../../src/contracts/temporary-grants.ts';
import { admin, listing, on, principalWith, setOf, written } from './fixture.ts';

const grant = (more: Partial<TemporaryGrant> = {}): TemporaryGrant => ({
  ...{ id: 'a1', verbs: ['GET', 'LIST'], bucket: 'reports', scope: { prefix: '2026/' }, reason: 'Granted: INC-1' },
  ...more,
});
const ALICE = principalWith({ subject: 'alice' });

/** An authorizer whose grants can be changed while it runs. */
function worldOf(policies: readonly unknown[], ...first: readonly TemporaryGrant[]) {
  const set = setOf(...policies);
  let given: readonly TemporaryGrant[] = first;
  const authorizer = createAuthorizer(
    { current: () => set },
    { of: ({ subject }) => (subject === 'alice' ? given : []) },
  );
  return {
    authorizer,
    give: (...grants: readonly TemporaryGrant[]) => (given = grants),
    rule: (...access: Parameters<typeof on>) => authorizer.decide(ALICE, on(...access)).rule,
  };
}

describe('grants beside policies', () => {
  it('allow what they say, by their own name and reason, and nothing else', () => {
    const { authorizer, rule } = worldOf(
      [written('p', [{ allow: ['GET'], bucket: 'other', everything: true }])],
      grant(),
    );
    assert.deepEqual(authorizer.decide(ALICE, on('GET', '2026/a')), {
      ...{ effect: 'allow', rule: 'grant/a1', reason: 'Granted: INC-1', policyVersion: 'v1' },
    });
    assert.equal(authorizer.decide(ALICE, listing('2026/')).rule, 'grant/a1');
    const denied = [
      on('PUT', '2026/a'),
      on('GET', '2026'),
      on('GET', '2025/a'),
      on('GET', '2026-secret/a'),
      on('GET', '2026/a', 'other2'),
      on('GET_VERSION', '2026/a'),
      listing(''),
      listing('2026/', ['2025/x']),
      admin(),
    ];
    for (const access of denied) assert.equal(authorizer.decide(ALICE, access).rule, 'default-deny');
    assert.equal(rule('GET', 'x', 'other'), 'p/r0');
    const bob = principalWith({ subject: 'bob' });
    assert.equal(authorizer.decide(bob, on('GET', '2026/a')).rule, 'default-deny');
    assert.deepEqual(authorizer.grants(bob, 'reports'), []);
  });

  it('yield to every deny, and leave the name of an allow to the policy', () => {
    const { authorizer, rule } = worldOf(
      [
        written('p', [
          { allow: ['GET'], bucket: 'reports', prefix: '2026/q1/' },
          { deny: ['GET', 'LIST'], bucket: 'reports', prefix: '2026/secret/' },
        ]),
      ],
      grant(),
    );
    assert.equal(rule('GET', '2026/q1/x'), 'p/r0');
    assert.equal(rule('GET', '2026/q2/x'), 'grant/a1');
    assert.equal(rule('GET', '2026/secret/x'), 'p/r1');
    assert.equal(authorizer.decide(ALICE, listing('2026/')).effect, 'deny');
    assert.equal(authorizer.decide(ALICE, listing('2026/q2/')).effect, 'allow');
  });

  it('show and give a bucket that no policy does, unless a deny takes all of it', () => {
    const open = worldOf([written('p', [{ allow: ['GET'], bucket: 'other', everything: true }])], grant());
    assert.deepEqual(open.authorizer.visibleBuckets(ALICE, ['reports', 'other', 'third']), ['reports', 'other']);
    const shut = worldOf([written('p', [{ deny: ['GET', 'LIST'], bucket: 'reports', everything: true }])], grant());
    assert.deepEqual(shut.authorizer.visibleBuckets(ALICE, ['reports']), []);
    assert.equal(shut.authorizer.decide(ALICE, { kind: 'bucket', bucket: 'reports' }).effect, 'deny');
  });

  it('are gone with their end from decisions and from what a store is told, and worked out once until then', () => {
    const { authorizer, give, rule } = worldOf(
      [written('p', [{ allow: ['PUT'], bucket: 'reports', prefix: '2026/' }])],
      grant(),
    );
    const during = authorizer.grants(ALICE, 'reports');
    assert.deepEqual(during, [
      { effect: 'allow', verbs: ['PUT'], scope: { prefix: '2026/' } },
      { effect: 'allow', verbs: ['GET', 'LIST'], scope: { prefix: '2026/' } },
    ]);
    assert.equal(authorizer.grants(ALICE, 'reports'), during);
    assert.equal(authorizer.grants(principalWith({ subject: 'alice' }), 'reports'), during);
    give();
    assert.equal(rule('GET', '2026/a'), 'default-deny');
    const after = authorizer.grants(ALICE, 'reports');
    assert.deepEqual(after, [{ effect: 'allow', verbs: ['PUT'], scope: { prefix: '2026/' } }]);
    give(grant({ id: 'b2' }));
    assert.equal(rule('GET', '2026/a'), 'grant/b2');
    assert.notEqual(authorizer.grants(ALICE, 'reports'), during);
  });

  it('give ADMIN only where they name it', () => {
    const everything = { scope: { prefix: '' } } as const;
    const without = worldOf([], grant({ ...everything, verbs: ['GET', 'PUT', 'DELETE', 'LIST'] }));
    assert.equal(without.authorizer.decide(ALICE, admin()).effect, 'deny');
    const withIt = worldOf([], grant({ ...everything, verbs: ['ADMIN'] }));
    assert.equal(withIt.authorizer.decide(ALICE, admin()).rule, 'grant/a1');
  });

  it('have a name that no policy can have', () => {
    const policy = written('grant', [{ allow: ['GET'], bucket: 'reports', everything: true }]);
    assert.match(policySchema.safeParse(policy).error?.issues[0]?.message ?? '', /decisions name grants so/);
  });
});
