import assert from 'node:assert/strict';
import fc from 'fast-check';
import type { Principal } from '../../src/contracts/principal.ts';
import { createAuthorizer } from '../../src/policy/authorizer.ts';
import type { DecidedAccess } from '../../src/policy/analysis/accesses.ts';
import { differencesOf, CannotTell } from '../../src/policy/analysis/differences.ts';
import { explain } from '../../src/policy/analysis/explain.ts';
import type { PolicySet } from '../../src/policy/load-policies.ts';
import type { Verb } from '../../src/s3/operations/verb.ts';
import { setOf } from '../unit/policy/fixture.ts';

// Few of everything, so that rules, identities and accesses meet.
const BUCKETS: ReadonlySet<string> = new Set(['reports', 'team-red', 'all']);
const bucket = fc.constantFrom(...BUCKETS);
const VERBS = ['GET', 'PUT', 'LIST', 'ADMIN'] as const;
const segment = fc.constantFrom('a', 'b', 'ann', 'red', 'x', 'r', 'xred', '');
const SEGMENTS = [
  'a',
  'b',
  'ann',
  'red',
  'xred',
  '${sub}',
  '${issuer}',
  '${claims.team}',
  'x${claims.team}',
  '${groups}',
];
const path = fc
  .array(fc.oneof({ weight: 5, arbitrary: segment }, { weight: 1, arbitrary: fc.constantFrom(...SEGMENTS) }), {
    minLength: 1,
    maxLength: 3,
  })
  .map((segments) => segments.join('/'))
  .filter((text) => text !== '');
const place = fc.oneof(
  path.map((text) => ({ prefix: `${text}/` })),
  path.map((text) => ({ key: text })),
  fc.constant({ everything: true as const }),
);
const where = fc.oneof(
  { weight: 4, arbitrary: bucket.map((name) => ({ bucket: name })) },
  { weight: 1, arbitrary: fc.constantFrom({ bucket: 'team-${claims.team}' }, { buckets: 'all' }) },
);
const rule = fc
  .tuple(fc.boolean(), fc.uniqueArray(fc.constantFrom<Verb>(...VERBS), { minLength: 1 }), where, place, fc.boolean())
  .filter(([deny, verbs, , at]) => deny || !('key' in at) || !verbs.includes('LIST'))
  .filter(([, verbs, , at]) => 'everything' in at || !verbs.includes('ADMIN'))
  .map(([deny, verbs, at, each, every]) => {
    const text = JSON.stringify([at, each]);
    const list = text.includes('${groups}')
      ? 'groups'
      : text.includes('${claims.team}') && every
        ? 'claims.team'
        : undefined;
    return { [deny ? 'deny' : 'allow']: verbs, ...at, ...each, ...(list !== undefined && { each: list }) };
  });
const group = fc.constantFrom('a', 'red');
const selector = fc
  .oneof(
    fc.record({ issuer: fc.constantFrom('demo', 'b'), group }),
    fc.record(
      {
        ...{ issuer: fc.constantFrom('demo', 'b'), group, subject: fc.constantFrom('ann', 'a') },
        client: fc.constantFrom('red', 'cli'),
        claims: fc.record({ team: fc.constantFrom('red', 'b') }),
        actor: fc.constant('bot'),
      },
      { requiredKeys: ['issuer'] },
    ),
  )
  .map((each) => (Object.keys(each).length > 1 ? each : { ...each, everybody: true as const }));
const policy = fc.record({
  subjects: fc.array(selector, { minLength: 1, maxLength: 2 }),
  rules: fc.array(rule, { minLength: 1, maxLength: 3 }),
});
const policies = fc.array(policy, { maxLength: 3 });
type Written = typeof policies extends fc.Arbitrary<infer Value> ? Value : never;

const read = (written: Written): PolicySet => ({
  ...setOf(
    ...written.map(({ subjects, rules }, index) => ({
      ...{ id: `p${index}`, description: 'Random.', subjects },
      rules: rules.map((each, number) => ({ id: `r${number}`, ...each })),
    })),
  ),
  buckets: BUCKETS,
});
/** Two sets: of nothing in common, or all but one policy. */
const pair = fc.tuple(policies, policies, fc.boolean()).map(([one, two, isEdit]): readonly [PolicySet, PolicySet] => {
  const edited = [...one.slice(0, -1), ...two.slice(0, 1)];
  return [read(one), read(isEdit ? edited : two)];
});

/** Sets with more combinations of values than are looked at are refused, and are not what is tried here. */
function found(before: PolicySet, after: PolicySet) {
  try {
    return differencesOf(before, after);
  } catch (error) {
    assert.ok(error instanceof CannotTell);
    fc.pre(false);
    throw error;
  }
}

