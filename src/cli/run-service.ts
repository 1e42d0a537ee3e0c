/** One process that serves: its own port and the operator's, until a signal stops it. */
import type { Gateway } from '../app.ts';
import type { Config } from '../config/config.ts';
import { createAdminServer } from '../http/admin-server.ts';
import { clearStaleSocket, closeGracefully, listen } from '../http/listen.ts';
import { CommandError, type CommandIo } from './io.ts';

/** Starts it, and resolves when it serves. @throws CommandError */
export async function runService(io: CommandIo, at: Config['admin'], create: () => Promise<Gateway>): Promise<void> {
  const service = await oneLine(create);
  const { readiness, metrics } = service;
  const admin = createAdminServer({ readiness, metrics, allowedHosts: at.allowedHosts });
  await oneLine(async () => {
    await listen(admin, at.address);
    if ('socket' in service.target) await clearStaleSocket(service.target.socket);
    await service.listen();
  });
  untilStopped(io, async () => {
    await service.drain();
    await closeGracefully(admin, 0);
  });
  io.onSignal('SIGHUP', () => void service.reload());
}

/** Drains on the first signal, or when the process that started this one goes away; a second signal ends at once. */
export function untilStopped(io: CommandIo, drain: () => Promise<void>): void {
  let stopping = false;
  const stop = (): void => {
    if (stopping) io.exit(1);
    stopping = true;
    void drain().then(
      () => io.exit(0),
      () => io.exit(1),
    );
  };
  io.onSignal('SIGTERM', stop);
  io.onSignal('SIGINT', stop);
  io.onParentExit(stop);
}

/** Fails in one line. @throws CommandError */
export async function oneLine<T>(start: () => Promise<T>): Promise<T> {
  try {
    return await start();
  } catch (error) {
    throw new CommandError(error instanceof Error ? error.message : String(error));
  }
}
