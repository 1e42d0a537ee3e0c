/**
 * The schema as a table: one row per key, with the variable that overrides it. A key has a variable when it holds a
 * single value and no part of its path is a name that the operator chose.
 */
import { z } from 'zod';
import { schema } from '../schema.ts';
import type { KeyMeta } from '../values/schema-words.ts';

/** A part of a path that stands for any name, such as `<store>`. */
const isPlaceholder = (part: string): boolean => part.startsWith('<');

export interface KeyRow extends KeyMeta {
  /** Path of the key; names that the operator chooses stand as placeholders. */
  readonly path: readonly string[];
  readonly kind: 'group' | 'map' | 'list' | 'text' | 'number' | 'flag';
  readonly required: boolean;
  readonly default: unknown;
  readonly variable: string | undefined;
}

interface JsonSchema extends KeyMeta {
  readonly type?: string;
  readonly default?: unknown;
  readonly properties?: Readonly<Record<string, JsonSchema>>;
  readonly required?: readonly string[];
  readonly additionalProperties?: JsonSchema | false;
}

/** What an entry of a map is that does not say. */
const GROUP = { shape: 'a group of keys' };

const KINDS: Readonly<Record<string, KeyRow['kind']>> = {
  array: 'list',
  string: 'text',
  number: 'number',
  boolean: 'flag',
};

const kindOf = (json: JsonSchema): KeyRow['kind'] => {
  if (json.properties !== undefined) return 'group';
  if (json.type === 'object') return 'map';
  return KINDS[json.type ?? 'number'] ?? 'text';
};

const variableOf = (path: readonly string[]): string =>
  ['SALLYPORT', ...path.map((part) => part.replace(/[A-Z]/g, (letter) => `_${letter}`).toUpperCase())].join('_');

const rowsOf = (json: JsonSchema, path: readonly string[], required: boolean): KeyRow[] => {
  const kind = kindOf(json);
  const single = kind === 'text' || kind === 'number' || kind === 'flag';
  const row: KeyRow = {
    ...{ shape: json.shape, description: json.description },
    ...(json.derivedDefault === undefined ? {} : { derivedDefault: json.derivedDefault }),
    ...(json.file === undefined ? {} : { file: json.file }),
    ...(json.reloads === undefined ? {} : { reloads: json.reloads }),
    ...(json.isLocalPath === undefined ? {} : { isLocalPath: json.isLocalPath }),
    ...{ path, kind, required, default: kind === 'group' ? undefined : json.default },
    variable: single && !path.some(isPlaceholder) ? variableOf(path) : undefined,
  };
  const children = Object.entries(json.properties ?? {}).flatMap(([name, child]) =>
    rowsOf(child, [...path, name], json.required?.includes(name) ?? false),
  );
  const entries =
    json.entry !== undefined && json.additionalProperties
      ? rowsOf({ ...GROUP, ...json.additionalProperties }, [...path, json.entry], false)
      : [];
  return [...(path.length === 0 ? [] : [row]), ...children, ...entries];
};

/** Every key of the configuration file, groups and maps included, in the order of the schema. */
export const KEYS: readonly KeyRow[] = rowsOf(
  z.toJSONSchema(schema, { io: 'input', unrepresentable: 'any' }) as unknown as JsonSchema,
  [],
  true,
);

/** Finds the row of a key by its path in a file. */
export const keyAt = (path: readonly string[]): KeyRow | undefined =>
  KEYS.find(
    (row) =>
      row.path.length === path.length && row.path.every((part, index) => isPlaceholder(part) || part === path[index]),
  );

/** The names that may stand below a path. */
export const namesBelow = (path: readonly string[]): readonly string[] =>
  KEYS.filter(
    (row) =>
      row.path.length === path.length + 1 &&
      path.every((part, i) => isPlaceholder(row.path[i] ?? '') || row.path[i] === part),
  ).map((row) => row.path.at(-1) ?? '');
