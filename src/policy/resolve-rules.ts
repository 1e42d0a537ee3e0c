/**
 * Rules with variables and an identity in; what they mean for it out, in literal scopes. An allow of which a variable is not
 * resolved does not apply; a deny applies to the smallest literal scope that holds everything it could mean.
 */
import type { Access } from '../contracts/authorizer.ts';
import type { ClaimValue, Principal } from '../contracts/principal.ts';
import { ANY_BUCKET, compileRule, scopeOf, type CompiledRule, type OpenRule } from './compile.ts';
import { isBucketName } from './schema-parts.ts';
import { compileScope } from './scope.ts';
import { showable } from '../platform/showable.ts';
import { fill, isSegment } from './template.ts';

/** Rules of one identity: what has more values than that is not resolved. */
const MAX_RESOLVED = 2000;

/** An allow that does not apply. */
export interface Missing {
  /** A sentence that says which, and why. */
  readonly reason: string;
  /** Whether it could allow the access if its variables were resolved. */
  readonly concerns: (access: Exclude<Access, { kind: 'bucket' }>) => boolean;
}

export interface ResolvedRules {
  readonly rules: readonly CompiledRule[];
  readonly missing: readonly Missing[];
}

type Values = ReadonlyMap<string, string>;

/** A variable that is not resolved, and why. */
interface Unresolved {
  readonly variable: string;
  readonly why: string;
}

/** What the variables mean that some of the rules have, in the order of their names: equal for whom the rules mean the same. */
export function valuesFor(open: readonly OpenRule[], principal: Principal): readonly (ClaimValue | null)[] {
  return variablesOf(open).map((variable) => {
    const value = valueOf(principal, variable) ?? null;
    return isList(value) ? [...new Set(value)] : value;
  });
}

/** Resolves the rules, all of whose allows apply to the identity but for their variables. */
export function resolveRules(open: readonly OpenRule[], principal: Principal): ResolvedRules {
  const rules: CompiledRule[] = [];
  const missing: Missing[] = [];
  for (const each of open) {
    const { values, unresolved } = rowsOf(each, principal, MAX_RESOLVED - rules.length);
    const [problem] = unresolved;
    if (problem !== undefined && each.rule.effect === 'deny') {
      rules.push(widened(each, fixedValues(each, principal).known, problem));
      continue;
    }
    for (const row of values) rules.push(compileRule(each, fill(each.bucket, row).text, scopeAt(each, row)));
    if (problem !== undefined) missing.push(missingOf(each, fixedValues(each, principal).known, problem));
  }
  return { rules, missing };
}

/** The values with which the rule stands there, once for each. */
function rowsOf(
  each: OpenRule,
  principal: Principal,
  room: number,
): { readonly values: readonly Values[]; readonly unresolved: readonly Unresolved[] } {
  const { known, unresolved } = fixedValues(each, principal);
  const variable = each.rule.each;
  if (unresolved.length > 0) return { values: [], unresolved };
  if (variable === undefined || !variablesOf([each]).includes(variable)) return usable(each, [known], undefined);
  const value = valueOf(principal, variable);
  const list = new Set(isList(value) ? value : value === undefined ? [] : [value]);
  if (list.size === 0) return { values: [], unresolved: [{ variable, why: 'the caller has none' }] };
  if (list.size > room) return { values: [], unresolved: [{ variable, why: 'the caller has too many' }] };
  const segments = [...list].filter((one): one is string => typeof one === 'string' && isSegment(one));
  const rows = segments.map((one): Values => new Map([...known, [variable, one]]));
  const odd = segments.length === list.size ? undefined : { variable, why: NO_SEGMENT };
  return usable(each, rows, odd);
}

const NO_SEGMENT = 'it cannot be one segment of a path';

