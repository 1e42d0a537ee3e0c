/**
 * Files for their owner alone. A file is there whole or not at all, is 0600 from its first byte, and is refused where
 * others could read it. Never: a secret in the name of a file or in an error.
 */
import { mkdir, open, type FileHandle } from 'node:fs/promises';
import { dirname } from 'node:path';
import { replaceFile } from '../platform/durable-file.ts';
import { ClientFailure } from './failure.ts';

const MAX_BYTES = 1_048_576;

/** Reads a file, as bytes; `undefined` where there is none. @throws ClientFailure others may read it, or it is too large */
export async function readPrivate(path: string, knowsModes: boolean): Promise<Buffer | undefined> {
  let file: FileHandle;
  try {
    file = await open(path, 'r');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw error;
  }
  try {
    const { mode, size } = await file.stat();
    if (knowsModes && (mode & 0o077) !== 0) {
      throw new ClientFailure(`others may read or write ${path}`, `make it yours alone: chmod 600 '${path}'`);
    }
    if (size > MAX_BYTES) throw new ClientFailure(`${path} is larger than anything that is written there`);
    return await file.readFile();
  } finally {
    await file.close();
  }
}

/** Writes a file in one step; `mode` is for files that were others' to read before. */
export async function writeWhole(path: string, content: string | Buffer, mode = 0o600): Promise<void> {
  await mkdir(dirname(path), { recursive: true, mode: 0o700 });
  await replaceFile(path, content, { prepare: mode === 0o600 ? undefined : (file) => file.chmod(mode) });
}
