/**
 * Two gateways that share nothing but their configuration and their store, which a proxy watches: what a test of state, of
 * requests to the store and of faults on the way there depends on. The first is reached through HAProxy, the second directly.
 */
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parse, stringify } from 'yaml';
import { auditFiles, readAudit, type AuditAccess } from '../../../src/audit/read-audit.ts';
import { ensureDemoSecrets } from '../../../demo/demo-secrets.ts';
import type { AddressingStyle } from '../../../src/contracts/bucket.ts';
import { startDemoStack, type DemoStack } from '../../../demo/demo-stack.ts';
import { freePort } from '../../../demo/free-port.ts';
import { createGatewayProcess } from '../../../demo/gateway-process.ts';
import { createEmbeddedStore, DEMO_REGION, DEMO_ROLE_ARN } from '../../../demo/store/embedded-store.ts';
import { startCeph, type Ceph } from '../store/ceph.ts';
import { Client } from '../client/client.ts';
import { gatewayCommand, sharedStyle, type StackKind } from './stack.ts';
import { startStoreProxy, type StoreProxy } from '../store/store-proxy.ts';
import { replayAudit } from './replayed.ts';
import { send, type TestAnswer, type TestKeys, type TestRequest } from '../store/store-client.ts';

export interface TwinGateways {
  /** Through HAProxy, and past it to the other gateway. */
  readonly clients: readonly [Client, Client];
  readonly proxy: StoreProxy;
  /** Asks the store itself, as its owner. */
  readonly raw: (request: Omit<TestRequest, 'keys'>) => Promise<TestAnswer>;
  readonly token: (name: string) => Promise<string>;
  /** Of both gateways. */
  readonly audit: () => Promise<readonly AuditAccess[]>;
  /** Everything that the product keeps on this machine lies below; the store's own folder is apart from it. */
  readonly folder: string;
  readonly storeFolder: string;
  readonly seedFile: string;
  readonly frontUrl: string;
  readonly caFile: string;
  readonly kind: StackKind;
  /** kill -9 */
  readonly killFirst: () => Promise<void>;
  readonly stop: () => Promise<void>;
}

const packageRoot = fileURLToPath(new URL('../../../', import.meta.url)).replace(/\/$/, '');
const ALL = ['GET', 'PUT', 'DELETE', 'LIST', 'GET_VERSION', 'DELETE_VERSION', 'LIST_VERSIONS', 'GET_TAGS', 'PUT_TAGS'];

interface TwinOptions {
  readonly kind?: StackKind;
  readonly style?: AddressingStyle;
  /** Merged over the top level of the gateways' configuration. */
  readonly config?: Readonly<Record<string, unknown>>;
}

/** Starts them, with these buckets of these rules; `alice` may do everything with objects. */
export async function startTwinGateways(
  buckets: Readonly<Record<string, object>>,
  { kind = 'embedded', style = sharedStyle(), config = {} }: TwinOptions = {},
): Promise<TwinGateways> {
  const folder = await mkdtemp(join(tmpdir(), 'sallyport-twins-'));
  const storeFolder = await mkdtemp(join(tmpdir(), 'sallyport-store-'));
  const undo: (() => Promise<unknown>)[] = [
    () => rm(storeFolder, { recursive: true, force: true }),
    () => rm(folder, { recursive: true, force: true }),
  ];
  const stop = async (): Promise<void> => {
    for (const step of undo.splice(0).reverse()) await step();
  };
  try {
    const relayPort = await freePort();
    const names = Object.keys(buckets);
    const store = kind === 'ceph' ? await cephStore(undo) : await embeddedStore(storeFolder, relayPort, names, undo);
    const proxy = await startStoreProxy(relayPort, store.port);
    undo.push(proxy.stop);
    const policies = join(folder, 'policies');
    const temporary = join(folder, 'tmp');
    await mkdir(policies);
    await mkdir(temporary);
    await writeFile(join(policies, 'proof.yaml'), JSON.stringify(policyOf(names)));
    const environment = { ...process.env, TMPDIR: temporary };
    const dev = await startDemoStack({
      dataDirectory: join(folder, 'data'),
      ports: { front: 0, admin: 0, identityProvider: 0, store: 0 },
      packageRoot,
      environment,
      gatewayCommand,
      buckets: names,
      gatewayConfig: { buckets, policies: { directory: policies }, ...config },
      storeStyle: style,
      store: { endpoint: proxy.endpoint, stsEndpoint: proxy.endpoint, ...store.access },
    });
    undo.push(async () => {
      await dev.stop();
      for (const name of ['audit', 'audit-2']) await replayAudit(join(dev.dataDirectory, name));
    });
    if (dev.front === undefined) throw new Error('HAProxy is not to be had; install it: apt-get install haproxy');
    const second = await startSecond(dev, environment, undo);
    const clients = [new Client(dev.frontUrl, await readFile(dev.caFile, 'utf8')), new Client(second, '')] as const;
    undo.push(() => {
      for (const client of clients) client.close();
      return Promise.resolve();
    });
    return {
      clients,
      proxy,
      raw: (request) => send(store.port, { ...request, keys: store.owner }),
      token: async (name) => (await dev.token(name)).accessToken,
      audit: async () => {
        const accesses: AuditAccess[] = [];
        for (const name of ['audit', 'audit-2']) {
          const files = await auditFiles(join(dev.dataDirectory, name));
          for await (const access of readAudit(files)) accesses.push(access);
        }
        return accesses;
      },
      folder,
      storeFolder,
      seedFile: dev.seedFile,
      frontUrl: dev.frontUrl,
      caFile: dev.caFile,
      kind,
      killFirst: dev.gateway.kill,
      stop,
    };
  } catch (error) {
    await stop();
    throw error;
  }
}

