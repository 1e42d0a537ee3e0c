/**
 * Opens and closes servers. A unix socket left by a killed process is replaced, one that somebody listens on is not; it is
 * opened to its owner alone and only then to the edge's group.
 */
import { chmod, lstat, unlink } from 'node:fs/promises';
import type { Server } from 'node:http';
import { connect } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';

export type ListenTarget =
  { readonly socket: string; readonly mode: number } | { readonly host: string; readonly port: number };

/** Removes a unix socket that nobody listens on. @throws Error when somebody does, or when it is another kind of file */
export async function clearStaleSocket(path: string): Promise<void> {
  const found = await lstat(path).catch(() => undefined);
  if (found === undefined) return;
  if (!found.isSocket()) throw new Error(`${path} exists and is not a socket`);
  const taken = await new Promise<boolean>((resolve) => {
    const probe = connect(path, () => {
      probe.destroy();
      resolve(true);
    });
    probe.once('error', () => resolve(false));
  });
  if (taken) throw new Error(`another process listens on ${path}`);
  await unlink(path);
}

/** Resolves when the server takes connections. @throws Error in one line: the address is taken or not to be had */
export async function listen(server: Server, target: ListenTarget): Promise<void> {
  const where = 'socket' in target ? target.socket : `${target.host}:${target.port}`;
  await new Promise<void>((resolve, reject) => {
    server.once('error', (error: NodeJS.ErrnoException) => {
      reject(
        new Error(
          error.code === 'EADDRINUSE' ? `${where} is already in use` : `cannot listen on ${where}: ${error.message}`,
        ),
      );
    });
    const done = (): void => resolve();
    if ('socket' in target) server.listen(target.socket, done);
    else server.listen(target.port, target.host, done);
  });
  // Node opens a socket to its owner alone (umask); the edge's group gets in only now.
  if ('socket' in target) await chmod(target.socket, target.mode);
}

const IDLE_CHECK_MS = 50;
/** What is cut in its work has so long to say how it ended. */
export const RECORDING_MS = 1000;

/**
 * Stops taking connections and lets requests in flight finish for at most `graceMs`, whether or not their clients still
 * wait for them.
 */
export async function closeGracefully(
  server: Server,
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
