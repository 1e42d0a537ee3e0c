/**
 * A list as a file of one machine: a line for each entry, always whole, because it is only ever replaced. Writers take
 * turns by a lock file. What is not exactly a list is refused as a whole: a line that is skipped could be the one that
 * matters. Nobody but its owner and root may be able to write it.
 */
import { readFile, stat, type FileHandle } from 'node:fs/promises';
import { dirname } from 'node:path';
import type { Clock } from '../contracts/clock.ts';
import { replaceDurably } from '../platform/durable-file.ts';
import { withFileLock } from '../platform/file-lock.ts';
import {
  changed,
  lineOf,
  ListStoreError,
  tooMany,
  type Listed,
  type ListFormat,
  type ListStore,
} from './list-store.ts';

export interface FileStoreOptions<Entry extends Listed> {
  readonly format: ListFormat<Entry>;
  /** Absolute. */
  readonly path: string;
  readonly clock: Clock;
  /** How long a writer waits for its turn. Default 10,000. */
  readonly lockTimeoutMs?: number;
}

/** A turn takes milliseconds: a lock that is older was left behind by a writer that was killed. */
const STALE_LOCK_MS = 5000;
const OTHERS_MAY_WRITE = 0o022;
const NEW_FILE_MODE = 0o640;

/** Makes the store. A file that does not exist (yet) is an empty list. */
export function createFileStore<Entry extends Listed>({
  format,
  path,
  clock,
  lockTimeoutMs = 10_000,
}: FileStoreOptions<Entry>): ListStore<Entry> {
  const of: Of = { path, format };
  let lastSeen: string | undefined;

  const read: ListStore<Entry>['read'] = async () => {
    const found = await load(of);
    if (found.stamp === lastSeen) return undefined;
    const entries = parse(format, await found.content());
    // Only now: what could not be read is tried again.
    lastSeen = found.stamp;
    return entries;
  };

  const update: ListStore<Entry>['update'] = async (change) => {
    const write = async (isHeld: () => Promise<boolean>): Promise<void> => {
      const kept = parse(format, await (await load(of)).content());
      const changes = change(kept);
      if (changes.length === 0) return;
      const lines = [...changed(format, kept, changes, clock.now()).values()].map(
        (entry) => `${lineOf(format, entry)}\n`,
      );
      await replace(of, lines.join(''), isHeld);
    };
    const turn = { waitMs: lockTimeoutMs, staleMs: STALE_LOCK_MS, timedOut: () => timedOut(of) };
    await withFileLock(`${path}.lock`, write, turn).catch((error: unknown) => {
      throw error instanceof Error && 'syscall' in error ? failure(of, error) : error;
    });
  };

  return { read, update, isRestorable: false, close: () => Promise.resolve() };
}

/** The file, and the list that it is to hold. */
interface Of {
  readonly path: string;
  readonly format: Pick<ListFormat<Listed>, 'name' | 'maxEntries' | 'maxBytes'>;
}

/** Looks at the file; reads it only where that is requested. @throws ListStoreError */
async function load(of: Of): Promise<{ readonly stamp: string; readonly content: () => Promise<string> }> {
  try {
    const status = await stat(of.path, { bigint: true });
    if (!status.isFile()) throw new ListStoreError(`the list of ${of.format.name} is not a file`);
    if ((Number(status.mode) & OTHERS_MAY_WRITE) !== 0) {
      throw new ListStoreError(`the list of ${of.format.name} can be written by others; chmod go-w it`);
    }
    if (status.size > of.format.maxBytes) throw tooMany(of.format);
    return {
      // A replaced file is another file, whatever its times say.
      stamp: [status.dev, status.ino, status.size, status.mtimeNs, status.ctimeNs].join(' '),
      content: () => contentOf(of),
    };
  } catch (error) {
    if (isCode(error, 'ENOENT')) return { stamp: 'none', content: () => Promise.resolve('') };
    throw failure(of, error);
  }
}

async function contentOf(of: Of): Promise<string> {
  try {
    return await readFile(of.path, 'utf8');
  } catch (error) {
    throw failure(of, error);
  }
}

function parse<Entry extends Listed>(format: ListFormat<Entry>, content: string): Map<string, Entry> {
  const lines = content.split('\n');
  if (lines.pop() !== '') throw new ListStoreError(`the list of ${format.name} is cut off`);
  if (lines.length > format.maxEntries) throw tooMany(format);
  const entries = new Map<string, Entry>();
  for (const [at, line] of lines.entries()) {
    const entry = format.read(line);
    if (entry === undefined || entries.has(entry.id)) {
      throw new ListStoreError(`line ${at + 1} of the list of ${format.name} is not an entry, or is there twice`);
    }
    entries.set(entry.id, entry);
  }
  return entries;
}

/** Puts a new file in the place of the old one, with its owner and mode: the gateway must be able to read it. */
async function replace(of: Of, content: string, isHeld: () => Promise<boolean>): Promise<void> {
  const { path } = of;
  try {
    const { uid, gid, mode } = await ownerOf(path);
    await replaceDurably(path, content, {
      prepare: async (file) => {
        await chownLike(file, { uid, gid, of });
        await file.chmod(mode);
      },
      confirm: async () => {
        // A command that was halted for long has lost its turn, and others have written meanwhile.
        if (!(await isHeld())) throw new ListStoreError('the turn to write was lost; try again');
      },
    });
  } catch (error) {
    throw failure(of, error);
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
async function chownLike(
  handle: FileHandle,
  { uid, gid, of }: { readonly uid: number; readonly gid: number; readonly of: Of },
): Promise<void> {
  const own = await handle.stat();
  if (own.uid === uid && own.gid === gid) return;
  try {
    await handle.chown(uid, gid);
  } catch (error) {
    if (!isCode(error, 'EPERM')) throw error;
    const message = `the list of ${of.format.name} belongs to somebody else; run this as its owner or root`;
    throw new ListStoreError(message, { cause: error });
  }
}

function timedOut({ format }: Of): ListStoreError {
  return new ListStoreError(`another command is writing the list of ${format.name}; try again`);
}

function isCode(error: unknown, code: string): boolean {
  return error instanceof Error && 'code' in error && error.code === code;
}

function failure({ format }: Of, error: unknown): ListStoreError {
  if (error instanceof ListStoreError) return error;
  return new ListStoreError(`the list of ${format.name} cannot be read or written`, { cause: error });
}
