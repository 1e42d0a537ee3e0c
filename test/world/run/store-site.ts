/**
 * The product in front of a store of others: HAProxy over TLS, gateway, identity provider. Everything that the checks do is
 * granted to `bob`; in each bucket, what begins with `plain/` is kept as it is, and everything else is encrypted.
 */
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { startDemoStack } from '../../../demo/demo-stack.ts';
import { VERBS } from '../../../src/s3/operations/verb.ts';
import type { RunningStore } from '../stores/store.ts';
import { makeAuditFolder } from './audit-folder.ts';
import { callSts } from './logins.ts';
import { packageRoot } from './site.ts';
import { keysOf } from '../../conformance/run/auth-methods.ts';

const FAULTS_SHOWN = 10;
const ROLE = 'arn:aws:iam::000000000000:role/sallyport';

export interface StoreSite {
  /** Of HAProxy: `https://localhost:<port>`. */
  readonly endpoint: string;
  readonly caFile: string;
  /** Of a session that the gateway's own STS gave. */
  readonly keys: ReturnType<typeof keysOf>;
  /** The last lines of the gateway's log that tell of a fault. */
  readonly faults: () => Promise<readonly string[]>;
  readonly stop: () => Promise<void>;
}

/** Starts it in a folder of its own. @throws Error in one line */
export async function startStoreSite(
  name: string,
  store: Pick<RunningStore, 'storeConfig' | 'environment'>,
  buckets: readonly string[],
): Promise<StoreSite> {
  const folder = await mkdtemp(join(tmpdir(), `sallyport-store-${name}-`));
  const policies = join(folder, 'policies');
  await mkdir(policies);
  const policy = {
    id: 'checks',
    description: 'Everything that the checks do.',
    subjects: [{ issuer: 'demo', group: 'admins' }],
    rules: buckets.map((bucket) => ({ id: bucket, allow: VERBS, bucket, everything: true })),
  };
  await writeFile(join(policies, 'checks.yaml'), JSON.stringify(policy));
  const kept = { store: name, encryption: 'required', prefixes: { 'plain/': 'off' } };
  const auditFolder = await makeAuditFolder();
  const stack = await startDemoStack({
    dataDirectory: join(folder, 'demo'),
    ports: { front: 0, admin: 0, identityProvider: 0, store: 0 },
    packageRoot,
    environment: process.env,
    // The stack keeps the machine's `AWS_…` from the gateway; these are meant.
    gatewayCommand: (configFile) => [
      '/usr/bin/env',
      ...Object.entries(store.environment).map(([name, value]) => `${name}=${value}`),
      process.execPath,
      ...[join(packageRoot, 'bin', 'sallyport.js'), 'demo', 'gateway', '--config', configFile],
    ],
    gatewayConfig: {
      stores: { [name]: store.storeConfig },
      buckets: Object.fromEntries(buckets.map((bucket) => [bucket, kept])),
      policies: { directory: policies },
      audit: { directory: auditFolder },
    },
  });
  const stop = async (): Promise<void> => {
    await stack.stop();
    for (const made of [folder, auditFolder]) await rm(made, { recursive: true, force: true });
  };
  try {
    if (stack.front === undefined) throw new Error('HAProxy is not to be had; install it: apt-get install haproxy');
    const { accessToken: token } = await stack.token('bob');
    const endpoint = { endpoint: stack.frontUrl, caFile: stack.caFile };
    const keys = keysOf(await callSts({ ...endpoint, roleArn: ROLE, token }));
    return { ...endpoint, keys, faults: () => faultsIn(join(stack.logDirectory, 'gateway.log')), stop };
  } catch (error) {
    await stop();
    throw error;
  }
}

async function faultsIn(logFile: string): Promise<readonly string[]> {
  const lines = (await readFile(logFile, 'utf8')).split('\n');
  return lines.filter((line) => /"level":"(?:warn|error)"/.test(line)).slice(-FAULTS_SHOWN);
}
