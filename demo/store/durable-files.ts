/** Documents of the store as files, which are on the disk once they are acknowledged. */
import { createHash } from 'node:crypto';
import { open, type FileHandle } from 'node:fs/promises';
import { replaceDurably } from '../../src/platform/durable-file.ts';

/** Recognisable to a person and safe as a file name, at most 96 characters; differs whenever keys differ. */
export function fileStem(key: string): string {
  const readable = key.replaceAll(/[^A-Za-z0-9._-]+/g, '_').replace(/^\.+/, '_');
  return `${readable.slice(0, 60)}~${createHash('sha256').update(key).digest('hex').slice(0, 32)}`;
}

/** Replaces the file as a whole: a reader, or a crash, sees the old content or the new one. */
export function replaceDocument(path: string, content: unknown): Promise<void> {
  return replaceDurably(path, JSON.stringify(content, null, 2));
}

export async function openIfThere(path: string): Promise<FileHandle | undefined> {
  try {
    return await open(path, 'r');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw error;
  }
}
