/**
 * Two sets of policies in; what the second allows and the first denies out, and the other way round, with one access for
 * each. Every access is decided by the authorizer of requests. None is missed: docs/adr/0034-differences-of-policies.md.
 */
import type { Decision } from '../../contracts/authorizer.ts';
import { VERBS, type Verb } from '../../s3/operations/verb.ts';
import type { PolicySet } from '../load-policies.ts';
import { variablesOf, type Policy, type Rule, type Selector } from '../policy-schema.ts';
import { isShown } from '../scope.ts';
import { parseTemplate, variablesIn } from '../template.ts';
import { CannotTell } from './situations.ts';
import { surveyOf, type Survey, type Trial } from './survey.ts';
import type { VariableValues } from './variable-values.ts';

/** Requests that are tried, at most. */
const MAX_TRIALS = 400_000;

/** One request that the sets decide differently. */
export interface Witness extends Trial {
  readonly before: Decision;
  readonly after: Decision;
  /** Of a listing that both allow in parts: a name that only one of them shows. */
  readonly name?: string;
}

/** What two rules bring about: the one that allows, and the one (or none) that denies. */
export interface Difference {
  readonly change: 'allowed' | 'denied';
  /** Of the set that allows. */
  readonly allowedBy: string;
  /** Of the set that denies; `default-deny`: no rule of it allows. */
  readonly deniedBy: string;
  /** Of the policies that allow: whoever matches one of them. */
  readonly who: readonly Selector[];
  /** Each verb with the buckets in which it differs. */
  readonly where: ReadonlyMap<Verb, ReadonlySet<string>>;
  /** Whether it shows only in a session of one policy, while the caller's other policies decide alike. */
  readonly onlyInRole: boolean;
  readonly witness: Witness;
}

/** Finds the differences; with `first`, one is enough. @throws CannotTell */
export function differencesOf(
  before: PolicySet,
  after: PolicySet,
  { first = false }: { readonly first?: boolean } = {},
): readonly Difference[] {
  const survey = surveyOf([before, after]);
  const sides = { before: sideOf(before, 0), after: sideOf(after, 1) };
  const search = { survey, room: { left: MAX_TRIALS }, first };
  const allowed = gains('allowed', sides.before, sides.after, search);
  if (first && allowed.length > 0) return allowed;
  return [...allowed, ...gains('denied', sides.after, sides.before, search)];
}

interface Side {
  /** Which of the two sets it is. */
  readonly place: number;
  readonly occurrences: readonly Occurrence[];
  /** The verbs of all occurrences that are alike but for their verbs. */
  readonly verbs: ReadonlyMap<string, ReadonlySet<Verb>>;
}

/** A rule for one of the subjects of its policy. */
export interface Occurrence {
  readonly policy: Policy;
  readonly selector: Selector;
  readonly rule: Rule;
  readonly key: string;
}

/** Every rule of a set for each subject of its policy. */
export function occurrencesOf({ policies }: PolicySet): readonly Occurrence[] {
  return policies.flatMap((policy) =>
    policy.rules.flatMap((rule) => {
      const { effect, buckets, scopes, each, when, isFiltered } = rule;
      return policy.subjects.map((selector) => {
        const key = JSON.stringify([policy.id, selector, effect, buckets, scopes, each, when, isFiltered]);
        return { policy, selector, rule, key };
      });
    }),
  );
}

function sideOf(set: PolicySet, place: number): Side {
  const occurrences = occurrencesOf(set);
  const verbs = new Map<string, Set<Verb>>();
  for (const { key, rule } of occurrences) {
    const known = verbs.get(key) ?? new Set();
    for (const verb of rule.verbs) known.add(verb);
    verbs.set(key, known);
  }
  return { place, occurrences, verbs };
}

interface Search {
  readonly survey: Survey;
  readonly room: { left: number };
  readonly first: boolean;
}

/** A difference that grows. */
interface Found extends Omit<Difference, 'who' | 'where'> {
  readonly who: Selector[];
  readonly where: Map<Verb, Set<string>>;
}

