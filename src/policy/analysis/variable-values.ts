/**
 * Sets of policies in; for each variable the values that can make a difference to them out: those that some literal text of
 * the sets would be met with, and one that nothing names. Every other value means what that one does.
 */
import { CLIENT_CLAIMS } from '../../contracts/principal.ts';
import type { PolicySet } from '../load-policies.ts';
import { isBucketName, MAX_BUCKET_NAME_LENGTH } from '../schema-parts.ts';
import { fill, isSegment, parseTemplate, variablesIn } from '../template.ts';

export interface VariableValues {
  /** Names of the variables that some rule has. */
  readonly variables: ReadonlySet<string>;
  /** Texts that can be one segment of a path. */
  readonly of: (variable: string) => readonly string[];
  /** Buckets that can be told apart, and one that stands for all others where no configuration names them. */
  readonly buckets: readonly string[];
  /** A text that holds the name and occurs nowhere in the sets. */
  readonly unused: (name: string) => string;
}

/** One segment of a text: literal, or a variable between literals. */
interface Segment {
  readonly before: string;
  readonly variable: string | undefined;
  readonly after: string;
}

/** An access that is looked at beside the sets. */
export interface Place {
  readonly bucket: string;
  readonly path: string;
}

/** Collects the values; `places`: texts that are met beside those of the rules. */
export function variableValues(sets: readonly PolicySet[], places: readonly Place[] = []): VariableValues {
  const rules = sets.flatMap(({ policies }) => policies.flatMap((policy) => policy.rules));
  const bucketTexts = distinct([
    ...rules.flatMap(({ buckets }) => (buckets === 'all' ? [] : buckets)),
    ...places.map(({ bucket }) => bucket),
  ]);
  const paths = distinct([
    ...rules.flatMap(({ scopes }) => scopes.map((scope) => ('key' in scope ? scope.key : scope.prefix))),
    ...places.map(({ path }) => path.replaceAll('${', '$${')),
  ]);
  const all = JSON.stringify([sets.map(({ policies }) => policies), places]);
  const free = new Map<string, string>();
  const unused = (name: string): string => {
    let text = free.get(name) ?? name;
    for (let number = 2; !free.has(name) && all.includes(text); number += 1) text = `${name}-${number}`;
    free.set(name, text);
    return text;
  };
  const anyone = unused('example');
  const values = selectorValues(sets);
  const add = (variable: string, value: string) => {
    if (isSegment(value)) values.set(variable, (values.get(variable) ?? new Set()).add(value));
  };

  const meet = (segments: readonly Segment[]): void => {
    const open = segments.filter(({ variable }) => variable !== undefined);
    const texts = new Set(
      segments.map(({ before, variable, after }) => `${before}${variable === undefined ? '' : anyone}${after}`),
    );
    for (const one of open) {
      for (const other of open) {
        const before = one.before.length > other.before.length ? one.before : other.before;
        texts.add(`${before}${anyone}${one.after.length > other.after.length ? one.after : other.after}`);
      }
    }
    for (const { before, variable = '', after } of open) {
      for (const text of texts) {
        const fits = text.length > before.length + after.length && text.startsWith(before) && text.endsWith(after);
        if (fits) add(variable, text.slice(before.length, text.length - after.length));
      }
    }
  };
  const configured = sets.flatMap(({ buckets }) => [...(buckets ?? [])]);
  const variables = variablesIn([...bucketTexts, ...paths]);
  if (variables.size > 0) {
    const byDepth = new Map<number, Segment[]>();
    for (const path of paths) {
      segmentsOf(path).forEach((segment, depth) => {
        byDepth.set(depth, [...(byDepth.get(depth) ?? []), segment]);
      });
    }
    for (const segments of [...byDepth.values(), [...bucketTexts, ...configured].flatMap(segmentsOf)])
      meet(distinctSegments(segments));
  }

  return {
    variables,
    of: (variable) => [...(values.get(variable) ?? [])],
    buckets: bucketsOf(sets, bucketTexts, values, unused('another-bucket')),
    unused,
  };
}

/** What subjects of policies name. */
function selectorValues(sets: readonly PolicySet[]): Map<string, Set<string>> {
  const values = new Map<string, Set<string>>();
  const add = (variable: string, value: unknown) => {
    if (typeof value === 'string' && isSegment(value)) {
      values.set(variable, (values.get(variable) ?? new Set()).add(value));
    }
  };
  for (const { subject, group, client, claims = {} } of sets.flatMap(({ policies }) =>
    policies.flatMap(({ subjects }) => subjects),
  )) {
    add('sub', subject);
    add('groups', group);
    for (const claim of CLIENT_CLAIMS) add(`claims.${claim}`, client);
    for (const [name, value] of Object.entries(claims)) add(`claims.${name}`, value);
  }
  return values;
}

function bucketsOf(
  sets: readonly PolicySet[],
  texts: readonly string[],
  values: ReadonlyMap<string, ReadonlySet<string>>,
  another: string,
): readonly string[] {
  const named = texts.flatMap((text) => {
    const template = parseTemplate(text);
    if ('problem' in template) return [];
    const [variable] = template.variables;
    if (variable === undefined) return [text];
    return [...(values.get(variable) ?? [])].map((value) => fill(template, new Map([[variable, value]])).text);
  });
  const isFree = sets.some(({ buckets }) => buckets === undefined);
  const configured = sets.flatMap(({ buckets }) => [...(buckets ?? [])]);
  return distinct([...named, ...configured, ...(isFree ? [another.slice(0, MAX_BUCKET_NAME_LENGTH)] : [])]).filter(
    isBucketName,
  );
}

function segmentsOf(text: string): readonly Segment[] {
  const template = parseTemplate(text);
  if ('problem' in template) return [];
  const { literals, variables } = template;
  const segments: Segment[] = [];
  let current: Segment = { before: '', variable: undefined, after: '' };
  literals.forEach((literal, index) => {
    literal.split('/').forEach((piece, number) => {
      if (number > 0) {
        segments.push(current);
        current = { before: '', variable: undefined, after: '' };
      }
      if (current.variable === undefined) current = { ...current, before: current.before + piece };
      else current = { ...current, after: current.after + piece };
    });
    const variable = variables[index];
    if (variable !== undefined) current = { ...current, variable };
  });
  return [...segments, current];
}

const distinct = <T>(list: readonly T[]): readonly T[] => [...new Set(list)];

const distinctSegments = (list: readonly Segment[]): readonly Segment[] =>
  distinct(list.map((each) => JSON.stringify([each.before, each.variable ?? null, each.after]))).map((each) => {
    const [before, variable, after] = JSON.parse(each) as [string, string | null, string];
    return { before, variable: variable ?? undefined, after };
  });
