/**
 * Policies in; the CASL ability of everyone on whom exactly these policies bear out. Denies are compiled last, since in
 * CASL the last rule that matches wins. CASL is asked about accesses only, never about a type: asked about a type, it
 * passes over conditions.
 */
import { Ability, type MatchConditions } from '@casl/ability';
import type { Access, Decision, Grant } from '../contracts/authorizer.ts';
import type { ListedParts } from '../s3/listed-parts.ts';
import type { Verb } from '../s3/operations/verb.ts';
import { GatewayError } from '../errors/gateway-error.ts';
import type { Policy, Rule, Scope } from './policy-schema.ts';
import { applies, compileConditions, type AgentClients, type Asker, type Condition } from './conditions.ts';
import { compileScope, covers, describeScope, type Matcher } from './scope.ts';
import { fill, parseTemplate, type Template } from './template.ts';

/** What a rule says of one scope in one bucket, or in many. */
export interface CompiledRule {
  /** Where it stands among all rules of the set: of several that decide alike the first is named. */
  readonly order: number;
  readonly effect: 'allow' | 'deny';
  readonly verbs: readonly Verb[];
  /** `ANY_BUCKET`: every bucket of the configuration whose name `isMeant`. */
  readonly bucket: string;
  readonly isMeant: (bucket: string) => boolean;
  readonly scope: Scope;
  readonly matches: Matcher;
  readonly conditions: readonly Condition[];
  /** Of these, those that are not about what a PUT stores. */
  readonly ofCaller: readonly Condition[];
  /** Whether it shows its part of a listing that it does not cover whole. */
  readonly isFiltered: boolean;
  readonly decision: Decision;
  /** Of its policy. */
  readonly owner: string | undefined;
}

/** A rule in one bucket and one scope that means something else for each identity. */
export interface OpenRule {
  readonly order: number;
  readonly rule: Rule;
  /** `<policy id>/<rule id>` */
  readonly name: string;
  readonly bucket: Template;
  readonly scope: Template;
  readonly kind: 'key' | 'prefix';
  readonly conditions: readonly Condition[];
  readonly policyVersion: string;
  /** Of its policy. */
  readonly owner?: string | undefined;
}

/** What is decided: an access of someone. */
export interface Asked extends Asker {
  readonly access: Access;
}

/** What the rules of one bucket come to. */
export interface InBucket {
  readonly rules: readonly CompiledRule[];
  /** Whether some rule has a condition: what they come to is then what those do that apply. */
  readonly isConditional: boolean;
  /** Whether some rule shows its part of a listing that it does not cover whole. */
  readonly isFiltered: boolean;
  /** The rule that decides whether anything at all may be done in it; `undefined`: none does. */
  readonly rule: CompiledRule | undefined;
  /** Allows first, denies last. */
  readonly grants: readonly Grant[];
}

export type ListingAccess = Extract<Access, { kind: 'listing' }>;

/** The parts of a listing, and the names of the rules that show them. */
export interface AllowedParts extends ListedParts {
  readonly rules: readonly string[];
}

/** What a group of policies allows. */
export interface CompiledAbility {
  /** The number of rules: its share of a bounded cache. */
  readonly size: number;
  /** The rule that decides an object or a listing; `undefined`: none does. */
  readonly ruleFor: (asked: Asked) => CompiledRule | undefined;
  /** All rules of the bucket, whatever their conditions. */
  readonly inBucket: (bucket: string) => InBucket;
}

/** Stands for all buckets. `manage` and `all` mean something to CASL unless renamed, and `all` is a valid name of a bucket; this is none. */
export const ANY_BUCKET = '*';
const NO_VERB = '*';

const everyBucket = () => true;

/**
 * Compiles each rule of a policy, for each of its buckets and scopes; `firstOrder` is the place of the first.
 * `agents`: which clients conditions take for agents.
 * @throws GatewayError InternalError (a scope or variable that is not understood)
 */
