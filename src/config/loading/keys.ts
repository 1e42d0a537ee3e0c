/**
 * The schema as a table: one row per key, with the variable that overrides it: every key has one that is no group of others
 * and no entry of a map of values. Where the operator chooses a name, the variable is that of the only entry.
 */
import { z } from 'zod';
import { schema } from '../schema.ts';
import type { KeyMeta } from '../values/schema-words.ts';

/** A part of a path that stands for any name, such as `<store>`. */
export const isPlaceholder = (part: string): boolean => part.startsWith('<');

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

/** Entries whose keys have variables, and what the only entry is called where a variable makes it. */
export const ONLY_ENTRIES: Readonly<Record<string, string | undefined>> = {
  '<issuer>': 'issuer',
  '<store>': 'store',
  // Of these there may be several, alike.
  '<bucket>': undefined,
  '<version>': '1',
};

/** Known by this name before maps had variables. */
const SEED_FILE = { path: 'keyring.local.versions.<version>.seedFile', variable: 'SALLYPORT_KEYRING_SEED_FILE' };

/** The singular stands for the map (`stores.<store>.region`: STORE_REGION), and a word that would follow itself stands once. */
export const variableOf = (path: readonly string[]): string => {
  if (path.join('.') === SEED_FILE.path) return SEED_FILE.variable;
  const parts = path.filter((part, index) => part !== '<version>' && !isPlaceholder(path[index + 1] ?? ''));
  const words = parts.map((part) => part.replace(/[<>]/g, '')).filter((part, index, all) => part !== all[index - 1]);
  return ['SALLYPORT', ...words.map((part) => part.replace(/[A-Z]/g, (letter) => `_${letter}`).toUpperCase())].join(
    '_',
  );
};

const hasVariable = (kind: KeyRow['kind'], path: readonly string[]): boolean => {
  if (kind === 'group' || isPlaceholder(path.at(-1) ?? '')) return false;
  return path.every((part) => !isPlaceholder(part) || part in ONLY_ENTRIES);
};

const rowsOf = (json: JsonSchema, path: readonly string[], required: boolean): KeyRow[] => {
  const kind = kindOf(json);
  const row: KeyRow = {
    ...{ shape: json.shape, description: json.description },
    ...(json.derivedDefault === undefined ? {} : { derivedDefault: json.derivedDefault }),
    ...(json.file === undefined ? {} : { file: json.file }),
    ...(json.reloads === undefined ? {} : { reloads: json.reloads }),
    ...(json.isLocalPath === undefined ? {} : { isLocalPath: json.isLocalPath }),
    ...{ path, kind, required, default: kind === 'group' ? undefined : json.default },
    variable: hasVariable(kind, path) ? variableOf(path) : undefined,
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
