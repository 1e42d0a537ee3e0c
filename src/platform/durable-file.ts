/**
 * Files that are there whole or not at all. Enters: a path and its new content. Leaves: the old file or the new one, also
 * for a reader meanwhile and after a crash: written beside, flushed, renamed into place. A new file is its owner's alone
 * from its first byte. Never: a secret in the name of a file or in an error.
 */
import { randomBytes } from 'node:crypto';
import { open, rename, rm, type FileHandle } from 'node:fs/promises';
import { dirname } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';

/** Gives a new file, which is 0600 and empty, its owner and mode. */
export type Prepare = (file: FileHandle) => Promise<void>;

export interface Replacement {
  readonly prepare?: Prepare | undefined;
  /** Has the last word, when the candidate is written: where it throws, the old file stays. */
  readonly confirm?: (candidate: string) => Promise<void>;
}

const RENAME_ATTEMPTS = 10;
const RENAME_PAUSE_MS = 20;

/** Creates a file; it and its name are on the disk when this resolves. @throws Error EEXIST */
export async function createDurably(path: string, content: string | Buffer, prepare?: Prepare): Promise<void> {
  await create(path, content, prepare);
  await syncDirectory(dirname(path));
}

/** Replaces a file, or creates it. After a crash of the machine the old one may be back: not every system syncs names. */
export async function replaceFile(path: string, content: string | Buffer, how: Replacement = {}): Promise<void> {
  const candidate = `${path}.${randomBytes(6).toString('hex')}.part`;
  await create(candidate, content, how.prepare);
  try {
    await how.confirm?.(candidate);
    await moveOver(candidate, path);
  } catch (error) {
    await rm(candidate, { force: true });
    throw error;
  }
}

/** Replaces a file, or creates it; the new one is on the disk when this resolves. Not for Windows, which syncs no names. */
export async function replaceDurably(path: string, content: string | Buffer, how: Replacement = {}): Promise<void> {
  await replaceFile(path, content, how);
  await syncDirectory(dirname(path));
}

/** Brings the names in a directory to the disk. */
export async function syncDirectory(path: string): Promise<void> {
  const directory = await open(path, 'r');
  await directory.sync().finally(() => directory.close());
}

async function create(path: string, content: string | Buffer, prepare: Prepare | undefined): Promise<void> {
  const file = await open(path, 'wx', 0o600);
  try {
    try {
      await prepare?.(file);
      await file.writeFile(content);
      await file.sync();
    } finally {
      await file.close();
    }
  } catch (error) {
    await rm(path, { force: true });
    throw error;
  }
}

/** Windows refuses to replace a file while somebody has it open, which never takes long. */
async function moveOver(from: string, to: string): Promise<void> {
  for (let attempt = 1; ; attempt += 1) {
    try {
      await rename(from, to);
      return;
    } catch (error) {
      const { code = '' } = error as NodeJS.ErrnoException;
      if (!['EPERM', 'EACCES', 'EBUSY'].includes(code) || attempt === RENAME_ATTEMPTS) throw error;
      await sleep(RENAME_PAUSE_MS);
    }
  }
}