export function compileRules(
  policy: Policy,
  policyVersion: string,
  firstOrder = 0,
  agents: AgentClients = new Map(),
): { readonly fixed: readonly CompiledRule[]; readonly open: readonly OpenRule[] } {
  const fixed: CompiledRule[] = [];
  const open: OpenRule[] = [];
  policy.rules.forEach((rule, index) => {
    const conditions = compileConditions(rule.when, agents);
    const name = `${policy.id}/${rule.id}`;
    const of = { order: firstOrder + index, rule, name, conditions, policyVersion, owner: policy.owner };
    for (const bucketText of rule.buckets === 'all' ? [ANY_BUCKET] : rule.buckets) {
      for (const written of rule.scopes) {
        const bucket = templateOf(bucketText);
        const [kind, scope] =
          'key' in written ? (['key', written.key] as const) : (['prefix', written.prefix] as const);
        const each = { ...of, bucket, kind, scope: templateOf(scope) };
        if (bucket.variables.length + each.scope.variables.length > 0) open.push(each);
        else fixed.push(compileRule(each, literal(bucket), scopeOf(kind, literal(each.scope))));
      }
    }
  });
  return { fixed, open };
}

/** Compiles one rule for the bucket and the scope that are meant in the end; `why`: what else its reason has to say. */
export function compileRule(
  {
    order,
    rule: { effect, verbs, isFiltered, reason },
    name,
    conditions,
    policyVersion,
    owner,
  }: Omit<OpenRule, 'bucket' | 'scope' | 'kind'>,
  bucket: string,
  scope: Scope,
  { isMeant = everyBucket, reasonOf = (text: string) => text }: WiderRule = {},
): CompiledRule {
  const list = verbs.join(', ').replace(/, (?=\w+$)/, ' and ');
  const where = describeScope(bucket === ANY_BUCKET ? 'every bucket' : bucket, scope);
  const sentence = `Rule ${name} ${effect === 'allow' ? 'allows' : 'denies'} ${list} on ${where}.`;
  const asked = owner === undefined ? {} : { owner };
  const decision = { effect, rule: name, reason: reasonOf(reason ?? sentence), policyVersion, ...asked };
  return Object.freeze({
    ...{ order, effect, verbs, bucket, isMeant, scope, conditions, isFiltered, owner },
    ofCaller: conditions.filter(({ isOfStored }) => !isOfStored),
    matches: compileScope(effect, scope),
    decision: Object.freeze(decision),
  });
}

interface WiderRule {
  readonly isMeant?: (bucket: string) => boolean;
  readonly reasonOf?: (reason: string) => string;
}

/** Makes the scope of a key or a prefix. */
export const scopeOf = (kind: 'key' | 'prefix', text: string): Scope =>
  kind === 'key' ? { key: text } : { prefix: text };

function templateOf(text: string): Template {
  const template = parseTemplate(text);
  if ('problem' in template) throw new GatewayError('InternalError', { detail: `a rule ${template.problem}` });
  return template;
}

const NO_VALUES: ReadonlyMap<string, string> = new Map();
const literal = (template: Template): string => fill(template, NO_VALUES).text;

/**
 * Compiles the rules of all policies that apply to someone, in the order in which an auditor reads them. `isBucket`: what
 * a rule of all buckets holds in. `others`: rules that hold beside these.
 */
