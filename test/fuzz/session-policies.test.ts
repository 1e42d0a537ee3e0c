/**
 * Session policies of random policies, in all that these can say, with conditions, variables, grants with an end and listings
 * in parts, held against an evaluator of IAM: never wider than policy. What bounds the session of a listing in parts is what
 * ADR 33 says of it: the prefixes of the parts that its page needs, and no name outside of them.
 */
import assert from 'node:assert/strict';
import fc from 'fast-check';
import { compileSessionPolicy } from '../../demo/store/session-policy.ts';
import type { Access, Authorizer, RequestFacts } from '../../src/contracts/authorizer.ts';
import type { Principal } from '../../src/contracts/principal.ts';
import { createPolicyPlanner } from '../../src/credentials/plan-policy.ts';
import { GatewayError } from '../../src/errors/gateway-error.ts';
import { createAuthorizer } from '../../src/policy/authorizer.ts';
import { askedPrefixes, type ListedParts } from '../../src/s3/listed-parts.ts';
import type { ListingQuery } from '../../src/s3/request/listing-query.ts';
import type { Verb } from '../../src/s3/operations/verb.ts';
import { triesOf } from '../support/chance.ts';
import {
  aim,
  aimed,
  BUCKETS,
  facts,
  grantTerms,
  key,
  namedBy,
  policySet,
  principal,
  scopesOf,
  scopeStart,
} from '../support/policy/random-policies.ts';
import { bucket as storeBucket } from '../unit/credentials/fixture.ts';
import { authorizerOf, principalWith, written } from '../unit/policy/fixture.ts';

/** Which verbs somebody must have on an object for the action on it. */
const OBJECT_ACTIONS: Readonly<Record<string, readonly Verb[]>> = {
  's3:GetObject': ['GET'],
  's3:PutObject': ['PUT'],
  's3:AbortMultipartUpload': ['PUT'],
  's3:DeleteObject': ['DELETE'],
  's3:GetObjectVersion': ['GET_VERSION'],
  's3:DeleteObjectVersion': ['DELETE_VERSION'],
  's3:GetObjectTagging': ['GET_TAGS'],
  's3:PutObjectTagging': ['PUT_TAGS'],
  's3:GetObjectVersionTagging': ['GET_TAGS', 'GET_VERSION'],
  's3:GetObjectAcl': ['GET_ACL'],
  's3:PutObjectAcl': ['PUT_ACL'],
  's3:GetObjectRetention': ['GET_LOCK'],
  's3:PutObjectRetention': ['PUT_LOCK'],
};
const LISTING_ACTIONS = { LIST: 's3:ListBucket', LIST_VERSIONS: 's3:ListBucketVersions' } as const;
const ADMIN_ACTIONS = ['s3:CreateBucket', 's3:DeleteBucket', 's3:PutBucketVersioning', 's3:PutBucketTagging'];
const MAX_REQUESTS = 10;

type Requested = Exclude<Access, { kind: 'bucket' }>;

/** What the store is asked for; a listing in parts becomes the listings of its page. */
function planned(access: Requested, parts: ListedParts | undefined): readonly Access[] {
  if (access.kind !== 'listing' || parts === undefined) return [access];
  const query = { prefix: access.prefix, delimiter: '/', startAfter: undefined } as ListingQuery;
  return askedPrefixes(parts, query, MAX_REQUESTS).map((prefix) => ({ ...access, prefix, after: [], filtered: true }));
}

