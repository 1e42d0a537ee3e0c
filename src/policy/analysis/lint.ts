/** A set of policies in; what in it is likely not meant out: rules that decide nothing, and rules that give too much. */
import type { Principal } from '../../contracts/principal.ts';
import type { PolicySet } from '../load-policies.ts';
import type { Policy, Rule } from '../policy-schema.ts';
import { bucketsOf, usesOf } from './differences.ts';
import { idleBudgets } from './guardrails.ts';
import { surveyOf } from './survey.ts';

export interface Finding {
  readonly kind:
    | 'unreachable'
    | 'shadowed'
    | 'ended'
    | 'unknown-group'
    | 'everything-to-everybody'
    | 'admin-beside-wildcards'
    | 'idle-budget'
    | 'cannot-tell';
  readonly rule: string;
  readonly message: string;
}

/** Verbs that change or reveal what is stored; with all of a bucket they are everything that matters of it. */
const OF_DATA = ['GET', 'PUT', 'DELETE'] as const;
/** Requests that are tried for one rule, at most. */
const MAX_TRIED = 200_000;

/** Looks at every rule, at a time (milliseconds since 1970); `people`: identities that are known, if any are. */
export function lint(set: PolicySet, nowMs: number, people: readonly Principal[] = []): readonly Finding[] {
  const { values, identities, trials, decide } = surveyOf([set]);

  /** The rules that decide in the place of one; `undefined`: it decides something itself. */
  const deciders = ({ subjects }: Policy, rule: Rule, name: string): ReadonlySet<string> | 'many' | undefined => {
    const others = new Set<string>();
    let tried = 0;
    for (const selector of subjects) {
      for (const principal of identities([selector], usesOf([rule]))) {
        for (const bucket of bucketsOf(rule, values)) {
          for (const trial of rule.verbs.flatMap((verb) => [...trials(principal, bucket, verb)])) {
            const { access } = trial;
            const names = decide(trial).rule.split(', ');
            if (names.includes(name)) return undefined;
            const lies = rule.scopes.some((scope) => {
              const text = access.kind === 'object' ? access.key : access.kind === 'listing' ? access.prefix : '';
              return 'key' in scope ? scope.key === text : text.startsWith(scope.prefix);
            });
            if (lies) for (const each of names) if (each !== 'default-deny') others.add(each);
            tried += 1;
            if (tried > MAX_TRIED) return 'many';
          }
        }
      }
    }
    return others;
  };

  const ofRules = set.policies.flatMap((policy) => [
    ...unknownGroups(policy, people),
    ...policy.rules.flatMap((rule): readonly Finding[] => {
      const name = `${policy.id}/${rule.id}`;
      const until = rule.when?.until ?? Infinity;
      const message = `ended at ${new Date(until <= nowMs ? until : 0).toISOString()}: remove it, or move its \`until\``;
      return [
        ...(until <= nowMs ? [{ kind: 'ended' as const, rule: name, message }] : []),
        ...idle(set, name, rule, deciders(policy, rule, name)),
        ...tooWide(policy, rule, name),
      ];
    }),
  ]);
  return [...ofRules, ...idleBudgets(set).map((each) => ({ kind: 'idle-budget' as const, ...each }))];
}

/** Groups that nobody has who is known of their issuer. */
function unknownGroups({ id, subjects }: Policy, people: readonly Principal[]): readonly Finding[] {
  return subjects.flatMap(({ issuer, group }, index): readonly Finding[] => {
    const known = people.filter(({ issuerName }) => issuerName === issuer).flatMap(({ groups }) => groups);
    if (group === undefined || known.length === 0 || known.includes(group)) return [];
    const message = `subjects[${index}] names group ${group} of ${issuer}, which no identity of the cases has: mend it, or add a case`;
    return [{ kind: 'unknown-group', rule: id, message }];
  });
}

function idle(
  { policies }: PolicySet,
  rule: string,
  { effect }: Rule,
  deciders: ReadonlySet<string> | 'many' | undefined,
): readonly Finding[] {
  if (deciders === undefined) return [];
  if (deciders === 'many') {
    return [
      { kind: 'cannot-tell', rule, message: 'has too many combinations of values to tell whether it decides any' },
    ];
  }
  const denies = new Set(
    policies.flatMap(({ id, rules }) => rules.flatMap((each) => (each.effect === 'deny' ? `${id}/${each.id}` : []))),
  );
  const names = [...deciders].join(', ');
  if (effect === 'allow' && [...deciders].some((name) => denies.has(name))) {
    return [{ kind: 'unreachable', rule, message: `allows nothing: all that it covers is denied by ${names}` }];
  }
  const by = names === '' ? 'no request meets it' : `${names} decides first`;
  return [{ kind: 'shadowed', rule, message: `decides nothing: ${by}` }];
}

function tooWide({ subjects }: Policy, { effect, verbs, buckets, scopes }: Rule, rule: string): readonly Finding[] {
  if (effect === 'deny') return [];
  const found: Finding[] = [];
  const isEverything = scopes.some((scope) => 'prefix' in scope && scope.prefix === '');
  const everybody = subjects.filter((each) => each.everybody === true).map(({ issuer }) => issuer);
  const given = OF_DATA.filter((verb) => verbs.includes(verb));
  if (isEverything && everybody.length > 0 && given.length > 0) {
    const where = buckets === 'all' ? 'every bucket' : buckets.join(', ');
    const message = `gives ${given.join(', ')} on everything in ${where} to everybody of ${everybody.join(', ')}`;
    found.push({ kind: 'everything-to-everybody', rule, message });
  }
  if (verbs.includes('ADMIN') && (buckets === 'all' || everybody.length > 0)) {
    const beside =
      buckets === 'all' ? 'every bucket, those of tomorrow included' : `everybody of ${everybody.join(', ')}`;
    found.push({ kind: 'admin-beside-wildcards', rule, message: `gives ADMIN with ${beside}: name whom and where` });
  }
  return found;
}
