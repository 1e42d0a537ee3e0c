import { promisify } from 'node:util';
import { type AuditFile, type AuditFiles, diskFiles } from '../../../src/audit/audit-files.ts';

/** A file whose appends are promises. */
interface PromisedFile {
  readonly append: (bytes: Buffer) => Promise<number>;
}

/** The real disk, except for what a test sets. */
export class FaultyFiles implements AuditFiles {
  /** Called instead of each append of a durable file that it does not leave to the disk. */
  onAppend: (bytes: Buffer, file: PromisedFile) => Promise<number> = (bytes, file) => file.append(bytes);
  onCreate: () => void = () => undefined;
  free = 1e12;
  /** Sizes of the groups that were written, headers of files included. */
  readonly appends: string[] = [];
  readonly created: string[] = [];

  prepare = (directory: string): Promise<void> => diskFiles.prepare(directory);
  list = (directory: string, prefix: string): ReturnType<AuditFiles['list']> => diskFiles.list(directory, prefix);
  remove = (directory: string, name: string): Promise<void> => diskFiles.remove(directory, name);
  freeBytes = (): Promise<number> => Promise.resolve(this.free);

  create = async (directory: string, name: string, durable: boolean): Promise<AuditFile> => {
    this.onCreate();
    const file = await diskFiles.create(directory, name, durable);
    this.created.push(name);
    if (!durable) return file;
    const promised = { append: promisify(file.append) };
    const append: AuditFile['append'] = (bytes, done) => {
      this.appends.push(bytes.toString());
      this.onAppend(bytes, promised).then(
        (written) => done(null, written),
        (error: unknown) => done(error as Error, 0),
      );
    };
    return { ...file, append };
  };
}

/** An error as the system gives it. */
export function systemError(code: 'EIO' | 'ENOSPC' | 'EMFILE'): Error {
  return Object.assign(new Error(`${code}: injected`), { code });
}
