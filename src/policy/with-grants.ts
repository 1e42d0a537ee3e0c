/**
 * What policies mean for a principal, and what was granted to it for a time; both together out. A grant is an allow as one of
 * the policies': a deny of any policy wins, and where a policy allows too, that one is named.
 */
import type { TemporaryGrant } from '../contracts/temporary-grants.ts';
import { compileAbility, compileRule, type CompiledAbility, type CompiledRule } from './compile.ts';
import { GRANT_POLICY } from './policy-schema.ts';

/** Behind every rule of every set. */
const FIRST_ORDER = 1e9;

/** Makes the addition for one set of policies. What was worked out lives as long as the grants are the same. */
export function addingGrants<Policies extends { readonly ability: CompiledAbility }>(
  policyVersion: string,
): (policies: Policies, grants: readonly TemporaryGrant[]) => Policies {
  const known = new WeakMap<readonly TemporaryGrant[], WeakMap<Policies, Policies>>();
  return (policies, grants) => {
    if (grants.length === 0) return policies;
    const ofGrants = known.get(grants) ?? new WeakMap<Policies, Policies>();
    known.set(grants, ofGrants);
    let both = ofGrants.get(policies);
    if (both === undefined) {
      const rules = grants.map((grant, index) => ruleOf(grant, FIRST_ORDER + index, policyVersion));
      both = { ...policies, ability: compileAbility(rules, undefined, policies.ability) };
      ofGrants.set(policies, both);
    }
    return both;
  };
}

function ruleOf(
  { id, verbs, bucket, scope, reason }: TemporaryGrant,
  order: number,
  policyVersion: string,
): CompiledRule {
  const where = { buckets: [bucket], scopes: [scope], each: undefined, isFiltered: false } as const;
  const rule = { id, effect: 'allow', verbs, ...where, reason } as const;
  return compileRule({ order, rule, name: `${GRANT_POLICY}/${id}`, conditions: [], policyVersion }, bucket, scope);
}
