/**
 * A child process that outlives nobody: its own process group (so that Ctrl-C reaches the parent alone, which then stops
 * its children in order), output into a log file, and an end that can be waited for.
 */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { open } from 'node:fs/promises';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Environment } from './programs.ts';

export interface ChildOptions {
  readonly command: readonly [string, ...string[]];
  readonly environment: Environment;
  /** Appended to, mode 0600. */
  readonly logFile: string;
  /** Whether it gets an IPC channel, by which it notices when its parent is gone. */
  readonly ipc: boolean;
  /** Whether this process writes the log for it: HAProxy takes O_APPEND off its output and would overwrite the file. */
  readonly relayLog: boolean;
}

export interface Child {
  readonly pid: number;
  /** Whether it has ended. */
  readonly ended: () => boolean;
  /** Sends SIGTERM, after `graceMs` SIGKILL; resolves when it has ended. */
  readonly stop: (graceMs: number) => Promise<void>;
  /** Ends it, and what it has started, without warning. */
  readonly kill: () => Promise<void>;
  /** Resolves when it has ended, whyever. */
  readonly end: Promise<void>;
}

const GROUP_END_MS = 200;

/** @throws Error when it cannot be started */
export async function startChild(options: ChildOptions): Promise<Child> {
  const [program, ...parameters] = options.command;
  const log = await open(options.logFile, 'a', 0o600);
  const output = options.relayLog ? 'pipe' : log.fd;
  const child = spawn(program, parameters, {
    stdio: ['ignore', output, output, ...(options.ipc ? (['ipc'] as const) : [])],
    env: options.environment,
    detached: true,
  });
  if (options.relayLog) {
    const file = log.createWriteStream();
    for (const stream of [child.stdout, child.stderr]) stream?.pipe(file, { end: false });
    child.once('close', () => file.end());
  }
  try {
    await once(child, 'spawn');
  } finally {
    if (!options.relayLog) await log.close();
  }
  const end = new Promise<void>((resolve) => {
    if (child.exitCode !== null || child.signalCode !== null) resolve();
    else child.once('exit', () => resolve());
  });
  const ended = () => child.exitCode !== null || child.signalCode !== null;
  return {
    pid: child.pid ?? 0,
    ended,
    end,
    stop: async (graceMs) => {
      if (ended()) return;
      child.kill('SIGTERM');
      const fastFailing = setTimeout(() => child.kill('SIGKILL'), graceMs);
      await end;
      clearTimeout(fastFailing);
    },
    kill: async () => {
      // Of the whole group: what it has started must not finish what it was doing.
      if (child.pid !== undefined && !ended()) spawn('kill', ['-KILL', '--', `-${child.pid}`]);
      await end;
      // The others of the group end in the same moment, but nobody here is told.
      await sleep(GROUP_END_MS);
    },
  };
}

/**
 * Asks again and again until the answer is yes.
 * @throws Error when `isOver` says so or after `limitMs`; its message is `what` and where to look
 */
export async function waitUntil(
  condition: () => Promise<boolean>,
  isOver: () => boolean,
  limitMs: number,
  what: string,
): Promise<void> {
  const endMs = Date.now() + limitMs;
  while (!(await condition())) {
    if (isOver() || Date.now() > endMs) throw new Error(what);
    await new Promise((resolve) => setTimeout(resolve, 25));
  }
}
