/** A set of policies and a request in; whose it is allowed to be out: subjects of policies, and whom a deny takes out. */
import type { Conditions } from '../condition-schema.ts';
import type { PolicySet } from '../load-policies.ts';
import { variablesOf, type Rule, type Selector } from '../policy-schema.ts';
import type { DecidedAccess } from './accesses.ts';
import { bucketsOf, occurrencesOf, usesOf } from './differences.ts';
import { CannotTell } from './situations.ts';
import { surveyOf, type Trial } from './survey.ts';

/** Requests that are tried, at most. */
const MAX_TRIALS = 200_000;

/** Some of those whom a rule bears on. */
interface Concerned {
  readonly rule: string;
  readonly who: Selector;
  /** What else must hold for the rule to apply. */
  readonly when?: Conditions | undefined;
}

export interface Allowed extends Concerned {
  /** A request of that kind that is allowed. */
  readonly example: Trial;
  /** Whether it takes values of variables beside: those of the example, or others that the rule means alike. */
  readonly hasVariables: boolean;
  /** Whoever is of these as well is denied. */
  readonly except: readonly Concerned[];
}

/** Finds them. @throws CannotTell */
export function whoMay(set: PolicySet, access: DecidedAccess): readonly Allowed[] {
  const path = access.kind === 'object' ? access.key : access.kind === 'listing' ? access.prefix : '';
  const { values, identities, situations, decide } = surveyOf([set], [{ bucket: access.bucket, path }]);
  const concerned = occurrencesOf(set).filter(
    ({ rule }) => rule.verbs.includes(access.verb) && bucketsOf(rule, values).includes(access.bucket),
  );
  const denies = concerned.filter(({ rule }) => rule.effect === 'deny');
  let room = MAX_TRIALS;
  /** A request of whoever matches all of them that the named rule decides. */
  const decidedBy = (name: string, selectors: readonly Selector[], rules: readonly Rule[]): Trial | undefined => {
    for (const principal of identities(selectors, usesOf(rules))) {
      for (const trial of situations(principal, access)) {
        room -= 1;
        if (room < 0) throw new CannotTell('the set has too many combinations of subjects and values');
        if (decide(trial).rule.split(', ').includes(name)) return trial;
      }
    }
    return undefined;
  };
  return concerned.flatMap(({ policy, rule, selector }): readonly Allowed[] => {
    const name = `${policy.id}/${rule.id}`;
    if (rule.effect === 'deny') return [];
    const example = decidedBy(name, [selector], [rule]);
    if (example === undefined) return [];
    const except = denies.flatMap((deny): readonly Concerned[] => {
      const by = `${deny.policy.id}/${deny.rule.id}`;
      const trial = decidedBy(by, [selector, deny.selector], [rule, deny.rule]);
      return trial === undefined ? [] : [{ rule: by, who: deny.selector, when: deny.rule.when }];
    });
    const hasVariables = variablesOf(rule).size > 0;
    return [{ ...{ rule: name, who: selector, when: rule.when, example, hasVariables, except } }];
  });
}
