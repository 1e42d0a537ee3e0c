/**
 * A whole gateway in this process, on a real store (the embedded one, or Ceph RGW as SALLYPORT_TEST_STORE says), for tests of
 * what passes between the two. Its only issuer is a test's own; `analysts` may do everything, `guests` what a test allows.
 */
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Writable } from 'node:stream';
import { createGateway } from '../../../src/compose/gateway.ts';
import { loadConfig } from '../../../src/config/load-config.ts';
import { freePort } from '../../../demo/free-port.ts';
import { createEmbeddedStore, DEMO_ROLE_ARN, type EmbeddedStore } from '../../../demo/store/embedded-store.ts';
import { VERBS } from '../../../src/s3/operations/verb.ts';
import { startCeph } from '../store/ceph.ts';
import { Client } from '../client/client.ts';
import { makeKey, signToken, startTestIssuer } from '../identity/issuer.ts';
import { replayAudit } from './replayed.ts';
import { sharedKind, type StackKind } from './stack.ts';
import { send, type TestAnswer, type TestKeys, type TestRequest } from '../store/store-client.ts';

export interface SmallGateway {
  readonly kind: StackKind;
  readonly client: Client;
  /** `undefined` on Ceph. */
  readonly store: EmbeddedStore | undefined;
  /** A token of somebody in this group. */
  readonly token: (group: string, subject?: string) => string;
  /** Asks the store itself, as its owner. */
  readonly raw: (request: Omit<TestRequest, 'keys'>) => Promise<TestAnswer>;
  readonly stop: () => Promise<void>;
}

export interface SmallGatewayOptions {
  /** Of configuration, by name; on Ceph only `reports`, `artifacts` and `scratch` can be had. */
  readonly buckets: Readonly<Record<string, object>>;
  /** Merged over the section of the store. */
  readonly storeConfig?: object;
  /** Rules for the group `guests`. */
  readonly guestRules?: readonly object[];
  /** Buckets of the embedded store at the start; left out: those of configuration. */
  readonly stored?: readonly string[];
}

/** Starts one, on free ports. */
export async function startSmallGateway(options: SmallGatewayOptions): Promise<SmallGateway> {
  const { buckets, storeConfig = {}, guestRules } = options;
  const kind = sharedKind();
  const folder = await mkdtemp(join(tmpdir(), 'sallyport-small-'));
  const undo: (() => Promise<unknown>)[] = [() => rm(folder, { recursive: true, force: true })];
  const stop = async (): Promise<void> => {
    for (const step of undo.splice(0).reverse()) await step();
  };
  try {
    const key = makeKey('RS256', 'k1');
    const issuer = await startTestIssuer([key.publicJwk]);
    undo.push(() => issuer.stop());
    const store = await (kind === 'ceph' ? ceph(undo) : embedded(folder, options, undo));
    await mkdir(join(folder, 'policies'));
    const everything = Object.keys(buckets).map((bucket) => ({ id: bucket, allow: VERBS, bucket, everything: true }));
    await policy(folder, 'analysts', everything);
    if (guestRules !== undefined) await policy(folder, 'guests', guestRules);
    await writeFile(join(folder, 'seed'), randomBytes(32), { mode: 0o600 });
    await writeFile(
      join(folder, 'sallyport.yaml'),
      JSON.stringify({
        listen: { address: '127.0.0.1:1', allowPlaintextLoopback: true },
        issuers: { test: { issuer: issuer.url, audiences: ['sallyport'], allowHttp: true } },
        stores: {
          main: {
            ...{ endpoint: store.endpoint, region: store.region, allowPlaintextHttp: true },
            sts: { endpoint: store.endpoint, roleArn: store.roleArn, iamEscapes: kind === 'embedded' },
            ...storeConfig,
          },
        },
        buckets,
        keyring: { local: { versions: { '1': { seedFile: 'seed' } } } },
        policies: { directory: 'policies' },
        audit: { directory: 'audit', minFreeBytes: 0 },
        timeouts: { drainDelayMs: 0 },
      }),
    );
    const { accessKeyId, secretAccessKey } = store.gateway;
    const env = { AWS_ACCESS_KEY_ID: accessKeyId, AWS_SECRET_ACCESS_KEY: secretAccessKey };
    const config = await loadConfig({ path: join(folder, 'sallyport.yaml'), env });
    const logStream = new Writable({ write: (_chunk, _encoding, done) => done() });
    const gateway = await createGateway(config, { worker: 0, pid: process.pid, logStream });
    undo.push(async () => {
      await gateway.drain();
      await replayAudit(config.audit.directory, config);
    });
    gateway.server.listen(0, '127.0.0.1');
    await once(gateway.server, 'listening');
    const client = new Client(`http://127.0.0.1:${(gateway.server.address() as AddressInfo).port}`, '');
    undo.push(() => {
      client.close();
      return Promise.resolve();
    });
    return {
      kind,
      client,
      store: store.embedded,
      token: (group, subject = group) =>
        signToken(key, {
          ...{ iss: issuer.url, aud: 'sallyport', sub: subject, groups: [group] },
          exp: Math.floor(Date.now() / 1000) + 3600,
        }),
      raw: (request) => send(Number(new URL(store.endpoint).port), { ...request, keys: store.owner }),
      stop,
    };
  } catch (error) {
    await stop();
    throw error;
  }
}

interface StoreOfTest {
  readonly endpoint: string;
  readonly region: string;
  readonly roleArn: string;
  readonly gateway: TestKeys;
  readonly owner: TestKeys;
  readonly embedded: EmbeddedStore | undefined;
}

async function embedded(
  folder: string,
  { buckets, stored = Object.keys(buckets) }: SmallGatewayOptions,
  undo: (() => Promise<unknown>)[],
): Promise<StoreOfTest> {
  const keysOf = (name: string): TestKeys => ({
    accessKeyId: name.repeat(20).slice(0, 20),
    secretAccessKey: randomBytes(20).toString('hex'),
  });
  const [gateway, owner] = [keysOf('GATEWAY'), keysOf('OWNER')];
  const store = await createEmbeddedStore({
    ...{ folder: join(folder, 'store'), port: await freePort(), buckets: stored },
    ...{ gatewayKeys: gateway, ownerKeys: owner, log: () => undefined },
  });
  await store.start();
  undo.push(store.stop);
  return {
    ...{ endpoint: store.endpoint, region: 'us-east-1', roleArn: DEMO_ROLE_ARN },
    ...{ gateway, owner, embedded: store },
  };
}

async function ceph(undo: (() => Promise<unknown>)[]): Promise<StoreOfTest> {
  const { lab, stop } = await startCeph();
  undo.push(stop);
  const { endpoint, region, roleArn, gateway, owner } = lab;
  return { endpoint, region, roleArn, gateway, owner, embedded: undefined };
}

function policy(folder: string, group: string, rules: readonly object[]): Promise<void> {
  const subjects = [{ issuer: 'test', group }];
  return writeFile(
    join(folder, 'policies', `${group}.yaml`),
    JSON.stringify({ id: group, description: `What ${group} may do.`, subjects, rules }),
  );
}
