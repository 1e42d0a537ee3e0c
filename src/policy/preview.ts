/**
 * A set of policies that is not in force, beside the one that is: what was decided in, what that set would have decided out
 * where it is something else. It has no say in anything: an error in it is counted, and never one of the request.
 */
import type { Decision } from '../contracts/authorizer.ts';
import type { PolicyPreview } from '../contracts/policy-preview.ts';
import type { TemporaryGrants } from '../contracts/temporary-grants.ts';
import { redecideBy, type Redecide } from './analysis/replay.ts';
import { outcomeOf, type Outcome } from './analysis/simulate.ts';
import type { PolicySet } from './load-policies.ts';

/** What is counted: what was decided, and what would have been, where that differs or cannot be told. */
export type CountPreview = (live: Outcome, preview: Outcome | 'unknown' | 'failed') => void;

interface Source {
  readonly current: () => PolicySet;
}

/** Makes it; grants with an end hold under both sets. */
export function createPreview(
  live: Source,
  preview: Source,
  grants: TemporaryGrants,
  count: CountPreview,
): PolicyPreview {
  let made: { readonly set: PolicySet; readonly redecide: Redecide } | undefined;
  const redecideOf = (set: PolicySet): Redecide => {
    if (made?.set !== set) made = { set, redecide: redecideBy(set, grants) };
    return made.redecide;
  };

  return {
    otherwise: (principal, accesses, facts, decision) => {
      const [set, inForce] = [preview.current(), live.current()];
      // Each may ask for its own buckets, whatever the policies.
      if (set.version === '' || set.version === inForce.version || accesses.length === 0) return undefined;
      const was = outcomeOf(decision);
      try {
        const replay = { principal, accesses, facts, recorded: recordedOf(decision) };
        const would = redecideOf(set)(replay, inForce);
        if ('missing' in would) {
          count(was, 'unknown');
          return undefined;
        }
        const outcome = outcomeOf(would);
        if (outcome === was) return undefined;
        count(was, outcome);
        return { decision: outcome, rule: would.rule, policyVersion: set.version };
      } catch {
        count(was, 'failed');
        return undefined;
      }
    },
  };
}

const recordedOf = ({ effect, rule, policyVersion, parts }: Decision) => ({
  ...{ effect, rule, policyVersion },
  filtered: parts !== undefined,
});