const value = fc.constantFrom('a', 'b', 'red', 'ann', 'zed', 'xx', '..', 'x/y', '', 7 as const);
const principal = fc
  .record({
    issuerName: fc.constantFrom('demo', 'b'),
    subject: fc.constantFrom('ann', 'a', 'zed', 'a/b'),
    groups: fc.uniqueArray(fc.constantFrom('a', 'red', 'zed', 'x/'), { maxLength: 3 }),
    claims: fc.record(
      {
        team: fc.oneof(
          value,
          fc.array(
            value.filter((each) => typeof each === 'string'),
            { maxLength: 3 },
          ),
        ),
        client_id: fc.constantFrom('red', 'cli', 'zed'),
        azp: fc.constantFrom('red', 'cli'),
      },
      { requiredKeys: [] },
    ),
    actor: fc.option(fc.constantFrom({ subject: 'bot' }, { subject: 'other' }), { nil: undefined, freq: 3 }),
    binding: fc.option(fc.constantFrom('p0', 'p1', 'p2'), { nil: undefined, freq: 3 }),
  })
  .map(({ actor, binding, ...rest }): Principal => ({
    ...{ ...rest, issuer: rest.issuerName, tokenIdHash: '', expiresAtMs: 0 },
    ...(actor !== undefined && { actor }),
    ...(binding !== undefined && { binding }),
  }));
const text = fc
  .array(fc.oneof(segment, fc.constantFrom('zed', 'xx', 'b')), { maxLength: 4 })
  .map((parts) => parts.join('/'));
const access: fc.Arbitrary<DecidedAccess> = fc.oneof(
  fc
    .tuple(
      fc.constantFrom('GET', 'PUT'),
      bucket,
      text.filter((key) => key !== ''),
    )
    .map(([verb, name, key]): DecidedAccess => ({ kind: 'object', verb, bucket: name, key })),
  fc
    .tuple(bucket, text, fc.array(text, { maxLength: 2 }))
    .map(([name, prefix, after]): DecidedAccess => ({ kind: 'listing', verb: 'LIST', bucket: name, prefix, after })),
  bucket.map((name): DecidedAccess => ({ kind: 'admin', verb: 'ADMIN', bucket: name })),
);

describe('differences of random sets of policies', () => {
  it('hold whatever a random request is decided differently by: rules, verb and bucket', () => {
    const met = { allowed: 0, denied: 0 };
    fc.assert(
      fc.property(
        pair,
        fc.array(principal, { minLength: 12, maxLength: 12 }),
        fc.array(access, { minLength: 40, maxLength: 40 }),
        ([before, after], callers, accesses) => {
          const differences = found(before, after);
          const [old, now] = [before, after].map((set) => createAuthorizer({ current: () => set }));
          assert.ok(old !== undefined && now !== undefined);
          for (const caller of callers) {
            for (const each of accesses) {
              const [was, is] = [old.decide(caller, each), now.decide(caller, each)];
              if (was.effect === is.effect) continue;
              const change = is.effect === 'allow' ? 'allowed' : 'denied';
              met[change] += 1;
              const [allow, deny] = change === 'allowed' ? [is, was] : [was, is];
              const covering = differences.find(
                (one) =>
                  one.change === change &&
                  one.allowedBy === allow.rule &&
                  one.deniedBy === deny.rule &&
                  one.where.get(each.verb)?.has(each.bucket) === true,
              );
              assert.ok(
                covering,
                `missed: ${JSON.stringify([change, allow.rule, deny.rule, caller, each])}\n${JSON.stringify([before.policies, after.policies])}`,
              );
            }
          }
        },
      ),
      { numRuns: process.env['CI'] === undefined ? 300 : 1500 },
    );
    for (const [change, count] of Object.entries(met)) assert.ok(count > 200, `only ${count} were ${change}`);
  });

  it('are true: each witness is decided as it says', () => {
    fc.assert(
      fc.property(pair, ([before, after]) => {
        for (const { change, witness } of found(before, after)) {
          const [was, is] = [before, after].map((set) => {
            return createAuthorizer({ current: () => set }).decide(witness.principal, witness.access).effect;
          });
          assert.deepEqual([was, is], change === 'allowed' ? ['deny', 'allow'] : ['allow', 'deny']);
        }
      }),
      { numRuns: 50 },
    );
  });

  it('are none between a set and itself', () => {
    fc.assert(
      fc.property(pair, ([set]) => assert.deepEqual(differencesOf(set, set), [])),
      { numRuns: 50 },
    );
  });
});

describe('explanations of random requests', () => {
  it('agree with the decision: of the rules that apply, the first deny decides, else the first allow', () => {
    const decided = new Set<string>();
    fc.assert(
      fc.property(
        policies.map(read),
        principal,
        fc.array(access, { minLength: 20, maxLength: 20 }),
        (set, caller, accesses) => {
          for (const each of accesses) {
            const { decision, rules } = explain(set, caller, each);
            const applying = rules.filter(({ applies }) => applies);
            const first = applying.find(({ effect }) => effect === 'deny') ?? applying[0];
            assert.equal(decision.rule, first?.rule ?? 'default-deny');
            assert.equal(decision.effect, first?.effect ?? 'deny');
            decided.add(first?.effect ?? 'none');
            assert.ok(rules.every(({ applies, failed }) => applies === (failed === undefined)));
          }
        },
      ),
      { numRuns: 500 },
    );
    assert.equal(decided.size, 3);
  });
});
