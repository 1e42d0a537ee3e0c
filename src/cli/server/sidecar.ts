/**
 * `sallyport sidecar`: the gateway's core for the one workload in the same pod, on loopback. No identities: whoever reaches
 * the port is the workload, which is why it takes a word of its own to let anybody else reach it.
 */
import type { Command } from 'commander';
import { ConfigError } from '../../config/loading/config-error.ts';
import type { SidecarConfig } from '../../config/sidecar/load-sidecar.ts';
import { hasVariables } from '../../config/loading/environment.ts';
import { demoFindings } from '../../config/demo-findings.ts';
import { loadSidecarFile, loadSidecarOptions } from '../../config/sidecar/load-sidecar.ts';
import { isLoopback } from '../../platform/loopback.ts';
import { parseAddress } from '../../config/values/shapes.ts';
import { createSidecar } from '../../compose/sidecar.ts';
import { sidecarPoliciesOf } from '../../compose/policies.ts';
import { CHECK_OPTION, checkOnly, JSON_OPTION, ONLINE_OPTION, refuseAlone, type CheckFlags } from './check-only.ts';
import { CommandError, type CommandIo } from '../io.ts';
import { notUsable } from '../read-config.ts';
import { runService } from './run-service.ts';

/** Of these, none goes together with a file, which says it all. */
interface StoreOptions {
  readonly bucket?: readonly string[];
  readonly storeEndpoint?: string;
  readonly allowPlaintextHttp?: true;
  readonly region?: string;
  readonly keyringSeedFile?: string;
  readonly subject?: string;
  readonly auditDirectory?: string;
  readonly auditStdout?: true;
}

interface SidecarCommand extends StoreOptions, CheckFlags {
  readonly config?: string;
  readonly listen?: string;
  readonly allowRemote?: true;
}

/** The option that sets a key. */
const OPTIONS: Readonly<Record<string, string>> = {
  buckets: '--bucket',
  'stores.store.endpoint': '--store-endpoint',
  'stores.store.region': '--region',
  'keyring.local.versions.1.seedFile': '--keyring-seed-file',
  'sidecar.subject': '--subject',
  'audit.directory': '--audit-directory',
};

/** Registers the command. */
export function registerSidecar(program: Command, io: CommandIo): void {
  program
    .command('sidecar')
    .description('Encrypts and re-signs the requests of a workload in the same pod. Does not authenticate callers.')
    .option(
      '--config <file>',
      'the configuration file (docs/sidecar.md); or, for one store, the options below, or variables alone',
    )
    .option('--bucket <name>', 'a bucket that the workload may use; may be repeated', (name, before?: string[]) => [
      ...(before ?? []),
      name,
    ])
    .option('--store-endpoint <url>', "the store (default: AWS_ENDPOINT_URL_S3, else AWS's in the region)")
    .option('--allow-plaintext-http', 'accept a store without TLS')
    .option('--region <region>', 'its region (default: AWS_REGION)')
    .option('--keyring-seed-file <file>', 'the seed of the keyring (default: SALLYPORT_KEYRING_SEED_FILE)')
    .option('--subject <name>', 'name of the workload in the audit (default: workload)')
    .option('--audit-directory <directory>', 'record accesses durably here')
    .option('--audit-stdout', 'record accesses on the standard output, where the pod has no disk')
    .option('--listen <address>', 'address to listen on (default: 127.0.0.1:8190)')
    .option(
      '--allow-remote',
      'accept an address that is reachable from other machines: every caller is taken for the workload',
    )
    .option(...CHECK_OPTION)
    .option(...ONLINE_OPTION)
    .option(...JSON_OPTION)
    .addHelpText(
      'after',
      "\nThe store is asked with the pod's own credentials: AWS_ACCESS_KEY_ID, web identity, container, instance, profile.\n\nExamples:\n  sallyport sidecar --bucket reports --region eu-central-1 --keyring-seed-file /etc/sallyport/seed --audit-directory /var/lib/sallyport/audit\n  sallyport sidecar --config /etc/sallyport/sidecar.yaml --check --online\n  SALLYPORT_BUCKETS=reports SALLYPORT_KEYRING_SEED_FILE=seed SALLYPORT_SIDECAR_AUDIT=stdout sallyport sidecar\n\nExit codes: 0 stopped by a signal or checked, 1 failed (with --check: what it depends on), 2 bad configuration.\nSignals: SIGTERM and SIGINT drain and stop, SIGHUP reloads the policies.",
    )
    .action(async ({ check, online, json, ...options }: SidecarCommand) => {
      refuseAlone({ check, online, json });
      const { name, config } = await sidecarConfig(io, options);
      if (check === true) {
        const { policies } = config;
        const loadPolicies = () => (policies === undefined ? Promise.resolve() : sidecarPoliciesOf(policies, config));
        const listening = [
          { name: 'listen', target: config.listen, setting: 'sidecar.address, or --listen' },
          { name: 'admin', target: config.admin.address, setting: 'admin.address' },
        ] as const;
        await checkOnly(
          name,
          { ...config, policies: undefined },
          { loadPolicies, listening, online, json, ok: 'ok\n', io },
        );
        return;
      }
      await runService(io, config.admin, () =>
        createSidecar(config, { pid: io.pid, logStream: io.stderr, env: io.env, auditStream: io.stdout }),
      );
    });
}

