/**
 * Programs of the machine: where they are, and running one to its end.
 */
import { execFile } from 'node:child_process';
import { access, constants } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';

export type Environment = Readonly<Record<string, string | undefined>>;

/** Where Debian keeps programs that an ordinary user's PATH leaves out. */
const MORE_FOLDERS = ['/usr/local/sbin', '/usr/sbin', '/sbin', '/usr/bin', '/bin'];
const RUN_LIMIT_MS = 120_000;

/** Path of a program, from PATH or the usual folders; `undefined` when it is not installed. */
export async function findProgram(name: string, environment: Environment): Promise<string | undefined> {
  const folders = [...(environment['PATH'] ?? '').split(':').filter((folder) => folder !== ''), ...MORE_FOLDERS];
  for (const folder of folders) {
    const path = join(folder, name);
    const found = await access(path, constants.X_OK).then(
      () => true,
      () => false,
    );
    if (found) return path;
  }
  return undefined;
}

/** Runs a program to its end and gives what it wrote to stdout. @throws Error with what it wrote to stderr */
export async function runProgram(
  program: string,
  parameters: readonly string[],
  options: { readonly folder?: string; readonly environment: Environment },
): Promise<string> {
  const { stdout } = await promisify(execFile)(program, parameters, {
    cwd: options.folder,
    env: options.environment,
    timeout: RUN_LIMIT_MS,
    maxBuffer: 16 * 1024 * 1024,
  });
  return stdout;
}