/** Leaves out the rows that make a name which no bucket can have. */
function usable(each: OpenRule, rows: readonly Values[], odd: Unresolved | undefined): ReturnType<typeof rowsOf> {
  const [variable] = each.bucket.variables;
  if (variable === undefined) return { values: rows, unresolved: odd === undefined ? [] : [odd] };
  const values = rows.filter((row) => isBucketName(fill(each.bucket, row).text));
  const problem = values.length === rows.length ? odd : { variable, why: 'it makes no name of a bucket' };
  return { values, unresolved: problem === undefined ? [] : [problem] };
}

/** The values of all variables but that of `each`. */
function fixedValues(
  each: OpenRule,
  principal: Principal,
): { readonly known: Values; readonly unresolved: readonly Unresolved[] } {
  const known = new Map<string, string>();
  const unresolved: Unresolved[] = [];
  for (const variable of variablesOf([each])) {
    if (variable === each.rule.each) continue;
    const value = valueOf(principal, variable);
    if (value === undefined) unresolved.push({ variable, why: 'the caller has none' });
    else if (isList(value)) unresolved.push({ variable, why: 'it is a list, and the rule names it in no `each`' });
    else if (typeof value !== 'string') unresolved.push({ variable, why: 'it is no text' });
    else if (isSegment(value)) known.set(variable, value);
    else unresolved.push({ variable, why: NO_SEGMENT });
  }
  return { known, unresolved };
}

const scopeAt = ({ kind, scope }: OpenRule, values: Values) => scopeOf(kind, fill(scope, values).text);

/** The buckets that the rule could mean: the one that it names, or all whose names have its literals at both ends. */
function bucketsAt({ bucket }: OpenRule, values: Values): Pick<CompiledRule, 'bucket' | 'isMeant'> {
  const [before = '', after = ''] = bucket.literals;
  if (bucket.variables.length === 0) return { bucket: before, isMeant: () => true };
  const { text, isWhole } = fill(bucket, values);
  if (isWhole && isBucketName(text)) return { bucket: text, isMeant: () => true };
  const isMeant = (name: string) =>
    name.length > before.length + after.length && name.startsWith(before) && name.endsWith(after);
  return { bucket: ANY_BUCKET, isMeant };
}

/** The smallest literal scope that holds whatever the rule could mean. */
function widestScope({ kind, scope }: OpenRule, values: Values) {
  const { text, isWhole } = fill(scope, values);
  return scopeOf(isWhole ? kind : 'prefix', text);
}

function widened(each: OpenRule, values: Values, { variable, why }: Unresolved): CompiledRule {
  const { bucket, isMeant } = bucketsAt(each, values);
  const because = showable(
    `It holds for all that \${${variable}} could stand for, since that cannot be told of this caller: ${why}.`,
  );
  const reasonOf = (reason: string) => `${reason} ${because}`;
  return compileRule(each, bucket, widestScope(each, values), { isMeant, reasonOf });
}

function missingOf(each: OpenRule, values: Values, { variable, why }: Unresolved): Missing {
  const matches = compileScope('allow', widestScope(each, values));
  const { bucket, isMeant } = bucketsAt(each, values);
  return Object.freeze({
    reason: showable(`Rule ${each.name} does not apply, since \${${variable}} cannot be told of this caller: ${why}.`),
    concerns: (access: Exclude<Access, { kind: 'bucket' }>) =>
      each.rule.verbs.includes(access.verb) &&
      (bucket === ANY_BUCKET ? isMeant(access.bucket) : bucket === access.bucket) &&
      matches(access),
  });
}

const isList = (value: unknown): value is readonly string[] => Array.isArray(value);

function variablesOf(open: readonly OpenRule[]): readonly string[] {
  const all = open.flatMap(({ bucket, scope }) => [...bucket.variables, ...scope.variables]);
  return [...new Set(all)].sort();
}

function valueOf({ subject, issuerName, groups, claims }: Principal, variable: string): ClaimValue | undefined {
  switch (variable) {
    case 'sub':
      return subject;
    case 'issuer':
      return issuerName;
    case 'groups':
      return groups;
    default: {
      const name = variable.slice('claims.'.length);
      return Object.hasOwn(claims, name) ? claims[name] : undefined;
    }
  }
}
