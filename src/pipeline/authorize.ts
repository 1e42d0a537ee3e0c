/**
 * Authenticated -> Authorized. Decisions are values, allow or deny; `record` writes them down and refuses a denial.
 * Decides on the byte-exact keys that will be signed and stored.
 */
import type { Authorizer, Decision, Grant } from '../contracts/authorizer.ts';
import type { Principal } from '../contracts/principal.ts';
import type { Target } from './accesses-of.ts';
import type { Authenticated, Decided } from './contexts.ts';
import type { Stage } from './stage.ts';

/** The stage `authorize`; `targetsOf` says what one class of operation would do. */
export function createAuthorize<In extends Authenticated>(
  authorizer: Authorizer,
  targetsOf: (context: In) => readonly Target[],
): Stage<In, In & Decided> {
  return {
    name: 'authorize',
    run: (context) => {
      const { principal, ledger } = context;
      const targets = targetsOf(context).map((target) => ({
        ...target,
        decision: decide(authorizer, principal, target),
      }));
      ledger.decided(targets);
      // In the same turn as the decisions: a reload in between would pair them with the grants of other policies.
      const grants = new Map<string, readonly Grant[]>();
      for (const { bucket, accesses } of targets) {
        if (accesses.length > 0 && !grants.has(bucket)) grants.set(bucket, authorizer.grants(principal, bucket));
      }
      return { ...context, targets, grants };
    },
  };
}

/** All accesses of a target must be allowed: the first denial, or an allow that names every rule it rests on. */
function decide(authorizer: Authorizer, principal: Principal, { accesses }: Target): Decision {
  const [first, ...others] = accesses;
  if (first === undefined) return ownBuckets(authorizer.policyVersion());
  const decision = authorizer.decide(principal, first);
  if (others.length === 0 || decision.effect === 'deny') return decision;
  const rules = new Set([decision.rule]);
  for (const access of others) {
    const further = authorizer.decide(principal, access);
    if (further.effect === 'deny') return further;
    rules.add(further.rule);
  }
  return { ...decision, rule: [...rules].join(', ') };
}

function ownBuckets(policyVersion: string): Decision {
  return {
    effect: 'allow',
    rule: 'own-buckets',
    reason: 'Every identity may ask which buckets it can use.',
    policyVersion,
  };
}
