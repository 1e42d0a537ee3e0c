/**
 * A set of policies, an identity and a request in; the decision of the authorizer, and of every rule why it applies or the
 * first condition that failed with the value that it saw, out. It decides nothing by itself.
 */
import type { Access, Decision, RequestFacts } from '../../contracts/authorizer.ts';
import type { Principal } from '../../contracts/principal.ts';
import { createAuthorizer } from '../authorizer.ts';
import { ANY_BUCKET, compileRules } from '../compile.ts';
import type { ConditionName } from '../condition-schema.ts';
import { firstFailed, seenText, type Condition } from '../conditions.ts';
import type { PolicySet } from '../load-policies.ts';
import { failingLine, weightOf } from '../matches-subject.ts';
import type { Policy, Rule, Selector } from '../policy-schema.ts';
import { resolveRules } from '../resolve-rules.ts';
import { conditionsText } from './words.ts';

/** A condition of a rule that an access does not meet. */
interface Failed {
  readonly condition: 'subjects' | 'actor' | 'role' | 'verb' | 'bucket' | 'variables' | 'scope' | 'when';
  /** What the rule wants. */
  readonly wants: string;
  /** What the request has there. */
  readonly saw: string;
}

export interface Considered {
  readonly rule: string;
  readonly effect: 'allow' | 'deny';
  readonly applies: boolean;
  /** Where it does not apply. */
  readonly failed?: Failed;
}

export interface Explanation {
  readonly decision: Decision;
  readonly rules: readonly Considered[];
  /** Rules that depend on facts which are not known here: the gateway may decide otherwise. */
  readonly undecided: readonly string[];
}

/** Explains a decision; of a request of which no time is known, it is now. */
export function explain(set: PolicySet, principal: Principal, access: Access, known: RequestFacts = {}): Explanation {
  const facts: RequestFacts = { nowMs: Date.now(), ...known };
  const decision = createAuthorizer({ current: () => set }).decide(principal, access, facts);
  const open: Considered[] = [];
  const rules = considered(set, { principal, access, facts, open });
  return { decision, rules, undecided: isCertain(rules, open) ? [] : open.map(({ rule }) => rule) };
}

/** Says of every rule of a set whether it applies to an access, or why it does not. */
export function considered(set: PolicySet, asked: Asked): readonly Considered[] {
  return set.policies.flatMap((policy) =>
    policy.rules.map((rule): Considered => {
      const failed = failedOf(set, policy, rule, asked);
      const of = { rule: `${policy.id}/${rule.id}`, effect: rule.effect, applies: failed === undefined };
      return failed === undefined ? of : { ...of, failed };
    }),
  );
}

/**
 * Whether what is not known makes no difference: a deny holds without it, an allow does and no deny needs it, or nothing allows
 * with it either.
 */
function isCertain(rules: readonly Considered[], open: readonly Considered[]): boolean {
  const names = new Set(open.map(({ rule }) => rule));
  const holding = rules.filter(({ applies, rule }) => applies && !names.has(rule));
  if (holding.some(({ effect }) => effect === 'deny')) return true;
  if (![...holding, ...open].some(({ effect }) => effect === 'allow')) return true;
  return !open.some(({ effect }) => effect === 'deny') && (open.length === 0 || holding.length > 0);
}

/** Why a rule applies to a request or does not. */
export function consideredText({ rule, effect, failed }: Considered): string {
  if (failed === undefined) return `${rule} (${effect}): applies`;
  return `${rule} (${effect}): ${failed.condition}: wants ${failed.wants}; saw ${failed.saw}`;
}

interface Asked {
  readonly principal: Principal;
  readonly access: Access;
  readonly facts: RequestFacts;
  /** Takes the rules that apply or not by what is not known. */
  readonly open: Considered[];
}

