/**
 * What of a changed configuration is taken up without a restart. Enters: what the one in force was made of, and what the
 * changed one was. Leaves: what is to be in force now, and the keys of all other changes, which wait for a restart. What may
 * be taken up is said in the schema (`reloads`), key by key; here is no list.
 */
import { KEYS, keyAt, type KeyRow } from '../loading/keys.ts';
import type { ConfigSnapshot } from '../loading/load.ts';
import { pathKey } from '../loading/path-key.ts';

export interface Merged {
  readonly snapshot: ConfigSnapshot;
  /** Dotted paths of what changed and is not taken up. */
  readonly waiting: readonly string[];
}

type Tree = Record<string, unknown>;
type Parts = Omit<ConfigSnapshot, 'directory'>;

const isTree = (value: unknown): value is Tree => typeof value === 'object' && value !== null && !Array.isArray(value);

/** Puts together what is to be in force. */
export const mergeReloaded = (inForce: ConfigSnapshot, next: ConfigSnapshot): Merged => {
  const content: unknown = structuredClone(inForce.content);
  for (const { path, reloads } of KEYS) {
    if (reloads === 'whole') take(content, next.content, path);
  }
  const keys = new Set([...Object.keys(inForce.files), ...Object.keys(next.files)]);
  const files: Record<string, string> = {};
  for (const key of keys) {
    const of = reloadsOf(key.split('\0')) === undefined ? inForce : next;
    const text = of.files[key];
    if (text !== undefined) files[key] = text;
  }
  const { directory } = inForce;
  return { snapshot: { content, files, directory }, waiting: differences({ content, files }, next) };
};

/** By the row of a key, or of the closest one above it. */
const reloadsOf = (path: readonly string[]): KeyRow['reloads'] =>
  path.length === 0 ? undefined : (keyAt(path)?.reloads ?? reloadsOf(path.slice(0, -1)));

/** Only where both have the group that it stands in: what it means depends on the rest of that. */
const take = (content: unknown, next: unknown, path: readonly string[]): void => {
  const [into, from] = [valueAt(content, path.slice(0, -1)), valueAt(next, path.slice(0, -1))];
  const name = path.at(-1) ?? '';
  if (!isTree(into) || !isTree(from)) return;
  // A keyring or sessions that were not there before are more than a key that changed.
  if (isTree(into[name]) !== isTree(from[name])) return;
  if (Object.hasOwn(from, name)) into[name] = structuredClone(from[name]);
  else Reflect.deleteProperty(into, name);
};

const valueAt = (content: unknown, path: readonly string[]): unknown =>
  path.reduce<unknown>((node, part) => (isTree(node) && Object.hasOwn(node, part) ? node[part] : undefined), content);

const differences = (one: Parts, other: Parts): readonly string[] => {
  const [before, after] = [leavesOf(one), leavesOf(other)];
  return [...new Set([...before.keys(), ...after.keys()])]
    .filter((key) => before.get(key) !== after.get(key))
    .map((key) => key.split('\0').join('.'));
};

/** What stands in a file counts to the key that names it; some are named by a variable alone. */
const leavesOf = ({ content, files }: Parts): ReadonlyMap<string, string> => {
  const leaves = new Map(Object.entries(files));
  const walk = (value: unknown, path: readonly string[]): void => {
    // A group without keys is one as well: a bucket of which nothing is said is there all the same.
    if (isTree(value) && Object.keys(value).length > 0)
      for (const [name, each] of Object.entries(value)) walk(each, [...path, name]);
    else leaves.set(pathKey(path), `${JSON.stringify(value)} ${files[pathKey(path)] ?? ''}`);
  };
  walk(content, []);
  return leaves;
};
