/**
 * Which groups, clients and claims the policies of a set name, by issuer. What enters: a principal with whatever its token said.
 * What leaves: the same principal without the groups and claims that can make no difference to any decision.
 */
import { CLIENT_CLAIMS, type Principal } from '../contracts/principal.ts';
import { claimsOf } from './conditions.ts';
import { clientClaim } from './matches-subject.ts';
import { variablesOf, type Policy } from './policy-schema.ts';

/** What policies look at of the callers of one issuer. */
export interface Named {
  readonly groups: ReadonlySet<string>;
  /** Whether a variable stands for each group, whatever its name. */
  readonly anyGroup: boolean;
  readonly clients: ReadonlySet<string>;
  readonly claims: ReadonlySet<string>;
}

/** Of an issuer that no policy names. */
export const NOTHING_NAMED: Named = {
  ...{ groups: new Set(), clients: new Set(), claims: new Set() },
  anyGroup: false,
};

/** Gathers it, by issuer. */
export function namedBy(policies: readonly Policy[]): ReadonlyMap<string, Named> {
  const byIssuer = new Map<
    string,
    { groups: Set<string>; anyGroup: boolean; clients: Set<string>; claims: Set<string> }
  >();
  for (const { subjects, rules } of policies) {
    const variables = new Set(rules.flatMap((rule) => [...variablesOf(rule)]));
    const ofConditions = rules.flatMap(({ when }) => claimsOf(when));
    for (const { issuer, group, client, claims = {} } of subjects) {
      const named = byIssuer.get(issuer) ?? {
        ...{ groups: new Set<string>(), clients: new Set<string>(), claims: new Set<string>() },
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
  return byIssuer;
}

/** Makes the cut for one set of policies. A principal that loses nothing is returned itself, and never two others in turn. */
export function relevantTo(policies: readonly Policy[]): (principal: Principal) => Principal {
  const byIssuer = namedBy(policies);
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