interface WatchedStore {
  readonly port: number;
  readonly owner: TestKeys;
  readonly access: Omit<NonNullable<Parameters<typeof startDemoStack>[0]['store']>, 'endpoint' | 'stsEndpoint'>;
}

async function embeddedStore(
  folder: string,
  relayPort: number,
  buckets: readonly string[],
  undo: (() => Promise<unknown>)[],
): Promise<WatchedStore> {
  const port = await freePort();
  const keys = await ensureDemoSecrets(join(folder, 'keys'));
  const store = await createEmbeddedStore({
    ...keys,
    folder: join(folder, 'objects'),
    port,
    relayPort,
    buckets,
    log: () => undefined,
  });
  await store.start();
  undo.push(store.stop);
  const access = { region: DEMO_REGION, roleArn: DEMO_ROLE_ARN, credentials: keys.gatewayKeys };
  return { port, owner: keys.ownerKeys, access };
}

async function cephStore(undo: (() => Promise<unknown>)[]): Promise<WatchedStore> {
  const { lab, stop }: Ceph = await startCeph();
  undo.push(stop);
  const { region, roleArn, gateway: credentials, owner } = lab;
  return { port: Number(new URL(lab.endpoint).port), owner, access: { region, roleArn, credentials } };
}

/** The second gateway has the first one's configuration but for its own doors and records. */
async function startSecond(
  dev: DemoStack,
  environment: NodeJS.ProcessEnv,
  undo: (() => Promise<unknown>)[],
): Promise<string> {
  const [port, adminPort] = [await freePort(), await freePort()];
  const audit = join(dev.dataDirectory, 'audit-2');
  await mkdir(audit, { mode: 0o700 });
  const configFile = join(dev.dataDirectory, 'gateway-2.yaml');
  const config = {
    ...(parse(await readFile(dev.configFile, 'utf8')) as Record<string, unknown>),
    listen: { address: `127.0.0.1:${port}`, allowPlaintextLoopback: true },
    admin: { address: `127.0.0.1:${adminPort}` },
    audit: { directory: audit },
  };
  await writeFile(configFile, stringify(config), { mode: 0o600 });
  const logFile = join(dev.logDirectory, 'gateway-2.log');
  const gateway = createGatewayProcess({ command: gatewayCommand(configFile), environment, adminPort, logFile });
  undo.push(gateway.stop);
  await gateway.start();
  return `http://127.0.0.1:${port}`;
}

function policyOf(buckets: readonly string[]): object {
  return {
    id: 'proof',
    description: 'Analysts do everything with objects.',
    subjects: [{ issuer: 'demo', group: 'analytics' }],
    rules: buckets.map((bucket) => ({ id: `all-${bucket}`, allow: ALL, bucket, everything: true })),
  };
}