function failedOf(
  set: PolicySet,
  policy: Policy,
  rule: Rule,
  { principal, access, facts, open: unknown }: Asked,
): Failed | undefined {
  const weight = weightOf(policy, principal);
  if (weight === 'none') return bySubjects(policy.subjects, principal);
  if (rule.effect === 'allow' && weight === 'denies') {
    return { condition: 'actor', wants: 'a subject that names the actor', saw: principal.actor?.subject ?? '' };
  }
  if (rule.effect === 'allow' && principal.binding !== undefined && principal.binding !== policy.id) {
    return { condition: 'role', wants: policy.id, saw: principal.binding };
  }
  if (access.kind !== 'bucket' && !rule.verbs.includes(access.verb)) {
    return { condition: 'verb', wants: rule.verbs.join(', '), saw: access.verb };
  }
  const { fixed, open } = compileRules({ ...policy, rules: [rule] }, set.version, 0, set.agents);
  const resolved = resolveRules(open, principal);
  const inBucket = [...fixed, ...resolved.rules].filter(({ bucket, isMeant }) =>
    bucket === ANY_BUCKET
      ? (set.buckets?.has(access.bucket) ?? true) && isMeant(access.bucket)
      : bucket === access.bucket,
  );
  const [met] = inBucket.filter((each) => access.kind === 'bucket' || each.matches(access));
  if (met !== undefined) {
    const asker = { principal, facts };
    // Of a bucket as a whole nothing is stored.
    const conditions = met.conditions.filter(({ isOfStored }) => access.kind !== 'bucket' || !isOfStored);
    const isOpen = ({ name, holds }: Condition) =>
      name === 'via'
        ? principal.actor === undefined && set.agents === undefined
        : !OF_IDENTITY.has(name) && holds(asker) === undefined;
    const open = conditions.filter(isOpen);
    const isFalse = conditions.some((each) => !isOpen(each) && firstFailed(rule.effect, [each], asker) !== undefined);
    const failed = firstFailed(rule.effect, conditions, asker);
    if (open.length > 0 && !isFalse) {
      unknown.push({ rule: met.decision.rule, effect: rule.effect, applies: failed === undefined });
    }
    if (failed === undefined) return undefined;
    const wants = conditionsText({ [failed.name]: rule.when?.[failed.name] });
    return { condition: 'when', wants, saw: (!isOpen(failed) && seenText(failed, asker)) || 'not known here' };
  }
  const [missing] = resolved.missing.filter(({ concerns }) => access.kind !== 'bucket' && concerns(access));
  if (missing !== undefined) return { condition: 'variables', wants: 'a value for each', saw: missing.reason };
  // Rules whose variables have no value are in no bucket, though they name this one.
  const isNamed = rule.buckets === 'all' || rule.buckets.includes(access.bucket);
  if (access.kind !== 'bucket' && inBucket.length === 0 && isNamed && open.length > 0) {
    const wants = rule.scopes.map((scope) => ('key' in scope ? `the key ${scope.key}` : `below ${scope.prefix}`));
    return { condition: 'scope', wants: wants.join(', '), saw: pathOf(access) };
  }
  if (access.kind === 'bucket' || inBucket.length === 0) {
    const wants = rule.buckets === 'all' ? 'a bucket of the configuration' : rule.buckets.join(', ');
    return { condition: 'bucket', wants, saw: access.bucket };
  }
  const wants = inBucket.map(({ scope }) => ('key' in scope ? `the key ${scope.key}` : `below ${scope.prefix}`));
  return { condition: 'scope', wants: wants.join(', '), saw: pathOf(access) };
}

/** Conditions on claims: what an identity does not have is known to be absent. */
const OF_IDENTITY: ReadonlySet<ConditionName> = new Set(['acr', 'amr', 'authenticatedWithin', 'tokenKind']);

function pathOf(access: Exclude<Access, { kind: 'bucket' }>): string {
  if (access.kind === 'object') return access.key;
  if (access.kind === 'admin') return 'the bucket itself';
  return [access.prefix, ...access.after].join(' after ');
}

/** Of the subject of which most lines match, the first one that does not. */
function bySubjects(subjects: readonly Selector[], principal: Principal): Failed {
  const failures = subjects.map((selector) => ({ selector, line: failingLine(selector, principal) ?? 'issuer' }));
  const ofIssuer = failures.find(({ line }) => line !== 'issuer') ?? failures[0];
  const { selector, line } = ofIssuer ?? { selector: { issuer: '' }, line: 'issuer' as const };
  const wanted = selector[line];
  return {
    condition: 'subjects',
    wants: `${line} ${typeof wanted === 'object' ? JSON.stringify(wanted) : String(wanted)}`,
    saw: seen(principal, line),
  };
}

function seen({ issuerName, groups, subject, claims, actor }: Principal, line: keyof Selector): string {
  switch (line) {
    case 'issuer':
      return issuerName;
    case 'group':
      return groups.join(', ') || 'no groups';
    case 'subject':
      return subject;
    case 'actor':
      return actor === undefined
        ? 'no actor'
        : `${actor.subject}${actor.issuer === undefined ? '' : ` of ${actor.issuer}`}`;
    case 'actorIssuer':
    case 'claims':
    case 'client':
    case 'everybody':
      return JSON.stringify(claims);
  }
}
