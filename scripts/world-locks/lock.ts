/** What a file of pinned versions is to `npm run world:update`: one that can be read, and moved to what is newest now. */
import { execFile } from 'node:child_process';
import { promisify } from 'node:util';

/** By name; of what was asked for, and of what came along with it. */
export interface Versions {
  readonly requested: ReadonlyMap<string, string>;
  readonly further: ReadonlyMap<string, string>;
}

export interface LockKind {
  /** Whether a file of this name is one. */
  readonly is: (name: string) => boolean;
  readonly versions: (folder: string, name: string) => Promise<Versions>;
  /** Why it must stay, where a comment in it says so (`held: …`). */
  readonly held?: (folder: string, name: string) => Promise<string | undefined>;
  /** Moves it, in a copy of its folder. @throws Error in one line */
  readonly move: (folder: string, name: string) => Promise<void>;
  /** Which files of the folder it changes. */
  readonly files: (name: string) => readonly string[];
}

const execute = promisify(execFile);
const LIMIT_MS = 600_000;
const MAX_OUTPUT_BYTES = 256 * 1024 * 1024;
const SHOWN = 400;

/** Runs a package client and gives what it printed. @throws Error with the end of what it said */
export async function fetchText(
  folder: string,
  command: string,
  parameters: readonly string[],
  environment: Readonly<Record<string, string>> = {},
): Promise<string> {
  try {
    const { stdout } = await execute(command, parameters, {
      ...{ cwd: folder, timeout: LIMIT_MS, maxBuffer: MAX_OUTPUT_BYTES },
      env: { ...process.env, ...environment },
    });
    return stdout;
  } catch (error) {
    const { stderr = '', message } = error as Error & { stderr?: string };
    const said = (stderr === '' ? message : stderr).trim().replaceAll(/\s+/g, ' ').slice(-SHOWN);
    throw new Error(`${command}: ${said}`, { cause: error });
  }
}
