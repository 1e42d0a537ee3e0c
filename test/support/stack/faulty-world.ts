/**
 * A whole gateway whose every neighbour can be made to fail: a real OpenID provider behind three fronts (discovery, keys,
 * introspection), an issuer that stays well, and a real store whose STS is behind a fourth. Clocks that are read can be set
 * forward; timers run as they do.
 */
import { randomBytes } from 'node:crypto';
import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { Agent, request, type RequestOptions } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Writable } from 'node:stream';
import { createGateway, type Gateway } from '../../../src/compose/gateway.ts';
import { loadConfig } from '../../../src/config/load-config.ts';
import { freePort } from '../../../demo/free-port.ts';
import { createEmbeddedStore, DEMO_ROLE_ARN, type EmbeddedStore } from '../../../demo/store/embedded-store.ts';
import { replayAudit } from './replayed.ts';
import { startFront, type Front } from '../identity/fault-front.ts';
import {
  makeKey,
  signToken,
  startTestIssuer,
  startProvider,
  type TestIssuer,
  type TestProvider,
} from '../identity/issuer.ts';

/** Of one whole call of a provider. */
export const TIMEOUT_MS = 1000;
/** Of one of STS: a throttled one is tried again after half a second or so. */
export const STS_TIMEOUT_MS = 1500;
const AUDIENCE = 'sallyport';

export interface Reply {
  readonly status: number;
  readonly code: string | undefined;
  readonly headers: Readonly<Record<string, string | string[] | undefined>>;
  readonly body: string;
  readonly tookMs: number;
}

export interface FaultyWorld {
  readonly port: number;
  readonly folder: string;
  readonly provider: TestProvider;
  readonly fronts: Readonly<Record<'discovery' | 'jwks' | 'introspection' | 'sts', Front>>;
  readonly gateway: Gateway;
  readonly store: EmbeddedStore;
  readonly call: (token: string, path?: string, method?: string, body?: string) => Promise<Reply>;
  /** A token of the issuer that stays well, never seen before. */
  readonly wellToken: (claims?: Readonly<Record<string, unknown>>) => string;
  readonly advance: (seconds: number) => void;
  readonly now: () => number;
  readonly log: () => string;
  readonly audit: () => Promise<readonly Record<string, unknown>[]>;
  readonly stop: () => Promise<void>;
}

const wellKey = makeKey('ES256', 'well');

/** `policies`: files by name. `more`: of the configuration. `introspection`: of the entry of the provider. */
export interface FaultyWorldOptions {
  readonly policies: Readonly<Record<string, string>>;
  readonly more?: Readonly<Record<string, unknown>>;
  readonly introspection?: Readonly<Record<string, unknown>>;
  readonly issuer?: Readonly<Record<string, unknown>>;
}

