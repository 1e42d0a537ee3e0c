/**
 * The whole product for black-box tests: HAProxy, gateway, identity provider and a store (the embedded one, or Ceph RGW), as
 * the demo starts them, with every part within reach. One stack is shared by the end-to-end suite; `verify` makes its own.
 */
import { createPublicKey, type JsonWebKey } from 'node:crypto';
import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { importJWK, SignJWT } from 'jose';
import { auditFiles, readAudit, type AuditAccess } from '../../../src/audit/read-audit.ts';
import type { AddressingStyle } from '../../../src/contracts/bucket.ts';
import { startDemoStack, type DemoStack } from '../../../demo/demo-stack.ts';
import { DEMO_AUDIENCE } from '../../../demo/identity-provider/identity-provider.ts';
import type { EmbeddedStore } from '../../../demo/store/embedded-store.ts';
import { settingsFor, startCeph, type Ceph } from '../store/ceph.ts';
import { Client } from '../client/client.ts';
import { replayAudit } from './replayed.ts';
import { send, type TestAnswer, type TestKeys } from '../store/store-client.ts';

export type StackKind = 'embedded' | 'ceph';

/** What lies in the store, past the gateway. */
export interface RawStore {
  readonly get: (
    bucket: string,
    key: string,
  ) => Promise<{ status: number; body: Buffer; envelope: string | undefined }>;
  readonly put: (bucket: string, key: string, body: Buffer, envelope: string | undefined) => Promise<void>;
  readonly remove: (bucket: string, key: string) => Promise<void>;
  readonly list: (bucket: string) => Promise<readonly string[]>;
}

interface Part {
  readonly start: () => Promise<void>;
  readonly stop: () => Promise<void>;
}

export interface Stack {
  readonly kind: StackKind;
  readonly client: Client;
  /** Of HAProxy: `https://localhost:<port>`. */
  readonly frontUrl: string;
  readonly caFile: string;
  readonly raw: RawStore;
  readonly store: Part;
  readonly identityProvider: Part;
  readonly gateway: DemoStack['gateway'];
  /** What the embedded store's services do; `undefined` on Ceph. */
  readonly faults: EmbeddedStore['faults'] | undefined;
  /** Another pair that the gateway may use at the embedded store. */
  readonly addGatewayKeys: EmbeddedStore['addGatewayKeys'] | undefined;
  readonly gatewaySocket: string;
  readonly seedFile: string;
  readonly auditDirectory: string;
  readonly issuer: string;
  readonly password: (name: string) => string;
  /** A real token of a demo identity. */
  readonly token: (name: string) => Promise<string>;
  /** A token with these claims, signed with the issuer's own key: valid unless the claims say otherwise. */
  readonly forge: (claims: Readonly<Record<string, unknown>>) => Promise<string>;
  readonly publicKey: () => JsonWebKey;
  /** Accesses, intents and outcomes joined. */
  readonly audit: () => Promise<readonly AuditAccess[]>;
  /** The lines of the audit as they are. */
  readonly auditLines: () => Promise<readonly Record<string, unknown>[]>;
  readonly refusals: () => Promise<readonly Record<string, unknown>[]>;
  readonly ready: () => Promise<{ readonly ready: boolean }>;
  readonly metrics: (accept?: string) => Promise<string>;
  /** Calls of STS for clients, by the gateway's count since its start; one more for each health probe that is in progress. */
  readonly stsCalls: () => Promise<number>;
  /** Everything that must never stand in a log. */
  readonly secrets: () => readonly string[];
  /** Paths of all logs. */
  readonly logs: () => readonly string[];
  readonly stop: () => Promise<void>;
}

const packageRoot = fileURLToPath(new URL('../../../', import.meta.url)).replace(/\/$/, '');
let shared: Promise<Stack> | undefined;

/** What the end-to-end suite runs on; SALLYPORT_TEST_STORE says so. */
export function sharedKind(): StackKind {
  return process.env['SALLYPORT_TEST_STORE'] === 'ceph' ? 'ceph' : 'embedded';
}

