/**
 * Runs programs in Python with the package cryptography, all of a test process in one Python: its start takes longer than
 * most of them do.
 */
import { spawn, spawnSync, type ChildProcessByStdio } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { createInterface } from 'node:readline';
import type { Readable, Writable } from 'node:stream';
import { fileURLToPath } from 'node:url';

export interface ProgramRun {
  readonly status: number | null;
  readonly stderr: string;
}

const PYTHON = existsSync('/usr/bin/python3') ? '/usr/bin/python3' : 'python3';
const RUNNER = fileURLToPath(new URL('python/run_programs.py', import.meta.url));
let isThere: boolean | undefined;
let runner: ReturnType<typeof startRunner> | undefined;

/** Whether this machine has what it needs. */
export const hasPython = (): boolean => (isThere ??= spawnSync(PYTHON, ['-c', 'import cryptography']).status === 0);

/** Runs a program in a process of its own. */
export const runPythonAlone = (...args: readonly string[]): ProgramRun => spawnSync(PYTHON, args, { encoding: 'utf8' });

/** Runs a program, after those that were requested before. */
export function runPython(...args: readonly string[]): Promise<ProgramRun> {
  runner ??= startRunner();
  return runner(args);
}

function startRunner(): (args: readonly string[]) => Promise<ProgramRun> {
  const child: ChildProcessByStdio<Writable, Readable, null> = spawn(PYTHON, [RUNNER], {
    stdio: ['pipe', 'pipe', 'inherit'],
  });
  const waiting: ((run: ProgramRun) => void)[] = [];
  createInterface(child.stdout).on('line', (line) => waiting.shift()?.(JSON.parse(line) as ProgramRun));
  void once(child, 'exit').then(() => {
    for (const resolve of waiting.splice(0)) resolve({ status: null, stderr: 'Python has ended' });
  });
  return (args) =>
    new Promise((resolve) => {
      waiting.push(resolve);
      child.stdin.write(`${JSON.stringify(args)}\n`);
    });
}
