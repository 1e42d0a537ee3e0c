/**
 * Principal and access in; a decision that names rule and reason out. Denies unless a rule allows, and lets denies win.
 * Abilities are compiled once per set and group of policies, rules with variables once per identity, never per request.
 */
import { hash } from 'node:crypto';
import { LRUCache } from 'lru-cache';
import type { Access, Authorizer, Decision, Grant, RequestFacts } from '../contracts/authorizer.ts';
import type { Guardrail } from '../contracts/guardrails.ts';
import type { Principal } from '../contracts/principal.ts';
import type { TemporaryGrant, TemporaryGrants } from '../contracts/temporary-grants.ts';
import type { Verb } from '../s3/operations/verb.ts';
import {
  compileAbility,
  compileRules,
  dependsOnStored,
  inBucketFor,
  partsOf,
  type AllowedParts,
  type Asked,
  type CompiledAbility,
  type CompiledRule,
  type ListingAccess,
  type OpenRule,
} from './compile.ts';
import { firstFailed, seenText, type Asker, type Condition } from './conditions.ts';
import type { PolicySet } from './load-policies.ts';
import { weightOf } from './matches-subject.ts';
import type { Policy } from './policy-schema.ts';
import { relevantTo } from './relevant.ts';
import type { PolicySource } from './policy-source.ts';
import { resolveRules, valuesFor, type Missing } from './resolve-rules.ts';
import { shown } from '../platform/showable.ts';
import { unknownConditions } from './unknown-facts.ts';
import { addingGrants } from './with-grants.ts';

/** Rules in all cached abilities together: some tens of megabytes at the very most. */
const MAX_CACHED_RULES = 100_000;
/** The rule that decides where none does. */
export const DEFAULT_DENY = 'default-deny';

const NONE: readonly TemporaryGrant[] = [];
const NO_GRANTS: TemporaryGrants = { of: () => NONE };

/** An authorizer that has the budgets of the same policies. */
export interface PolicyAuthorizer extends Authorizer {
  /** Every guardrail of every policy that names this identity; they bind sessions of one policy as denies do. */
  readonly guardrails: (principal: Principal) => readonly Guardrail[];
}

/** Decides by the set that the source holds, and by the grants that are in force, at the time of each call. */
export function createAuthorizer(
  source: Pick<PolicySource, 'current'>,
  grants: TemporaryGrants = NO_GRANTS,
): PolicyAuthorizer {
  let compiled: CompiledSet | undefined;
  const inForce = (): CompiledSet => {
    const set = source.current();
    if (compiled?.set !== set) compiled = compileSet(set);
    return compiled;
  };
  const policiesOf = (principal: Principal): PrincipalPolicies => {
    const { policiesOf: ofSet, withGrants } = inForce();
    return withGrants(ofSet(principal), grants.of(principal));
  };

  return {
    decide: (principal, access, facts = NO_FACTS) => {
      const policies = policiesOf(principal);
      const asked = { access, principal, facts };
      const rule = ruleFor(policies.ability, asked);
      if (access.kind === 'listing' && OF_LISTINGS.has(access.verb) && rule?.effect !== 'allow') {
        const parts = partsOf(policies.ability.inBucket(access.bucket), access, asked);
        if (parts !== undefined) return allowParts(parts, access, source.current().version);
      }
      if (rule === undefined) return denyByDefault(asked, policies, source.current().version);
      if (access.kind === 'listing' && rule.effect === 'deny') return denyListing(rule, access);
      return rule.decision;
    },
    grants: (principal, bucket, facts = NO_FACTS, accesses = []) => {
      const asker = { principal, facts };
      const found = inBucketFor(policiesOf(principal).ability.inBucket(bucket), asker);
      return accesses.every((access) => isGranted(found.rules, access)) ? found.grants : exactly(accesses);
    },
    visibleBuckets: (principal, buckets, facts = NO_FACTS) => {
      const { ability } = policiesOf(principal);
      const asker = { principal, facts };
      return buckets.filter((bucket) => inBucketFor(ability.inBucket(bucket), asker).rule?.effect === 'allow');
    },
    unknown: (principal, access, facts) => {
      if (access.kind !== 'object') return [];
      const { rules } = policiesOf(principal).ability.inBucket(access.bucket);
      const meeting = rules.filter(({ verbs, matches }) => verbs.includes(access.verb) && matches(access));
      return unknownConditions(meeting, { principal, facts });
    },
    bindings: (principal) => policiesOf(principal).bindings,
    guardrails: (principal) => inForce().guardrails(principal),
    relevant: (principal) => inForce().relevant(principal),
    policyVersion: () => source.current().version,
  };
}