/** How the gateways of the suites address buckets at the store; SALLYPORT_TEST_STYLE says so. */
export function sharedStyle(): AddressingStyle {
  return process.env['SALLYPORT_TEST_STYLE'] === 'virtual' ? 'virtual' : 'path';
}

/** Runs the gateway on a configuration file, where the hosts of buckets lead to this machine. */
export const gatewayCommand = (configFile: string) =>
  [
    ...[process.execPath, '--import', new URL('localhost-names.ts', import.meta.url).href],
    ...[join(packageRoot, 'bin', 'sallyport.js'), 'demo', 'gateway', '--config', configFile],
  ] as const;

/** The stack of the end-to-end suite. */
export function sharedStack(): Promise<Stack> {
  shared ??= startStack(sharedKind());
  return shared;
}

/** Stops the shared stack where one was started. */
export async function stopSharedStack(): Promise<void> {
  const stopping = shared;
  shared = undefined;
  await (await stopping)?.stop();
}

/** Starts a stack of its own, in a folder of its own, on free ports. */
export async function startStack(
  kind: StackKind,
  gatewayConfig: Readonly<Record<string, unknown>> = {},
  environment: Readonly<Record<string, string>> = {},
): Promise<Stack> {
  const dataDirectory = await mkdtemp(join(tmpdir(), 'sallyport-stack-'));
  const ceph = kind === 'ceph' ? await startCeph() : undefined;
  const dev = await startDemoStack({
    dataDirectory,
    ports: { front: 0, admin: 0, identityProvider: 0, store: 0 },
    packageRoot,
    environment: { ...process.env, ...environment },
    gatewayCommand,
    gatewayConfig,
    storeStyle: sharedStyle(),
    ...(ceph === undefined ? {} : { store: externalStore(ceph) }),
  });
  if (dev.front === undefined) throw new Error('HAProxy is not to be had; install it: apt-get install haproxy');
  const client = new Client(dev.frontUrl, await readFile(dev.caFile, 'utf8'));
  const { signingKey, people, robot, gatewayKeys, ownerKeys, cookieKey } = dev.secrets;

  const lines = async (prefix: string): Promise<Record<string, unknown>[]> => {
    const names = (await readdir(dev.auditDirectory)).filter((name) => name.startsWith(prefix)).toSorted();
    const texts = await Promise.all(names.map((name) => readFile(join(dev.auditDirectory, name), 'utf8')));
    return texts.flatMap((text) => text.split('\n')).flatMap((line) => parsed(line));
  };

  const metrics = async (accept = 'text/plain'): Promise<string> =>
    (await fetch(`http://127.0.0.1:${dev.ports.admin}/metrics`, { headers: { accept } })).text();

  return {
    kind,
    client,
    frontUrl: dev.frontUrl,
    caFile: dev.caFile,
    raw: rawStore(dev, ceph),
    store: storePart(dev, ceph),
    identityProvider: dev.identityProvider,
    gateway: dev.gateway,
    faults: dev.store?.faults,
    addGatewayKeys: dev.store?.addGatewayKeys,
    gatewaySocket: dev.gatewaySocket,
    seedFile: dev.seedFile,
    auditDirectory: dev.auditDirectory,
    issuer: dev.identityProvider.issuer,
    password: (name) => people.find((person) => person.name === name)?.password ?? '',
    token: async (name) => (await dev.token(name)).accessToken,
    forge: async (claims) => {
      const now = Math.floor(Date.now() / 1000);
      const all = {
        iss: dev.identityProvider.issuer,
        sub: 'forged',
        aud: DEMO_AUDIENCE,
        groups: ['analytics'],
        iat: now,
        exp: now + 600,
        ...claims,
      };
      const header = { alg: 'RS256', kid: signingKey.kid, typ: 'at+jwt' };
      return new SignJWT(all).setProtectedHeader(header).sign(await importJWK({ ...signingKey }, 'RS256'));
    },
    publicKey: () => createPublicKey({ key: signingKey, format: 'jwk' }).export({ format: 'jwk' }),
    audit: async () => {
      const accesses: AuditAccess[] = [];
      for await (const access of readAudit(await auditFiles(dev.auditDirectory))) accesses.push(access);
      return accesses;
    },
    auditLines: () => lines('access-'),
    refusals: () => lines('refusals-'),
    ready: async () => (await (await fetch(`http://127.0.0.1:${dev.ports.admin}/readyz`)).json()) as { ready: boolean },
    metrics,
    stsCalls: async () => {
      const text = await metrics();
      const total = (of: RegExp) => [...text.matchAll(of)].reduce((sum, [, count]) => sum + Number(count), 0);
      const all = total(/^sallyport_calls_total\{[^}]*service="sts"[^}]*\} (\d+)$/gm);
      return all - total(/^sallyport_looks_total\{[^}]*operation="health"[^}]*\} (\d+)$/gm);
    },
    secrets: () => [
      ...people.map(({ password }) => password),
      robot.clientSecret,
      cookieKey,
      gatewayKeys.secretAccessKey,
      ownerKeys.secretAccessKey,
      ...(ceph === undefined ? [] : [ceph.lab.gateway.secretAccessKey, ceph.lab.owner.secretAccessKey]),
    ],
    logs: () => ['embedded.log', 'gateway.log', 'haproxy.log'].map((name) => join(dev.logDirectory, name)),
    stop: async () => {
      client.close();
      await dev.stop();
      await ceph?.stop();
      await replayAudit(dev.auditDirectory);
      await rm(dataDirectory, { recursive: true, force: true });
    },
  };
}