/** The configuration that a command line means, and what a message calls it. @throws CommandError (2) */
async function sidecarConfig(
  io: CommandIo,
  { config: file, listen, allowRemote, ...store }: Omit<SidecarCommand, keyof CheckFlags>,
): Promise<{ readonly name: string; readonly config: SidecarConfig }> {
  if (file !== undefined && Object.keys(store).length > 0) {
    throw new CommandError('--config says it all; put the other options into that file', 2);
  }
  const hasOptions = Object.keys(store).length > 0;
  if (file === undefined && !hasOptions && !hasVariables(io.env)) {
    throw new CommandError(
      'no configuration: name a file with --config, or buckets with --bucket or SALLYPORT_BUCKETS; docs/sidecar.md says what else',
      2,
    );
  }
  const name = file ?? (hasOptions ? 'the command line' : 'the environment');
  const loaded = await readable(name, () =>
    file === undefined
      ? loadSidecarOptions(
          { content: contentOf(store), directory: io.cwd, optionOf: hasOptions ? optionOf : () => undefined },
          io.env,
        )
      : loadSidecarFile(file, io.env, io.cwd),
  );
  const address = listen === undefined ? loaded.listen : parseAddress(listen);
  if (address === undefined) throw new CommandError('--listen must be host:port', 2);
  if (!isLoopback(address.host) && allowRemote !== true) {
    throw new CommandError(
      `${address.host} is reachable from other machines, and the sidecar does not authenticate callers; use a loopback address, or accept this with --allow-remote`,
      2,
    );
  }
  const findings = demoFindings(loaded);
  if (findings.length === 0) return { name, config: { ...loaded, listen: address } };
  throw new CommandError(
    `demo settings must not be used in production:\n${findings.map((line) => `  ${line}`).join('\n')}`,
    2,
  );
}

function contentOf(store: StoreOptions): object {
  const { bucket, storeEndpoint, allowPlaintextHttp, region, keyringSeedFile, subject } = store;
  const { auditDirectory, auditStdout } = store;
  return {
    stores: {
      store: {
        ...(storeEndpoint === undefined ? {} : { endpoint: storeEndpoint }),
        ...(allowPlaintextHttp === undefined ? {} : { allowPlaintextHttp }),
        ...(region === undefined ? {} : { region }),
      },
    },
    ...(bucket === undefined ? {} : { buckets: Object.fromEntries(bucket.map((name) => [name, {}])) }),
    ...(keyringSeedFile === undefined
      ? {}
      : { keyring: { local: { versions: { 1: { seedFile: keyringSeedFile } } } } }),
    ...(auditDirectory === undefined ? {} : { audit: { directory: auditDirectory } }),
    sidecar: {
      ...(subject === undefined ? {} : { subject }),
      ...(auditStdout === undefined ? {} : { audit: 'stdout' }),
    },
  };
}

function optionOf(key: string): string | undefined {
  return OPTIONS[key] ?? (key.startsWith('buckets.') ? '--bucket' : undefined);
}

async function readable(name: string, load: () => Promise<SidecarConfig>): Promise<SidecarConfig> {
  try {
    return await load();
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    throw notUsable(name, error);
  }
}