/** Every rule of a set that bears on someone in a bucket, whatever its conditions: what tools look at before requests come. */
export function rulesOf(set: PolicySet): (principal: Principal, bucket: string) => readonly CompiledRule[] {
  const { policiesOf } = compileSet(set);
  return (principal, bucket) => policiesOf(principal).ability.inBucket(bucket).rules;
}

const NO_FACTS: RequestFacts = Object.freeze({});

/** Whether an allowed access is in the grants as well, in which nothing depends on what is stored. */
function isGranted(rules: readonly CompiledRule[], access: Access): boolean {
  // No listing stores anything; of one that is allowed in parts, the grants are those of its parts.
  if (access.kind === 'bucket' || access.kind === 'listing' || !rules.some(dependsOnStored)) return true;
  const matching = rules.filter(({ verbs, matches }) => verbs.includes(access.verb) && matches(access));
  return (
    matching.some((rule) => rule.effect === 'allow' && !dependsOnStored(rule)) &&
    !matching.some(({ effect }) => effect === 'deny')
  );
}

/** Grants of these accesses and of nothing else. */
const exactly = (accesses: readonly Access[]): readonly Grant[] =>
  accesses.flatMap((access): Grant[] => {
    if (access.kind === 'bucket') return [];
    const scope =
      access.kind === 'object' ? { key: access.key } : { prefix: access.kind === 'listing' ? access.prefix : '' };
    return [{ effect: 'allow', verbs: [access.verb], scope }];
  });

interface CompiledSet {
  readonly set: PolicySet;
  readonly policiesOf: (principal: Principal) => PrincipalPolicies;
  readonly guardrails: (principal: Principal) => readonly Guardrail[];
  readonly withGrants: (policies: PrincipalPolicies, grants: readonly TemporaryGrant[]) => PrincipalPolicies;
  readonly relevant: (principal: Principal) => Principal;
}

/** What a set of policies means for one principal. */
interface PrincipalPolicies {
  readonly ability: CompiledAbility;
  /** Ids of the policies that it may choose among. */
  readonly bindings: readonly string[];
  readonly guardrails: readonly Guardrail[];
  /** Rules that mean something else for each identity, and are not in the ability. */
  readonly open: readonly OpenRule[];
  /** Allows that do not apply to this identity, since it lacks what their variables stand for. */
  readonly missing: readonly Missing[];
}

/** Under which keys the policies of one principal are cached: those of all who have the same, and its own. */
interface Keys {
  readonly shared: string;
  own: string | undefined;
}

