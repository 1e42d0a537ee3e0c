/**
 * A set of policies and its cases in; each small change of the set that no case notices out, with a case that would. A
 * change that decides no request otherwise is no mutant: nothing could notice it.
 */
import type { PolicySet } from '../load-policies.ts';
import { checkPolicyTests, type PolicyTest } from '../policy-tests.ts';
import type { Policy, Rule, Scope, Selector } from '../policy-schema.ts';
import { differencesOf } from './differences.ts';
import { CannotTell } from './situations.ts';
import type { DecidedCase } from './words.ts';

export interface Survivor {
  readonly rule: string;
  /** What was changed, in words. */
  readonly change: string;
  /** Passes with the set, and fails with the mutant; absent: none was found among as many as are looked at. */
  readonly case?: DecidedCase;
}

export interface MutantReport {
  readonly tried: number;
  /** Mutants that decide every request as the set does: rules that do nothing, see `lint`. */
  readonly equivalent: number;
  readonly survivors: readonly Survivor[];
}

interface Mutant {
  readonly rule: string;
  readonly change: string;
  readonly set: PolicySet;
}

/** Tries them all; the cases must pass. */
export function tryMutants(set: PolicySet, tests: readonly PolicyTest[]): MutantReport {
  const survivors: Survivor[] = [];
  let [tried, equivalent] = [0, 0];
  for (const { rule, change, set: mutant } of mutantsOf(set)) {
    tried += 1;
    if (checkPolicyTests(mutant, tests).failures.length > 0) continue;
    try {
      const [difference] = differencesOf(set, mutant, { first: true });
      if (difference === undefined) equivalent += 1;
      else {
        survivors.push({ rule, change, case: { ...difference.witness, decision: difference.witness.before } });
      }
    } catch (error) {
      if (!(error instanceof CannotTell)) throw error;
      survivors.push({ rule, change });
    }
  }
  return { tried, equivalent, survivors };
}

function* mutantsOf(set: PolicySet): Generator<Mutant> {
  for (const [index, policy] of set.policies.entries()) {
    const within = (changed: Policy | undefined): PolicySet => ({
      ...set,
      policies: set.policies.flatMap((each, at) => (at === index ? (changed ?? []) : each)),
    });
    for (const [number, rule] of policy.rules.entries()) {
      const name = `${policy.id}/${rule.id}`;
      for (const { change, rules } of changesOf(rule)) {
        const all = policy.rules.flatMap((each, at) => (at === number ? rules : each));
        yield { rule: name, change, set: within({ ...policy, rules: all }) };
      }
    }
    for (const [number, selector] of policy.subjects.entries()) {
      for (const { change, subjects } of fewerLines(selector)) {
        const all = policy.subjects.flatMap((each, at) => (at === number ? subjects : each));
        yield { rule: policy.id, change: `subjects[${number}]: ${change}`, set: within({ ...policy, subjects: all }) };
      }
    }
  }
}

interface Change {
  readonly change: string;
  readonly rules: readonly Rule[];
}

function changesOf(rule: Rule): readonly Change[] {
  const { effect, verbs, scopes, when = {} } = rule;
  const flipped = { ...rule, effect: effect === 'allow' ? ('deny' as const) : ('allow' as const) };
  return [
    { change: 'dropped', rules: [] },
    { change: `${effect} made ${flipped.effect}`, rules: [flipped] },
    ...(verbs.length < 2 ? [] : verbs).map((verb) => ({
      change: `without ${verb}`,
      rules: [{ ...rule, verbs: verbs.filter((each) => each !== verb) }],
    })),
    ...Object.keys(when).flatMap((name) => {
      const others = Object.fromEntries(Object.entries(when).filter(([each]) => each !== name));
      const isLast = Object.keys(others).length === 0;
      return [{ change: `without the condition ${name}`, rules: [{ ...rule, when: isLast ? undefined : others }] }];
    }),
    ...scopes.flatMap((scope, index) => {
      const wider = widened(scope);
      if (wider === undefined) return [];
      const change = `${wider.prefix === '' ? 'everything' : wider.prefix} in place of ${'key' in scope ? scope.key : scope.prefix}`;
      return [{ change, rules: [{ ...rule, scopes: scopes.map((each, at) => (at === index ? wider : each)) }] }];
    }),
  ];
}

/** The folder that the scope lies in. */
function widened(scope: Scope): { readonly prefix: string } | undefined {
  const text = 'key' in scope ? scope.key : scope.prefix.replace(/\/$/, '');
  return text === '' ? undefined : { prefix: text.slice(0, text.lastIndexOf('/') + 1) };
}

const LINES = ['group', 'subject', 'client', 'claims', 'actor'] as const;

function fewerLines(selector: Selector): readonly { change: string; subjects: readonly Selector[] }[] {
  return LINES.flatMap((line) => {
    if (selector[line] === undefined) return [];
    const rest: Selector = { ...selector, [line]: undefined, ...(line === 'actor' && { actorIssuer: undefined }) };
    const names = LINES.some((each) => rest[each] !== undefined);
    return [{ change: `without ${line}`, subjects: [names ? rest : { ...rest, everybody: true as const }] }];
  });
}
