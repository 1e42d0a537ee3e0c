/**
 * Admitted -> Decided. Decisions are values, allow or deny; `enforce` refuses a denial.
 * Decides on the byte-exact keys that will be signed and stored, many of them in slices.
 */
import type { Access, Authorizer, Grant, RequestFacts } from '../contracts/authorizer.ts';
import { requestFacts } from './request-facts.ts';
import type { Target } from './required-accesses.ts';
import type { Admitted, Decided, DecidedTarget } from './contexts.ts';
import type { PipelineDependencies } from './dependencies.ts';
import { inSlices, KEYS_PER_SLICE } from '../platform/slices.ts';
import type { Stage } from './stage.ts';

/** The stage `authorize`; `targetsOf` says what one class of operation would do. */
export function createAuthorize<In extends Admitted>(
  dependencies: Pick<PipelineDependencies, 'authorizer' | 'decideTarget' | 'clock' | 'preview'>,
  targetsOf: (context: In) => readonly Target[],
): Stage<In, In & Decided> {
  const { authorizer, decideTarget, clock, preview } = dependencies;
  return {
    name: 'authorize',
    run: (context) => {
      const { principal, request } = context;
      const facts = requestFacts(request, clock.now());
      const requested = targetsOf(context);
      const decided = (target: Target): DecidedTarget => {
        const { accesses } = target;
        const decision = decideTarget(authorizer, principal, facts, accesses);
        if (preview === undefined) return { ...target, decision };
        return { ...target, decision, preview: preview.otherwise(principal, accesses, facts, decision) };
      };
      // Fewer than a slice are decided in one turn, in which nothing can be loaded anew.
      if (requested.length < KEYS_PER_SLICE) return withGrants(authorizer, context, facts, requested.map(decided));
      return decideInSlices(authorizer, context, facts, requested, decided);
    },
  };
}

async function decideInSlices<In extends Admitted>(
  authorizer: Authorizer,
  context: In,
  facts: RequestFacts,
  requested: readonly Target[],
  decided: (target: Target) => DecidedTarget,
): Promise<In & Decided> {
  const targets: DecidedTarget[] = [];
  // All by the policies of one version: after a reload between two slices it begins again.
  let policyVersion: string;
  do {
    policyVersion = authorizer.policyVersion();
    targets.length = 0;
    await inSlices(requested, (target) => {
      targets.push(decided(target));
    });
  } while (policyVersion !== authorizer.policyVersion());
  return withGrants(authorizer, context, facts, targets);
}

/** In the same turn as the decisions: a reload in between would pair them with the grants of other policies. */
function withGrants<In extends Admitted>(
  authorizer: Authorizer,
  context: In,
  facts: RequestFacts,
  targets: readonly DecidedTarget[],
): In & Decided {
  const { principal, trail } = context;
  trail.decided(targets, facts);
  const grants = new Map<string, readonly Grant[]>();
  for (const { bucket, accesses } of targets) {
    if (accesses.length > 0 && !grants.has(bucket)) {
      grants.set(bucket, authorizer.grants(principal, bucket, facts, allowedIn(bucket, targets)));
    }
  }
  return { ...context, targets, facts, grants };
}

function allowedIn(bucket: string, targets: readonly DecidedTarget[]): readonly Access[] {
  const [sole] = targets;
  if (sole !== undefined && targets.length === 1) return sole.decision.effect === 'allow' ? sole.accesses : [];
  return targets.flatMap((target) =>
    target.bucket === bucket && target.decision.effect === 'allow' ? target.accesses : [],
  );
}
