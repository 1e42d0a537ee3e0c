import assert from 'node:assert/strict';
import fc from 'fast-check';
import { triesOf } from '../support/chance.ts';
import type { Access, Grant } from '../../src/contracts/authorizer.ts';
import type { IamTraits } from '../../src/credentials/iam-dialect.ts';
import { createPolicyPlanner } from '../../src/credentials/plan-policy.ts';
import { sessionName } from '../../src/credentials/session-name.ts';
import { tagValue } from '../../src/credentials/session-tags.ts';
import { policyDocument, sessionPolicies } from '../../src/credentials/session-policies.ts';
import { compileSessionPolicy, type SessionPolicy } from '../../demo/store/session-policy.ts';
import type { GatewayError } from '../../src/errors/gateway-error.ts';
import { VERBS, type Verb } from '../../src/s3/operations/verb.ts';
import { bucket } from '../unit/credentials/fixture.ts';

const ARN = 'arn:aws:s3:::reports';
type Action = Parameters<SessionPolicy>[0]['action'];

/** What a store asks for, written down once more. The last two rows need both verbs on the same object. */
const ACTIONS: readonly (readonly [action: Action, ...verbs: Verb[]])[] = [
  ['s3:GetObject', 'GET'],
  ['s3:PutObject', 'PUT'],
  ['s3:AbortMultipartUpload', 'PUT'],
  ['s3:DeleteObject', 'DELETE'],
  ['s3:GetObjectVersion', 'GET_VERSION'],
  ['s3:DeleteObjectVersion', 'DELETE_VERSION'],
  ['s3:GetObjectTagging', 'GET_TAGS'],
  ['s3:PutObjectTagging', 'PUT_TAGS'],
  ['s3:PutObjectRetention', 'PUT_LOCK'],
  ['s3:GetObjectVersionTagging', 'GET_TAGS', 'GET_VERSION'],
  ['s3:PutObjectVersionTagging', 'PUT_TAGS', 'GET_VERSION'],
];
const ADMIN_ACTIONS = ['s3:CreateBucket', 's3:DeleteBucket', 's3:PutBucketVersioning', 's3:GetBucketTagging'] as const;
const LISTING_ACTIONS = ['s3:ListBucket', 's3:ListBucketVersions', 's3:ListBucketMultipartUploads'] as const;
const OBJECT_VERBS = ['GET', 'PUT', 'DELETE', 'GET_VERSION', 'GET_TAGS', 'PUT_TAGS', 'PUT_LOCK'] as const;
const LISTING_VERBS = ['LIST', 'LIST_VERSIONS'] as const;

// Few characters, so that scopes and keys meet; among them all that mean something to IAM.
const text = fc.string({ unit: fc.constantFrom('a', 'b', '/', '*', '?', '$', '{', '}', ':', '"', '漢'), maxLength: 5 });
const scope = fc.oneof(fc.record({ key: text }), fc.record({ prefix: text }), fc.constant({ prefix: '' }));
const verbs = fc.subarray([...OBJECT_VERBS, ...LISTING_VERBS, 'ADMIN'] as const, { minLength: 1 });
const grants = (effect: Grant['effect'], maxLength: number) =>
  fc.array(fc.record({ effect: fc.constant(effect), verbs, scope }), { maxLength });
// Often so many that not all of them fit into one policy.
const someGrants = fc
  .tuple(grants('allow', 4), grants('deny', 2), fc.boolean())
  .map(([allows, denies, crowded]): readonly Grant[] => [...allows, ...(crowded ? CROWD : []), ...denies]);
const CROWD: readonly Grant[] = Array.from({ length: 60 }, (_, index) => ({
  effect: 'allow',
  verbs: index % 2 === 0 ? ['GET'] : ['DELETE', 'LIST'],
  scope: { prefix: `crowd of projects/${index}/` },
}));
const access: fc.Arbitrary<RequestedAccess> = fc.oneof(
  fc.record({
    kind: fc.constant('object' as const),
    verb: fc.constantFrom(...OBJECT_VERBS),
    bucket: fc.constant('reports'),
    key: text.filter((key) => key !== ''),
  }),
  fc.record({
    kind: fc.constant('listing' as const),
    verb: fc.constantFrom(...LISTING_VERBS),
    bucket: fc.constant('reports'),
    prefix: text,
    after: fc.constant<readonly string[]>([]),
  }),
  fc.constant({ kind: 'admin', verb: 'ADMIN', bucket: 'reports' } as const),
);
const accesses = fc.array(access, { minLength: 1, maxLength: 3 });
type RequestedAccess = Exclude<Access, { kind: 'bucket' }>;

