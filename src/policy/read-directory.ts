/**
 * The `*.yaml` files of one directory in; names and texts out, in the order of their names. Bounded in number and size,
 * and it waits for nothing that is no file. Never passes over a file that was meant to be read: a deny that is silently left
 * out would be an allow.
 */
import { constants } from 'node:fs';
import { open, opendir, realpath } from 'node:fs/promises';
import { join, sep } from 'node:path';
import { readBoundedFile } from '../platform/bounded-file.ts';
import { fileStamp } from '../platform/file-stamp.ts';
import type { PolicyIssue } from './invalid-policies.ts';

const MAX_FILES = 256;
const MAX_FILE_BYTES = 65_536;
/** Of whatever kind, before it is no directory of policies. */
const MAX_ENTRIES = 4096;
// A pipe in the place of a file would be waited for, for as long as nobody writes to it.
const READ_AT_ONCE = constants.O_RDONLY | constants.O_NONBLOCK | constants.O_NOFOLLOW;

export interface TextFile {
  readonly name: string;
  readonly text: string;
}

/** Reads all that can be read and says what could not. Folders and dot files are not looked at. */
export async function readDirectory(
  directory: string,
): Promise<{ readonly files: readonly TextFile[]; readonly issues: readonly PolicyIssue[] }> {
  const listed = await list(directory);
  if ('problem' in listed) return { files: [], issues: [fileIssue(directory, listed.problem)] };
  const files: TextFile[] = [];
  const issues: PolicyIssue[] = [];
  for (const name of listed.names) {
    const read = name.endsWith('.yaml')
      ? await readText(join(directory, name), listed.root)
      : { problem: `must be named \`${name.replace(/\.ya?ml$/i, '.yaml')}\` to be read` };
    if ('text' in read) files.push({ name, text: read.text });
    else issues.push(fileIssue(name, read.problem));
  }
  return { files, issues };
}

/** The files that one text holds, each after a line `---` as documents of YAML are, under the name of where it stands. */
export function textFilesOf(
  name: string,
  text: string,
): { readonly files: readonly TextFile[]; readonly issues: readonly PolicyIssue[] } {
  const texts = text.split(/^---[ \t]*$/m).filter((each) => each.trim() !== '');
  const files = texts.map((each, index) => ({ name: texts.length === 1 ? name : `${name}-${index + 1}`, text: each }));
  const tooLong = files.filter((file) => Buffer.byteLength(file.text) > MAX_FILE_BYTES);
  return { files, issues: tooLong.map((file) => fileIssue(file.name, `is longer than ${MAX_FILE_BYTES} bytes`)) };
}

/**
 * Says in one text what the directory is like, without reading its files: another text when a file was added, removed,
 * replaced or written, or a link on the way to one leads elsewhere.
 */
export async function stampOf(directory: string): Promise<string> {
  const listed = await list(directory);
  if ('problem' in listed) return listed.problem;
  const stamps = await Promise.all(listed.names.map((name) => fileStamp(join(directory, name))));
  return listed.names.map((name, index) => `${name} ${stamps[index]}`).join('\n');
}

/** The names of the files that are meant, sorted, and where the directory really is. */
async function list(
  directory: string,
): Promise<{ readonly names: readonly string[]; readonly root: string } | { readonly problem: string }> {
  const names: string[] = [];
  let root: string;
  try {
    root = await realpath(directory);
    let entries = 0;
    for await (const { name } of await opendir(root, { bufferSize: 256 })) {
      entries += 1;
      if (entries > MAX_ENTRIES) {
        return { problem: `holds more than ${MAX_ENTRIES} entries: expected policies and nothing else` };
      }
      if (!name.startsWith('.') && /\.ya?ml$/i.test(name)) names.push(name);
    }
  } catch (error) {
    return { problem: `cannot be read: ${reasonOf(error)}` };
  }
  if (names.length === 0) return { problem: 'holds no .yaml file: expected one file for each policy' };
  if (names.length > MAX_FILES) return { problem: `holds ${names.length} files: at most ${MAX_FILES} are read` };
  return { names: names.sort(), root };
}

async function readText(path: string, root: string): Promise<{ text: string } | { problem: string }> {
  try {
    const real = await realpath(path);
    // What lies elsewhere is written by others than those who may write here, and is replaced at other times.
    if (!real.startsWith(root.endsWith(sep) ? root : `${root}${sep}`)) {
      return { problem: 'is a link that leads out of the directory: put the file itself here' };
    }
    const file = await open(real, READ_AT_ONCE);
    try {
      if (!(await file.stat()).isFile()) return { problem: 'must be a file' };
      const bytes = await readBoundedFile(file, MAX_FILE_BYTES);
      if (bytes === undefined) return { problem: `must be at most ${MAX_FILE_BYTES} bytes long` };
      return { text: new TextDecoder('utf-8', { fatal: true }).decode(bytes) };
    } finally {
      await file.close();
    }
  } catch (error) {
    return { problem: error instanceof TypeError ? 'must be UTF-8 text' : `cannot be read: ${reasonOf(error)}` };
  }
}

const fileIssue = (file: string, message: string): PolicyIssue => ({ file, path: '', message });

const reasonOf = (error: unknown) => (error as NodeJS.ErrnoException).code ?? String(error);
