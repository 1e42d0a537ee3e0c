/**
 * Which groups, clients and claims the policies of a set name, by issuer. What enters: a principal with whatever its token said.
 * What leaves: the same principal without the groups and claims that can make no difference to any decision.
 */
import { CLIENT_CLAIMS, type Principal } from '../contracts/principal.ts';
import { claimsOf } from './conditions.ts';
import { clientClaim } from './matches-subject.ts';
import { variablesOf, type Policy } from './policy-schema.ts';

interface Named {
  readonly groups: Set<string>;
  /** Whether a variable stands for each group, whatever its name. */
  anyGroup: boolean;
  readonly clients: Set<string>;
  readonly claims: Set<string>;
}

/** Makes the cut for one set of policies. A principal that loses nothing is returned itself, and never two others in turn. */
export function relevantTo(policies: readonly Policy[]): (principal: Principal) => Principal {
  const byIssuer = new Map<string, Named>();
  for (const { subjects, rules } of policies) {
    const variables = new Set(rules.flatMap((rule) => [...variablesOf(rule)]));
    const ofConditions = rules.flatMap(({ when }) => claimsOf(when));
    for (const { issuer, group, client, claims = {} } of subjects) {
      const named = byIssuer.get(issuer) ?? {
        ...{ groups: new Set(), clients: new Set(), claims: new Set() },
        anyGroup: false,
      };
      if (group !== undefined) named.groups.add(group);
      if (client !== undefined) named.clients.add(client);
      for (const claim of [...Object.keys(claims), ...ofConditions]) named.claims.add(claim);
      for (const variable of variables) {
        if (variable === 'groups') named.anyGroup = true;
        if (variable.startsWith('claims.')) named.claims.add(variable.slice('claims.'.length));
      }
      byIssuer.set(issuer, named);
    }
  }
  const known = new WeakMap<Principal, Principal>();

  return (principal) => {
    let relevant = known.get(principal);
    if (relevant === undefined) {
      relevant = cut(principal, byIssuer.get(principal.issuerName));
      known.set(principal, relevant);
    }
    return relevant;
  };
}

function cut(principal: Principal, named: Named | undefined): Principal {
  const groups = [...new Set(principal.groups)].filter((group) => named?.anyGroup === true || named?.groups.has(group));
  const claim = clientClaim(principal);
  const value = claim === undefined ? undefined : principal.claims[claim];
  // A client that no policy names selects none, and neither does the absence of one. It stays before one that stays.
  const isClient =
    (typeof value === 'string' && named?.clients.has(value) === true) ||
    CLIENT_CLAIMS.some((each) => named?.claims.has(each) === true);
  const claims = Object.fromEntries(
    Object.entries(principal.claims).filter(
      ([name]) => named?.claims.has(name) === true || (name === claim && isClient),
    ),
  );
  const whole = groups.length === principal.groups.length;
  if (whole && Object.keys(principal.claims).length === Object.keys(claims).length) return principal;
  return Object.freeze({ ...principal, groups: whole ? principal.groups : groups, claims });
}