/** The meaning of grants, written down once more: some allow covers the access whole, and no deny touches it. */
function granted(all: readonly Grant[], requested: RequestedAccess): boolean {
  const relevant = all.filter((grant) => grant.verbs.includes(requested.verb));
  const allows = relevant.filter(({ effect }) => effect === 'allow').map((grant) => grant.scope);
  const denies = relevant.filter(({ effect }) => effect === 'deny').map((grant) => grant.scope);
  if (requested.kind === 'object') {
    const has = (at: Grant['scope']) => ('key' in at ? at.key === requested.key : requested.key.startsWith(at.prefix));
    return allows.some(has) && !denies.some(has);
  }
  if (requested.kind === 'admin') return denies.length === 0 && allows.some((at) => 'prefix' in at && at.prefix === '');
  const covered = allows.some((at) => 'prefix' in at && requested.prefix.startsWith(at.prefix));
  const touched = denies.some((at) =>
    'key' in at
      ? at.key.startsWith(requested.prefix)
      : at.prefix.startsWith(requested.prefix) || requested.prefix.startsWith(at.prefix),
  );
  return covered && !touched;
}

/** What a store that enforces the policy answers to each action that an access may need, by the verbs it needs. */
function enforced(
  policy: string,
  requested: RequestedAccess,
): readonly (readonly [verbs: readonly Verb[], allowed: boolean])[] {
  const allowed = compileSessionPolicy(policy);
  if (requested.kind === 'object') {
    return ACTIONS.filter(([, ...needed]) => needed.includes(requested.verb)).map(([action, ...needed]) => [
      needed,
      allowed({ action, resource: `${ARN}/${requested.key}` }),
    ]);
  }
  if (requested.kind === 'admin') {
    return ADMIN_ACTIONS.map((action) => [['ADMIN'], allowed({ action, resource: ARN })]);
  }
  const action = requested.verb === 'LIST' ? ('s3:ListBucket' as const) : ('s3:ListBucketVersions' as const);
  const query = { action, resource: ARN };
  // A listing of everything names no prefix.
  return [[[requested.verb], allowed(requested.prefix === '' ? query : { ...query, prefix: requested.prefix })]];
}

const planned = (all: readonly Grant[], iam: IamTraits, requested: readonly Access[]) =>
  createPolicyPlanner(iam, () => false).widest([{ bucket: bucket(), grants: all, accesses: requested }]);

/** The verbs that a request asks for on the same object. */
const together = (requested: readonly RequestedAccess[], one: RequestedAccess): readonly Verb[] =>
  requested.flatMap((each) =>
    each.kind !== one.kind || ('key' in each && 'key' in one && each.key !== one.key) ? [] : each.verb,
  );

