/** The processes that a benchmark starts, and what they have used, from /proc. */
import { fork, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';

const children = new Set<ChildProcess>();

/** CPU time of the threads of processes so far, user and system; of a thread that has ended, nothing. */
export async function cpuSeconds(pids: readonly number[]): Promise<number> {
  const threads = await Promise.all(
    pids.map(async (pid) => (await readdir(`/proc/${pid}/task`)).map((thread) => `/proc/${pid}/task/${thread}`)),
  );
  const times = await Promise.all(threads.flat().map((thread) => threadNanoseconds(`${thread}/schedstat`)));
  return times.reduce((sum, time) => sum + time, 0) / 1e9;
}

async function threadNanoseconds(file: string): Promise<number> {
  const text = await readFile(file, 'utf8').catch(() => '0');
  return Number(text.split(' ')[0]);
}

/** The most memory that a process has had resident, in bytes. */
export function peakRssBytes(pid: number): Promise<number> {
  return statusBytes(pid, 'VmHWM');
}

/** The memory that a process has resident now, in bytes. */
export function rssBytes(pid: number): Promise<number> {
  return statusBytes(pid, 'VmRSS');
}

async function statusBytes(pid: number, field: string): Promise<number> {
  const status = await readFile(`/proc/${pid}/status`, 'utf8');
  return Number(new RegExp(`${field}:\\s+(\\d+)`).exec(status)?.[1]) * 1024;
}

/** Starts one of the programs beside this file, with these flags of Node, and gives its first message. */
export async function startProgram(
  script: string,
  args: readonly string[] = [],
  flags: readonly string[] = [],
): Promise<{ child: ChildProcess; message: unknown }> {
  const child = fork(join(import.meta.dirname, script), args, { execPath: process.execPath, execArgv: [...flags] });
  adopt(child);
  const [message] = (await Promise.race([
    once(child, 'message'),
    once(child, 'exit').then(() => {
      throw new Error(`${script} ended before it said anything`);
    }),
  ])) as [unknown];
  return { child, message };
}

/** Starts one that listens on a port of 127.0.0.1 and tells which. */
export async function startServer(
  script: string,
  args: readonly string[] = [],
  flags: readonly string[] = [],
): Promise<{ child: ChildProcess; origin: string; pid: number; pids: readonly number[] }> {
  const { child, message } = await startProgram(script, args, flags);
  const { port } = message as { port: number };
  const pid = child.pid ?? 0;
  return { child, origin: `http://127.0.0.1:${port}`, pid, pids: [pid] };
}

/** Takes a process among those that `endAll` ends. */
export function adopt(child: ChildProcess): void {
  children.add(child);
}

/** Ends one, and waits for it. */
export async function end(child: ChildProcess): Promise<void> {
  children.delete(child);
  if (child.exitCode !== null || child.signalCode !== null) return;
  child.kill('SIGTERM');
  await once(child, 'exit');
}

/** Ends all that are left. */
export async function endAll(): Promise<void> {
  await Promise.all([...children].map(end));
}