/** What `to` allows and `from` denies. */
function gains(
  change: Difference['change'],
  from: Side,
  to: Side,
  { survey, room, first }: Search,
): readonly Difference[] {
  const found = new Map<string, Found>();
  const seen = new Set<string>();
  const missing = ({ key, rule }: Occurrence, side: Side) =>
    rule.verbs.filter((verb) => side.verbs.get(key)?.has(verb) !== true);

  const note = (selector: Selector, witness: Witness, isInRole: boolean): void => {
    const [allow, deny] = change === 'allowed' ? [witness.after, witness.before] : [witness.before, witness.after];
    const id = `${allow.rule} ${deny.rule}`;
    let known = found.get(id);
    if (known === undefined) {
      known = {
        ...{ change, allowedBy: allow.rule, deniedBy: deny.rule, who: [], where: new Map<Verb, Set<string>>() },
        ...{ onlyInRole: isInRole, witness },
      };
      found.set(id, known);
    }
    if (known.onlyInRole && !isInRole) found.set(id, (known = { ...known, onlyInRole: false, witness }));
    if (!known.who.includes(selector)) known.who.push(selector);
    const { verb, bucket } = witness.access;
    known.where.set(verb, (known.where.get(verb) ?? new Set()).add(bucket));
  };

  /** Looks at everything that whoever matches the subjects may do with these verbs, by themselves and in a session. */
  const explore = (allow: Occurrence, deny: Occurrence | undefined, verbs: readonly Verb[]): void => {
    const rules = deny === undefined ? [allow.rule] : [allow.rule, deny.rule];
    const selectors = deny === undefined ? [allow.selector] : [allow.selector, deny.selector];
    const about = [
      { set: to.place, name: nameOf(allow) },
      ...(deny === undefined ? [] : [{ set: from.place, name: nameOf(deny) }]),
    ];
    const uses = usesOf(rules);
    const buckets = rules
      .map((rule) => bucketsOf(rule, survey.values))
      .reduce((some, others) => some.filter((bucket) => others.includes(bucket)));
    for (const identity of survey.identities(selectors, uses)) {
      for (const principal of [identity, { ...identity, binding: allow.policy.id }]) {
        const name = JSON.stringify(principal);
        for (const bucket of buckets) {
          if (principal !== identity && survey.isAlike(identity, principal, bucket)) continue;
          for (const verb of verbs) {
            const asked = `${verb} ${bucket} ${about.map((each) => each.name).join()} ${name}`;
            if (seen.has(asked)) continue;
            seen.add(asked);
            for (const trial of survey.trials(principal, bucket, verb, about)) {
              room.left -= 1;
              if (room.left < 0) throw new CannotTell('the sets have too many combinations of subjects and values');
              const [gained, lacking] = [survey.decide(trial, to.place), survey.decide(trial, from.place)];
              const more = moreIn(gained, lacking, () => survey.names(trial.principal, trial.access));
              if (more === undefined) continue;
              const [before, after] = change === 'allowed' ? [lacking, gained] : [gained, lacking];
              note(allow.selector, { ...trial, ...more, before, after }, principal.binding !== undefined);
              if (first) return;
            }
          }
        }
      }
    }
  };

  const lifted = from.occurrences.flatMap((deny) => {
    const verbs = deny.rule.effect === 'deny' ? missing(deny, to) : [];
    return verbs.length === 0 ? [] : [{ deny, verbs, starts: startsOf(deny.rule) }];
  });
  for (const allow of to.occurrences) {
    if (allow.rule.effect === 'deny') continue;
    const added = missing(allow, from);
    if (added.length > 0) explore(allow, undefined, added);
    const starts = startsOf(allow.rule);
    for (const { deny, verbs, starts: denied } of lifted) {
      if (first && found.size > 0) break;
      const common = allow.rule.verbs.filter((verb) => verbs.includes(verb));
      if (common.length > 0 && canMeet(starts, denied)) explore(allow, deny, common);
    }
    if (first && found.size > 0) break;
  }
  return [...found.values()];
}

const nameOf = ({ policy, rule }: Occurrence): string => `${policy.id}/${rule.id}`;

/** Whether one decision allows what the other does not: all of it, or of a listing in parts a name. */
function moreIn(
  gained: Decision,
  lacking: Decision,
  names: () => readonly string[],
): { readonly name?: string } | undefined {
  if (gained.effect === 'deny') return undefined;
  if (lacking.effect === 'deny') return {};
  const { parts } = lacking;
  if (parts === undefined) return undefined;
  const name = names().find(
    (each) => (gained.parts === undefined || isShown(gained.parts, each)) && !isShown(parts, each),
  );
  return name === undefined ? undefined : { name };
}

/** Whether some access may lie in the scopes of both, by what stands before their first variables. */
const canMeet = (one: readonly string[], other: readonly string[]): boolean =>
  one.some((a) => other.some((b) => a.startsWith(b) || b.startsWith(a)));

const startsOf = ({ scopes }: Rule): readonly string[] =>
  scopes.map((scope) => {
    const template = parseTemplate('key' in scope ? scope.key : scope.prefix);
    return 'problem' in template ? '' : (template.literals[0] ?? '');
  });

/** How many of the rules have each variable. */
export function usesOf(rules: readonly Rule[]): ReadonlyMap<string, number> {
  const uses = new Map<string, number>();
  for (const variable of rules.flatMap((rule) => [...variablesOf(rule)])) {
    uses.set(variable, (uses.get(variable) ?? 0) + 1);
  }
  return uses;
}

/** The buckets that a rule may be about. */
export function bucketsOf({ buckets }: Rule, values: VariableValues): readonly string[] {
  return buckets === 'all' || variablesIn(buckets).size > 0 ? values.buckets : buckets;
}

/** In the order of the list of verbs. */
export const inOrder = (verbs: Iterable<Verb>): readonly Verb[] => {
  const wanted = new Set(verbs);
  return VERBS.filter((verb) => wanted.has(verb));
};
