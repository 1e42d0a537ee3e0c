/**
 * A set of policies, and the set that was in force when an access was recorded, in; the rules of the first of which nobody can
 * tell from the record whether they apply, out, each with the fact that is missing. A session has only the groups, clients and
 * claims that policies named when it was issued, and a record only the claims that configuration named at its time: what the
 * older set looked at is in the record or was not there, of anything else that is not known.
 */
import type { Access } from '../../contracts/authorizer.ts';
import { CLIENT_CLAIMS, type Principal } from '../../contracts/principal.ts';
import { claimsOf } from '../conditions.ts';
import type { PolicySet } from '../load-policies.ts';
import { clientClaim, failingLine, weightOf } from '../matches-subject.ts';
import { variablesOf, type Policy, type Rule, type Selector } from '../policy-schema.ts';
import { namedBy, NOTHING_NAMED, type Named } from '../relevant.ts';
import { compileScope } from '../scope.ts';
import { fill, parseTemplate } from '../template.ts';

/** What was recorded. */
interface Recorded {
  readonly principal: Principal;
  readonly accesses: readonly Access[];
  readonly recorded: { readonly effect: 'allow' | 'deny' };
}

/** A rule that concerns an access, and of which it is not known whether it applies. */
export interface UnknownRule {
  /** `<policy id>/<rule id>` */
  readonly name: string;
  readonly effect: 'allow' | 'deny';
  /** What would have to be known, in words. */
  readonly fact: string;
}

/** Finds them, for accesses that were recorded under `then`. */
export function unknownRules(
  { policies, buckets, agents }: PolicySet,
  then: PolicySet | undefined,
): (recorded: Recorded) => readonly UnknownRule[] {
  const [now, before] = [namedBy(policies), namedBy(then?.policies ?? [])];
  const ofSet = { allBuckets: buckets === undefined, agents: agents === undefined };
  // Most rules look at nothing that is new: of each issuer those that do are found once.
  const candidates = new Map(
    [...now].map(([issuer, named]) => {
      const worst = { ...newsOf(named, before.get(issuer)), ...ofSet };
      const rules = policies.flatMap((policy) => {
        const own = policy.subjects.some((subject) => subject.issuer === issuer);
        const isWide = own && policy.subjects.some((subject) => withoutUnknown(subject, worst).fact !== undefined);
        const found = policy.rules.filter((rule) => own && (isWide || factOf(rule, worst) !== undefined));
        return found.map((rule) => ({ policy, rule, name: `${policy.id}/${rule.id}` }));
      });
      return [issuer, { rules, news: worst }] as const;
    }),
  );

  return ({ principal, accesses, recorded }) => {
    const ofIssuer = candidates.get(principal.issuerName);
    if (ofIssuer === undefined || ofIssuer.rules.length === 0) return NONE;
    const unknown = unknownOf(ofIssuer.news, before.get(principal.issuerName), principal, recorded.effect);
    return ofIssuer.rules.flatMap(({ policy, rule, name }): UnknownRule[] => {
      if (!accesses.some((access) => concerns(rule, access))) return [];
      const fact = ofSubjects(policy, principal, unknown) ?? ofRule(policy, rule, principal, unknown);
      return fact === undefined ? [] : [{ name, effect: rule.effect, fact }];
    });
  };
}

const NONE: readonly UnknownRule[] = [];

/** What a set looks at, and a record may lack. */
interface Unknown {
  readonly groups: ReadonlySet<string>;
  readonly anyGroup: boolean;
  readonly clients: ReadonlySet<string>;
  readonly claims: ReadonlySet<string>;
  /** Which buckets the configuration has. */
  readonly allBuckets: boolean;
  /** Which clients count as agents. */
  readonly agents: boolean;
}

/** What a set looks at that another one did not, of the callers of one issuer. */
function newsOf(now: Named, before: Named = NOTHING_NAMED): Omit<Unknown, 'allBuckets' | 'agents'> {
  const isNew = (known: ReadonlySet<string>) => (each: string) => !known.has(each);
  return {
    groups: new Set(before.anyGroup ? [] : [...now.groups].filter(isNew(before.groups))),
    anyGroup: now.anyGroup && !before.anyGroup,
    clients: new Set([...now.clients].filter(isNew(before.clients))),
    claims: new Set([...now.claims].filter(isNew(before.claims))),
  };
}

