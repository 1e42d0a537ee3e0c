/**
 * The list as a file of one machine: a line for each entry, always whole, because it is only ever replaced. Writers take
 * turns by a lock file. What is not exactly a list is refused as a whole: a line that is skipped could be the one that
 * matters. Nobody but its owner and root may be able to write it.
 */
import { readFile, stat, type FileHandle } from 'node:fs/promises';
import { dirname } from 'node:path';
import type { Clock } from '../contracts/clock.ts';
import { replaceDurably } from '../platform/durable-file.ts';
import { withFileLock } from '../platform/file-lock.ts';
import { MAX_ENTRIES, readEntry, type Entries, type Entry } from './entry.ts';
import { changed, lineOf, RevocationStoreError, tooMany, type RevocationStore } from './revocation-store.ts';

export interface FileStoreOptions {
  /** Absolute. */
  readonly path: string;
  readonly clock: Clock;
  /** How long a writer waits for its turn. Default 10,000. */
  readonly lockTimeoutMs?: number;
}

const MAX_FILE_BYTES = 64 * 1_048_576;
/** A turn takes milliseconds: a lock that is older was left behind by a writer that was killed. */
const STALE_LOCK_MS = 5000;
const OTHERS_MAY_WRITE = 0o022;
const NEW_FILE_MODE = 0o640;

/** Makes the store. A file that does not exist (yet) is an empty list. */
export function createFileStore({ path, clock, lockTimeoutMs = 10_000 }: FileStoreOptions): RevocationStore {
  let lastSeen: string | undefined;

  const read: RevocationStore['read'] = async () => {
    const found = await load(path);
    if (found.stamp === lastSeen) return undefined;
    const entries = parse(await found.content());
    // Only now: what could not be read is tried again.
    lastSeen = found.stamp;
    return entries;
  };

  const update: RevocationStore['update'] = async (change) => {
    const write = async (isHeld: () => Promise<boolean>): Promise<void> => {
      const kept = parse(await (await load(path)).content());
      const changes = change(kept);
      if (changes.length > 0) await replace(path, changed(kept, changes, clock.now()), isHeld);
    };
    const turn = { waitMs: lockTimeoutMs, staleMs: STALE_LOCK_MS, timedOut };
    await withFileLock(`${path}.lock`, write, turn).catch((error: unknown) => {
      throw error instanceof Error && 'syscall' in error ? failure(error) : error;
    });
  };

  return { read, update, isRestorable: false, close: () => Promise.resolve() };
}

/** Looks at the file; reads it only where that is requested. @throws RevocationStoreError */
async function load(path: string): Promise<{ readonly stamp: string; readonly content: () => Promise<string> }> {
  try {
    const status = await stat(path, { bigint: true });
    if (!status.isFile()) throw new RevocationStoreError('the list of revocations is not a file');
    if ((Number(status.mode) & OTHERS_MAY_WRITE) !== 0) {
      throw new RevocationStoreError('the list of revocations can be written by others; chmod go-w it');
    }
    if (status.size > MAX_FILE_BYTES) throw tooMany();
    return {
      // A replaced file is another file, whatever its times say.
      stamp: [status.dev, status.ino, status.size, status.mtimeNs, status.ctimeNs].join(' '),
      content: () => contentOf(path),
    };
  } catch (error) {
    if (isCode(error, 'ENOENT')) return { stamp: 'none', content: () => Promise.resolve('') };
    throw failure(error);
  }
}

async function contentOf(path: string): Promise<string> {
  try {
    return await readFile(path, 'utf8');
  } catch (error) {
    throw failure(error);
  }
}

function parse(content: string): Map<string, Entry> {
  const lines = content.split('\n');
  if (lines.pop() !== '') throw new RevocationStoreError('the list of revocations is cut off');
  if (lines.length > MAX_ENTRIES) throw tooMany();
  const entries = new Map<string, Entry>();
  for (const [at, line] of lines.entries()) {
    const entry = readEntry(line);
    if (entry === undefined || entries.has(entry.id)) {
      throw new RevocationStoreError(`line ${at + 1} of the list of revocations is not an entry, or is there twice`);
    }
    entries.set(entry.id, entry);
  }
  return entries;
}

/** Puts a new file in the place of the old one, with its owner and mode: the gateway must be able to read it. */
async function replace(path: string, entries: Entries, isHeld: () => Promise<boolean>): Promise<void> {
  try {
    const { uid, gid, mode } = await ownerOf(path);
    const content = [...entries.values()].map((entry) => `${lineOf(entry)}\n`).join('');
    await replaceDurably(path, content, {
      prepare: async (file) => {
        await chownLike(file, uid, gid);
        await file.chmod(mode);
      },
      confirm: async () => {
        // A command that was halted for long has lost its turn, and others have written meanwhile.
        if (!(await isHeld())) throw new RevocationStoreError('the turn to write was lost; try again');
      },
    });
  } catch (error) {
    throw failure(error);
  }
}

async function ownerOf(path: string): Promise<{ readonly uid: number; readonly gid: number; readonly mode: number }> {
  try {
    const { uid, gid, mode } = await stat(path);
    return { uid, gid, mode: mode & 0o777 };
  } catch (error) {
    if (!isCode(error, 'ENOENT')) throw error;
    const { uid, gid } = await stat(dirname(path));
    return { uid, gid, mode: NEW_FILE_MODE };
  }
}

/** Only root can give a file away; who cannot is its owner, or shares its group. */
async function chownLike(handle: FileHandle, uid: number, gid: number): Promise<void> {
  const own = await handle.stat();
  if (own.uid === uid && own.gid === gid) return;
  try {
    await handle.chown(uid, gid);
  } catch (error) {
    if (!isCode(error, 'EPERM')) throw error;
    throw new RevocationStoreError('the list of revocations belongs to somebody else; run this as its owner or root', {
      cause: error,
    });
  }
}

function timedOut(): RevocationStoreError {
  return new RevocationStoreError('another command is writing the list of revocations; try again');
}

function isCode(error: unknown, code: string): boolean {
  return error instanceof Error && 'code' in error && error.code === code;
}

function failure(error: unknown): RevocationStoreError {
  if (error instanceof RevocationStoreError) return error;
  return new RevocationStoreError('the list of revocations cannot be read or written', { cause: error });
}