export async function startFaultyWorld(options: FaultyWorldOptions): Promise<FaultyWorld> {
  const folder = await mkdtemp(join(tmpdir(), 'sallyport-faults-'));
  let aheadMs = 0;
  const now = (): number => Date.now() + aheadMs;

  const behind: { provider?: TestProvider; store?: EmbeddedStore } = {};
  const providerPort = (): number => behind.provider?.port ?? 0;
  const host = (): string => new URL(fronts.discovery.url).host;
  const introspection = await startFront({ port: providerPort, host });
  const jwks = await startFront({ port: providerPort, host });
  const discovery = await startFront({
    port: providerPort,
    only: (path) => path.startsWith('/.well-known/'),
    rewrite: (body) => pointing(body, jwks.url, introspection.url),
  });
  const sts = await startFront({ port: () => behind.store?.port ?? 0 });
  const fronts = { discovery, jwks, introspection, sts };
  const provider = await startProvider(discovery.url);
  const well: TestIssuer = await startTestIssuer([wellKey.publicJwk]);

  const gatewayKeys = { accessKeyId: 'GATEWAYGATEWAYGATEWA', secretAccessKey: randomBytes(20).toString('hex') };
  const ownerKeys = { accessKeyId: 'OWNEROWNEROWNEROWNER', secretAccessKey: randomBytes(20).toString('hex') };
  const store = await createEmbeddedStore({
    ...{ folder: join(folder, 'store'), port: await freePort(), relayPort: sts.port, buckets: ['box', 'landing'] },
    ...{ gatewayKeys, ownerKeys, log: () => undefined, nowMs: now },
  });
  behind.provider = provider;
  behind.store = store;
  await store.start();

  await mkdir(join(folder, 'policies'));
  for (const [name, text] of Object.entries(options.policies)) await writeFile(join(folder, 'policies', name), text);
  const secrets = {
    seed: randomBytes(32).toString('hex'),
    'session-key': randomBytes(32).toString('hex'),
    ...{ 'client-id': provider.introspector.id, 'client-secret': provider.introspector.secret },
    ...{ 'own-id': ownerKeys.accessKeyId, 'own-secret': ownerKeys.secretAccessKey },
  };
  for (const [name, text] of Object.entries(secrets)) await writeFile(join(folder, name), text, { mode: 0o600 });
  const port = await freePort();
  const shared = { endpoint: store.endpoint, region: 'us-east-1', allowPlaintextHttp: true };
  await writeFile(
    join(folder, 'sallyport.yaml'),
    JSON.stringify({
      listen: { address: `127.0.0.1:${port}`, allowPlaintextLoopback: true },
      issuers: {
        corp: {
          ...{ issuer: provider.url, audiences: [provider.resource, provider.opaqueResource], allowHttp: true },
          introspection: {
            ...{ clientIdFile: 'client-id', clientSecretFile: 'client-secret' },
            ...options.introspection,
          },
          ...options.issuer,
        },
        well: { issuer: well.url, audiences: [AUDIENCE], allowHttp: true },
      },
      stores: {
        main: { ...shared, sts: { endpoint: sts.url, roleArn: DEMO_ROLE_ARN } },
        keyed: {
          ...{ ...shared, method: 'static' },
          credentials: { accessKeyIdFile: 'own-id', secretAccessKeyFile: 'own-secret' },
        },
      },
      buckets: { box: { store: 'main' }, landing: { store: 'keyed' } },
      keyring: { local: { versions: { '1': { seedFile: 'seed' } } } },
      sessions: { deploymentId: 'faults', keys: { current: { id: 'k1', keyFile: 'session-key' } } },
      policies: { directory: 'policies' },
      audit: { directory: 'audit', minFreeBytes: 0 },
      timeouts: { drainDelayMs: 0, jwksMs: TIMEOUT_MS, stsMs: STS_TIMEOUT_MS },
      ...options.more,
    }),
  );
  const env = { AWS_ACCESS_KEY_ID: gatewayKeys.accessKeyId, AWS_SECRET_ACCESS_KEY: gatewayKeys.secretAccessKey };
  let log = '';
  const logStream = new Writable({
    write: (chunk: Buffer, _encoding, done) => {
      log += chunk.toString();
      done();
    },
  });
  const config = await loadConfig({ path: join(folder, 'sallyport.yaml'), env });
  const gateway = await createGateway(config, { worker: 0, pid: process.pid, logStream, clock: { now } });
  await gateway.listen();
  const agent = new Agent({ keepAlive: true });

  return {
    ...{ port, folder, provider, fronts, gateway, store, now },
    call: (token, path = '/box/desk/one', method = 'GET', body?: string) =>
      call({ host: '127.0.0.1', agent, port, path, method, headers: { authorization: `Bearer ${token}` } }, body),
    wellToken: (claims) => {
      const exp = Math.floor(now() / 1000) + 600;
      const jti = randomBytes(8).toString('hex');
      return signToken(wellKey, {
        iss: well.url,
        sub: 'walter',
        aud: AUDIENCE,
        groups: ['analytics'],
        exp,
        jti,
        ...claims,
      });
    },
    advance: (seconds) => {
      aheadMs += seconds * 1000;
    },
    log: () => log,
    audit: async () => {
      const names = (await readdir(join(folder, 'audit'))).filter((name) => name.endsWith('.jsonl')).toSorted();
      const texts = await Promise.all(names.map((name) => readFile(join(folder, 'audit', name), 'utf8')));
      return texts
        .flatMap((text) => text.split('\n').filter(Boolean))
        .map((line) => JSON.parse(line) as Record<string, unknown>);
    },
    stop: async () => {
      agent.destroy();
      await gateway.drain();
      await Promise.all([
        store.stop(),
        well.stop(),
        provider.stop(),
        ...Object.values(fronts).map((front) => front.stop()),
      ]);
      await replayAudit(config.audit.directory, config);
      await rm(folder, { recursive: true, force: true });
    },
  };
}

/** The discovery document, with keys and introspection where their fronts are. */
function pointing(body: string, jwks: string, introspection: string): string {
  const document = JSON.parse(body) as Record<string, string>;
  const at = (url: string, name: string): string => url + new URL(document[name] ?? '').pathname;
  return JSON.stringify({
    ...document,
    jwks_uri: at(jwks, 'jwks_uri'),
    introspection_endpoint: at(introspection, 'introspection_endpoint'),
  });
}

function call(options: RequestOptions, body: string | undefined): Promise<Reply> {
  const startedAt = performance.now();
  return new Promise((resolve, reject) => {
    const outgoing = request(options);
    outgoing.on('error', reject);
    outgoing.on('response', (response) => {
      const chunks: Buffer[] = [];
      response.on('error', reject);
      response.on('data', (chunk: Buffer) => chunks.push(chunk));
      response.on('end', () => {
        const text = Buffer.concat(chunks).toString();
        resolve({
          status: response.statusCode ?? 0,
          code: /<Code>([^<]*)<\/Code>/.exec(text)?.[1],
          headers: response.headers,
          body: text,
          tookMs: performance.now() - startedAt,
        });
      });
    });
    outgoing.end(body);
  });
}
