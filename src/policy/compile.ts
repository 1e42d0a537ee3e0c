/**
 * Policies in; the CASL ability of everyone on whom exactly these policies bear out. Denies are compiled last, since in
 * CASL the last rule that matches wins. CASL is asked about accesses only, never about a type: asked about a type, it
 * passes over conditions.
 */
import { Ability, type MatchConditions } from '@casl/ability';
import type { Access, Decision, Grant } from '../contracts/authorizer.ts';
import type { Verb } from '../s3/operations/verb.ts';
import type { Policy, Rule } from './policy-schema.ts';
import { compileScope, covers, describeScope, type Matcher } from './scope.ts';

/** A rule with everything about it that does not depend on the access. Shared by all abilities of a set. */
export interface CompiledRule {
  readonly rule: Rule;
  readonly matches: Matcher;
  readonly decision: Decision;
}

/** What a group of policies allows. */
export interface CompiledAbility {
  /** The number of rules: its share of a bounded cache. */
  readonly size: number;
  /** The rule that decides an object or a listing; `undefined`: none does. */
  readonly ruleFor: (access: Exclude<Access, { kind: 'bucket' }>) => CompiledRule | undefined;
  /** The rule that decides whether anything at all may be done in a bucket; `undefined`: none does. */
  readonly ruleForBucket: (bucket: string) => CompiledRule | undefined;
  /** Allows first, denies last. */
  readonly grants: (bucket: string) => readonly Grant[];
}

/** Compiles each rule of a policy. @throws GatewayError InternalError (a scope that is not understood) */
export function compileRules(policy: Policy, policyVersion: string): readonly CompiledRule[] {
  return policy.rules.map((rule) => {
    const name = `${policy.id}/${rule.id}`;
    const verbs = rule.verbs.join(', ').replace(/, (?=\w+$)/, ' and ');
    const sentence = `Rule ${name} ${rule.effect === 'allow' ? 'allows' : 'denies'} ${verbs} on ${describeScope(rule.bucket, rule.scope)}.`;
    return Object.freeze({
      rule,
      matches: compileScope(rule.effect, rule.scope),
      decision: Object.freeze({ effect: rule.effect, rule: name, reason: rule.reason ?? sentence, policyVersion }),
    });
  });
}

// `manage` and `all` stand for any verb and any bucket unless renamed, and `all` is a valid name of a bucket.
const NEVER_A_NAME = '*';

/** Compiles the rules of all policies that apply to someone, in the order in which an auditor reads them. */
export function compileAbility(rules: readonly CompiledRule[]): CompiledAbility {
  // The first rule that is written down is the one that a decision names, so each half is turned round.
  const lastWins = [...rules.filter(isAllow).reverse(), ...rules.filter(isDeny).reverse()];
  const ability = new Ability<[string, Access | string], CompiledRule>(
    lastWins.map((compiled) => ({
      action: [...compiled.rule.verbs],
      subject: compiled.rule.bucket,
      inverted: isDeny(compiled),
      conditions: compiled,
    })),
    {
      conditionsMatcher: ({ matches }) => matches as MatchConditions,
      detectSubjectType: ({ bucket }: Access) => bucket,
      anyAction: NEVER_A_NAME,
      anySubjectType: NEVER_A_NAME,
    },
  );
  const buckets = Map.groupBy(rules, ({ rule }) => rule.bucket);
  const grants = new Map([...buckets].map(([bucket, inBucket]) => [bucket, grantsOf(inBucket)]));
  const bucketRules = new Map<string, CompiledRule | undefined>();

  return {
    size: rules.length,
    ruleFor: (access) => ability.relevantRuleFor(access.verb, access)?.conditions,
    ruleForBucket: (bucket) => {
      const inBucket = buckets.get(bucket);
      // Only buckets with rules are remembered: names that callers make up must not fill memory.
      if (inBucket === undefined || bucketRules.has(bucket)) return bucketRules.get(bucket);
      const found = anythingIn(inBucket);
      bucketRules.set(bucket, found);
      return found;
    },
    grants: (bucket) => grants.get(bucket) ?? NO_GRANTS,
  };
}

const NO_GRANTS: readonly Grant[] = Object.freeze([]);
const isAllow = ({ rule }: CompiledRule) => rule.effect === 'allow';
const isDeny = ({ rule }: CompiledRule) => rule.effect === 'deny';

function grantsOf(rules: readonly CompiledRule[]): readonly Grant[] {
  const grant = ({ rule: { effect, verbs, scope } }: CompiledRule): Grant => Object.freeze({ effect, verbs, scope });
  return Object.freeze([...rules.filter(isAllow), ...rules.filter(isDeny)].map(grant));
}

/** The first allow of which some deny leaves something over, else a deny that takes it all, else nothing. */
function anythingIn(rules: readonly CompiledRule[]): CompiledRule | undefined {
  const denies = rules.filter(isDeny);
  const denyOfAll = (allow: CompiledRule, verb: Verb) =>
    denies.find(({ rule }) => rule.verbs.includes(verb) && covers(rule.scope, allow.rule.scope));
  let last: CompiledRule | undefined;
  for (const allow of rules.filter(isAllow)) {
    for (const verb of allow.rule.verbs) {
      const deny = denyOfAll(allow, verb);
      if (deny === undefined) return allow;
      last ??= deny;
    }
  }
  return last;
}
