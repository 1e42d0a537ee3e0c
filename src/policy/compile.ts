/**
 * Policies in; the CASL ability of everyone on whom exactly these policies bear out. Denies are compiled last, since in
 * CASL the last rule that matches wins. CASL is asked about accesses only, never about a type: asked about a type, it
 * passes over conditions.
 */
import { Ability, type MatchConditions } from '@casl/ability';
import type { Access, Decision, Grant } from '../contracts/authorizer.ts';
import type { Verb } from '../s3/operations/verb.ts';
import type { Policy, Scope } from './policy-schema.ts';
import { compileScope, covers, describeScope, type Matcher } from './scope.ts';

/** What a rule says of one scope in one bucket, or in all. */
export interface CompiledRule {
  readonly effect: 'allow' | 'deny';
  readonly verbs: readonly Verb[];
  readonly bucket: string;
  readonly scope: Scope;
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

// `manage` and `all` stand for any verb and any bucket unless renamed, and `all` is a valid name of a bucket. This is none.
const ANY_BUCKET = '*';
const NO_VERB = '*';

/** Compiles each rule of a policy, for each of its buckets and scopes. @throws GatewayError InternalError (a scope that is not understood) */
export function compileRules(policy: Policy, policyVersion: string): readonly CompiledRule[] {
  return policy.rules.flatMap(({ id, effect, verbs, buckets, scopes, reason }) => {
    const rule = `${policy.id}/${id}`;
    const list = verbs.join(', ').replace(/, (?=\w+$)/, ' and ');
    const of = `Rule ${rule} ${effect === 'allow' ? 'allows' : 'denies'} ${list} on`;
    return (buckets === 'all' ? [ANY_BUCKET] : buckets).flatMap((bucket) =>
      scopes.map((scope): CompiledRule => {
        const sentence = `${of} ${describeScope(bucket === ANY_BUCKET ? 'every bucket' : bucket, scope)}.`;
        return Object.freeze({
          ...{ effect, verbs, bucket, scope },
          matches: compileScope(effect, scope),
          decision: Object.freeze({ effect, rule, reason: reason ?? sentence, policyVersion }),
        });
      }),
    );
  });
}

/**
 * Compiles the rules of all policies that apply to someone, in the order in which an auditor reads them. `isBucket`: what
 * a rule of all buckets holds in.
 */
export function compileAbility(
  rules: readonly CompiledRule[],
  isBucket: (bucket: string) => boolean = () => true,
): CompiledAbility {
  // The first rule that is written down is the one that a decision names, so each half is turned round.
  const lastWins = [...rules.filter(isAllow).reverse(), ...rules.filter(isDeny).reverse()];
  const ability = new Ability<[string, Access | string], CompiledRule>(
    lastWins.map((compiled) => ({
      action: [...compiled.verbs],
      subject: compiled.bucket,
      inverted: isDeny(compiled),
      conditions: compiled,
    })),
    {
      conditionsMatcher: ({ bucket, matches }) =>
        (bucket === ANY_BUCKET
          ? (access: Access) => isBucket(access.bucket) && matches(access)
          : matches) as MatchConditions,
      detectSubjectType: ({ bucket }: Access) => bucket,
      anyAction: NO_VERB,
      anySubjectType: ANY_BUCKET,
    },
  );
  const named = new Set(rules.map(({ bucket }) => bucket));
  const inEvery = inBucketOf(rules.filter(({ bucket }) => bucket === ANY_BUCKET));
  const inNamed = new Map<string, InBucket>();

  const inBucket = (bucket: string): InBucket => {
    // Only buckets that rules name are remembered: names that callers make up must not fill memory.
    if (!named.has(bucket) || bucket === ANY_BUCKET) return isBucket(bucket) ? inEvery : NOTHING;
    let found = inNamed.get(bucket);
    if (found === undefined) {
      const holdsIn = (each: CompiledRule) =>
        each.bucket === bucket || (each.bucket === ANY_BUCKET && isBucket(bucket));
      found = inBucketOf(rules.filter(holdsIn));
      inNamed.set(bucket, found);
    }
    return found;
  };

  return {
    size: rules.length,
    ruleFor: (access) => ability.relevantRuleFor(access.verb, access)?.conditions,
    ruleForBucket: (bucket) => inBucket(bucket).rule,
    grants: (bucket) => inBucket(bucket).grants,
  };
}

/** What the rules of one bucket come to. */
interface InBucket {
  readonly rule: CompiledRule | undefined;
  readonly grants: readonly Grant[];
}

const isAllow = ({ effect }: CompiledRule) => effect === 'allow';
const isDeny = ({ effect }: CompiledRule) => effect === 'deny';

function inBucketOf(rules: readonly CompiledRule[]): InBucket {
  const grant = ({ effect, verbs, scope }: CompiledRule): Grant => Object.freeze({ effect, verbs, scope });
  return {
    rule: anythingIn(rules),
    grants: Object.freeze([...rules.filter(isAllow), ...rules.filter(isDeny)].map(grant)),
  };
}

const NOTHING = inBucketOf([]);

/** The first allow of which some deny leaves something over, else a deny that takes it all, else nothing. */
function anythingIn(rules: readonly CompiledRule[]): CompiledRule | undefined {
  const denies = rules.filter(isDeny);
  const denyOfAll = (allow: CompiledRule, verb: Verb) =>
    denies.find(({ verbs, scope }) => verbs.includes(verb) && covers(scope, allow.scope));
  let last: CompiledRule | undefined;
  for (const allow of rules.filter(isAllow)) {
    for (const verb of allow.verbs) {
      const deny = denyOfAll(allow, verb);
      if (deny === undefined) return allow;
      last ??= deny;
    }
  }
  return last;
}
