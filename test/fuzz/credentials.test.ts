import assert from 'node:assert/strict';
import fc from 'fast-check';
import type { Access, Grant } from '../../src/contracts/authorizer.ts';
import { sessionName } from '../../src/credentials/session-name.ts';
import { sessionPolicies } from '../../src/credentials/session-policies.ts';
import { compileSessionPolicy } from '../../src/dev/store/session-policy.ts';

const ARN = 'arn:aws:s3:::reports';
const ACTIONS = { GET: 's3:GetObject', PUT: 's3:PutObject', DELETE: 's3:DeleteObject' } as const;

// Few characters, so that scopes and keys meet; among them all that mean something to IAM.
const text = fc.string({ unit: fc.constantFrom('a', 'b', '/', '*', '?', '$', '{', '}', ':', '"', '漢'), maxLength: 5 });
const scope = fc.oneof(fc.record({ key: text }), fc.record({ prefix: text }));
const verbs = fc.subarray(['GET', 'PUT', 'DELETE', 'LIST'] as const, { minLength: 1 });
const grants = (effect: Grant['effect'], maxLength: number) =>
  fc.array(fc.record({ effect: fc.constant(effect), verbs, scope }), { maxLength });
const someGrants = fc
  .tuple(grants('allow', 4), grants('deny', 2))
  .map(([allows, denies]): readonly Grant[] => [...allows, ...denies]);
const access: fc.Arbitrary<Exclude<Access, { kind: 'bucket' }>> = fc.oneof(
  fc.record({
    kind: fc.constant('object' as const),
    verb: fc.constantFrom('GET' as const, 'PUT' as const, 'DELETE' as const),
    bucket: fc.constant('reports'),
    key: text.filter((key) => key !== ''),
  }),
  fc.record({
    kind: fc.constant('listing' as const),
    verb: fc.constant('LIST' as const),
    bucket: fc.constant('reports'),
    prefix: text,
    after: fc.constant<readonly string[]>([]),
  }),
);

/** The meaning of grants, written down once more: some allow covers the access whole, and no deny touches it. */
function granted(all: readonly Grant[], asked: Exclude<Access, { kind: 'bucket' }>): boolean {
  const bearing = all.filter((grant) => grant.verbs.includes(asked.verb));
  const allows = bearing.filter(({ effect }) => effect === 'allow').map((grant) => grant.scope);
  const denies = bearing.filter(({ effect }) => effect === 'deny').map((grant) => grant.scope);
  if (asked.kind === 'object') {
    const has = (at: Grant['scope']) => ('key' in at ? at.key === asked.key : asked.key.startsWith(at.prefix));
    return allows.some(has) && !denies.some(has);
  }
  const covered = allows.some((at) => 'prefix' in at && asked.prefix.startsWith(at.prefix));
  const touched = denies.some((at) =>
    'key' in at
      ? at.key.startsWith(asked.prefix)
      : at.prefix.startsWith(asked.prefix) || asked.prefix.startsWith(at.prefix),
  );
  return covered && !touched;
}

/** What a store that enforces the policy answers. A listing of everything names no prefix. */
function enforced(policy: string, asked: Exclude<Access, { kind: 'bucket' }>): boolean {
  const allowed = compileSessionPolicy(policy);
  if (asked.kind === 'object') {
    return asked.verb !== 'LIST' && allowed({ action: ACTIONS[asked.verb], resource: `${ARN}/${asked.key}` });
  }
  const question = { action: 's3:ListBucket', resource: ARN };
  return allowed(asked.prefix === '' ? question : { ...question, prefix: asked.prefix });
}

describe('session policies, whatever the grants and keys', () => {
  for (const iamEscapes of [true, false]) {
    const dialect = iamEscapes ? 'with escapes' : 'without escapes';

    it(`never allow what the grants do not (${dialect})`, () => {
      fc.assert(
        fc.property(someGrants, access, access, (all, asked, tried) => {
          const { shared, sharedCovers, exact } = sessionPolicies(all, { bucketArn: ARN, iamEscapes });
          if (!granted(all, asked)) {
            assert.throws(() => exact(asked), { code: 'AccessDenied' });
            return;
          }
          const policies = shared !== undefined && sharedCovers(asked) ? [shared] : [];
          try {
            policies.push(exact(asked));
          } catch {
            assert.equal(iamEscapes, false);
          }
          for (const policy of policies) {
            assert.ok(enforced(policy, asked), `${policy} must allow what was asked`);
            if (enforced(policy, tried)) assert.ok(granted(all, tried), `${policy} allows too much`);
          }
        }),
        { numRuns: 4000 },
      );
    });

    it(`allow one access alone when they are exact (${dialect})`, () => {
      fc.assert(
        fc.property(access, access, (asked, tried) => {
          const everything: readonly Grant[] = [
            { effect: 'allow', verbs: ['GET', 'PUT', 'DELETE', 'LIST'], scope: { prefix: '' } },
          ];
          // Whoever may list everything gets no condition for it, as the grants have none.
          fc.pre(asked.kind === 'object' || asked.prefix !== '');
          const { exact } = sessionPolicies(everything, { bucketArn: ARN, iamEscapes });
          let policy: string;
          try {
            policy = exact(asked);
          } catch {
            return;
          }
          assert.equal(enforced(policy, tried), JSON.stringify(asked) === JSON.stringify(tried));
        }),
        { numRuns: 2000 },
      );
    });
  }
});

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
