/**
 * An access in; "allowed" out where its bucket is configured. What a sidecar decides by when it has no policies: its
 * workload may do there whatever the pod's own credentials may do at the store.
 */
import type { Authorizer, Decision, Grant } from '../contracts/authorizer.ts';
import { VERBS } from '../s3/operations/verb.ts';

const EVERYTHING: readonly Grant[] = Object.freeze([{ effect: 'allow', verbs: VERBS, scope: { prefix: '' } }]);

/** There are no policies, and so there is one version of them. */
const POLICY_VERSION = 'sidecar';

const ALLOWED: Decision = {
  effect: 'allow',
  rule: 'sidecar/configured-bucket',
  reason: 'The bucket is configured.',
  policyVersion: POLICY_VERSION,
};

const DENIED: Decision = {
  effect: 'deny',
  rule: 'default-deny',
  reason: 'The bucket is not configured.',
  policyVersion: POLICY_VERSION,
};

/** Makes the authorizer of the buckets with these names. */
export function createConfiguredBuckets(names: Iterable<string>): Authorizer {
  const configured = new Set(names);
  return {
    decide: (_principal, { bucket }) => (configured.has(bucket) ? ALLOWED : DENIED),
    grants: (_principal, bucket) => (configured.has(bucket) ? EVERYTHING : []),
    unknown: () => [],
    visibleBuckets: (_principal, buckets) => buckets.filter((bucket) => configured.has(bucket)),
    bindings: () => [],
    relevant: (principal) => principal,
    policyVersion: () => POLICY_VERSION,
  };
}
