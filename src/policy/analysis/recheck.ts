/**
 * An access on record in; what the set that was in force decides of it today out, held against the record, or why that cannot
 * be told. It reads nothing: whoever calls it has the set.
 */
import type { Decision } from '../../contracts/authorizer.ts';
import type { PolicySet } from '../load-policies.ts';
import {
  isDecidedByPolicies,
  redecideBy,
  replayOf,
  type RecordedAccess,
  type Redecide,
  type Replay,
} from './replay.ts';

/** `problem`: why it cannot be told, or that it is not as the record says. */
export type Rechecked =
  | { readonly problem: string }
  | {
      readonly replay: Replay;
      readonly set: PolicySet;
      readonly decision: Decision;
      readonly problem?: string;
    };

/** What is said where a set decides otherwise than the record says. */
export const DIFFERS = 'the set does not decide as the record says';

/** Begins to recheck accesses. `setOf`: the set of a version, or why there is none. */
export function recheckBy(
  setOf: (version: string) => Promise<PolicySet | { readonly problem: string }>,
): (record: RecordedAccess) => Promise<Rechecked> {
  const known = new WeakMap<PolicySet, Redecide>();
  return async (record) => {
    if (!isDecidedByPolicies(record)) {
      return { problem: `${record.operation} is no operation of S3, and is not decided anew` };
    }
    const replay = replayOf(record);
    if ('missing' in replay) return { problem: `the record lacks ${replay.missing}` };
    const set = await setOf(record.policyVersion);
    if ('problem' in set) return set;
    const redecide = known.get(set) ?? redecideBy(set);
    known.set(set, redecide);
    const decision = redecide(replay, set);
    if ('missing' in decision) {
      const remedy = decision.missing.endsWith('of the configuration') ? ' (--config names it)' : '';
      return { problem: `the record lacks ${decision.missing}${remedy}` };
    }
    const { effect, rule, filtered } = replay.recorded;
    const isSame = effect === decision.effect && rule === decision.rule && filtered === (decision.parts !== undefined);
    return { replay, set, decision, ...(!isSame && { problem: DIFFERS }) };
  };
}
