/** Guardrails of sets of policies in; in words, what differs between two sets and what in one is likely not meant, out. Pure. */
import { MEASURES, type Measure } from '../../contracts/guardrails.ts';
import type { Verb } from '../../s3/operations/verb.ts';
import type { PolicyGuardrail } from '../guardrail-schema.ts';
import type { PolicySet } from '../load-policies.ts';
import type { Policy } from '../policy-schema.ts';
import { whoText } from './words.ts';

/** What differs in the guardrails of one policy. */
export interface GuardrailChange {
  readonly policy: string;
  readonly changes: readonly string[];
}

/** Says of each policy which of its budgets differ, or that they bind others. */
export function guardrailChanges(before: PolicySet, after: PolicySet): readonly GuardrailChange[] {
  const [old, now] = [byId(before.policies), byId(after.policies)];
  return [...new Set([...old.keys(), ...now.keys()])].sort().flatMap((policy) => {
    const changes = changesOf(old.get(policy), now.get(policy));
    return changes.length === 0 ? [] : [{ policy, changes }];
  });
}

function changesOf(before: Policy | undefined, after: Policy | undefined): readonly string[] {
  const [old, now] = [byId(before?.guardrails ?? []), byId(after?.guardrails ?? [])];
  const changes = [...new Set([...old.keys(), ...now.keys()])].flatMap((id) => {
    const [was, is] = [old.get(id), now.get(id)];
    if (was === undefined) return is === undefined ? [] : [`${id} is new: ${guardrailText(is)}`];
    if (is === undefined) return [`${id} is gone: ${guardrailText(was)}`];
    return differing(was, is).map((change) => `${id}: ${change}`);
  });
  const [bound, binds] = [before?.subjects.map(whoText).join(' or '), after?.subjects.map(whoText).join(' or ')];
  const isKept = [...old.keys()].some((id) => now.has(id));
  return isKept && bound !== binds ? [...changes, `they bound ${bound}, and now bind ${binds}`] : changes;
}

function differing(was: PolicyGuardrail, is: PolicyGuardrail): readonly string[] {
  return [
    ...(was.per === is.per ? [] : [`${WHOSE[was.per]}, now ${WHOSE[is.per]}`]),
    ...(was.windowMs === is.windowMs ? [] : [`in ${timeText(was.windowMs)}, now in ${timeText(is.windowMs)}`]),
    ...MEASURES.flatMap((measure) => {
      const [from, to] = [was.limits[measure], is.limits[measure]];
      return from === to ? [] : [`${measure} ${from ?? 'without bound'}, now ${to ?? 'without bound'}`];
    }),
    ...(was.whenSpent === is.whenSpent ? [] : [`when spent ${was.whenSpent}, now ${is.whenSpent}`]),
  ];
}

function guardrailText({ per, windowMs, limits, whenSpent }: PolicyGuardrail): string {
  const budgets = MEASURES.flatMap((measure) => (limits[measure] === undefined ? [] : `${limits[measure]} ${measure}`));
  return `${budgets.join(', ')} in ${timeText(windowMs)}, ${WHOSE[per]}, when spent ${whenSpent}`;
}

const WHOSE = { identity: 'for each identity', policy: 'for all together' } as const;

function timeText(ms: number): string {
  const [unit, size] = UNITS.find(([, each]) => ms % each === 0) ?? ['s', 1000];
  return `${ms / size}${unit}`;
}

const UNITS = [
  ['d', 86_400_000],
  ['h', 3_600_000],
  ['m', 60_000],
] as const;

/** Verbs by which something of a measure is spent; of the others, any. */
const SPENT_BY: Readonly<Partial<Record<Measure, readonly Verb[]>>> = {
  deletes: ['DELETE', 'DELETE_VERSION'],
  overwrites: ['PUT'],
  written: ['PUT'],
};

/** A budget that is never what refuses. */
export interface IdleBudget {
  /** `<policy id>/<guardrail id>` */
  readonly rule: string;
  readonly message: string;
}

/** Finds budgets of what no rule of the set allows, and such as another one of their policy makes superfluous. */
export function idleBudgets({ policies }: PolicySet): readonly IdleBudget[] {
  const allowed = new Set(
    policies.flatMap(({ rules }) => rules.flatMap(({ effect, verbs }) => (effect === 'allow' ? verbs : []))),
  );
  return policies.flatMap(({ id, guardrails = [] }) =>
    guardrails.flatMap((guardrail) =>
      MEASURES.flatMap((measure): readonly IdleBudget[] => {
        if (guardrail.limits[measure] === undefined) return [];
        const rule = `${id}/${guardrail.id}`;
        const verbs = SPENT_BY[measure];
        if (verbs !== undefined && !verbs.some((verb) => allowed.has(verb))) {
          return [{ rule, message: `nothing is spent of ${measure}: no rule allows ${verbs.join(' or ')}` }];
        }
        const tighter = guardrails.find((other) => isTighter(other, guardrail, measure));
        if (tighter === undefined) return [];
        return [{ rule, message: `${measure} are never spent: ${id}/${tighter.id} is always spent before` }];
      }),
    ),
  );
}

/** Whether one budget is always spent before another. A window of the other one meets two of a longer one at most. */
function isTighter(one: PolicyGuardrail, other: PolicyGuardrail, measure: Measure): boolean {
  const [limit, others] = [one.limits[measure], other.limits[measure]];
  if (one === other || limit === undefined || others === undefined || one.per !== other.per) return false;
  // One that stops is whole again when its breaker is closed.
  return one.whenSpent === 'wait' && one.windowMs >= other.windowMs && 2 * limit <= others;
}

const byId = <Each extends { readonly id: string }>(list: readonly Each[]): ReadonlyMap<string, Each> =>
  new Map(list.map((each) => [each.id, each]));
