/**
 * The primary of a gateway. Enters: a configuration. It serves the operator's port, reads the policies for all workers, and
 * replaces workers that die or must go; it handles no request of a client.
 */
import { availableParallelism } from 'node:os';
import type { Config } from '../../config/config.ts';
import { createAdminServer } from '../../http/admin-server.ts';
import { clearStaleSocket, closeGracefully, listen } from '../../http/listen.ts';
import { createLog } from '../../telemetry/log.ts';
import type { CommandIo } from '../io.ts';
import { releaseStartMemory } from './release-memory.ts';
import { inOneLine, untilStopped } from './run-service.ts';
import { createWorkers } from './workers.ts';
import { watchedPolicies, watchedPreview } from '../../compose/policies.ts';
import { measurePolicies } from '../../telemetry/policy-metrics.ts';
import { measureService } from '../../telemetry/process-metrics.ts';
import type { PolicySource } from '../../policy/policy-source.ts';

/** Runs it, and resolves when its workers serve. @throws StartError in one line */
export async function runPrimary(io: CommandIo, config: Config): Promise<void> {
  const { listen: own, admin: at } = config;
  const log = createLog({ level: config.log.level, stream: io.stderr });
  const count = config.workers === 'auto' ? availableParallelism() : config.workers;
  let policies: PolicySource | undefined;
  let preview: PolicySource | undefined;
  const keepPolicies = async (): Promise<void> => {
    await policies?.keepAgain();
    await preview?.keepAgain();
  };
  const workers = createWorkers(count, log, { env: io.env, keepPolicies });
  measurePolicies(workers.registry, { refused: () => policies?.refused() });
  measureService(workers.registry, { version: io.version, ready: async () => (await workers.readiness()).ready });
  const admin = createAdminServer({
    readiness: async () => {
      const { ready, reports } = await workers.readiness();
      return { ready, reports: [...reports, ...(policies?.health() ?? []), ...(preview?.health() ?? [])] };
    },
    metrics: workers.metrics,
    allowedHosts: at.allowedHosts,
    uncaught: (error) => log.event('admin_request_failed', { error }),
  });
  const end = untilStopped(io, async () => {
    policies?.close();
    preview?.close();
    await workers.stop();
    await closeGracefully(admin, 0);
  });
  io.onUncaught((error) => {
    log.event('uncaught_error', { error });
    end(1);
  });
  io.onSignal('SIGHUP', () => {
    void policies?.reload();
    void preview?.reload();
  });
  await inOneLine(async () => {
    const loaded = await watchedPolicies(config, { event: log.event, share: workers.usePolicies });
    if (own.kind === 'socket') await clearStaleSocket(own.path);
    await listen(admin, at.address, 'admin.address');
    await workers.start(loaded.current().version);
    policies = loaded;
    policies.watch();
    preview = await watchedPreview(config, { event: log.event, share: workers.previewPolicies });
    preview?.watch();
    releaseStartMemory();
  });
}
