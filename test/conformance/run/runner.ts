/**
 * Runs programs for a cell. Their environment holds nothing of this machine's but `PATH`; their home is empty; and every
 * host but this one leads to a proxy that does not exist, so that no client can reach the real AWS by falling back.
 */
import { spawn } from 'node:child_process';
import type { Program, Ran, Runner } from './cell.ts';

const LIMIT_MS = 120_000;
const SHOWN = 1500;

/** What every program gets. */
export function minimalEnvironment(home: string): Record<string, string> {
  return {
    PATH: process.env['PATH'] ?? '',
    HOME: home,
    TMPDIR: home,
    LANG: 'C.UTF-8',
    AWS_EC2_METADATA_DISABLED: 'true',
    AWS_REGION: 'us-east-1',
    AWS_DEFAULT_REGION: 'us-east-1',
    HTTP_PROXY: 'http://127.0.0.1:9',
    HTTPS_PROXY: 'http://127.0.0.1:9',
    https_proxy: 'http://127.0.0.1:9',
    NO_PROXY: 'localhost,127.0.0.1',
    no_proxy: 'localhost,127.0.0.1',
  };
}

/** A runner whose programs live in `home`. */
export function createRunner(home: string): Runner {
  return (command, args, environment = {}) =>
    new Promise<Ran>((resolve, reject) => {
      const child = spawn(command, args, {
        cwd: home,
        env: { ...minimalEnvironment(home), ...environment },
        stdio: ['ignore', 'pipe', 'pipe'],
        timeout: LIMIT_MS,
        killSignal: 'SIGKILL',
      });
      const stdout: Buffer[] = [];
      const stderr: Buffer[] = [];
      child.stdout.on('data', (chunk: Buffer) => stdout.push(chunk));
      child.stderr.on('data', (chunk: Buffer) => stderr.push(chunk));
      child.on('error', reject);
      child.on('close', (code, signal) => {
        const ran = { stdout: Buffer.concat(stdout).toString(), stderr: Buffer.concat(stderr).toString() };
        if (code === 0) resolve(ran);
        else
          reject(new Error(`exit ${code ?? signal ?? ''}: ${(ran.stderr.trim() || ran.stdout.trim()).slice(-SHOWN)}`));
      });
    });
}

/** What a program said, or why it said nothing. */
type Said = { readonly text: string } | { readonly failed: string };

const said = new Map<string, Promise<Said>>();

/** What a program says when it is asked for its version, which some take a second for: each is asked once. */
function saidBy(command: string, args: readonly string[]): Promise<Said> {
  const line = [command, ...args].join(' ');
  const known = said.get(line);
  if (known !== undefined) return known;
  const asked = createRunner('/')(command, args).then(
    ({ stdout, stderr }) => ({ text: stdout + stderr }),
    (error: unknown) => ({ failed: String(error) }),
  );
  said.set(line, asked);
  return asked;
}

/** Finds the first program of these whose version is right; a text says what was found instead. */
export async function findProgram(
  candidates: readonly (readonly [command: string, ...args: string[]])[],
  version: RegExp,
  accept: (version: readonly number[]) => boolean = () => true,
): Promise<Program | string> {
  const found: string[] = [];
  for (const [command, ...args] of candidates) {
    const told = await saidBy(command, args);
    if ('failed' in told) {
      // Of most places on `PATH` it is not in them.
      if (!told.failed.includes('ENOENT')) found.push(`${command} (${told.failed})`);
      continue;
    }
    const match = version.exec(told.text)?.[1];
    if (match === undefined) continue;
    if (accept(match.split('.').map(Number))) return { path: command, version: match };
    found.push(match);
  }
  return found.length === 0 ? 'not installed' : `only ${found.join(', ')} is installed`;
}

/** Every place on `PATH` where a program of that name could be. */
export function attributesOf(name: string): readonly string[] {
  return (process.env['PATH'] ?? '')
    .split(':')
    .filter((folder) => folder.startsWith('/'))
    .map((folder) => `${folder}/${name}`);
}

/** Whether a version is at least another. */
export function atLeast(version: readonly number[], least: readonly number[]): boolean {
  for (const [index, part] of least.entries()) {
    const own = version[index] ?? 0;
    if (own !== part) return own > part;
  }
  return true;
}