describe('session policies, at random', () => {
  for (const escapes of [true, false]) {
    it(`are never wider than policy (${escapes ? 'with' : 'without'} escapes)`, function () {
      this.timeout(0);
      const seen = { policies: 0, refused: 0, objects: 0, listings: 0, inParts: 0, uploads: 0, narrowed: 0 };
      fc.assert(
        fc.property(
          policySet,
          principal,
          facts,
          fc.array(grantTerms, { maxLength: 2 }),
          fc.array(aim, { minLength: 8, maxLength: 8 }),
          fc.array(key, { minLength: 3, maxLength: 3 }),
          fc.boolean(),
          (set, drawn, known, terms, aims, rests, isUploads) => {
            const caller = namedBy(set.written, drawn, aims[0] ?? assert.fail());
            const given = terms.map(({ verbs, bucket, scope }, index) => ({
              ...{ id: `g${index}`, verbs, bucket, scope, reason: 'INC' },
            }));
            const authorizer = createAuthorizer({ current: () => set }, { of: () => given });
            const accesses = aims.flatMap((each): Requested[] => {
              const found = aimed(set.written, caller, each);
              return found === undefined ? [] : [found];
            });
            const starts = set.written.flatMap(({ rules }) => rules.flatMap(scopesOf)).map(scopeStart);
            const names = [...starts, ...accesses.flatMap((each) => (each.kind === 'object' ? each.key : []))];
            const tried = names.flatMap((name) => ['', ...rests].map((rest) => name + rest));
            for (const chosen of accesses) {
              const access = chosen.kind === 'listing' && isUploads ? { ...chosen, uploads: true as const } : chosen;
              const { effect, parts } = authorizer.decide(caller, access, known);
              if (effect === 'deny' || !BUCKETS.has(access.bucket)) continue;
              const grants = authorizer.grants(caller, access.bucket, known, [access]);
              if (grants !== authorizer.grants(caller, access.bucket, known)) seen.narrowed += 1;
              const name = access.bucket;
              const bucket = storeBucket({ name, id: name, storeBucket: name });
              const planner = createPolicyPlanner({ escapes, unknownActions: new Set() }, () => false);
              for (const plan of [planner.widest, planner.exact]) {
                let policy: string;
                try {
                  policy = plan([{ bucket, grants, accesses: planned(access, parts) }]);
                } catch (error) {
                  assert.ok(error instanceof GatewayError);
                  assert.ok(['AccessDenied', 'InvalidRequest'].includes(error.code), error.code);
                  seen.refused += 1;
                  continue;
                }
                seen.policies += 1;
                if (parts !== undefined) seen.inParts += 1;
                hold(policy, { authorizer, caller, known, access, parts }, tried, seen);
              }
            }
          },
        ),
        { numRuns: triesOf(1500) },
      );
      const { refused, ...others } = seen;
      if (!escapes) assert.ok(refused > 0, 'nothing was refused');
      for (const [what, count] of Object.entries(others)) assert.ok(count > 0, `only ${count} of ${what}`);
    });
  }

  it('of a listing in parts list these, with what is denied below them where a part holds it, and nothing beside', () => {
    const parts = fc.subarray(['a/', 'a/b/', 'c/d/', 'e/'], { minLength: 1 });
    const denied = fc.subarray(['a/x/', 'a/b/', 'a/b/y/', 'c/', 'c/d/z/', 'f/']);
    const asked = fc.constantFrom('', 'a/', 'c/', 'a/b/');
    let wider = 0;
    fc.assert(
      fc.property(parts, denied, asked, fc.boolean(), (prefixes, hidden, prefix, escapes) => {
        const rules = [
          { allow: ['LIST'], bucket: 'reports', prefixes, listing: 'filtered' },
          ...hidden.map((each) => ({ deny: ['LIST'], bucket: 'reports', prefix: each })),
        ];
        const authorizer = authorizerOf(written('p', rules));
        const caller = principalWith();
        const access = { kind: 'listing', verb: 'LIST', bucket: 'reports', prefix, after: [] } as const;
        const decision = authorizer.decide(caller, access);
        if (decision.effect === 'deny') return;
        const grants = authorizer.grants(caller, 'reports', {}, [access]);
        const planner = createPolicyPlanner({ escapes, unknownActions: new Set() }, () => false);
        const policy = planner.widest([{ bucket: storeBucket(), grants, accesses: planned(access, decision.parts) }]);
        const may = compileSessionPolicy(policy);
        for (const name of ['', 'a', 'a/', 'a/b/', 'a/b/y/', 'a/x/', 'c/', 'c/d/', 'c/d/z/', 'e/', 'e/z', 'f/', 'b/']) {
          const query = {
            action: 's3:ListBucket',
            resource: 'arn:aws:s3:::reports',
            ...(name !== '' && { prefix: name }),
          };
          const isShown = prefixes.some((part) => name.startsWith(part));
          const isHidden = hidden.some((each) => name.startsWith(each));
          if (!may(query)) continue;
          assert.ok(isShown && !isHidden, `${policy} lists ${name}`);
          if (hidden.some((each) => each.startsWith(name))) wider += 1;
        }
      }),
      { numRuns: 500 },
    );
    assert.ok(wider > 0, 'no part had anything denied in it');
  });
});

interface Session {
  readonly authorizer: Authorizer;
  readonly caller: Principal;
  readonly known: RequestFacts;
  readonly access: Requested;
  readonly parts: ListedParts | undefined;
}

/** Holds a session policy for one access to what policy says of every other one. */
function hold(
  policy: string,
  { authorizer, caller, known, access, parts }: Session,
  tried: readonly string[],
  seen: { objects: number; listings: number; uploads: number },
): void {
  const may = compileSessionPolicy(policy);
  const resource = `arn:aws:s3:::${access.bucket}`;
  // Of other objects nobody knows what would be stored.
  const ofCaller: RequestFacts = { ...known, stored: undefined };
  const isAllowed = (one: Access, withFacts: RequestFacts = ofCaller): boolean => {
    const decision = authorizer.decide(caller, one, withFacts);
    return decision.effect === 'allow' && decision.parts === undefined;
  };
  for (const name of tried) {
    for (const [action, verbs] of Object.entries(OBJECT_ACTIONS)) {
      if (name === '' || !may({ action, resource: `${resource}/${name}` })) continue;
      seen.objects += 1;
      for (const verb of verbs) {
        const one: Access = { kind: 'object', verb, bucket: access.bucket, key: name };
        const isAtHand = access.kind === 'object' && access.key === name && access.verb === verb;
        assert.ok(isAllowed(one, isAtHand ? known : ofCaller), `${policy} allows ${action} on ${name}`);
      }
    }
    for (const [verb, action] of Object.entries(LISTING_ACTIONS)) {
      if (!may({ action, resource, ...(name !== '' && { prefix: name }) })) continue;
      const one = { kind: 'listing', verb: verb as 'LIST', bucket: access.bucket, prefix: name, after: [] } as const;
      if (isAllowed(one)) {
        seen.listings += 1;
        continue;
      }
      // The bound of a listing in parts: its own verb, and nothing outside of the parts.
      assert.ok(access.kind === 'listing' && access.verb === verb, `${policy} lists ${name}`);
      const isInPart = parts?.prefixes.some((prefix) => name.startsWith(prefix));
      assert.ok(isInPart, `${policy} lists ${name}, which is in no part`);
    }
  }
  if (may({ action: 's3:ListBucketMultipartUploads', resource })) {
    seen.uploads += 1;
    const whole = { kind: 'listing', verb: 'LIST', bucket: access.bucket, prefix: '', after: [] } as const;
    // It takes no prefix: a session has it for a listing of uploads alone, or where everything may be listed.
    assert.ok(isAllowed(whole) || (access.kind === 'listing' && access.uploads === true), policy);
  }
  for (const action of ADMIN_ACTIONS) {
    if (may({ action, resource }))
      assert.ok(isAllowed({ kind: 'admin', verb: 'ADMIN', bucket: access.bucket }), policy);
  }
}
