/**
 * `sallyport serve`: the gateway, as one process or as several workers under a primary. The primary serves the operator's
 * port and replaces workers that die; it handles no request.
 */
import cluster from 'node:cluster';
import { availableParallelism } from 'node:os';
import type { Command } from 'commander';
import { createGateway } from '../app.ts';
import { demoFindings } from '../config/demo-findings.ts';
import type { Config } from '../config/config.ts';
import { createAdminServer } from '../http/admin-server.ts';
import { clearStaleSocket, closeGracefully, listen } from '../http/listen.ts';
import { policiesOf } from '../policies-of.ts';
import { CHECK_OPTION, checkOnly } from './check-only.ts';
import { CommandError, type CommandIo } from './io.ts';
import { readConfig } from './read-config.ts';
import { oneLine, runService, untilStopped } from './run-service.ts';
import { answerPrimary, startWorkers, WORKER_SLOT } from './workers.ts';

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
    .addHelpText(
      'after',
      '\nExamples:\n  sallyport serve --config /etc/sallyport/sallyport.yaml\n  sallyport serve --config sallyport.yaml --check\n\nExit codes: 0 stopped by a signal or checked, 1 failed (with --check: a keyring), 2 bad configuration.\nSignals: SIGTERM and SIGINT drain and stop, SIGHUP reloads the policies.',
    )
    .action(async (options: { config: string; check?: boolean }) => {
      if (options.check === true) {
        const config = await servableConfig(io, { configPath: options.config, allowDemo: false });
        await checkOnly(options.config, config, () => policiesOf(config));
        io.stdout.write(`${options.config}: ok\n`);
        return;
      }
      await runServe(io, { configPath: options.config, allowDemo: false });
    });
}

/** Runs the gateway until a signal stops it. */
export async function runServe(io: CommandIo, options: ServeOptions): Promise<void> {
  const config = await servableConfig(io, options);
  const workers = config.workers === 'auto' ? availableParallelism() : config.workers;
  if (cluster.isWorker) await runWorker(io, config);
  else if (workers > 1) await runPrimary(io, config, workers);
  else await runSingle(io, config);
}

async function servableConfig(io: CommandIo, { configPath, allowDemo }: ServeOptions): Promise<Config> {
  const config = await readConfig(io, configPath);
  const findings = allowDemo ? [] : demoFindings(config);
  if (findings.length === 0) return config;
  throw new CommandError(
    `this is the demo's, and not for serving:\n${findings.map((line) => `  ${line}`).join('\n')}`,
    2,
  );
}

async function runSingle(io: CommandIo, config: Config): Promise<void> {
  await runService(io, config.admin, () => createGateway(config, { worker: 0, pid: io.pid, logStream: io.stderr }));
}

async function runWorker(io: CommandIo, config: Config): Promise<void> {
  const worker = Number(io.env[WORKER_SLOT] ?? '0');
  const gateway = await oneLine(() => createGateway(config, { worker, pid: io.pid, logStream: io.stderr }));
  await oneLine(() => gateway.listen());
  answerPrimary(gateway);
  // Terminals and service managers signal the whole group, and then the primary signals too: a worker drains once.
  let draining: Promise<void> | undefined;
  const stop = (): void => {
    draining ??= gateway.drain().finally(() => io.exit(0));
  };
  io.onSignal('SIGTERM', stop);
  io.onSignal('SIGINT', stop);
  io.onParentExit(stop);
}

async function runPrimary(io: CommandIo, config: Config, count: number): Promise<void> {
  if (config.listen.kind === 'socket') {
    const { path } = config.listen;
    await oneLine(() => clearStaleSocket(path));
  }
  const workers = startWorkers(count, io);
  const admin = createAdminServer({
    readiness: workers.readiness,
    metrics: workers.metrics,
    allowedHosts: config.admin.allowedHosts,
  });
  await oneLine(() => listen(admin, config.admin.address)).catch(async (error: unknown) => {
    await workers.stop();
    throw error;
  });
  untilStopped(io, async () => {
    await workers.stop();
    await closeGracefully(admin, 0);
  });
  io.onSignal('SIGHUP', () => workers.reload());
}
