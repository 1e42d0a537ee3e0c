/**
 * A finding of a configuration in the words of who set variables: the variable in place of the key, also where the remedy
 * names another key.
 */
import { isPlaceholder, keyAt, variableOf, type KeyRow } from './keys.ts';

/** The variable that would set a key, or the beginning of all that would; of an entry, the one that names entries. */
export const variableAt = (path: readonly string[]): string => {
  const row = keyAt(path);
  if (row?.variable !== undefined) return row.variable;
  if (path.length === 0) return 'SALLYPORT_*';
  if (row === undefined || isPlaceholder(row.path.at(-1) ?? '')) return variableAt(path.slice(0, -1));
  return `${variableOf(row.path)}_*`;
};

const shapeOf = ({ kind, path, shape }: KeyRow): string => {
  if (path.join('.') === 'policies.directory') return `${shape}, or set SALLYPORT_POLICIES to the policies themselves`;
  if (path.join('.') === 'buckets') return 'the names of buckets, separated by commas, or a map of them in YAML';
  if (kind === 'list') return `${shape}, separated by commas`;
  return kind === 'map' ? `${shape}, in YAML` : shape;
};

/** Looks for a key as a sentence about `path` names it: beside it, in a group above, or of the only entry. */
const named = (name: string, path: readonly string[]): KeyRow | undefined => {
  const parts = name.split('.');
  const above = path.map((_, index) => path.slice(0, path.length - index - 1));
  const entries = ['stores', 'issuers', 'buckets'].map((map) => [map, '']);
  return [...above, ...entries]
    .map((group) => keyAt([...group, ...parts]))
    .find((row) => row?.variable !== undefined && row.path.join('.').endsWith(name));
};

/** Puts the variables into a message about a key. */
export const inVariables = (message: string, path: readonly string[]): string => {
  const row = keyAt(path);
  const shaped = row === undefined ? message : message.replace(row.shape, () => shapeOf(row));
  return shaped.replace(/`([A-Za-z.]+)(?:: ([^`]+))?`/g, (written, name: string, value?: string) => {
    const variable = named(name, path)?.variable;
    if (variable === undefined) return written;
    return value === undefined ? variable : `${variable}=${value}`;
  });
};
