/**
 * Opens and closes servers. A unix socket left by a killed process is replaced, one that somebody listens on is not; it is
 * opened to its owner alone and only then to the edge's group.
 */
import { chmod, lstat, stat, unlink } from 'node:fs/promises';
import type { Server as HttpServer } from 'node:http';
import { connect, type Server } from 'node:net';
import { dirname } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';

export type ListenTarget =
  { readonly socket: string; readonly mode: number } | { readonly host: string; readonly port: number };

/**
 * Removes a unix socket that nobody listens on: the file of a process that was killed.
 * @throws Error in one line when somebody does or may, or when it is another kind of file
 */
export async function clearStaleSocket(path: string): Promise<void> {
  const found = await lstat(path).catch(() => undefined);
  if (found === undefined) return;
  if (await socketIsHeld(path))
    throw new Error(`another process listens on ${path}; stop it, or set another listen.socket`);
  await unlink(path).catch((error: unknown) => {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
  });
}

/** Tells whether somebody listens on a unix socket, or may. @throws Error in one line when it is another kind of file */
export async function socketIsHeld(path: string): Promise<boolean> {
  const found = await lstat(path).catch(() => undefined);
  if (found === undefined) return false;
  if (!found.isSocket()) throw new Error(`${path} exists and is not a socket; remove it, or set another listen.socket`);
  const answer = await new Promise<string | undefined>((resolve) => {
    const probe = connect(path, () => {
      probe.destroy();
      resolve('connected');
    });
    probe.once('error', ({ code }: NodeJS.ErrnoException) => resolve(code));
  });
  // Only this answer is nobody's: one that is not let in, or finds the queue full, has met a process that lives.
  return answer !== 'ECONNREFUSED' && answer !== 'ENOENT';
}

/**
 * Resolves when the server takes connections; `setting` says where the address comes from.
 * @throws Error in one line: what is wrong with the address, and what would be right
 */
export async function listen(server: Server, target: ListenTarget, setting: string): Promise<void> {
  await new Promise<void>((resolve, reject) => {
    const failed = (error: NodeJS.ErrnoException): void => {
      void whyNot(error, target, setting).then((reason) => reject(new Error(reason, { cause: error })));
    };
    server.once('error', failed);
    const done = (): void => {
      server.off('error', failed);
      resolve();
    };
    if ('socket' in target) server.listen(target.socket, done);
    else server.listen(target.port, target.host, done);
  });
  // Node opens a socket to its owner alone (umask); the edge's group gets in only now.
  if ('socket' in target) await chmod(target.socket, target.mode);
}

async function whyNot(error: NodeJS.ErrnoException, target: ListenTarget, setting: string): Promise<string> {
  const where = 'socket' in target ? target.socket : `${target.host}:${target.port}`;
  const { code } = error;
  if (code === 'EADDRINUSE') {
    return `${where} is already in use; stop the process that listens there, or set another ${setting}`;
  }
  if ('socket' in target) {
    const folder = dirname(target.socket);
    // libuv calls a missing folder a lack of permission.
    const found = await stat(folder).catch(() => undefined);
    if (found?.isDirectory() !== true) {
      return `cannot listen on ${where}: there is no folder ${folder}; make it, owned by the user of this process, or set another ${setting}`;
    }
    if (code === 'EACCES' || code === 'EPERM' || code === 'EROFS') {
      return `cannot listen on ${where}: this process may not write into ${folder}; give the folder to its user, or set another ${setting}`;
    }
  } else if (code === 'EACCES') {
    return `cannot listen on ${where}: this process may not open a port that low; set another ${setting}, from 1024 on`;
  } else if (code === 'EADDRNOTAVAIL') {
    return `cannot listen on ${where}: that is no address of this machine; set another ${setting}`;
  } else if (code === 'ENOTFOUND') {
    return `cannot listen on ${where}: there is no such host; set another ${setting}`;
  }
  return `cannot listen on ${where} (${setting}): ${error.message}`;
}

const IDLE_CHECK_MS = 50;
/** What is cut in its work has so long to say how it ended. */
export const RECORDING_MS = 1000;

/**
 * Stops taking connections and lets requests in flight finish for at most `graceMs`, whether or not their clients still
 * wait for them.
 */
export async function closeGracefully(
  server: HttpServer,
  graceMs: number,
  inFlight: () => number = () => 0,
): Promise<void> {
  const endMs = performance.now() + graceMs;
  const closed = new Promise<void>((resolve) => {
    server.close(() => resolve());
  });
  // A connection that was busy at first stays open after its request, for the next one.
  const idle = setInterval(() => server.closeIdleConnections(), IDLE_CHECK_MS);
  const timer = setTimeout(() => server.closeAllConnections(), graceMs);
  await closed;
  clearInterval(idle);
  clearTimeout(timer);
  await untilIdle(inFlight, endMs - performance.now());
}

/** Resolves when nothing is in flight, or after `withinMs`. */
export async function untilIdle(inFlight: () => number, withinMs: number): Promise<void> {
  const endMs = performance.now() + withinMs;
  while (inFlight() > 0 && performance.now() < endMs) await sleep(IDLE_CHECK_MS);
}
