/**
 * A policy as it is written and the sets of all files in; the policy with their lists in place of the references out. A
 * reference to no set, or to one of another kind, is an issue: what it stands for must never be nothing.
 */
import type { Path } from './read-document.ts';
import type { NamedList, Policy, Rule, Scope, WrittenPolicy } from './policy-schema.ts';
import type { Names, WrittenRule } from './rule-schema.ts';

export type Sets = ReadonlyMap<string, NamedList>;

/** Says what is wrong at a path of the policy. */
type Report = (path: Path, message: string) => void;

/** Puts the lists in; what it has reported must not be used. */
export function resolveSets(policy: WrittenPolicy, sets: Sets, report: Report): Policy {
  const { listing, ...others } = policy;
  const rules = policy.rules.map((rule, index) =>
    resolveRule({ ...rule, listing: rule.listing ?? listing }, ['rules', index], sets, report),
  );
  return { ...others, rules };
}

function resolveRule({ buckets, within, listing, ...rule }: WrittenRule, path: Path, sets: Sets, report: Report): Rule {
  const list = (kind: keyof NamedList, names: Names): readonly string[] => {
    if (!('set' in names)) return names;
    const found = sets.get(names.set)?.[kind];
    if (found === undefined) report([...path, kind, 'set'], missing(kind, sets));
    return found ?? [];
  };
  return {
    ...rule,
    isFiltered: rule.effect === 'allow' && listing === 'filtered',
    buckets: buckets === 'all' ? 'all' : list('buckets', buckets),
    scopes:
      'keys' in within
        ? list('keys', within.keys).map((key): Scope => ({ key }))
        : list('prefixes', within.prefixes).map((prefix): Scope => ({ prefix })),
  };
}

function missing(kind: keyof NamedList, sets: Sets): string {
  const known = [...sets].flatMap(([name, list]) => (list[kind] === undefined ? [] : name));
  return `is no set of ${kind}: ${known.join(', ') || 'there is none; write it under `sets:` in a file of its own'}`;
}