/** What of it the record of one caller does lack. */
function unknownOf(
  news: Unknown,
  before: Named = NOTHING_NAMED,
  principal: Principal,
  effect: 'allow' | 'deny',
): Unknown {
  // A token says all its groups; a session was issued with some of them.
  const isSession = principal.accessKeyId !== undefined;
  const isClientKnown = clientClaim(principal) !== undefined || CLIENT_CLAIMS.some((claim) => before.claims.has(claim));
  const isMissing = (claim: string): boolean =>
    !Object.hasOwn(principal.claims, claim) && !(isClientKnown && CLIENT_CLAIMS.includes(claim));
  return {
    groups: isSession ? new Set([...news.groups].filter((group) => !principal.groups.includes(group))) : NO_NAMES,
    anyGroup: isSession && news.anyGroup,
    clients: isClientKnown ? NO_NAMES : news.clients,
    claims: new Set([...news.claims].filter(isMissing)),
    // What was allowed there is one of them.
    allBuckets: news.allBuckets && effect === 'deny',
    agents: news.agents && principal.actor === undefined,
  };
}

const NO_NAMES: ReadonlySet<string> = new Set();

/** Whether some subject that does not match might, if more were known. */
function ofSubjects(policy: Policy, principal: Principal, unknown: Unknown): string | undefined {
  if (weightOf(policy, principal) === 'all') return undefined;
  for (const selector of policy.subjects) {
    const { known, fact } = withoutUnknown(selector, unknown);
    if (fact !== undefined && failingLine(known, principal) === undefined) return fact;
  }
  return undefined;
}

/** The lines of a subject that can be told. */
function withoutUnknown(selector: Selector, unknown: Unknown): { readonly known: Selector; readonly fact?: string } {
  const { group, client, claims = {}, ...others } = selector;
  const facts = [
    ...(group !== undefined && unknown.groups.has(group) ? [`whether it is in group ${group}`] : []),
    ...(client !== undefined && unknown.clients.has(client) ? [`whether its client is ${client}`] : []),
    ...Object.keys(claims).flatMap((name) => (unknown.claims.has(name) ? [`claim ${name}`] : [])),
  ];
  const [fact] = facts;
  if (fact === undefined) return { known: selector };
  const told = Object.entries(claims).filter(([name]) => !unknown.claims.has(name));
  return {
    fact,
    known: {
      ...others,
      ...(group !== undefined && !unknown.groups.has(group) && { group }),
      ...(client !== undefined && !unknown.clients.has(client) && { client }),
      ...(told.length > 0 && { claims: Object.fromEntries(told) }),
    },
  };
}

/** What a rule of a policy that names the caller looks at, and the record lacks. */
function ofRule(policy: Policy, rule: Rule, principal: Principal, unknown: Unknown): string | undefined {
  if (weightOf(policy, principal) === 'none') return undefined;
  const isAgent = rule.when?.via !== undefined && principal.actor !== undefined;
  return factOf(isAgent ? { ...rule, when: { ...rule.when, via: undefined } } : rule, unknown);
}

function factOf(rule: Rule, unknown: Unknown): string | undefined {
  if (rule.buckets === 'all' && unknown.allBuckets) return 'the buckets of the configuration';
  const variables = variablesOf(rule);
  if (variables.has('groups') && unknown.anyGroup) return 'all its groups';
  const ofVariables = [...variables].flatMap((each) =>
    each.startsWith('claims.') ? each.slice('claims.'.length) : [],
  );
  const ofConditions = claimsOf(rule.when).filter((each) => !CLIENT_CLAIMS.includes(each));
  const claim = [...ofVariables, ...ofConditions].find((each) => unknown.claims.has(each));
  if (claim !== undefined) return `claim ${claim}`;
  if (rule.when?.via === undefined) return undefined;
  if (unknown.agents) return 'the agents of the configuration';
  return CLIENT_CLAIMS.every((each) => unknown.claims.has(each)) ? 'its client' : undefined;
}

/** Whether a rule could decide an access, whoever asks: its variables may stand for anything. */
function concerns(rule: Rule, access: Access): boolean {
  const isThere = rule.buckets === 'all' || rule.buckets.some((bucket) => couldBe(bucket, access.bucket));
  if (!isThere || access.kind === 'bucket') return isThere;
  if (!rule.verbs.includes(access.verb)) return false;
  // Of a listing parts may be shown, and what is denied below it counts.
  if (access.kind !== 'object') return true;
  return rule.scopes.some((scope) => {
    const { text, isWhole } = beginning('key' in scope ? scope.key : scope.prefix);
    return compileScope(rule.effect, 'key' in scope && isWhole ? { key: text } : { prefix: text })(access);
  });
}

const couldBe = (written: string, bucket: string): boolean => {
  const { text, isWhole } = beginning(written);
  return isWhole ? text === bucket : bucket.startsWith(text);
};

/** A text up to its first variable. */
function beginning(written: string): ReturnType<typeof fill> {
  const template = parseTemplate(written);
  return 'problem' in template ? { text: '', isWhole: false } : fill(template, new Map());
}
