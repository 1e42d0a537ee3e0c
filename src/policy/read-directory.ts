/**
 * The `*.yaml` files of one directory in; names and texts out, in the order of their names. Bounded in number and size.
 * Never passes over a file that was meant to be read: a deny that is silently left out would be an allow.
 */
import { readdir, readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';
import type { PolicyIssue } from './invalid-policies.ts';

const MAX_FILES = 256;
const MAX_FILE_BYTES = 65_536;

export interface TextFile {
  readonly name: string;
  readonly text: string;
}

/** Reads all that can be read and says what could not. Folders and dot files are not looked at. */
export async function readDirectory(
  directory: string,
): Promise<{ readonly files: readonly TextFile[]; readonly issues: readonly PolicyIssue[] }> {
  let names: string[];
  try {
    names = (await readdir(directory)).filter((name) => !name.startsWith('.') && /\.ya?ml$/i.test(name)).sort();
  } catch (error) {
    return { files: [], issues: [fileIssue(directory, `cannot be read: ${reasonOf(error)}`)] };
  }
  if (names.length === 0) {
    return { files: [], issues: [fileIssue(directory, 'holds no .yaml file: expected one file for each policy')] };
  }
  if (names.length > MAX_FILES) {
    return { files: [], issues: [fileIssue(directory, `holds ${names.length} files: at most ${MAX_FILES} are read`)] };
  }
  const files: TextFile[] = [];
  const issues: PolicyIssue[] = [];
  for (const name of names) {
    const read = name.endsWith('.yaml')
      ? await readText(join(directory, name))
      : { problem: `must be named \`${name.replace(/\.ya?ml$/i, '.yaml')}\` to be read` };
    if ('text' in read) files.push({ name, text: read.text });
    else issues.push(fileIssue(name, read.problem));
  }
  return { files, issues };
}

async function readText(path: string): Promise<{ text: string } | { problem: string }> {
  try {
    const entry = await stat(path);
    if (!entry.isFile()) return { problem: 'must be a file' };
    if (entry.size > MAX_FILE_BYTES) return { problem: `must be at most ${MAX_FILE_BYTES} bytes long` };
    return { text: new TextDecoder('utf-8', { fatal: true }).decode(await readFile(path)) };
  } catch (error) {
    return { problem: error instanceof TypeError ? 'must be UTF-8 text' : `cannot be read: ${reasonOf(error)}` };
  }
}

const fileIssue = (file: string, message: string): PolicyIssue => ({ file, path: '', message });

const reasonOf = (error: unknown) => (error as NodeJS.ErrnoException).code ?? String(error);