export function compileAbility(
  rules: readonly CompiledRule[],
  isBucket: (bucket: string) => boolean = everyBucket,
  others?: CompiledAbility,
): CompiledAbility {
  // The first rule that is written down is the one that a decision names, so each half is turned round.
  const lastWins = [...rules.filter(isAllow).reverse(), ...rules.filter(isDeny).reverse()];
  const holdsIn = ({ bucket: named, isMeant }: CompiledRule, bucket: string): boolean =>
    named === ANY_BUCKET ? isBucket(bucket) && isMeant(bucket) : named === bucket;
  const abilityOf = (some: readonly CompiledRule[]) =>
    new Ability<[string, Asked | string], CompiledRule>(
      some.map((compiled) => ({
        action: [...compiled.verbs],
        subject: compiled.bucket,
        inverted: isDeny(compiled),
        conditions: compiled,
      })),
      {
        // The bucket is compared here too, whatever CASL takes its name for.
        conditionsMatcher: (rule) =>
          ((asked: Asked) =>
            holdsIn(rule, asked.access.bucket) &&
            rule.matches(asked.access) &&
            (rule.conditions.length === 0 || applies(rule.effect, rule.conditions, asked))) as MatchConditions,
        detectSubjectType: ({ access: { bucket } }: Asked) => bucket,
        anyAction: NO_VERB,
        anySubjectType: ANY_BUCKET,
      },
    );
  // Each rule stands in one of them: where paths begin as its own does, or beside them all.
  const bySegment = new Map(
    [...Map.groupBy(lastWins, ({ scope }) => segmentOfScope(scope))].map(([segment, some]) => [
      segment,
      abilityOf(some),
    ]),
  );
  const anywhere = bySegment.get(undefined);
  let whole: ReturnType<typeof abilityOf> | undefined;
  const ownRuleFor = (asked: Asked, verb: Verb, path: string | undefined): CompiledRule | undefined => {
    const ruleOf = (ability: typeof whole) => ability?.relevantRuleFor(verb, asked)?.conditions;
    if (path === undefined) return ruleOf((whole ??= abilityOf(lastWins)));
    return decisive(ruleOf(bySegment.get(segmentOf(path))), ruleOf(anywhere));
  };
  const named = new Set(rules.map(({ bucket }) => bucket));
  const wide = rules.filter(({ bucket }) => bucket === ANY_BUCKET);
  const inEvery = inBucketOf(wide);
  const known = new Map<string, InBucket>();

  const own = (bucket: string): InBucket => {
    // Of buckets that no rule names none is remembered: names that callers make up must not fill memory.
    if (!named.has(bucket) && wide.every((rule) => rule.isMeant === everyBucket))
      return isBucket(bucket) ? inEvery : NOTHING;
    return inBucketOf(rules.filter((rule) => holdsIn(rule, bucket)));
  };
  const inBucket = (bucket: string): InBucket => {
    const isKnown = named.has(bucket) || (wide.length > 0 && isBucket(bucket));
    if (!isKnown) return others?.inBucket(bucket) ?? NOTHING;
    let found = known.get(bucket);
    if (found === undefined) {
      const [mine, theirs] = [own(bucket), others?.inBucket(bucket) ?? NOTHING];
      if (theirs.rules.length === 0) found = mine;
      else if (mine.rules.length === 0) found = theirs;
      else found = inBucketOf([...theirs.rules, ...mine.rules].sort((a, b) => a.order - b.order));
      known.set(bucket, found);
    }
    return found;
  };

  return {
    size: rules.length,
    ruleFor: (asked) => {
      if (asked.access.kind === 'bucket') return undefined;
      return decisive(ownRuleFor(asked, asked.access.verb, pathOf(asked.access)), others?.ruleFor(asked));
    },
    inBucket,
  };
}

/** The first segment of a path with its slash, else all of the path. */
function segmentOf(path: string): string {
  const end = path.indexOf('/');
  return end < 0 ? path : path.slice(0, end + 1);
}

/** The first segment of every path that a scope can match; `undefined`: it can be any. */
function segmentOfScope(scope: Scope): string | undefined {
  if ('key' in scope) return segmentOf(scope.key);
  return scope.prefix.includes('/') ? segmentOf(scope.prefix) : undefined;
}

/** A path with whose first segment every rule begins that can match the access; `undefined`: rules of all segments can. */
function pathOf(access: Exclude<Access, { kind: 'bucket' }>): string | undefined {
  if (access.kind === 'object') return access.key;
  return access.kind === 'listing' && access.prefix.includes('/') ? access.prefix : undefined;
}

