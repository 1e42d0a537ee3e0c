/**
 * Everything that one target of a request would do in; one decision out, which denies where any of it is denied, and always of
 * the gateway's own keys.
 */
import type { DecideTarget, Decision } from '../contracts/authorizer.ts';
import { isReservedKey, RESERVED_PREFIX } from '../s3/reserved-keys.ts';

/**
 * Decides all accesses to one object, listing or bucket: the first denial, or an allow that names every rule it rests on.
 * Without accesses it is the list of the caller's own buckets.
 */
export const decideTarget: DecideTarget = (authorizer, principal, facts, accesses) => {
  const [first, ...others] = accesses;
  if (accesses.some((access) => access.kind === 'object' && isReservedKey(access.key))) {
    return reserved(authorizer.policyVersion());
  }
  if (first === undefined) return ownBuckets(authorizer.policyVersion());
  const decision = authorizer.decide(principal, first, facts);
  if (others.length === 0 || decision.effect === 'deny') return decision;
  const rules = new Set([decision.rule]);
  for (const access of others) {
    const further = authorizer.decide(principal, access, facts);
    if (further.effect === 'deny') return further;
    rules.add(further.rule);
  }
  return { ...decision, rule: [...rules].join(', ') };
};

/** No policy gives them to anybody: whoever wrote there could speak for the gateway. */
function reserved(policyVersion: string): Decision {
  return {
    effect: 'deny',
    rule: 'reserved-keys',
    reason: `Keys that start with ${RESERVED_PREFIX} are the gateway's own.`,
    policyVersion,
  };
}

function ownBuckets(policyVersion: string): Decision {
  return {
    effect: 'allow',
    rule: 'own-buckets',
    reason: 'Every identity may ask which buckets it can use.',
    policyVersion,
  };
}
