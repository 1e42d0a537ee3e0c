/** A gateway to measure: a process with one worker, before the benchmark's own store, STS and issuer. */
import { spawn, type ChildProcess } from 'node:child_process';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { freePort } from '../../demo/free-port.ts';
import { nodeFlags } from '../support/stack/node-flags.ts';
import { workerIds } from '../support/stack/worker-ids.ts';
import type { Environment } from './environment.ts';
import { adopt } from './processes.ts';
import type { Target } from './target.ts';

const READY_WITHIN_MS = 180_000;

export interface GatewaySettings {
  readonly name: string;
  /** The checkout whose program runs. */
  readonly checkout: string;
  /** The program in it: built, or the sources as they are. */
  readonly program: 'dist/main.js' | 'src/main.ts';
  /** Flags of Node; left out: those with which the checkout starts it. */
  readonly flags?: readonly string[];
  readonly moreFlags?: readonly string[];
  /** Stands beside or instead of sections of configuration. */
  readonly config?: Readonly<Record<string, unknown>>;
  readonly env?: Readonly<Record<string, string>>;
  /** Gets what the process writes to its standard output; left out: it is shown. */
  readonly onOutput?: (text: string) => void;
}

export interface Gateway extends Target {
  /** `http://127.0.0.1:<port>` of readiness and metrics. */
  readonly adminOrigin: string;
  /** The first of `pids`. */
  readonly pid: number;
  /** The primary, which handles no request where it has workers, whose ids `pids` are. */
  readonly primary: ChildProcess;
}

/** Starts one. @throws Error where it does not get ready */
export async function startGateway(environment: Environment, settings: GatewaySettings): Promise<Gateway> {
  const {
    name,
    checkout,
    program,
    flags = nodeFlags(checkout),
    moreFlags = [],
    config = {},
    env = {},
    onOutput,
  } = settings;
  const [port, adminPort] = [await freePort(), await freePort()];
  const file = join(environment.folder, `gateway-${port}.yaml`);
  // YAML is a superset of JSON.
  await writeFile(file, JSON.stringify({ ...configOf(environment, port, adminPort), ...config }));
  const primary = spawn(
    process.execPath,
    [...flags, ...moreFlags, join(checkout, program), 'serve', '--config', file],
    {
      env: {
        PATH: process.env['PATH'],
        AWS_ACCESS_KEY_ID: 'BENCHBENCHBENCHBENCH',
        AWS_SECRET_ACCESS_KEY: 'x'.repeat(40),
        ...env,
      },
      stdio: ['ignore', onOutput === undefined ? 'inherit' : 'pipe', 'inherit'],
    },
  );
  adopt(primary);
  primary.stdout?.setEncoding('utf8').on('data', onOutput ?? (() => undefined));
  const adminOrigin = `http://127.0.0.1:${adminPort}`;
  for (const started = performance.now(); !(await isReady(adminOrigin));) {
    if (performance.now() - started > READY_WITHIN_MS || primary.exitCode !== null)
      throw new Error(`${name} did not start`);
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  const workers = await workerIds(primary.pid ?? 0);
  const [pid = primary.pid ?? 0] = workers;
  return {
    ...{ name, pid, pids: workers.length === 0 ? [pid] : workers, primary, adminOrigin },
    origin: `http://127.0.0.1:${port}`,
    headers: { authorization: `Bearer ${environment.token}` },
  };
}

function isReady(adminOrigin: string): Promise<boolean> {
  return fetch(`${adminOrigin}/readyz`).then(
    (answer) => answer.ok,
    () => false,
  );
}

function configOf({ folder, storeOrigin }: Environment, port: number, adminPort: number): Record<string, object> {
  return {
    listen: { address: `127.0.0.1:${port}`, allowPlaintextLoopback: true },
    admin: { address: `127.0.0.1:${adminPort}` },
    issuers: { bench: { issuer: storeOrigin, audiences: ['bench'], allowHttp: true } },
    stores: {
      bench: {
        endpoint: storeOrigin,
        region: 'us-east-1',
        allowPlaintextHttp: true,
        sts: { endpoint: storeOrigin, roleArn: 'arn:aws:iam::000000000000:role/bench' },
      },
    },
    buckets: { box: {}, plain: { encryption: 'off' } },
    keyring: keyringOf(folder),
    sessions: { deploymentId: 'bench', keys: { current: { id: 'bench-1', keyFile: join(folder, 'session-key') } } },
    policies: { directory: join(folder, 'policies') },
    audit: { directory: join(folder, 'audit') },
    timeouts: { drainDelayMs: 0 },
    log: { level: 'warn' },
  };
}

/** The section `keyring` of every gateway of a benchmark. */
export function keyringOf(folder: string): object {
  return { local: { versions: { '1': { seedFile: join(folder, 'seed') } } } };
}
