/** The processes that a benchmark measures, and what they have used. */
import { fork, spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { freePort } from '../../demo/free-port.ts';
import { nodeFlags } from '../support/stack/node-flags.ts';
import { workerIds } from '../support/stack/worker-ids.ts';

const root = fileURLToPath(new URL('../..', import.meta.url));
const TICKS_PER_SECOND = 100;
const children: ChildProcess[] = [];

/** CPU time of a process so far, user and system. */
export async function cpuSeconds(pid: number): Promise<number> {
  const stat = await readFile(`/proc/${pid}/stat`, 'utf8');
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  return (Number(fields[11]) + Number(fields[12])) / TICKS_PER_SECOND;
}

/** The most memory that a process has had resident, in megabytes. */
export async function peakRssMb(pid: number): Promise<number> {
  const status = await readFile(`/proc/${pid}/status`, 'utf8');
  return (Number(/VmHWM:\s+(\d+)/.exec(status)?.[1]) * 1024) / 1e6;
}

/** Starts one of the programs beside this file. */
export async function start(script: string, ...args: string[]): Promise<{ port: number; pid: number }> {
  const child = fork(join(root, 'test', 'bench', script), args, { execPath: process.execPath });
  children.push(child);
  const [{ port }] = (await once(child, 'message')) as [{ port: number }];
  return { port, pid: child.pid ?? 0 };
}

/** Starts the gateway that was built in `checkout` (default: this one) before the store on this port. @throws Error where it does not get ready */
export async function startGateway(
  folder: string,
  storePort: number,
  checkout = root,
): Promise<{ port: number; child: ChildProcess; pid: number }> {
  const [port, adminPort] = [await freePort(), await freePort()];
  const store = `http://127.0.0.1:${storePort}`;
  const config = {
    listen: { address: `127.0.0.1:${port}`, allowPlaintextLoopback: true },
    admin: { address: `127.0.0.1:${adminPort}` },
    issuers: { bench: { issuer: store, audiences: ['bench'], allowHttp: true } },
    stores: {
      bench: {
        endpoint: store,
        region: 'us-east-1',
        allowPlaintextHttp: true,
        sts: { endpoint: store, roleArn: 'arn:aws:iam::000000000000:role/bench' },
      },
    },
    buckets: { box: {}, plain: { encryption: 'off' } },
    keyring: { local: { versions: { '1': { seedFile: join(folder, 'seed') } } } },
    sessions: { deploymentId: 'bench', keys: { current: { id: 'bench-1', keyFile: join(folder, 'session-key') } } },
    policies: { directory: join(folder, 'policies') },
    audit: { directory: join(folder, 'audit') },
    log: { level: 'warn' },
  };
  // YAML is a superset of JSON.
  await writeFile(join(folder, `gateway-${port}.yaml`), JSON.stringify(config));
  const child = spawn(
    process.execPath,
    [
      ...nodeFlags(checkout),
      join(checkout, 'dist', 'main.js'),
      'serve',
      '--config',
      join(folder, `gateway-${port}.yaml`),
    ],
    {
      env: {
        PATH: process.env['PATH'],
        AWS_ACCESS_KEY_ID: 'BENCHBENCHBENCHBENCH',
        AWS_SECRET_ACCESS_KEY: 'x'.repeat(40),
      },
      stdio: ['ignore', 'inherit', 'inherit'],
    },
  );
  children.push(child);
  for (let attempt = 0; ; attempt += 1) {
    if (attempt > 200 || child.exitCode !== null) throw new Error('the gateway did not start');
    const ready = await fetch(`http://127.0.0.1:${adminPort}/readyz`).then(
      (answer) => answer.ok,
      () => false,
    );
    if (ready) break;
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  // What serves: the primary above it handles no request.
  const [pid = 0] = await workerIds(child.pid ?? 0);
  return { port, child, pid };
}

/** Ends all that were started. */
export async function endAll(): Promise<void> {
  for (const child of children) child.kill('SIGTERM');
  for (const child of children) {
    if (child.exitCode === null && child.signalCode === null) await once(child, 'exit');
  }
}
