/**
 * `sallyport serve`: the gateway, as workers (one, as a rule) under a primary. The primary serves the operator's port and
 * replaces workers that die or must go; it handles no request of a client.
 */
import cluster from 'node:cluster';
import { availableParallelism } from 'node:os';
import type { Command } from 'commander';
import { demoFindings } from '../../config/demo-findings.ts';
import type { Config } from '../../config/config.ts';
import { createAdminServer } from '../../http/admin-server.ts';
import { clearStaleSocket, closeGracefully, listen } from '../../http/listen.ts';
import { createLog } from '../../telemetry/log.ts';
import { CHECK_OPTION, checkOnly, ONLINE_OPTION, refuseOnlineAlone, type CheckFlags } from './check-only.ts';
import { CommandError, type CommandIo } from '../io.ts';
import { readConfig } from '../read-config.ts';
import { inOneLine, untilStopped } from './run-service.ts';
import { runWorker } from './run-worker.ts';
import { WORKER_SLOT } from './worker-messages.ts';
import { createWorkers } from './workers.ts';

export interface ServeOptions {
  readonly configPath: string;
  /** Whether demo keys and the demo's issuer are accepted; only `sallyport demo` says so. */
  readonly allowDemo: boolean;
}

/** Registers the command. */
export function registerServe(program: Command, io: CommandIo): void {
  program
    .command('serve')
    .description('Runs the gateway.')
    .requiredOption('--config <file>', 'the configuration file (docs/configuration.md)')
    .option(...CHECK_OPTION)
    .option(...ONLINE_OPTION)
    .addHelpText(
      'after',
      '\nExamples:\n  sallyport serve --config /etc/sallyport/sallyport.yaml\n  sallyport serve --config sallyport.yaml --check --online\n\nExit codes: 0 stopped by a signal or checked, 1 failed (with --check: a keyring or a bucket), 2 bad configuration.\nSignals: SIGTERM and SIGINT drain and stop, SIGHUP reloads the policies.',
    )
    .action(async (options: CheckFlags & { readonly config: string }) => {
      refuseOnlineAlone(options);
      if (options.check === true) {
        const config = await servableConfig(io, { configPath: options.config, allowDemo: false });
        // A primary that serves keeps in memory for its life what it loads.
        const { policiesOf } = await import('../../compose/policies.ts');
        await checkOnly(options.config, config, { loadPolicies: () => policiesOf(config), online: options.online, io });
        io.stdout.write(`${options.config}: ok\n`);
        return;
      }
      await runServe(io, { configPath: options.config, allowDemo: false });
    });
}

/** Runs the gateway until a signal stops it. */
export async function runServe(io: CommandIo, options: ServeOptions): Promise<void> {
  if (!cluster.isWorker) {
    await runPrimary(io, await servableConfig(io, options));
    return;
  }
  await runWorker(io, async () => {
    const config = await servableConfig(io, options);
    // The primary has no use for it.
    const { createGateway } = await import('../../compose/gateway.ts');
    const worker = Number(io.env[WORKER_SLOT] ?? '0');
    return createGateway(config, { worker, pid: io.pid, logStream: io.stderr });
  });
}

async function servableConfig(io: CommandIo, { configPath, allowDemo }: ServeOptions): Promise<Config> {
  const config = await readConfig(io, configPath);
  const findings = allowDemo ? [] : demoFindings(config);
  if (findings.length === 0) return config;
  throw new CommandError(
    `demo settings must not be used in production:\n${findings.map((line) => `  ${line}`).join('\n')}`,
    2,
  );
}

async function runPrimary(io: CommandIo, config: Config): Promise<void> {
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
