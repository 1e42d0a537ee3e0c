/** A set of policies in; what in it is likely not meant out: rules that decide nothing, and rules that give too much. */
import { createAuthorizer } from '../authorizer.ts';
import type { PolicySet } from '../load-policies.ts';
import type { Policy, Rule } from '../policy-schema.ts';
import { accessesOf } from './accesses.ts';
import { bucketsOf, conditional, usesOf } from './differences.ts';
import { identitiesOf } from './identities.ts';
import { variableValues } from './variable-values.ts';

export interface Finding {
  readonly kind: 'unreachable' | 'shadowed' | 'everything-to-everybody' | 'admin-beside-wildcards' | 'cannot-tell';
  readonly rule: string;
  readonly message: string;
}

/** Verbs that change or reveal what is stored; with all of a bucket they are everything that matters of it. */
const OF_DATA = ['GET', 'PUT', 'DELETE'] as const;
/** Requests that are tried for one rule, at most. */
const MAX_TRIED = 200_000;

/** Looks at every rule. */
export function lint(set: PolicySet): readonly Finding[] {
  const values = variableValues([set]);
  const identities = identitiesOf([set], values);
  const authorizer = createAuthorizer({ current: () => set });

  /** The rules that decide in the place of one; `undefined`: it decides something itself. */
  const deciders = ({ subjects }: Policy, rule: Rule, name: string): ReadonlySet<string> | 'many' | undefined => {
    const others = new Set<string>();
    let tried = 0;
    for (const selector of subjects) {
      for (const principal of identities([selector], usesOf([rule]))) {
        for (const bucket of bucketsOf(rule, values)) {
          const grants = authorizer.grants(principal, bucket);
          for (const access of rule.verbs.flatMap((verb) => accessesOf(verb, bucket, grants))) {
            const decided = authorizer.decide(principal, access);
            if (decided.rule === name) return undefined;
            const lies = rule.scopes.some((scope) => {
              const text = access.kind === 'object' ? access.key : access.kind === 'listing' ? access.prefix : '';
              return 'key' in scope ? scope.key === text : text.startsWith(scope.prefix);
            });
            if (lies && decided.rule !== 'default-deny') others.add(decided.rule);
            tried += 1;
            if (tried > MAX_TRIED) return 'many';
          }
        }
      }
    }
    return others;
  };

  const conditions = conditional(set);
  const told = conditions.map((rule): Finding => {
    return { kind: 'cannot-tell', rule, message: 'has conditions: which rules decide nothing is not told of the set' };
  });
  const found = set.policies.flatMap((policy) =>
    policy.rules.flatMap((rule): readonly Finding[] => {
      const name = `${policy.id}/${rule.id}`;
      const idleness = conditions.length > 0 ? [] : idle(set, name, rule, deciders(policy, rule, name));
      return [...idleness, ...tooWide(policy, rule, name)];
    }),
  );
  return [...found, ...told];
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
