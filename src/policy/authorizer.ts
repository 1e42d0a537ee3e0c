/**
 * Principal and access in; a decision that names rule and reason out. Denies unless a rule allows, and lets denies win.
 * Abilities are compiled once per set and group of policies, never per request and never per identity.
 */
import { LRUCache } from 'lru-cache';
import type { Access, Authorizer, Decision } from '../contracts/authorizer.ts';
import type { Principal } from '../contracts/principal.ts';
import { compileAbility, compileRules, type CompiledAbility, type CompiledRule } from './compile.ts';
import type { PolicySet } from './load-policies.ts';
import { matchesSubject } from './matches-subject.ts';
import type { PolicySource } from './policy-source.ts';

/** Rules in all cached abilities together: some tens of megabytes at the very most. */
const MAX_CACHED_RULES = 100_000;
/** Characters of a caller's own input that a reason repeats. */
const MAX_SHOWN = 256;

/** Decides by the set that the source holds at the time of each call. */
export function createAuthorizer(source: Pick<PolicySource, 'current'>): Authorizer {
  let compiled: { readonly set: PolicySet; readonly abilityOf: (principal: Principal) => CompiledAbility } | undefined;
  const abilityOf = (principal: Principal): CompiledAbility => {
    const set = source.current();
    if (compiled?.set !== set) compiled = { set, abilityOf: compileSet(set) };
    return compiled.abilityOf(principal);
  };

  return {
    decide: (principal, access) => {
      const ability = abilityOf(principal);
      const rule = ruleFor(ability, access);
      if (rule === undefined) return denyByDefault(access, ability, source.current().version);
      if (access.kind === 'listing' && rule.rule.effect === 'deny') return denyListing(rule, access);
      return rule.decision;
    },
    grants: (principal, bucket) => abilityOf(principal).grants(bucket),
    visibleBuckets: (principal, buckets) => {
      const ability = abilityOf(principal);
      return buckets.filter((bucket) => ability.ruleForBucket(bucket)?.rule.effect === 'allow');
    },
    policyVersion: () => source.current().version,
  };
}

function compileSet({ policies, version }: PolicySet): (principal: Principal) => CompiledAbility {
  const rules = policies.map((policy) => compileRules(policy, version));
  const abilities = new LRUCache<string, CompiledAbility>({
    maxSize: MAX_CACHED_RULES,
    sizeCalculation: ({ size }) => size + 1,
  });
  // A principal lives as long as its token is cached, so most requests skip the matching of subjects altogether.
  const bearing = new WeakMap<Principal, string>();

  return (principal) => {
    let key = bearing.get(principal);
    if (key === undefined) {
      key = policies.flatMap((policy, index) => (matchesSubject(policy, principal) ? [index] : [])).join();
      bearing.set(principal, key);
    }
    let ability = abilities.get(key);
    if (ability === undefined) {
      ability = compileAbility(key === '' ? [] : key.split(',').flatMap((index) => rules[Number(index)] ?? []));
      abilities.set(key, ability);
    }
    return ability;
  };
}

function ruleFor(ability: CompiledAbility, access: Access): CompiledRule | undefined {
  switch (access.kind) {
    case 'bucket':
      return ability.ruleForBucket(access.bucket);
    case 'listing':
      return ability.ruleFor(access);
    case 'object':
      // Neither is an access that the operation table knows; "everything" must not take it in.
      return access.key.length === 0 || access.verb === 'LIST' ? undefined : ability.ruleFor(access);
  }
}

function denyListing(
  { rule, decision }: CompiledRule,
  { bucket, prefix }: Extract<Access, { kind: 'listing' }>,
): Decision {
  const below = 'key' in rule.scope || !prefix.startsWith(rule.scope.prefix);
  if (!below) return decision;
  const reason = `A listing of ${shownPrefix(bucket, prefix)} would show what ${decision.rule} denies: ${decision.reason}`;
  return { ...decision, reason };
}

function denyByDefault(access: Access, ability: CompiledAbility, policyVersion: string): Decision {
  return { effect: 'deny', rule: 'default-deny', reason: whatIsMissing(access, ability), policyVersion };
}

function whatIsMissing(access: Access, ability: CompiledAbility): string {
  const bucket = shown(access.bucket);
  switch (access.kind) {
    case 'bucket':
      return `No rule allows anything in ${bucket} for this identity.`;
    case 'object':
      return `No rule allows ${access.verb} on ${bucket}/${shown(access.key)} for this identity.`;
    case 'listing': {
      const unmarked = access.after.length === 0 ? undefined : ability.ruleFor({ ...access, after: [] });
      if (unmarked?.rule.effect === 'allow') {
        return `A marker of this listing lies outside of the prefix that rule ${unmarked.decision.rule} allows.`;
      }
      const asked = shownPrefix(bucket, access.prefix);
      return `No rule allows LIST on ${asked} for this identity; a listing must name a prefix that one rule covers whole.`;
    }
  }
}

const shownPrefix = (bucket: string, prefix: string) =>
  prefix === '' ? `everything in ${shown(bucket)}` : `everything in ${shown(bucket)} that starts with ${shown(prefix)}`;

// Reasons go into XML, logs and terminals, and not all of them can carry what a key may hold.
const UNSHOWABLE = /[\p{C}\p{Zl}\p{Zp}]/gu;

function shown(text: string): string {
  const cut = text.length > MAX_SHOWN ? `${text.slice(0, MAX_SHOWN)}...` : text;
  return cut.toWellFormed().replace(UNSHOWABLE, '\uFFFD');
}
