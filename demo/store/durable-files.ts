/**
 * Files that are on the disk once they are acknowledged: written beside, flushed, renamed into place, folder flushed.
 */
import { createHash } from 'node:crypto';
import { open, rename, type FileHandle } from 'node:fs/promises';
import { basename, dirname } from 'node:path';

/** Recognisable to a person and safe as a file name, at most 96 characters; differs whenever keys differ. */
export function fileStem(key: string): string {
  const readable = key.replaceAll(/[^A-Za-z0-9._-]+/g, '_').replace(/^\.+/, '_');
  return `${readable.slice(0, 60)}~${createHash('sha256').update(key).digest('hex').slice(0, 32)}`;
}

/** Replaces the file as a whole: a reader, or a crash, sees the old content or the new one. */
export async function replaceDocument(path: string, content: unknown): Promise<void> {
  const temporary = `${path}.part`;
  const file = await open(temporary, 'w', 0o600);
  try {
    await file.writeFile(JSON.stringify(content, null, 2));
    await file.sync();
  } finally {
    await file.close();
  }
  await moveDurably(temporary, path);
}

/** Renames inside one folder. */
async function moveDurably(from: string, to: string): Promise<void> {
  if (dirname(from) !== dirname(to)) throw new Error(`${basename(to)} would leave its folder`);
  await rename(from, to);
  await flushFolder(dirname(to));
}

export async function flushFolder(path: string): Promise<void> {
  const folder = await open(path, 'r');
  try {
    await folder.sync();
  } finally {
    await folder.close();
  }
}

export async function openIfThere(path: string): Promise<FileHandle | undefined> {
  try {
    return await open(path, 'r');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw error;
  }
}