describe('session policies, whatever the grants and keys', () => {
  for (const iamEscapes of [true, false]) {
    const iam: IamTraits = { escapes: iamEscapes, unknownActions: new Set() };
    const dialect = iamEscapes ? 'with escapes' : 'without escapes';

    it(`allow what was asked, and never what the grants do not (${dialect})`, () => {
      let seen = 0;
      fc.assert(
        fc.property(someGrants, accesses, access, (all, requested, tried) => {
          let policy: string;
          try {
            policy = planned(all, iam, requested);
          } catch (error) {
            assert.equal((error as GatewayError).code, 'AccessDenied');
            if (iamEscapes) assert.ok(requested.some((each) => !granted(all, each)));
            return;
          }
          seen += 1;
          assert.ok(policy.length <= 2048);
          const may = (verb: Verb, like: RequestedAccess) => granted(all, { ...like, verb } as RequestedAccess);
          for (const each of requested.filter((one) => granted(all, one))) {
            for (const [needed, allowed] of enforced(policy, each)) {
              // A deny of another verb may take away an action that needs both.
              const due = needed.every((verb) => together(requested, each).includes(verb) && may(verb, each));
              if (due) assert.ok(allowed, `${policy} must allow ${JSON.stringify([needed, each])}`);
            }
          }
          for (const [needed, allowed] of enforced(policy, tried)) {
            const due = needed.every((verb) => may(verb, tried));
            assert.ok(due || !allowed, `${policy} allows too much: ${JSON.stringify([needed, tried])}`);
          }
        }),
        { numRuns: triesOf(3000) },
      );
      assert.ok(seen > triesOf(150), `only ${seen} had a policy`);
    });

    it(`allow the accesses alone when there is no room for more (${dialect})`, () => {
      let seen = 0;
      fc.assert(
        fc.property(accesses, access, (requested, tried) => {
          // Whoever may list everything gets no condition for it, as the grants have none.
          fc.pre(requested.every((each) => each.kind !== 'listing' || each.prefix !== ''));
          const all: readonly Grant[] = [{ effect: 'allow', verbs: VERBS, scope: { prefix: '' } }];
          const { exact } = sessionPolicies(all, { bucketArn: ARN, iam });
          let policy: string;
          try {
            policy = policyDocument([exact(requested)]);
          } catch {
            return;
          }
          seen += 1;
          for (const [needed, allowed] of enforced(policy, tried)) {
            const same = requested.filter(
              (each) => JSON.stringify({ ...each, verb: '' }) === JSON.stringify({ ...tried, verb: '' }),
            );
            assert.equal(
              allowed,
              needed.every((verb) => same.some((each) => each.verb === verb)),
            );
          }
        }),
        { numRuns: triesOf(1500) },
      );
      assert.ok(seen > triesOf(500), `only ${seen} had a policy`);
    });

    it(`say without an action that IAM does not know the same of every other, and nothing of it (${dialect})`, () => {
      const unknown = fc.subarray([...new Set([...ACTIONS.map(([action]) => action), ...LISTING_ACTIONS])]);
      fc.assert(
        fc.property(someGrants, accesses, access, unknown, (all, requested, tried, left) => {
          const policies = (unknownActions: readonly string[]) =>
            sessionPolicies(all, {
              bucketArn: ARN,
              iam: { escapes: iamEscapes, unknownActions: new Set(unknownActions) },
            });
          const [whole, less] = [policies([]), policies(left)];
          for (const part of [
            (of: typeof whole) => of.shared,
            (of: typeof whole) => of.ofVerbs(requested),
            (of: typeof whole) => of.ofRules(requested),
            (of: typeof whole) => outcomeOf(() => of.exact(requested)),
          ]) {
            const [before, after] = [part(whole), part(less)];
            assert.equal(before === undefined, after === undefined);
            if (before === undefined || after === undefined) continue;
            const [wide, narrow] = [policyDocument([before]), policyDocument([after])];
            for (const action of left) assert.ok(!narrow.includes(`"${action}"`), narrow);
            const [may, mayStill] = [compileSessionPolicy(wide), compileSessionPolicy(narrow)];
            const resource = tried.kind === 'object' ? `${ARN}/${tried.key}` : ARN;
            const prefix = tried.kind === 'listing' && tried.prefix !== '' ? { prefix: tried.prefix } : {};
            for (const action of [...ACTIONS.map(([named]) => named), ...LISTING_ACTIONS, ...ADMIN_ACTIONS]) {
              const query = { action, resource, ...prefix };
              const due = may(query) && !(left as readonly string[]).includes(action);
              assert.equal(mayStill(query), due, `${action} on ${resource}: ${wide} became ${narrow}`);
            }
          }
        }),
        { numRuns: triesOf(1500) },
      );
    });
  }
});

function outcomeOf<Result>(call: () => Result): Result | undefined {
  try {
    return call();
  } catch {
    return undefined;
  }
}

describe('session names, whatever the identity', () => {
  const part = fc.oneof(
    fc.string({ unit: 'binary' }),
    fc.constantFrom('a', 'a|', 'a_', '1:a', '', '\ud800', '\udbff', 'x'.repeat(80)),
  );

  it('fit STS', () => {
    fc.assert(
      fc.property(part, part, (issuer, subject) => {
        assert.match(sessionName(issuer, subject), /^[\w+=,.@-]{2,64}$/);
      }),
    );
  });

  it('differ where issuer or subject differ', () => {
    fc.assert(
      fc.property(part, part, part, part, (issuer, subject, otherIssuer, otherSubject) => {
        const same = issuer === otherIssuer && subject === otherSubject;
        assert.equal(sessionName(issuer, subject) === sessionName(otherIssuer, otherSubject), same);
      }),
    );
  });

  it('differ wherever one text is split into issuer and subject', () => {
    fc.assert(
      fc.property(fc.string({ minLength: 1, maxLength: 20 }), (whole) => {
        const names = Array.from(whole, (_, at) => sessionName(whole.slice(0, at), whole.slice(at)));
        assert.equal(new Set(names).size, names.length);
      }),
    );
  });
});

describe('session tags', () => {
  const value = fc.oneof(
    fc.string({
      unit: fc.constantFrom('a', ':', '=', '0', '3', 'A', '|', ' ', '\ud800', '\ud801', '😀', 'é'),
      maxLength: 8,
    }),
    fc.array(fc.string({ unit: fc.constantFrom('a', ':', '=', '0', '|', '\ud800'), maxLength: 4 }), { maxLength: 4 }),
  );

  it('fit the alphabet of STS', () => {
    fc.assert(fc.property(value, (one) => assert.match(tagValue(one), /^[\p{L}\p{Z}\p{N}_.:/=+\-@]*$/u)));
  });

  it('differ where values differ', () => {
    fc.assert(
      fc.property(value, value, (one, other) => {
        assert.equal(tagValue(one) === tagValue(other), JSON.stringify(one) === JSON.stringify(other));
      }),
    );
  });
});
