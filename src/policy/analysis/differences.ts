/**
 * Two sets of policies in; what the second allows and the first denies out, and the other way round, with one access for
 * each. Every access is decided by the authorizer of requests. None is missed: docs/adr/0034-differences-of-policies.md.
 */
import type { Authorizer, Decision } from '../../contracts/authorizer.ts';
import type { Principal } from '../../contracts/principal.ts';
import { VERBS, type Verb } from '../../s3/operations/verb.ts';
import { createAuthorizer } from '../authorizer.ts';
import type { PolicySet } from '../load-policies.ts';
import { variablesOf, type Policy, type Rule, type Selector } from '../policy-schema.ts';
import { parseTemplate, variablesIn } from '../template.ts';
import { accessesOf, type DecidedAccess } from './accesses.ts';
import { identitiesOf, type Identities } from './identities.ts';
import { variableValues, type VariableValues } from './variable-values.ts';

/** Identities times buckets times verbs that are looked at, at most. */
const MAX_WORK = 100_000;

/** One access that the sets decide differently. */
export interface Witness {
  readonly principal: Principal;
  readonly access: DecidedAccess;
  readonly before: Decision;
  readonly after: Decision;
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

/** Nothing is told: the work would be without end, or rules have conditions, which are not looked at. */
export class CannotTell extends Error {}

/** Finds the differences; with `first`, one is enough. @throws CannotTell */
export function differencesOf(
  before: PolicySet,
  after: PolicySet,
  { first = false }: { readonly first?: boolean } = {},
): readonly Difference[] {
  for (const set of [before, after]) refuseConditions(set);
  const values = variableValues([before, after]);
  const identities = identitiesOf([before, after], values);
  const sides = { before: sideOf(before), after: sideOf(after) };
  const room = { left: MAX_WORK };
  const allowed = gains('allowed', sides.before, sides.after, { identities, values, room, first });
  if (first && allowed.length > 0) return allowed;
  return [...allowed, ...gains('denied', sides.after, sides.before, { identities, values, room, first })];
}

interface Side {
  readonly authorizer: Authorizer;
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
      const { effect, buckets, scopes, each } = rule;
      return policy.subjects.map((selector) => {
        const key = JSON.stringify([policy.id, selector, effect, buckets, scopes, each]);
        return { policy, selector, rule, key };
      });
    }),
  );
}

function sideOf(set: PolicySet): Side {
  const occurrences = occurrencesOf(set);
  const verbs = new Map<string, Set<Verb>>();
  for (const { key, rule } of occurrences) {
    const known = verbs.get(key) ?? new Set();
    for (const verb of rule.verbs) known.add(verb);
    verbs.set(key, known);
  }
  return { authorizer: createAuthorizer({ current: () => set }), occurrences, verbs };
}

interface Search {
  readonly identities: Identities;
  readonly values: VariableValues;
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
  { identities, values, room, first }: Search,
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
    const uses = usesOf(rules);
    const buckets = rules
      .map((rule) => bucketsOf(rule, values))
      .reduce((some, others) => some.filter((bucket) => others.includes(bucket)));
    for (const identity of identities(selectors, uses)) {
      for (const principal of [identity, { ...identity, binding: allow.policy.id }]) {
        const name = JSON.stringify(principal);
        for (const bucket of buckets) {
          const fresh = verbs.filter((verb) => !seen.has(`${verb} ${bucket} ${name}`));
          if (fresh.length === 0) continue;
          room.left -= fresh.length;
          if (room.left < 0) throw new CannotTell('the sets have too many combinations of subjects and values');
          const grants = [...from.authorizer.grants(principal, bucket), ...to.authorizer.grants(principal, bucket)];
          for (const verb of fresh) {
            seen.add(`${verb} ${bucket} ${name}`);
            for (const access of accessesOf(verb, bucket, grants)) {
              const gained = to.authorizer.decide(principal, access);
              if (gained.effect === 'deny') continue;
              const lacking = from.authorizer.decide(principal, access);
              if (lacking.effect === 'allow') continue;
              const [before, after] = change === 'allowed' ? [lacking, gained] : [gained, lacking];
              note(allow.selector, { principal, access, before, after }, principal.binding !== undefined);
              if (first) return;
            }
          }
        }
      }
    }
  };

  const lifted = from.occurrences.flatMap((deny) => {
    const verbs = deny.rule.effect === 'deny' ? missing(deny, to) : [];
    return verbs.length === 0 ? [] : [{ deny, verbs }];
  });
  for (const allow of to.occurrences) {
    if (allow.rule.effect === 'deny') continue;
    const added = missing(allow, from);
    if (added.length > 0) explore(allow, undefined, added);
    for (const { deny, verbs } of lifted) {
      if (first && found.size > 0) break;
      const common = allow.rule.verbs.filter((verb) => verbs.includes(verb));
      if (common.length > 0 && canMeet(allow.rule, deny.rule)) explore(allow, deny, common);
    }
    if (first && found.size > 0) break;
  }
  return [...found.values()];
}

/** Whether some access may lie in the scopes of both, by what stands before their first variables. */
function canMeet(one: Rule, other: Rule): boolean {
  const starts = ({ scopes }: Rule) =>
    scopes.map((scope) => {
      const template = parseTemplate('key' in scope ? scope.key : scope.prefix);
      return 'problem' in template ? '' : (template.literals[0] ?? '');
    });
  return starts(one).some((a) => starts(other).some((b) => a.startsWith(b) || b.startsWith(a)));
}

/** How many of the rules have each variable. */
export function usesOf(rules: readonly Rule[]): ReadonlyMap<string, number> {
  const uses = new Map<string, number>();
  for (const variable of rules.flatMap((rule) => [...variablesOf(rule)])) {
    uses.set(variable, (uses.get(variable) ?? 0) + 1);
  }
  return uses;
}

/** @throws CannotTell of a set in which some rule depends on more than identity and access */
export function refuseConditions(set: PolicySet): void {
  const names = conditional(set);
  if (names.length > 0) throw new CannotTell(`conditions are not looked at, and there are some: ${names.join(', ')}`);
}

/** The rules that have conditions. */
export const conditional = ({ policies }: PolicySet): readonly string[] =>
  policies.flatMap(({ id, rules }) => rules.flatMap((rule) => (rule.when === undefined ? [] : `${id}/${rule.id}`)));

/** The buckets that a rule may be about. */
export function bucketsOf({ buckets }: Rule, values: VariableValues): readonly string[] {
  return buckets === 'all' || variablesIn(buckets).size > 0 ? values.buckets : buckets;
}

/** In the order of the list of verbs. */
export const inOrder = (verbs: Iterable<Verb>): readonly Verb[] => {
  const wanted = new Set(verbs);
  return VERBS.filter((verb) => wanted.has(verb));
};
