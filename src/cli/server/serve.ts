/**
 * `sallyport serve`: the gateway, as workers (one, as a rule) under a primary. Either loads only what it needs itself: what a
 * process has loaded stays in its memory.
 */
import cluster from 'node:cluster';
import type { Command } from 'commander';
import { demoFindings } from '../../config/demo-findings.ts';
import type { Listening } from '../../compose/check-online.ts';
import type { Config } from '../../config/config.ts';
import { configOf, loadWholeConfig } from '../../config/load-config.ts';
import type { ConfigSnapshot, LoadedConfig } from '../../config/loading/load.ts';
import { CHECK_OPTION, checkOnly, JSON_OPTION, ONLINE_OPTION, refuseAlone, type CheckFlags } from './check-only.ts';
import { CommandError, type CommandIo } from '../io.ts';
import { CONFIG_OPTION, configFile, configName, readWholeConfig } from '../read-config.ts';
import { createPrimaryCounters } from './primary-counters.ts';
import { runWorker } from './run-worker.ts';
import { WORKER_POLICIES, WORKER_SLOT } from './worker-messages.ts';

export interface ServeOptions {
  /** Undefined: the usual file where it is there, else the variables. */
  readonly configPath: string | undefined;
  /** Whether demo keys and the demo's issuer are accepted; only `sallyport demo` says so. */
  readonly allowDemo: boolean;
}

/** Registers the command. */
export function registerServe(program: Command, io: CommandIo): void {
  program
    .command('serve')
    .description('Runs the gateway.')
    .option(...CONFIG_OPTION)
    .option(...CHECK_OPTION)
    .option(...ONLINE_OPTION)
    .option(...JSON_OPTION)
    .addHelpText(
      'after',
      '\nExamples:\n  sallyport serve --config /etc/sallyport/sallyport.yaml\n  sallyport serve --config sallyport.yaml --check --online\n  SALLYPORT_BUCKETS=reports … sallyport serve  (docs/configuration.md, "Without a file")\n\nExit codes: 0 stopped by a signal or checked, 1 failed (with --check: what it depends on), 2 bad configuration.\nSignals: SIGTERM and SIGINT drain and stop, SIGHUP reloads policies, certificates and keys.',
    )
    .action(async (options: CheckFlags & { readonly config?: string }) => {
      refuseAlone(options);
      if (options.check === true) {
        const { config } = await servableConfig(io, { configPath: options.config, allowDemo: false });
        // A primary that serves keeps in memory for its life what it loads.
        const { policiesOf } = await import('../../compose/policies.ts');
        const name = options.config ?? configName(io);
        const loadPolicies = () => policiesOf(config);
        const listening = listeningOf(config);
        await checkOnly(name, config, { ...options, loadPolicies, listening, ok: `${name}: ok\n`, io });
        return;
      }
      await runServe(io, { configPath: options.config, allowDemo: false });
    });
}

/** Runs the gateway until a signal stops it. */
export async function runServe(io: CommandIo, options: ServeOptions): Promise<void> {
  if (!cluster.isWorker) {
    const first = await servableConfig(io, options);
    // Workers have no use for it.
    const { runPrimary } = await import('./run-primary.ts');
    const path = configFile(io, options.configPath);
    const load = () => servable(options, () => loadWholeConfig({ path, env: io.env, cwd: io.cwd }));
    await runPrimary(io, { path, first, load, make: (snapshot) => madeOf(io, options, snapshot) });
    return;
  }
  await runWorker(io, async (snapshot) => {
    const { config } = await madeOf(io, options, snapshot);
    // The primary has no use for it.
    const { createGateway } = await import('../../compose/gateway.ts');
    const { keptPolicies, keptPreview } = await import('../../compose/policies.ts');
    const worker = Number(io.env[WORKER_SLOT] ?? '0');
    const policies = await keptPolicies(config, io.env[WORKER_POLICIES] ?? '');
    const counters = cluster.worker && createPrimaryCounters(cluster.worker);
    const preview = config.policies.preview === undefined ? undefined : await keptPreview(config);
    const sources = { policies, ...(preview && { preview }), ...(counters && { counters }) };
    const gateway = await createGateway(config, { worker, pid: io.pid, logStream: io.stderr, env: io.env, ...sources });
    const made = async (next: ConfigSnapshot) => (await madeOf(io, options, next)).config;
    return { gateway, policies, preview, configOf: made };
  });
}

function listeningOf({ listen, admin }: Config): readonly Listening[] {
  const target = listen.kind === 'socket' ? { socket: listen.path, mode: listen.mode } : listen;
  return [
    { name: 'listen', target, setting: listen.kind === 'socket' ? 'listen.socket' : 'listen.address' },
    { name: 'admin', target: admin.address, setting: 'admin.address' },
  ];
}

/** @throws CommandError (2) */
const servableConfig = (io: CommandIo, options: ServeOptions): Promise<LoadedConfig<Config>> =>
  servable(options, () => readWholeConfig(io, options.configPath));

/** @throws CommandError, ConfigError */
const madeOf = (io: CommandIo, options: ServeOptions, snapshot: ConfigSnapshot): Promise<LoadedConfig<Config>> =>
  servable(options, () => configOf(snapshot, { env: io.env, cwd: io.cwd }));

async function servable(
  { allowDemo }: ServeOptions,
  load: () => Promise<LoadedConfig<Config>>,
): Promise<LoadedConfig<Config>> {
  const loaded = await load();
  const findings = allowDemo ? [] : demoFindings(loaded.config);
  if (findings.length === 0) return loaded;
  throw new CommandError(
    `demo settings must not be used in production:\n${findings.map((line) => `  ${line}`).join('\n')}`,
    2,
  );
}
