/**
 * A sidecar as a pod runs it: a process of its own with options and variables, before a store that is watched for what the
 * workload must not give away.
 */
import { spawn, type ChildProcess } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { COMPILE_CACHE } from '../compile-cache.ts';
import { freePort } from '../../../demo/free-port.ts';
import { startStoreProxy, type StoreProxy } from '../store/store-proxy.ts';
import type { TestKeys } from '../store/store-client.ts';

const script = fileURLToPath(new URL('../../../bin/sallyport.js', import.meta.url));

/** What a workload signs with that was told nothing: none of it opens anything anywhere. */
export const DUMMY: Required<TestKeys> = {
  accessKeyId: 'DUMMYWORKLOADKEYID',
  secretAccessKey: 'dummyworkloadsecret',
  sessionToken: 'dummyworkloadtoken',
};

export interface Program {
  readonly child: ChildProcess;
  readonly stdout: () => string;
  readonly stderr: () => string;
  /** Resolves the exit code. */
  readonly ended: Promise<number | null>;
}

/** The variables of static keys. */
export const keyVariables = ({ accessKeyId, secretAccessKey }: TestKeys): Record<string, string> => ({
  AWS_ACCESS_KEY_ID: accessKeyId,
  AWS_SECRET_ACCESS_KEY: secretAccessKey,
});

/** Runs `sallyport sidecar`. */
export function runSidecar(options: readonly string[], env: Readonly<Record<string, string>>, cwd: string): Program {
  const child = spawn(process.execPath, [script, 'sidecar', ...options], {
    cwd,
    env: { ...COMPILE_CACHE, PATH: process.env['PATH'], HOME: cwd, ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let [out, err] = ['', ''];
  child.stdout.on('data', (bytes: Buffer) => (out += bytes.toString()));
  child.stderr.on('data', (bytes: Buffer) => (err += bytes.toString()));
  const ended = once(child, 'close').then(() => child.exitCode);
  return { child, stdout: () => out, stderr: () => err, ended };
}

export interface SidecarWorld extends Program {
  readonly folder: string;
  readonly port: number;
  readonly adminPort: number;
  readonly endpoint: string;
  readonly proxy: StoreProxy;
  /** What depends on the standard output. */
  readonly audit: () => readonly Record<string, unknown>[];
  readonly refusals: () => readonly Record<string, unknown>[];
  readonly stop: () => Promise<void>;
}

export interface WatchedStore {
  /** Of 127.0.0.1. */
  readonly port: number;
  readonly region: string;
  readonly buckets: readonly string[];
  /** By which the pod's own credentials are found. */
  readonly variables: Readonly<Record<string, string>>;
}

const START_LIMIT_MS = 20_000;

interface Started extends Program {
  readonly port: number;
  readonly adminPort: number;
}

async function started(store: WatchedStore, storeEndpoint: string, folder: string, attempts = 3): Promise<Started> {
  const [port, adminPort] = [await freePort(), await freePort()];
  const program = runSidecar(
    [
      ...store.buckets.flatMap((name) => ['--bucket', name]),
      ...['--store-endpoint', storeEndpoint, '--allow-plaintext-http', '--region', store.region],
      ...['--keyring-seed-file', 'seed', '--audit-stdout', '--subject', 'billing', '--listen', `127.0.0.1:${port}`],
    ],
    {
      ...store.variables,
      SALLYPORT_ADMIN_ADDRESS: `127.0.0.1:${adminPort}`,
      SALLYPORT_TIMEOUTS_DRAIN_DELAY_MS: '0',
    },
    folder,
  );
  const since = Date.now();
  while (!program.stderr().includes('sidecar_started')) {
    if (program.child.exitCode !== null || Date.now() - since > START_LIMIT_MS) {
      // A connection of somebody else's may have got the port meanwhile.
      if (attempts > 1 && program.stderr().includes('already in use')) {
        return started(store, storeEndpoint, folder, attempts - 1);
      }
      throw new Error(program.stderr());
    }
    await sleep(20);
  }
  return { ...program, port, adminPort };
}

/** Starts one, with the audit on the standard output; `proxyPort`: where it reaches the store. */
export async function startSidecar(store: WatchedStore, proxyPort?: number): Promise<SidecarWorld> {
  const folder = await mkdtemp(join(tmpdir(), 'sallyport-sidecar-'));
  await writeFile(join(folder, 'seed'), randomBytes(32), { mode: 0o600 });
  const proxy = await startStoreProxy(proxyPort ?? (await freePort()), store.port);
  proxy.forbidden = Object.fromEntries(Object.entries(DUMMY).map(([name, value]) => [name, Buffer.from(value)]));
  const { port, adminPort, ...program } = await started(store, proxy.endpoint, folder);
  const lines = (): Record<string, unknown>[] =>
    program
      .stdout()
      .split('\n')
      .filter((line) => line !== '')
      .map((line) => JSON.parse(line) as Record<string, unknown>);
  return {
    ...program,
    folder,
    port,
    adminPort,
    endpoint: `http://127.0.0.1:${port}`,
    proxy,
    audit: () => lines().filter(({ entry }) => entry !== 'refusal'),
    refusals: () => lines().filter(({ entry }) => entry === 'refusal'),
    stop: async () => {
      program.child.kill('SIGTERM');
      await program.ended;
      await proxy.stop();
      await rm(folder, { recursive: true, force: true });
    },
  };
}
