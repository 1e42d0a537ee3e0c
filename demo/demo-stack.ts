/**
 * The whole product on one machine: store, identity provider, gateway, HAProxy, each of which can be stopped and started
 * again. Used by `sallyport demo` and by the end-to-end tests. All state lies in one folder; nothing listens elsewhere than
 * on loopback; nothing is left running after `stop`, or when this process dies.
 */
import { chmod, mkdir, mkdtemp, open, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { stringify } from 'yaml';
import { ensureCertificates } from './certificates.ts';
import type { Child } from './child.ts';
import {
  ensureDemoSecrets,
  ensureDemoSeed,
  ensureDemoSessionKey,
  ensureEdgeSecret,
  writeSecretFile,
  type DemoSecrets,
} from './demo-secrets.ts';
import { lockFolder } from './folder-lock.ts';
import { demandFreePort, freePort } from './free-port.ts';
import { createGatewayProcess, type GatewayProcess } from './gateway-process.ts';
import { findHaproxy, startHaproxy } from './haproxy.ts';
import { robotToken, signIn, type Tokens } from './identity-provider/demo-token.ts';
import {
  createIdentityProvider,
  DEMO_AUDIENCE,
  DEMO_CLIENT_ID,
  type IdentityProvider,
} from './identity-provider/identity-provider.ts';
import type { Environment } from './programs.ts';
import { createEmbeddedStore, DEMO_REGION, DEMO_ROLE_ARN, type EmbeddedStore } from './store/embedded-store.ts';
import type { KeyPair } from './store/store-keys.ts';

/** A store that somebody else runs, instead of the embedded one. Its buckets must exist. */
interface ExternalStore {
  readonly endpoint: string;
  readonly stsEndpoint: string;
  readonly region: string;
  readonly roleArn: string;
  readonly credentials: KeyPair;
  readonly caFile?: string;
  /** More of its configuration. */
  readonly settings?: Readonly<Record<string, unknown>>;
}

export interface StackPorts {
  readonly front: number;
  readonly admin: number;
  readonly identityProvider: number;
  readonly store: number;
}

export interface DemoStackOptions {
  readonly dataDirectory: string;
  /** 0: any free port. */
  readonly ports: StackPorts;
  /** Where `haproxy/` and `policies/` are. */
  readonly packageRoot: string;
  readonly environment: Environment;
  /** The command line that runs the gateway on a configuration file. */
  readonly gatewayCommand: (configFile: string) => readonly [string, ...string[]];
  readonly store?: ExternalStore;
  /** `virtual`: hosts below `localhost`, which not every resolver knows. */
  readonly storeStyle?: 'path' | 'virtual';
  /** Default: `reports` and `artifacts`. */
  readonly buckets?: readonly string[];
  /** Merged over the top level of the gateway's configuration, such as `{ workers: 2 }`. */
  readonly gatewayConfig?: Readonly<Record<string, unknown>>;
}

/** HAProxy as a part that can be stopped and started. */
interface Front {
  readonly start: () => Promise<void>;
  readonly stop: () => Promise<void>;
  readonly child: () => Child | undefined;
}

export interface DemoStack {
  readonly dataDirectory: string;
  readonly ports: StackPorts;
  /** `https://localhost:<port>` */
  readonly frontUrl: string;
  readonly caFile: string;
  readonly gatewaySocket: string;
  readonly configFile: string;
  readonly auditDirectory: string;
  readonly logDirectory: string;
  readonly seedFile: string;
  readonly secrets: DemoSecrets;
  /** `undefined` where an external store is used. */
  readonly store: EmbeddedStore | undefined;
  readonly identityProvider: IdentityProvider;
  readonly gateway: GatewayProcess;
  /** `undefined` where HAProxy is not to be had. */
  readonly front: Front | undefined;
  /** A real token of one of the demo's identities, got over HTTP. */
  readonly token: (name: string) => Promise<Tokens>;
  readonly stop: () => Promise<void>;
}

/** The longest path of a unix socket is 107 bytes. */
const MAX_SOCKET_PATH_BYTES = 100;
const DEFAULT_BUCKETS = ['reports', 'artifacts'];
const FRONT_GRACE_MS = 5000;

/** Starts everything; resolves when the front takes requests. @throws Error in one line, PortInUse */
export async function startDemoStack(options: DemoStackOptions): Promise<DemoStack> {
  const { environment, packageRoot } = options;
  const folder = resolve(options.dataDirectory);
  const inFolder = (...names: readonly string[]) => join(folder, ...names);
  const undo: (() => Promise<unknown>)[] = [];
  /** In the opposite order, each once, whatever happens to the others. */
  const stop = async (): Promise<void> => {
    for (const step of undo.splice(0).reverse()) await step().catch(() => undefined);
  };
  try {
    await mkdir(folder, { recursive: true, mode: 0o700 });
    await chmod(folder, 0o700);
    const unlock = await lockFolder(folder);
    undo.push(unlock);
    const ports = await choosePorts(options.ports);
    for (const name of ['logs', 'run', 'audit', 'store']) await mkdir(inFolder(name), { recursive: true, mode: 0o700 });

    await mkdir(inFolder('secrets'), { recursive: true, mode: 0o700 });
    const [secrets, seedFile, sessionKeyFile, edge, certificates, haproxy] = await Promise.all([
      ensureDemoSecrets(inFolder('secrets')),
      ensureDemoSeed(inFolder('secrets')),
      ensureDemoSessionKey(inFolder('secrets')),
      ensureEdgeSecret(inFolder('secrets')),
      ensureCertificates(inFolder('tls'), environment),
      findHaproxy(inFolder('haproxy'), environment),
    ]);

    const log = await openLog(inFolder('logs', 'embedded.log'));
    undo.push(log.close);
    const buckets = options.buckets ?? DEFAULT_BUCKETS;
    const store =
      options.store === undefined
        ? await createEmbeddedStore({
            ...secrets,
            folder: inFolder('store'),
            port: ports.store,
            buckets,
            log: log.write,
          })
        : undefined;
    const identityProvider = createIdentityProvider({ ...secrets, port: ports.identityProvider, log: log.write });
    for (const part of [store, identityProvider]) {
      if (part === undefined) continue;
      undo.push(part.stop);
      await part.start();
    }

    const socketFolder = await chooseSocketFolder(inFolder('run'));
    if (socketFolder !== inFolder('run')) undo.push(() => rm(socketFolder, { recursive: true, force: true }));
    const gatewaySocket = join(socketFolder, 'gateway.sock');
    const configFile = inFolder('gateway.yaml');
    const config = {
      listen: { socket: gatewaySocket, socketMode: '0600' },
      edge: { secretFile: edge.file },
      admin: { address: `127.0.0.1:${ports.admin}` },
      issuers: {
        demo: { issuer: identityProvider.issuer, audiences: [DEMO_AUDIENCE, DEMO_CLIENT_ID], allowHttp: true },
      },
      stores: {
        demo: await storeConfig(options.store ?? embedded(store, secrets), inFolder('secrets'), options.storeStyle),
      },
      buckets: Object.fromEntries(buckets.map((name) => [name, {}])),
      keyring: { local: { versions: { '1': { seedFile } } } },
      sessions: { deploymentId: 'sallyport-demo', keys: { current: { id: 'demo-1', keyFile: sessionKeyFile } } },
      endpoint: { publicHosts: ['localhost'] },
      policies: { directory: join(packageRoot, 'policies') },
      audit: { directory: inFolder('audit') },
      // One gateway behind one edge: nobody else would take over.
      timeouts: { drainDelayMs: 0 },
      ...options.gatewayConfig,
    };
    const heading = '# Written by the demo at every start; for the demo only.\n';
    await writeFile(configFile, heading + stringify(config), { mode: 0o600 });

    const gateway = createGatewayProcess({
      command: options.gatewayCommand(configFile),
      environment,
      adminPort: ports.admin,
      logFile: inFolder('logs', 'gateway.log'),
    });
    undo.push(gateway.stop);
    await gateway.start();

    const front =
      haproxy === undefined
        ? undefined
        : createFront(() =>
            startHaproxy({
              ...haproxy,
              configFile: join(packageRoot, 'haproxy', 'haproxy.cfg'),
              port: ports.front,
              certificateFile: certificates.serverFile,
              gatewaySocket,
              edgeSecret: edge.secret,
              logFile: inFolder('logs', 'haproxy.log'),
              environment,
            }),
          );
    if (front !== undefined) {
      undo.push(front.stop);
      await front.start();
    }

    const running = inFolder('run', 'running.json');
    await writeFile(running, JSON.stringify({ issuer: identityProvider.issuer }), { mode: 0o600 });
    undo.push(() => rm(running, { force: true }));
    return {
      dataDirectory: folder,
      ports,
      frontUrl: `https://localhost:${ports.front}`,
      caFile: certificates.caFile,
      gatewaySocket,
      configFile,
      auditDirectory: inFolder('audit'),
      logDirectory: inFolder('logs'),
      seedFile,
      secrets,
      store,
      identityProvider,
      gateway,
      front,
      token: (name) => demoToken(identityProvider.issuer, secrets, name),
      stop,
    };
  } catch (error) {
    await stop();
    throw error;
  }
}

/** A token of one of the demo's identities from its running provider. @throws Error in one line */
export function demoToken(issuer: string, secrets: DemoSecrets, name: string): Promise<Tokens> {
  const { people, robot } = secrets;
  if (name === robot.clientId) return robotToken(issuer, robot.clientId, robot.clientSecret);
  const person = people.find((candidate) => candidate.name === name);
  if (person !== undefined) return signIn(issuer, name, person.password);
  const names = [...people.map((known) => known.name), robot.clientId];
  return Promise.reject(new Error(`${name} is none of the demo's identities: ${names.join(', ')}`));
}

async function choosePorts(wanted: StackPorts): Promise<StackPorts> {
  const ports = new Set<number>();
  const choose = async (port: number): Promise<number> => {
    if (port !== 0) await demandFreePort(port);
    let chosen = port;
    while (chosen === 0 || ports.has(chosen)) chosen = await freePort();
    ports.add(chosen);
    return chosen;
  };
  return {
    front: await choose(wanted.front),
    admin: await choose(wanted.admin),
    identityProvider: await choose(wanted.identityProvider),
    store: await choose(wanted.store),
  };
}

async function chooseSocketFolder(usual: string): Promise<string> {
  if (Buffer.byteLength(join(usual, 'gateway.sock')) <= MAX_SOCKET_PATH_BYTES) return usual;
  return mkdtemp(join(tmpdir(), 'sallyport-'));
}

function embedded(store: EmbeddedStore | undefined, secrets: DemoSecrets): ExternalStore {
  const endpoint = store?.endpoint ?? '';
  return {
    endpoint,
    stsEndpoint: endpoint,
    region: DEMO_REGION,
    roleArn: DEMO_ROLE_ARN,
    credentials: secrets.gatewayKeys,
  };
}

async function storeConfig(
  store: ExternalStore,
  secretsFolder: string,
  style: DemoStackOptions['storeStyle'] = 'path',
): Promise<object> {
  return {
    // No bucket stands before an address.
    endpoint: style === 'virtual' ? store.endpoint.replace('//127.0.0.1', '//localhost') : store.endpoint,
    style,
    region: store.region,
    // As `iamEscapes` below.
    ...(store.roleArn === DEMO_ROLE_ARN ? { checksums: 'all' } : {}),
    ...(store.endpoint.startsWith('http:') ? { allowPlaintextHttp: true } : {}),
    ...(store.caFile === undefined ? {} : { tls: { caFile: store.caFile } }),
    credentials: {
      accessKeyIdFile: await writeSecretFile(join(secretsFolder, 'store-access-key-id'), store.credentials.accessKeyId),
      secretAccessKeyFile: await writeSecretFile(
        join(secretsFolder, 'store-secret-access-key'),
        store.credentials.secretAccessKey,
      ),
    },
    ...store.settings,
    // The embedded store knows `${*}`; Ceph, which stands in for it in tests, does not, and neither by default.
    sts: {
      endpoint: store.stsEndpoint,
      roleArn: store.roleArn,
      ...(store.roleArn === DEMO_ROLE_ARN ? { iamEscapes: true } : {}),
    },
  };
}

function createFront(launch: () => Promise<Child>): Front {
  let child: Child | undefined;
  return {
    child: () => child,
    start: async () => {
      child ??= await launch();
    },
    stop: async () => {
      const stopping = child;
      child = undefined;
      await stopping?.stop(FRONT_GRACE_MS);
    },
  };
}

async function openLog(path: string): Promise<{ write: (line: string) => void; close: () => Promise<void> }> {
  const file = await open(path, 'a', 0o600);
  const stream = file.createWriteStream();
  return {
    write: (line) => {
      stream.write(`${new Date().toISOString()} ${line}\n`);
    },
    close: () =>
      new Promise((done) => {
        stream.end(() => done());
      }),
  };
}