function parsed(line: string): Record<string, unknown>[] {
  try {
    return line === '' ? [] : [JSON.parse(line) as Record<string, unknown>];
  } catch {
    return []; // torn by a kill: never acknowledged
  }
}

function externalStore({ lab }: Ceph) {
  return {
    endpoint: lab.endpoint,
    stsEndpoint: lab.endpoint,
    region: lab.region,
    roleArn: lab.roleArn,
    credentials: lab.gateway,
    settings: settingsFor(lab),
  };
}

function storePart(dev: DemoStack, ceph: Ceph | undefined): Part {
  if (ceph !== undefined) return { start: ceph.startGateway, stop: ceph.stopGateway };
  if (dev.store === undefined) throw new Error('no store');
  return dev.store;
}

function rawStore(dev: DemoStack, ceph: Ceph | undefined): RawStore {
  const port = Number(new URL(ceph?.lab.endpoint ?? dev.store?.endpoint ?? '').port);
  const keys: TestKeys = ceph?.lab.owner ?? dev.secrets.ownerKeys;
  const must = async (answer: Promise<TestAnswer>): Promise<TestAnswer> => {
    const settled = await answer;
    if (settled.status >= 300) throw new Error(`the store answered ${settled.status} ${settled.code ?? ''}`);
    return settled;
  };
  return {
    get: async (bucket, key) => {
      const { status, body, headers } = await send(port, { method: 'GET', bucket, key, keys });
      const envelope = headers['x-amz-meta-sallyport'];
      return { status, body, envelope: typeof envelope === 'string' ? envelope : undefined };
    },
    put: async (bucket, key, body, envelope) => {
      const headers = envelope === undefined ? {} : { 'x-amz-meta-sallyport': envelope };
      await must(send(port, { method: 'PUT', bucket, key, keys, body, headers }));
    },
    remove: async (bucket, key) => {
      await must(send(port, { method: 'DELETE', bucket, key, keys }));
    },
    list: async (bucket) => {
      const names: string[] = [];
      for (let after = ''; ;) {
        const query = { 'list-type': '2', 'encoding-type': 'url', ...(after === '' ? {} : { 'start-after': after }) };
        const text = (await must(send(port, { method: 'GET', bucket, query, keys }))).body.toString();
        for (const [, name] of text.matchAll(/<Contents>.*?<Key>([^<]*)<\/Key>/gs)) {
          // Ceph leaves an apostrophe out of the URL encoding, and escapes it for XML.
          const encoded = (name ?? '').replaceAll('&apos;', "'").replaceAll('+', '%20');
          names.push(decodeURIComponent(encoded));
        }
        if (!text.includes('<IsTruncated>true<')) return names;
        after = names.at(-1) ?? '';
      }
    },
  };
}
