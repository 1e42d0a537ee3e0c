/**
 * Policies and grants with an end at random: decisions are those of the policies, and beyond them only what a grant says; and
 * what a store is told is never wider than both, nor wider than the policies once the grants are over.
 */
import assert from 'node:assert/strict';
import fc from 'fast-check';
import { compileSessionPolicy } from '../../demo/store/session-policy.ts';
import type { Access } from '../../src/contracts/authorizer.ts';
import type { TemporaryGrant } from '../../src/contracts/temporary-grants.ts';
import { createPolicyPlanner } from '../../src/credentials/plan-policy.ts';
import { GatewayError } from '../../src/errors/gateway-error.ts';
import { createAuthorizer } from '../../src/policy/authorizer.ts';
import { triesOf } from '../support/chance.ts';
import { bucket as storeBucket } from '../unit/credentials/fixture.ts';
import { principalWith, setOf, written } from '../unit/policy/fixture.ts';

const ARN = 'arn:aws:s3:::reports';
const ALICE = principalWith({ subject: 'alice' });
const OBJECT_VERBS = ['GET', 'PUT', 'DELETE'] as const;
const ACTIONS = { GET: 's3:GetObject', PUT: 's3:PutObject', DELETE: 's3:DeleteObject' } as const;

// Few, so that they meet; among them what means something to IAM.
const folder = fc.constantFrom('a/', 'a/b/', 'b/', 'a*/', 'a/?/', '${x}/');
const key = fc.constantFrom('a/x', 'a/b/x', 'b/x', 'a*/x', 'a/?/x', 'x', '${x}/x', 'aa/x');
const objectVerbs = fc.subarray([...OBJECT_VERBS], { minLength: 1 });
const listingVerbs = fc.subarray([...OBJECT_VERBS, 'LIST'] as const, { minLength: 1 });
const literal = (text: string) => text.replaceAll('${', () => '$${');

const rule = fc
  .tuple(
    fc.constantFrom('allow', 'allow', 'deny'),
    listingVerbs,
    fc.option(folder),
    fc.constantFrom('reports', 'other'),
  )
  .map(([effect, verbs, prefix, bucket]) => ({
    ...{ [effect]: verbs, bucket },
    ...(prefix === null ? { everything: true } : { prefix: literal(prefix) }),
  }));
const grant: fc.Arbitrary<Omit<TemporaryGrant, 'id'>> = fc
  .oneof(
    fc.tuple(listingVerbs, folder).map(([verbs, prefix]) => ({ verbs, scope: { prefix } })),
    fc.tuple(objectVerbs, key).map(([verbs, one]) => ({ verbs, scope: { key: one } })),
    listingVerbs.map((verbs) => ({ verbs, scope: { prefix: '' } })),
  )
  .map((one) => ({ ...one, bucket: 'reports', reason: 'INC' }));
const grants = fc
  .array(grant, { maxLength: 3 })
  .map((all): readonly TemporaryGrant[] => all.map((one, at) => ({ ...one, id: `g${at}` })));

type Requested = Extract<Access, { kind: 'object' | 'listing' }>;
const object = fc
  .tuple(fc.constantFrom(...OBJECT_VERBS), key)
  .map(([verb, one]): Requested => ({ kind: 'object', verb, bucket: 'reports', key: one }));
const listing = fc
  .oneof(folder, fc.constant(''))
  .map((prefix): Requested => ({ kind: 'listing', verb: 'LIST', bucket: 'reports', prefix, after: [] }));
const access = fc.oneof(object, object, listing);

/** A grant in the plainest words. */
function covers({ verbs, scope }: TemporaryGrant, requested: Requested): boolean {
  if (!verbs.includes(requested.verb)) return false;
  if (requested.kind === 'listing') return 'prefix' in scope && requested.prefix.startsWith(scope.prefix);
  return 'key' in scope ? scope.key === requested.key : requested.key.startsWith(scope.prefix);
}

function worldOf(rules: readonly object[], during: readonly TemporaryGrant[]) {
  const set = setOf(
    written('p', rules.length === 0 ? [{ allow: ['GET'], bucket: 'third', everything: true }] : (rules as never)),
  );
  let given = during;
  const source = { current: () => set };
  return {
    alone: createAuthorizer(source),
    both: createAuthorizer(source, { of: () => given }),
    end: () => {
      given = [];
    },
  };
}

describe('grants beside policies, at random', () => {
  it('allow what no policy decides and they say, and change nothing else', () => {
    fc.assert(
      fc.property(fc.array(rule, { maxLength: 4 }), grants, access, (rules, given, requested) => {
        const { alone, both, end } = worldOf(rules, given);
        const before = alone.decide(ALICE, requested);
        const decided = both.decide(ALICE, requested);
        const first = before.rule === 'default-deny' ? given.find((one) => covers(one, requested)) : undefined;
        assert.equal(decided.rule, first === undefined ? before.rule : `grant/${first.id}`);
        assert.equal(decided.effect, first === undefined ? before.effect : 'allow');
        end();
        assert.deepEqual(both.decide(ALICE, requested), before);
        assert.deepEqual(both.grants(ALICE, 'reports'), alone.grants(ALICE, 'reports'));
      }),
      { numRuns: triesOf(3000) },
    );
  });

  for (const escapes of [true, false]) {
    it(`make no session policy wider than both, nor one that outlives them (${escapes ? 'with' : 'without'} escapes)`, () => {
      let seen = 0;
      fc.assert(
        fc.property(fc.array(rule, { maxLength: 4 }), grants, access, access, (rules, given, requested, tried) => {
          const { alone, both, end } = worldOf(rules, given);
          // One planner for all of it, as a gateway has: what it remembers must not outlive a grant.
          const planner = createPolicyPlanner({ escapes, unknownActions: new Set() }, () => false);
          const store = storeBucket();
          const planned = () => {
            try {
              const scope = { bucket: store, grants: both.grants(ALICE, 'reports'), accesses: [requested] };
              return planner.widest([scope]);
            } catch (error) {
              assert.ok(error instanceof GatewayError && error.code === 'AccessDenied');
              return undefined;
            }
          };
          const may = (policy: string) => {
            const allowed = compileSessionPolicy(policy);
            if (tried.kind === 'object') {
              return allowed({ action: ACTIONS[tried.verb as keyof typeof ACTIONS], resource: `${ARN}/${tried.key}` });
            }
            const query = { action: 's3:ListBucket', resource: ARN } as const;
            return allowed(tried.prefix === '' ? query : { ...query, prefix: tried.prefix });
          };
          const during = planned();
          if (during !== undefined) {
            seen += 1;
            if (may(during)) assert.equal(both.decide(ALICE, tried).effect, 'allow', during);
          }
          end();
          const after = planned();
          if (after !== undefined && may(after)) assert.equal(alone.decide(ALICE, tried).effect, 'allow', after);
        }),
        { numRuns: triesOf(2000) },
      );
      assert.ok(seen > triesOf(100), `only ${seen} had a policy`);
    });
  }
});
