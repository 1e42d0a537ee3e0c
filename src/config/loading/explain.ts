/**
 * A finding of the schema as a sentence for a person: which key, what is wrong, what would be right. Quotes numbers and
 * switches of the file, never its texts: one of them may be a secret in the wrong place.
 */
import type { z } from 'zod';
import { keyAt, KEYS, namesBelow, type KeyRow } from './keys.ts';
import { nearest } from './nearest.ts';
import { replacedKey } from './replaced-keys.ts';

export interface Explanation {
  readonly path: readonly string[];
  readonly message: string;
}

const SEEMS_SECRET = /secret|password|passwd|token|credential|private_?key|access_?key|api_?key|seed/i;

/** The row of a key, or of the closest key above it. */
const closestRow = (path: readonly string[]): KeyRow | undefined =>
  path.length === 0 ? undefined : (keyAt(path) ?? closestRow(path.slice(0, -1)));

const valueAt = (content: unknown, path: readonly string[]): unknown =>
  path.reduce<unknown>(
    (node, part) => (typeof node === 'object' && node !== null ? (node as Record<string, unknown>)[part] : undefined),
    content,
  );

const explainUnknown = (path: readonly string[], name: string): Explanation => {
  const known = namesBelow(path).filter((candidate) => !candidate.startsWith('<'));
  // Of the schema, and not of the part of it that this program takes.
  if (known.includes(name)) return { path: [...path, name], message: 'is not used by a sidecar; remove it' };
  const replaced = replacedKey([...path, name]);
  if (replaced !== undefined) return { path: [...path, name], message: replaced };
  const meant = nearest(name, known) ?? known.find((candidate) => candidate === `${name}File`);
  if (SEEMS_SECRET.test(name) && !name.endsWith('File')) {
    const target = meant?.endsWith('File') ? `name it in \`${meant}\`` : 'name it in the `…File` key that wants it';
    return {
      path: [...path, name],
      message: `looks like a secret; secrets never stand in this file: put it into a file of its own (chmod 600) and ${target}, or use the variable for it`,
    };
  }
  const hint =
    meant === undefined ? (known.length === 0 ? '' : `; known here: ${known.join(', ')}`) : `; is \`${meant}\` meant?`;
  return { path: [...path, name], message: `is not known${hint}` };
};

/** Explains one finding; `content` is what the schema was given. */
export const explain = (issue: z.core.$ZodIssue, content: unknown): readonly Explanation[] => {
  const path = issue.path.map(String);
  if (issue.code === 'unrecognized_keys') return issue.keys.map((name) => explainUnknown(path, name));
  if (issue.code === 'custom' && issue.params?.['across'] === true) return [{ path, message: issue.message }];
  const value = valueAt(content, path);
  const row = closestRow(path);
  if (value === undefined && row?.kind === 'group') {
    const needed = KEYS.filter((key) => key.required && key.path.slice(0, -1).join('.') === row.path.join('.'));
    return [{ path, message: `is missing; needs ${needed.map((key) => `\`${key.path.at(-1) ?? ''}\``).join(', ')}` }];
  }
  const shape = row?.shape ?? 'a group of keys';
  const found = typeof value === 'number' || typeof value === 'boolean' ? ` (is ${value})` : '';
  return [{ path, message: `${value === undefined ? 'is missing; ' : ''}must be ${shape}${found}` }];
};
