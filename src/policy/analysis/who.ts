/** A set of policies and a request in; whose it is allowed to be out: subjects of policies, and whom a deny takes out. */
import type { PolicySet } from '../load-policies.ts';
import type { Principal } from '../../contracts/principal.ts';
import { createAuthorizer } from '../authorizer.ts';
import { variablesOf, type Selector } from '../policy-schema.ts';
import type { DecidedAccess } from './accesses.ts';
import { bucketsOf, CannotTell, occurrencesOf, refuseConditions, usesOf } from './differences.ts';
import { identitiesOf } from './identities.ts';
import { variableValues } from './variable-values.ts';

/** Identities that are looked at, at most. */
const MAX_IDENTITIES = 200_000;

export interface Allowed {
  readonly rule: string;
  readonly who: Selector;
  /** An identity of that kind that is allowed. */
  readonly example: Principal;
  /** Whether it takes values of variables beside: those of the example, or others that the rule means alike. */
  readonly hasVariables: boolean;
  /** Whoever is of these as well is denied. */
  readonly except: readonly { readonly rule: string; readonly who: Selector }[];
}

/** Finds them. @throws CannotTell */
export function whoMay(set: PolicySet, access: DecidedAccess): readonly Allowed[] {
  refuseConditions(set);
  const path = access.kind === 'object' ? access.key : access.kind === 'listing' ? access.prefix : '';
  const values = variableValues([set], [{ bucket: access.bucket, path }]);
  const identities = identitiesOf([set], values);
  const authorizer = createAuthorizer({ current: () => set });
  const concerned = occurrencesOf(set).filter(
    ({ rule }) => rule.verbs.includes(access.verb) && bucketsOf(rule, values).includes(access.bucket),
  );
  const denies = concerned.filter(({ rule }) => rule.effect === 'deny');
  let room = MAX_IDENTITIES;
  const decidedBy = function* (...args: Parameters<typeof identities>) {
    for (const principal of identities(...args)) {
      room -= 1;
      if (room < 0) throw new CannotTell('the set has too many combinations of subjects and values');
      yield { principal, decision: authorizer.decide(principal, access) };
    }
  };
  return concerned.flatMap(({ policy, rule, selector }): readonly Allowed[] => {
    const name = `${policy.id}/${rule.id}`;
    if (rule.effect === 'deny') return [];
    const example = [...decidedBy([selector], usesOf([rule]))].find(
      ({ decision }) => decision.effect === 'allow' && decision.rule === name,
    );
    if (example === undefined) return [];
    const except = denies.flatMap((deny) => {
      const by = `${deny.policy.id}/${deny.rule.id}`;
      const both = decidedBy([selector, deny.selector], usesOf([rule, deny.rule]));
      for (const { decision } of both) if (decision.rule === by) return [{ rule: by, who: deny.selector }];
      return [];
    });
    return [
      { rule: name, who: selector, example: example.principal, hasVariables: variablesOf(rule).size > 0, except },
    ];
  });
}
