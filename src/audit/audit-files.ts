/**
 * The few things that the audit asks of a disk, as a port: tests inject faults that a real disk won't produce on demand.
 * What enters: paths inside one directory. What leaves: files that only the gateway's user can read.
 * It never opens a file that exists, never follows a link in a file's place, never truncates.
 */
import { close, constants, fstat, open, write } from 'node:fs';
import { mkdir, readdir, stat, statfs, unlink } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { promisify } from 'node:util';
import { syncDirectory } from '../platform/durable-file.ts';

/** Told once how an append ended. */
export type Appended = (error: Error | null, writtenBytes: number) => void;

export interface AuditFile {
  readonly name: string;
  /** Appends some or all of the bytes and says how many; on stable storage by then if the file is durable. */
  readonly append: (bytes: Buffer, done: Appended) => void;
  /** False once the file was deleted under its writer. */
  readonly isLinked: () => Promise<boolean>;
  readonly close: () => Promise<void>;
}

export interface AuditFiles {
  /** Creates the directory, mode 0700, where it is missing. @throws Error when others may write to it */
  readonly prepare: (directory: string) => Promise<void>;
  /** Creates a file, mode 0600, whose name is durable when this resolves. @throws Error EEXIST */
  readonly create: (directory: string, name: string, durable: boolean) => Promise<AuditFile>;
  readonly freeBytes: (directory: string) => Promise<number>;
  /** Files whose name starts with `prefix`, sorted by name. */
  readonly list: (
    directory: string,
    prefix: string,
  ) => Promise<readonly { readonly name: string; readonly sizeBytes: number }[]>;
  readonly remove: (directory: string, name: string) => Promise<void>;
}

const openFd = promisify(open);
const closeFd = promisify(close);
const statFd = promisify(fstat);

// O_DSYNC is write + fdatasync in one system call: one trip to the thread pool per group instead of two.
const APPEND_NEW = constants.O_WRONLY | constants.O_APPEND | constants.O_CREAT | constants.O_EXCL;
const WRITABLE_BY_OTHERS = 0o022;

/** The real disk. @see open(2), O_DSYNC */
export const diskFiles: AuditFiles = {
  prepare: async (directory) => {
    const firstCreated = await mkdir(directory, { recursive: true, mode: 0o700 });
    if (firstCreated !== undefined) {
      const top = dirname(firstCreated);
      for (let path = directory; path !== top; path = dirname(path)) await syncDirectory(dirname(path));
    }
    const { mode } = await stat(directory);
    if ((mode & WRITABLE_BY_OTHERS) !== 0) throw new Error(`the audit directory ${directory} is writable by others`);
  },

  create: async (directory, name, durable) => {
    const fd = await openFd(join(directory, name), durable ? APPEND_NEW | constants.O_DSYNC : APPEND_NEW, 0o600);
    try {
      if (durable) await syncDirectory(directory);
    } catch (error) {
      await closeFd(fd);
      await unlink(join(directory, name));
      throw error;
    }
    return {
      name,
      // A callback: of promises, each group of lines would need several.
      append: (bytes, done) => {
        write(fd, bytes, 0, bytes.length, null, done);
      },
      isLinked: async () => (await statFd(fd)).nlink > 0,
      close: () => closeFd(fd),
    };
  },

  freeBytes: async (directory) => {
    const { bavail, bsize } = await statfs(directory);
    return bavail * bsize;
  },

  list: async (directory, prefix) => {
    const names = (await readdir(directory)).filter((name) => name.startsWith(prefix)).sort();
    return Promise.all(names.map(async (name) => ({ name, sizeBytes: (await stat(join(directory, name))).size })));
  },

  remove: (directory, name) => unlink(join(directory, name)),
};

/** Names a file so that no two processes, restarts or rotations share one, and so that names sort by time. */
export function auditFileName(prefix: string, nowMs: number, worker: number, pid: number, sequence: number): string {
  const time = new Date(nowMs).toISOString().replaceAll(/[-:]/g, '');
  return `${prefix}-${time}-w${worker}-p${pid}-${String(sequence).padStart(6, '0')}.jsonl`;
}
