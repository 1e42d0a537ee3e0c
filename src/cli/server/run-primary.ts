/**
 * The primary of a gateway. Enters: a configuration. It serves the operator's port, and replaces workers that die or must
 * go; it handles no request of a client.
 */
import { availableParallelism } from 'node:os';
import type { Config } from '../../config/config.ts';
import { createAdminServer } from '../../http/admin-server.ts';
import { clearStaleSocket, closeGracefully, listen } from '../../http/listen.ts';
import { createLog } from '../../telemetry/log.ts';
import type { CommandIo } from '../io.ts';
import { inOneLine, untilStopped } from './run-service.ts';
import { createWorkers } from './workers.ts';

/** Runs it, and resolves when its workers serve. @throws StartError in one line */
export async function runPrimary(io: CommandIo, config: Config): Promise<void> {
  const { listen: own, admin: at } = config;
  const log = createLog({ level: config.log.level, stream: io.stderr });
  const workers = createWorkers(config.workers === 'auto' ? availableParallelism() : config.workers, log);
  const admin = createAdminServer({
    readiness: workers.readiness,
    metrics: workers.metrics,
    allowedHosts: at.allowedHosts,
    uncaught: (error) => log.event('admin_request_failed', { error }),
  });
  const end = untilStopped(io, async () => {
    await workers.stop();
    await closeGracefully(admin, 0);
  });
  io.onUncaught((error) => {
    log.event('uncaught_error', { error });
    end(1);
  });
  io.onSignal('SIGHUP', () => workers.reload());
  await inOneLine(async () => {
    if (own.kind === 'socket') await clearStaleSocket(own.path);
    await listen(admin, at.address, 'admin.address');
    await workers.start();
  });
}