/** Of the rules that two abilities name, the one that decides both: a deny, and of two alike the first. */
function decisive(one: CompiledRule | undefined, other: CompiledRule | undefined): CompiledRule | undefined {
  if (one === undefined || other === undefined) return one ?? other;
  if (one.effect !== other.effect) return isDeny(one) ? one : other;
  return one.order <= other.order ? one : other;
}

const isAllow = ({ effect }: CompiledRule) => effect === 'allow';
const isDeny = ({ effect }: CompiledRule) => effect === 'deny';

/**
 * What some rules of a bucket come to. What a PUT stores is not looked at: an allow that depends on it is in no grant, and a
 * deny always is, since a session policy cannot say it.
 */
function inBucketOf(rules: readonly CompiledRule[]): InBucket {
  const grant = ({ effect, verbs, scope, owner }: CompiledRule): Grant =>
    Object.freeze({ effect, verbs, scope, ...(owner !== undefined && { owner }) });
  const granted = rules.filter(isAllow).filter((rule) => !dependsOnStored(rule));
  const mayBeDenied = rules.filter((rule) => isAllow(rule) || !dependsOnStored(rule));
  return {
    rules,
    isConditional: rules.some(({ conditions }) => conditions.length > 0),
    isFiltered: rules.some((rule) => rule.isFiltered),
    rule: anythingIn(mayBeDenied),
    grants: Object.freeze([...granted, ...rules.filter(isDeny)].map(grant)),
  };
}

/** Whether a condition of the rule is about what a PUT stores. */
export const dependsOnStored = ({ conditions }: CompiledRule): boolean =>
  conditions.some(({ isOfStored }) => isOfStored);

/** The same of those rules alone that apply to the caller, whatever a PUT stores. */
export function inBucketFor(all: InBucket, asker: Asker): InBucket {
  if (!all.isConditional) return all;
  let key = '';
  const chosen = all.rules.filter(({ effect, ofCaller }) => {
    const isIn = applies(effect, ofCaller, asker);
    if (ofCaller.length > 0) key += isIn ? '1' : '0';
    return isIn;
  });
  const known = subsets.get(all) ?? new Map<string, InBucket>();
  subsets.set(all, known);
  let found = known.get(key);
  if (found === undefined) {
    // Hours and networks make few of them; more than these are worked out again.
    if (known.size >= MAX_SUBSETS) known.clear();
    found = inBucketOf(chosen);
    known.set(key, found);
  }
  return found;
}

const MAX_SUBSETS = 64;
const subsets = new WeakMap<InBucket, Map<string, InBucket>>();

const NOTHING = inBucketOf([]);

/**
 * What may be shown of a listing of which not all may: all that rules with filtered listings show below its prefix, less what
 * any deny of the verb hides. `undefined`: nothing.
 */
export function partsOf(
  { rules, isFiltered: isAnyShown }: InBucket,
  { verb, prefix }: ListingAccess,
  asker: Asker,
): AllowedParts | undefined {
  if (!isAnyShown) return undefined;
  const listing = rules.filter(
    ({ effect, verbs, conditions }) => verbs.includes(verb) && applies(effect, conditions, asker),
  );
  const hidden = listing.filter(isDeny).map(({ scope }) => scope);
  const shown = listing.flatMap(({ isFiltered, scope, decision }) => {
    if (!isFiltered || !('prefix' in scope)) return [];
    const inner = scope.prefix.startsWith(prefix) ? scope.prefix : prefix;
    const isThere = inner.startsWith(scope.prefix) && !hidden.some((deny) => covers(deny, { prefix: inner }));
    return isThere ? [{ prefix: inner, rule: decision.rule }] : [];
  });
  if (shown.length === 0) return undefined;
  return { prefixes: shown.map((each) => each.prefix), hidden, rules: [...new Set(shown.map(({ rule }) => rule))] };
}

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
