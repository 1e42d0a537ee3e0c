import assert from 'node:assert/strict';
import fc from 'fast-check';
import type { Access } from '../../src/contracts/authorizer.ts';
import type { ClaimValue } from '../../src/contracts/principal.ts';
import { compileSessionPolicy } from '../../demo/store/session-policy.ts';
import { createPolicyPlanner } from '../../src/credentials/plan-policy.ts';
import type { GatewayError } from '../../src/errors/gateway-error.ts';
import type { Verb } from '../../src/s3/operations/verb.ts';
import { bucket } from '../unit/credentials/fixture.ts';
import { authorizerOf, principalWith, written } from '../unit/policy/fixture.ts';
import { triesOf } from '../support/chance.ts';

/** What a caller could wish that its token said, and what looks like it. */
const HOSTILE: readonly string[] = [
  ...['*', '**', '?', 'a*', '[a-z]', '\\*', '$', '${*}', '${aws:username}', '${sub}', '"', '":*,"', ':', '{', '}'],
  ...['..', '.', '', '/', 'a/b', '../bob', '%2e%2e', '%2F', '%2e', '..%2f', '\u0000', 'a\nb', '\ud800', ' ', '+'],
  ...['cafe\u0301', 'café', '\u0430nn', 'ann\u200b', 'ann', 'bob', '__proto__', 'x'.repeat(256), 'x'.repeat(10_240)],
];
const text = fc.oneof(
  fc.constantFrom(...HOSTILE),
  fc.string({ unit: fc.constantFrom('a', '*', '?', '$', '{', '}', '/', '.', '%', ':', '漢'), maxLength: 4 }),
);
const claim = fc.oneof(
  { weight: 4, arbitrary: text },
  { weight: 1, arbitrary: fc.array(text, { maxLength: 3 }) },
  { weight: 1, arbitrary: fc.constantFrom<unknown>(7, true, {}, { toString: 'x' }, null) },
);

const OBJECT_ACTIONS = [
  ['s3:GetObject', 'GET'],
  ['s3:PutObject', 'PUT'],
  ['s3:DeleteObject', 'DELETE'],
] as const satisfies readonly (readonly [string, Verb])[];

const RULES = [
  { allow: ['GET', 'PUT', 'LIST'], prefix: 'home/${claims.name}/' },
  { allow: ['GET', 'LIST'], prefix: '${claims.name}/${sub}/' },
  { allow: ['GET'], key: 'cards/${claims.name}.json' },
  { allow: ['GET', 'DELETE', 'LIST'], prefix: 'teams/x-${claims.name}/', each: 'claims.name' },
  { deny: ['GET', 'LIST'], prefix: 'home/${claims.name}/private/' },
  { deny: ['DELETE'], prefix: 'teams/${claims.other}/kept/' },
  { deny: ['PUT'], key: 'home/${claims.other}/${sub}' },
].map((rule) => ({ ...rule, bucket: 'reports' }));

describe('session policies of rules with variables, whatever the claims', () => {
  for (const escapes of [true, false]) {
    it(`allow at the store nothing that a decision does not (${escapes ? 'with' : 'without'} escapes)`, () => {
      let allowed = 0;
      let tried = 0;
      fc.assert(
        fc.property(
          fc.subarray(RULES, { minLength: 1 }),
          fc.record({ subject: text, name: claim, other: claim }, { requiredKeys: ['subject', 'name'] }),
          fc.array(fc.tuple(text, fc.constantFrom('', 'private/', 'kept/', 'x')), { minLength: 3, maxLength: 8 }),
          (rules, { subject, ...claims }, others) => {
            const caller = principalWith({ subject, claims: claims as Record<string, ClaimValue> });
            const authorizer = authorizerOf(written('p', rules));
            const values = [claims.name]
              .flat()
              .map((value) => (typeof value === 'string' ? value : JSON.stringify(value)));
            const places = [...values, subject, ...others.map(([value]) => value)];
            const paths = places.flatMap((value) => [
              ...[`home/${value}/`, `${value}/${subject}/`, `teams/x-${value}/`, `teams/${value}/`, ''],
            ]);
            const rests = others.map(([value, rest]) => `${rest}${value}`);
            const keys = [
              ...paths.flatMap((path) => rests.slice(0, 3).map((rest) => path + rest)),
              ...places.map((value) => `cards/${value}.json`),
            ].filter((key) => key !== '' && key.isWellFormed() && key.length <= 1024);
            const own = keys.flatMap((key): Access[] =>
              OBJECT_ACTIONS.map(([, verb]) => ({ kind: 'object', verb, bucket: 'reports', key })),
            );
            const requested = own.filter((access) => authorizer.decide(caller, access).effect === 'allow');
            const [first] = requested;
            if (first === undefined) return;
            const grants = authorizer.grants(caller, 'reports');
            let policy: string;
            try {
              const planner = createPolicyPlanner({ escapes, unknownActions: new Set() }, () => false);
              policy = planner.widest([{ bucket: bucket(), grants, accesses: [first] }]);
            } catch (error) {
              assert.ok(['AccessDenied', 'InvalidRequest'].includes((error as GatewayError).code));
              return;
            }
            const may = compileSessionPolicy(policy);
            tried += 1;
            for (const key of keys) {
              for (const [action, verb] of OBJECT_ACTIONS) {
                if (!may({ action, resource: `arn:aws:s3:::reports/${key}` })) continue;
                allowed += 1;
                const decision = authorizer.decide(caller, { kind: 'object', verb, bucket: 'reports', key });
                assert.equal(decision.effect, 'allow', `${policy} allows ${verb} ${key}: ${decision.reason}`);
              }
            }
            for (const prefix of ['', 'home/', 'teams/', ...paths]) {
              const query = { action: 's3:ListBucket' as const, resource: 'arn:aws:s3:::reports' };
              if (!may(prefix === '' ? query : { ...query, prefix })) continue;
              const access: Access = { kind: 'listing', verb: 'LIST', bucket: 'reports', prefix, after: [] };
              assert.equal(authorizer.decide(caller, access).effect, 'allow', `${policy} lists ${prefix}`);
            }
          },
        ),
        { numRuns: triesOf(3000) },
      );
      assert.ok(tried > triesOf(200) && allowed > triesOf(1000), `only ${tried} policies, ${allowed} allowed`);
    });
  }
});