function compileSet(set: PolicySet): CompiledSet {
  const { policies, version, buckets, agents } = set;
  const isBucket = (name: string) => buckets?.has(name) ?? true;
  let order = 0;
  const rules = policies.map((policy) => {
    const compiled = compileRules(policy, version, order, agents);
    order += policy.rules.length;
    return compiled;
  });
  const byKey = new LRUCache<string, PrincipalPolicies>({
    maxSize: MAX_CACHED_RULES,
    sizeCalculation: ({ ability, bindings, missing }) => ability.size + bindings.length + missing.length + 1,
  });
  // A principal lives as long as its token is cached, so most requests skip the matching of subjects altogether.
  const keys = new WeakMap<Principal, Keys>();

  const keyOf = (principal: Principal): string => {
    const relevantIndices: number[] = [];
    const allowing: number[] = [];
    policies.forEach((policy, index) => {
      const weight = weightOf(policy, principal);
      if (weight !== 'none') relevantIndices.push(index);
      // A binding that is gone, or no longer names the caller, is among none of them: no allow is left.
      const bound = principal.binding === undefined || principal.binding === policy.id;
      if (weight === 'all' && bound) allowing.push(index);
    });
    return `${relevantIndices.join()}|${allowing.join()}`;
  };

  const policiesOfKey = (key: string): PrincipalPolicies => {
    const [indices = [], chosen = []] = key.split('|').map((part) => (part === '' ? [] : part.split(',')));
    const counting = indices.map((index) => {
      const { fixed = [], open = [] } = rules[Number(index)] ?? {};
      if (chosen.includes(index)) return { fixed, open };
      return {
        fixed: fixed.filter(({ effect }) => effect === 'deny'),
        open: open.filter(({ rule }) => rule.effect === 'deny'),
      };
    });
    const fixed = counting.flatMap((each) => each.fixed);
    return {
      ability: compileAbility(fixed, isBucket),
      bindings: Object.freeze(chosen.flatMap((index) => policies[Number(index)]?.id ?? [])),
      guardrails: Object.freeze(indices.flatMap((index) => guardrailsOf(policies[Number(index)]))),
      open: counting.flatMap((each) => each.open),
      missing: [],
    };
  };

  const resolve = (shared: PrincipalPolicies, principal: Principal): PrincipalPolicies => {
    const { rules: own, missing } = resolveRules(shared.open, principal);
    return { ...shared, ability: compileAbility(own, isBucket, shared.ability), open: [], missing };
  };

  const cached = (key: string, make: () => PrincipalPolicies): PrincipalPolicies => {
    let found = byKey.get(key);
    if (found === undefined) {
      found = make();
      byKey.set(key, found);
    }
    return found;
  };

  const policiesOf = (principal: Principal): PrincipalPolicies => {
    let known = keys.get(principal);
    if (known === undefined) {
      known = { shared: keyOf(principal), own: undefined };
      keys.set(principal, known);
    }
    const { shared: key } = known;
    const shared = cached(key, () => policiesOfKey(key));
    if (shared.open.length === 0) return shared;
    // A hash, since values may be long: who has the same ones shares what was worked out.
    known.own ??= `${key}|${hash('sha256', JSON.stringify(valuesFor(shared.open, principal)), 'base64')}`;
    return cached(known.own, () => resolve(shared, principal));
  };
  const hasGuardrails = policies.some(({ guardrails }) => guardrails !== undefined);

  return {
    set,
    relevant: relevantTo(policies),
    withGrants: addingGrants(version),
    guardrails: (principal) => (hasGuardrails ? policiesOf(principal).guardrails : NO_GUARDRAILS),
    policiesOf,
  };
}

const NO_GUARDRAILS: readonly Guardrail[] = [];

const guardrailsOf = (policy: Policy | undefined): readonly Guardrail[] =>
  (policy?.guardrails ?? []).map(({ id, ...guardrail }) =>
    Object.freeze({
      ...guardrail,
      name: `${policy?.id}/${id}`,
      ...(policy?.owner !== undefined && { owner: policy.owner }),
    }),
  );

// None of these is an access that the operation table knows; "everything" must not take it in.
const NOT_OF_OBJECTS: ReadonlySet<Verb> = new Set<Verb>(['LIST', 'LIST_VERSIONS', 'ADMIN']);
const OF_LISTINGS: ReadonlySet<Verb> = new Set<Verb>(['LIST', 'LIST_VERSIONS']);

