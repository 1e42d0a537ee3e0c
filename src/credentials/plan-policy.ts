/**
 * What a request will do in one or two buckets of one store in; the session policy to ask for out: the widest that the
 * grants allow and that fits, so that as many requests as possible share a session.
 */
import type { Grant } from '../contracts/authorizer.ts';
import type { Bucket } from '../contracts/bucket.ts';
import type { AccessScope } from '../contracts/credential-broker.ts';
import { GatewayError } from '../errors/gateway-error.ts';
import { granted } from './granted.ts';
import { LIST_BUCKETS_ACTION } from './iam-actions.ts';
import type { IamTraits } from './iam-dialect.ts';
import { policyDocument, sessionPolicies, type PolicyPart, type SessionPolicies } from './session-policies.ts';

/** What AssumeRole takes, in characters. */
const MAX_POLICY_LENGTH = 2048;

type Candidate = (policies: SessionPolicies, scope: AccessScope) => PolicyPart | undefined;

/** Names and dates of buckets, and nothing in any. */
const LIST_BUCKETS = policyDocument([
  { statements: [{ Effect: 'Allow', Action: LIST_BUCKETS_ACTION, Resource: '*' }], covers: () => false },
]);

/** From wide to narrow. */
const CANDIDATES: readonly Candidate[] = [
  ({ shared }) => shared,
  ({ ofVerbs }, { accesses }) => ofVerbs(accesses),
  ({ ofRules }, { accesses }) => ofRules(accesses),
];

export interface PolicyPlanner {
  /** The widest that fits. @throws GatewayError AccessDenied, InvalidRequest (not even the accesses fit) */
  readonly widest: (scopes: readonly AccessScope[]) => string;
  /** The accesses and nothing else. @throws GatewayError AccessDenied, InvalidRequest */
  readonly exact: (scopes: readonly AccessScope[]) => string;
}

/**
 * Makes the planner of one store. What was worked out of grants lives as long as they do. `isTooLarge`: what STS found
 * too large before, by a measure of its own.
 */
export function createPolicyPlanner(iam: IamTraits, isTooLarge: (policy: string) => boolean): PolicyPlanner {
  const known = new WeakMap<readonly Grant[], WeakMap<Bucket, SessionPolicies>>();
  // The hot path: nothing to put together, nothing to measure.
  const documents = new WeakMap<PolicyPart, string>();

  const policiesOf = ({ grants, bucket }: AccessScope): SessionPolicies => {
    const ofGrants = known.get(grants) ?? new WeakMap<Bucket, SessionPolicies>();
    known.set(grants, ofGrants);
    const policies = ofGrants.get(bucket) ?? sessionPolicies(grants, { bucketArn: bucketArn(bucket), iam });
    ofGrants.set(bucket, policies);
    return policies;
  };

  const document = (parts: readonly PolicyPart[]): string => {
    const [sole, ...others] = parts;
    if (sole === undefined || others.length > 0) return policyDocument(parts);
    const text = documents.get(sole) ?? policyDocument(parts);
    documents.set(sole, text);
    return text;
  };

  const fits = (policy: string): boolean => policy.length <= MAX_POLICY_LENGTH && !isTooLarge(policy);

  const exact = (merged: readonly AccessScope[]): string => {
    refuseLong(merged);
    const policy = policyDocument(merged.map((scope) => policiesOf(scope).exact(scope.accesses)));
    if (fits(policy)) return policy;
    throw tooLarge();
  };
  const widest = (merged: readonly AccessScope[]): string => {
    for (const candidate of CANDIDATES) {
      const parts = merged.flatMap((scope) => {
        const part = candidate(policiesOf(scope), scope);
        return part?.covers(scope.accesses) === true ? [part] : [];
      });
      if (parts.length < merged.length) continue;
      const policy = document(parts);
      if (fits(policy)) return policy;
    }
    return exact(merged);
  };
  const orLists =
    (plan: (merged: readonly AccessScope[]) => string) =>
    (scopes: readonly AccessScope[]): string =>
      scopes.some(({ listsBuckets }) => listsBuckets) ? LIST_BUCKETS : plan(mergeByBucket(scopes));
  return { widest: orLists(widest), exact: orLists(exact) };
}

/** For a store whose own IAM is told nothing: the grants are looked at once more all the same. */
export const unspokenPolicy: PolicyPlanner['widest'] = (scopes) => {
  const covered = scopes.every(({ grants, accesses }) => accesses.every((access) => granted(grants, access)));
  if (covered) return '';
  throw new GatewayError('AccessDenied', { detail: 'no grant covers this access' });
};

/** A copy within one bucket comes as one scope or as two. */
function mergeByBucket(scopes: readonly AccessScope[]): readonly AccessScope[] {
  if (scopes.length === 1) return scopes;
  return [...Map.groupBy(scopes, ({ bucket }) => bucket).values()].flatMap((sameActions) => {
    const [first] = sameActions;
    return first === undefined ? [] : [{ ...first, accesses: sameActions.flatMap(({ accesses }) => accesses) }];
  });
}

/** Spares the work on a thousand keys that cannot fit. */
function refuseLong(scopes: readonly AccessScope[]): void {
  const keys = new Set(
    scopes.flatMap(({ accesses }) => accesses.flatMap((access) => (access.kind === 'object' ? access.key : []))),
  );
  let length = 0;
  for (const key of keys) length += key.length;
  if (length > MAX_POLICY_LENGTH) throw tooLarge();
}

export const tooLarge = () =>
  new GatewayError('InvalidRequest', {
    detail: 'the grants of this identity are too many for one session policy, and so are the keys of this request',
  });

/** China and GovCloud are partitions of their own, and a role is in the partition of its buckets. */
function bucketArn({ roleArn, storeBucket }: Bucket): string {
  return `arn:${/^arn:(aws[a-z-]*):/.exec(roleArn)?.[1] ?? 'aws'}:s3:::${storeBucket}`;
}
