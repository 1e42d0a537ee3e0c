/** The smallest gateway that can be configured, and whether it is one: a stranger gets the answer of S3 and no other. */
import assert from 'node:assert/strict';
import { spawn, type ChildProcess } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { chmod, chown, mkdir, readFile, writeFile } from 'node:fs/promises';
import { createServer, type AddressInfo } from 'node:net';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';

/** More than the gateway takes without a request in flight: it waits for the edge to see that it goes. */
const DRAIN_MS = 60_000;

export interface Addresses {
  readonly port: number;
  readonly adminPort: number;
}

/** Two ports that are free now. */
export async function freeAddresses(): Promise<Addresses> {
  const [port = 0, adminPort = 0] = await Promise.all([0, 1].map(freePort));
  return { port, adminPort };
}

async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  await new Promise((resolve) => server.close(resolve));
  return port;
}

/** Writes `sallyport.yaml` and what it names into the folder; `seenAs`: the folder's path for who reads it. */
export async function writeSmallest(
  folder: string,
  { port, adminPort }: Addresses,
  { seenAs = folder, uid = 0 }: { readonly seenAs?: string; readonly uid?: number } = {},
): Promise<void> {
  await mkdir(join(folder, 'policies'), { recursive: true });
  await mkdir(join(folder, 'audit'), { recursive: true, mode: 0o700 });
  await chown(join(folder, 'audit'), uid, uid);
  for (const name of ['seed', 'key-id', 'secret-key']) {
    await writeFile(join(folder, name), randomBytes(32).toString('hex'));
    await chmod(join(folder, name), 0o600);
    await chown(join(folder, name), uid, uid);
  }
  await writeFile(
    join(folder, 'policies/readers.yaml'),
    'id: readers\ndescription: Readers read the reports.\nsubjects:\n  - { issuer: corp, group: readers }\nrules:\n  - { id: read, allow: [GET], bucket: reports, everything: true }\n',
  );
  await writeFile(
    join(folder, 'sallyport.yaml'),
    `listen: { address: '127.0.0.1:${port}', allowPlaintextLoopback: true }
admin: { address: '127.0.0.1:${adminPort}' }
issuers: { corp: { issuer: 'https://issuer.invalid', audiences: [sallyport] } }
stores:
  store:
    endpoint: https://127.0.0.1:1
    region: us-east-1
    credentials: { accessKeyIdFile: ${seenAs}/key-id, secretAccessKeyFile: ${seenAs}/secret-key }
    sts: { roleArn: 'arn:aws:iam:::role/sallyport' }
buckets: { reports: {} }
keyring: { local: { versions: { 1: { seedFile: ${seenAs}/seed } } } }
policies: { directory: ${seenAs}/policies }
audit: { directory: ${seenAs}/audit }
`,
  );
}

/** Starts a program that serves the smallest gateway, asks it, and has it drain. @throws AssertionError with what it said */
export async function assertServes(
  program: string,
  args: readonly string[],
  { port, adminPort }: Addresses,
  environment: Readonly<Record<string, string>>,
): Promise<void> {
  const child = spawn(program, args, { env: environment, stdio: ['ignore', 'pipe', 'pipe'] });
  let said = '';
  child.stdout.on('data', (data: Buffer) => (said += data.toString()));
  child.stderr.on('data', (data: Buffer) => (said += data.toString()));
  const ended = new Promise<number | null>((resolve) => child.on('close', resolve));
  try {
    await until(
      child,
      async () => (await fetch(`http://127.0.0.1:${adminPort}/healthz`)).ok && said.includes('"service_started"'),
    ).catch((error: unknown) => assert.fail(`${String(error)}: ${said}`));
    const answer = await fetch(`http://127.0.0.1:${port}/reports/q3.csv`);
    assert.equal(answer.status, 401, said);
    assert.match(await answer.text(), /<Code>AccessDenied<\/Code>/);
    process.kill(await servingProcess(child), 'SIGTERM');
    const code = await Promise.race([ended, sleep(DRAIN_MS, 'it does not end', { ref: false })]);
    assert.equal(code, 0, said);
  } finally {
    if (child.exitCode === null) child.kill('SIGKILL');
    await ended;
  }
}

/** `unshare` keeps signals to itself: what it started in a folder of Debian is its only child. */
async function servingProcess({ pid = 0, spawnfile }: ChildProcess): Promise<number> {
  return spawnfile === 'unshare' ? Number(await readFile(`/proc/${pid}/task/${pid}/children`, 'utf8')) : pid;
}

async function until(child: ChildProcess, condition: () => Promise<boolean>): Promise<void> {
  for (let attempt = 0; attempt < 300; attempt += 1) {
    if (child.exitCode !== null) throw new Error(`it ended with code ${child.exitCode}`);
    if (await condition().catch(() => false)) return;
    await sleep(100);
  }
  throw new Error('it does not serve after 30 s');
}