function ruleFor(ability: CompiledAbility, asked: Asked): CompiledRule | undefined {
  const { access } = asked;
  switch (access.kind) {
    case 'bucket':
      return inBucketFor(ability.inBucket(access.bucket), asked).rule;
    case 'listing':
      return OF_LISTINGS.has(access.verb) ? ability.ruleFor(asked) : undefined;
    case 'admin':
      return (access.verb as Verb) === 'ADMIN' ? ability.ruleFor(asked) : undefined;
    case 'object':
      return access.key.length === 0 || NOT_OF_OBJECTS.has(access.verb) ? undefined : ability.ruleFor(asked);
  }
}

function allowParts(
  { rules, prefixes, hidden }: AllowedParts,
  { bucket, prefix }: ListingAccess,
  policyVersion: string,
): Decision {
  const reason = `Of ${shownPrefix(bucket, prefix)} only the parts are shown that rules of this identity allow.`;
  return { effect: 'allow', rule: rules.join(', '), reason, policyVersion, parts: { prefixes, hidden } };
}

function denyListing({ scope, decision }: CompiledRule, { bucket, prefix }: ListingAccess): Decision {
  const below = 'key' in scope || !prefix.startsWith(scope.prefix);
  if (!below) return decision;
  const reason = `A listing of ${shownPrefix(bucket, prefix)} would show what ${decision.rule} denies: ${decision.reason}`;
  return { ...decision, reason };
}

function denyByDefault(asked: Asked, { ability, missing }: PrincipalPolicies, policyVersion: string): Decision {
  const { access } = asked;
  const unresolved = access.kind === 'bucket' ? undefined : missing.find(({ concerns }) => concerns(access));
  const more = unresolved?.reason ?? unmetReason(ability, asked);
  const reason = [whatIsMissing(asked, ability), ...(more === undefined ? [] : [more])].join(' ');
  return { effect: 'deny', rule: DEFAULT_DENY, reason, policyVersion };
}

/** Which allow would hold if it were not for a condition, and what that looked at. */
function unmetReason(ability: CompiledAbility, asked: Asked): string | undefined {
  const { access } = asked;
  const { rules, isConditional } = ability.inBucket(access.bucket);
  if (!isConditional) return undefined;
  const unmet = rules.find((rule) => {
    if (rule.effect === 'deny' || firstFailed('allow', rule.conditions, asked) === undefined) return false;
    return access.kind === 'bucket' || (rule.verbs.includes(access.verb) && rule.matches(access));
  });
  if (unmet === undefined) return undefined;
  const failed = firstFailed('allow', unmet.conditions, asked);
  return (
    failed &&
    `Rule ${unmet.decision.rule} does not apply: its condition \`${failed.name}\` is not met (${seenBy(failed, asked)}).`
  );
}

function seenBy(failed: Condition, asker: Asker): string {
  const seen = seenText(failed, asker);
  return seen === undefined ? 'what it looks at is not known' : `it is ${shown(seen)}`;
}

function whatIsMissing(asked: Asked, ability: CompiledAbility): string {
  const { access } = asked;
  const bucket = shown(access.bucket);
  switch (access.kind) {
    case 'bucket':
      return `No rule allows anything in ${bucket} for this identity.`;
    case 'object':
      return `No rule allows ${access.verb} on ${bucket}/${shown(access.key)} for this identity.`;
    case 'admin':
      return `No rule allows ADMIN on the bucket ${bucket} itself for this identity.`;
    case 'listing': {
      const unmarked =
        access.after.length === 0 ? undefined : ability.ruleFor({ ...asked, access: { ...access, after: [] } });
      if (unmarked?.effect === 'allow') {
        return `A marker of this listing lies outside of the prefix that rule ${unmarked.decision.rule} allows.`;
      }
      const requested = shownPrefix(bucket, access.prefix);
      return `No rule allows ${access.verb} on ${requested} for this identity; a listing must name a prefix that one rule covers whole.`;
    }
  }
}

const shownPrefix = (bucket: string, prefix: string) =>
  prefix === '' ? `everything in ${shown(bucket)}` : `everything in ${shown(bucket)} that starts with ${shown(prefix)}`;
