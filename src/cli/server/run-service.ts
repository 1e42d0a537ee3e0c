/** One process that serves: its own port and the operator's, until a signal stops it. */
import type { Gateway } from '../../compose/gateway.ts';
import type { Config } from '../../config/config.ts';
import { createAdminServer } from '../../http/admin-server.ts';
import { clearStaleSocket, closeGracefully, listen } from '../../http/listen.ts';
import { measureService } from '../../telemetry/process-metrics.ts';
import { StartError, type CommandIo } from '../io.ts';
import { releaseStartMemory } from './release-memory.ts';

type Service = Omit<Gateway, 'prepare' | 'use'>;

/**
 * Starts it, and resolves when it serves. After an error that nobody caught it drains and ends with code 1, for whoever
 * started it to start it again. @throws StartError
 */
export async function runService(io: CommandIo, at: Config['admin'], create: () => Promise<Service>): Promise<void> {
  const service = await inOneLine(create);
  releaseStartMemory();
  const { readiness, metrics, uncaught } = service;
  measureService(service.registry, { version: io.version, ready: () => readiness().ready });
  const admin = createAdminServer({ readiness, metrics, allowedHosts: at.allowedHosts, uncaught: uncaught.ofRequest });
  // The operator's port first: it says that nothing is ready until the other one listens, whose line in the log is the last.
  await inOneLine(async () => {
    await listen(admin, at.address, 'admin.address');
    if ('socket' in service.target) await clearStaleSocket(service.target.socket);
    await service.listen();
  });
  const end = untilStopped(io, async () => {
    await service.drain();
    await closeGracefully(admin, 0);
  });
  io.onUncaught((error) => {
    uncaught.ofProcess(error);
    end(1);
  });
  io.onSignal('SIGHUP', () => void service.reload());
}

/**
 * Drains on the first signal, or when the process that started this one goes away; a second signal ends at once. Returns
 * what ends it in the same way, with a code.
 */
export function untilStopped(io: CommandIo, drain: () => Promise<void>): (code: 0 | 1) => void {
  let ending: Promise<void> | undefined;
  const end = (code: 0 | 1): void => {
    ending ??= drain().then(
      () => io.exit(code),
      () => io.exit(1),
    );
  };
  const stop = (): void => {
    if (ending !== undefined) io.exit(1);
    end(0);
  };
  io.onSignal('SIGTERM', stop);
  io.onSignal('SIGINT', stop);
  io.onParentExit(stop);
  return end;
}

/** Fails in one line. @throws StartError */
export async function inOneLine<T>(start: () => Promise<T>): Promise<T> {
  try {
    return await start();
  } catch (error) {
    throw new StartError(error instanceof Error ? error.message : String(error));
  }
}
