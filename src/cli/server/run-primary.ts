/**
 * The primary of a gateway. Enters: a configuration. It serves the operator's port, reads the policies for all workers, and
 * replaces workers that die or must go; it handles no request of a client.
 */
import { availableParallelism } from 'node:os';
import type { Config } from '../../config/config.ts';
import { openConfigSource, type ConfigSourceOptions } from '../../config/reload/config-source.ts';
import { createAdminServer } from '../../http/admin-server.ts';
import { clearStaleSocket, closeGracefully, listen } from '../../http/listen.ts';
import { createLog } from '../../telemetry/log.ts';
import type { CommandIo } from '../io.ts';
import { releaseStartMemory } from './release-memory.ts';
import { inOneLine, untilStopped } from './run-service.ts';
import { createWorkers } from './workers.ts';
import { watchedPolicies, watchedPreview } from '../../compose/policies.ts';
import { measureConfiguration } from '../../telemetry/configuration-metrics.ts';
import { measurePolicies } from '../../telemetry/policy-metrics.ts';
import { measureService } from '../../telemetry/process-metrics.ts';
import type { PolicySource } from '../../policy/policy-source.ts';

/** What it starts with, and where changes of that come from. */
type Configured = Pick<ConfigSourceOptions<Config>, 'path' | 'first' | 'load' | 'make'>;

/** Runs it, and resolves when its workers serve. @throws StartError in one line */
export async function runPrimary(io: CommandIo, configured: Configured): Promise<void> {
  const { config } = configured.first;
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
  const configuration = await openConfigSource({
    ...configured,
    share: ({ snapshot }) => workers.useConfiguration(snapshot),
    event: log.event,
  });
  measurePolicies(workers.registry, { refused: () => policies?.refused() });
  measureConfiguration(workers.registry, configuration);
  measureService(workers.registry, { version: io.version, ready: async () => (await workers.readiness()).ready });
  const admin = createAdminServer({
    readiness: async () => {
      const { ready, reports } = await workers.readiness();
      const own = [configuration, policies, preview].flatMap((source) => source?.health() ?? []);
      return { ready, reports: [...reports, ...own] };
    },
    metrics: workers.metrics,
    allowedHosts: at.allowedHosts,
    uncaught: (error) => log.event('admin_request_failed', { error }),
  });
  const end = untilStopped(io, async () => {
    configuration.close();
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
    void configuration.reload();
    void policies?.reload();
    void preview?.reload();
  });
  await inOneLine(async () => {
    const loaded = await watchedPolicies(config, { event: log.event, share: workers.usePolicies });
    if (own.kind === 'socket') await clearStaleSocket(own.path);
    await listen(admin, at.address, 'admin.address');
    await workers.start(configuration.snapshot(), loaded.current().version);
    configuration.watch();
    policies = loaded;
    policies.watch();
    preview = await watchedPreview(config, { event: log.event, share: workers.previewPolicies });
    preview?.watch();
    releaseStartMemory();
  });
}
