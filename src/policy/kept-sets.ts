/**
 * Sets of policies on the disk, each under its own hash, so that a decision can be explained when the set that made it is
 * long replaced. Enters: a set whose version is the beginning of the SHA-256 of the file's content. Leaves: the same texts,
 * or an error: never other texts under that version, never a part of a set.
 */
import { constants } from 'node:fs';
import { open } from 'node:fs/promises';
import { join } from 'node:path';
import { readBoundedFile } from '../platform/bounded-file.ts';
import { replaceDurably } from '../platform/durable-file.ts';
import type { TextFile } from './read-directory.ts';
import { contentOf, versionOf } from './set-version.ts';

/** More than the texts of any set take. */
const MAX_BYTES = 64 * 1_048_576;
const VERSION = /^[0-9a-f]{12}$/;

/**
 * Keeps the texts of a set, which are on the disk when this resolves, readable by their owner alone. Nothing is written
 * where they are kept already.
 * @throws Error of the file system; Error when another set is kept under the same version
 */
export async function keepSet(directory: string, files: readonly TextFile[]): Promise<void> {
  const path = pathOf(directory, versionOf(files));
  const content = contentOf(files);
  const kept = await contentAt(path).catch((error: unknown) => {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw error;
  });
  if (kept === undefined) await replaceDurably(path, content);
  else if (kept !== content) throw new Error(`${path} holds another set: move it away`);
}

/** Reads the texts of a set. @throws Error of the file system; Error when the file is not the set of that version */
export async function readKeptSet(directory: string, version: string): Promise<readonly TextFile[]> {
  if (!VERSION.test(version)) throw new Error('a version of policies is 12 hex digits');
  const path = pathOf(directory, version);
  const files = filesOf(await contentAt(path));
  if (files === undefined || versionOf(files) !== version) throw new Error(`${path} does not hold that set`);
  return files;
}

const pathOf = (directory: string, version: string): string => join(directory, `${version}.json`);

async function contentAt(path: string): Promise<string> {
  const file = await open(path, constants.O_RDONLY | constants.O_NONBLOCK | constants.O_NOFOLLOW);
  try {
    const status = await file.stat();
    if (!status.isFile() || status.size > MAX_BYTES) throw new Error(`${path} is no set of policies`);
    return (await readBoundedFile(file, status.size))?.toString('utf8') ?? '';
  } finally {
    await file.close();
  }
}

function filesOf(content: string): readonly TextFile[] | undefined {
  try {
    const value: unknown = JSON.parse(content);
    return Array.isArray(value) && value.every(isEntry) ? value.map(([name, text]) => ({ name, text })) : undefined;
  } catch {
    return undefined;
  }
}

const isEntry = (value: unknown): value is [string, string] =>
  Array.isArray(value) && value.length === 2 && value.every((part) => typeof part === 'string');
