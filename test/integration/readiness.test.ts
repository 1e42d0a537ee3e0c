/**
 * What operators are told of the things that a gateway depends on: each cable is pulled and put back, and `/readyz` and the
 * gauges are watched. A real OpenID provider and a real Redis, the embedded store with its STS, a double of Vault.
 */
import assert from 'node:assert/strict';
import { generateKeyPairSync, randomBytes } from 'node:crypto';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import type { Server } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Writable } from 'node:stream';
import { setTimeout as sleep } from 'node:timers/promises';
import supertest from 'supertest';
import { createIdentityProvider, DEMO_AUDIENCE } from '../../demo/identity-provider/identity-provider.ts';
import { createEmbeddedStore, DEMO_ROLE_ARN, type EmbeddedStore } from '../../demo/store/embedded-store.ts';
import { freePort } from '../../demo/free-port.ts';
import { createGateway, type Gateway } from '../../src/compose/gateway.ts';
import { loadConfig } from '../../src/config/load-config.ts';
import { createAdminServer } from '../../src/http/admin-server.ts';
import { needs } from '../support/needs.ts';
import { VaultDouble } from '../support/core/vault-double.ts';
import { hasRedis, startRedis, type Redis } from '../support/store/redis.ts';

interface Shown {
  readonly name: string;
  readonly state: string;
  readonly detail?: string;
  readonly ageSeconds?: number;
}

interface Cable {
  /** What it is called in `/readyz`, and in the gauges where that is something else. */
  readonly dependency: string;
  readonly gauge?: string;
  readonly pull: () => unknown;
  readonly plug: () => unknown;
}

const POLICY = `
id: team
description: The team does everything.
subjects: [{ issuer: corp, group: team }]
rules: [{ id: all, allow: [GET, PUT, LIST], bucket: reports, everything: true }]
`;
/** Keys of issuers are fetched every 30 s at most often. */
const LIMIT_MS = 60_000;

describe('what a gateway says of what it depends on', function () {
  this.timeout(300_000);
  const undo: (() => Promise<unknown>)[] = [];
  const keys = { accessKeyId: 'GATEW'.repeat(4), secretAccessKey: randomBytes(20).toString('hex') };
  let folder: string;
  let store: EmbeddedStore;
  let redis: Redis;
  let vault: VaultDouble;
  let vaultToken: string;
  let provider: ReturnType<typeof createIdentityProvider>;
  let gateway: Gateway;
  let admin: Server;
  const ends: (() => unknown)[] = [];

  const makeStore = async (port: number): Promise<void> => {
    const ownerKeys = { accessKeyId: 'OWNER'.repeat(4), secretAccessKey: randomBytes(20).toString('hex') };
    store = await createEmbeddedStore({
      ...{ folder: join(folder, 'store'), port, buckets: ['reports'], gatewayKeys: keys, ownerKeys },
      log: () => undefined,
    });
    await store.start();
  };

  before(async function () {
    needs(this, 'redis-server', hasRedis);
    folder = await mkdtemp(join(tmpdir(), 'sallyport-readiness-'));
    undo.push(() => rm(folder, { recursive: true, force: true }));
    const storePort = await freePort();
    await makeStore(storePort);
    undo.push(() => store.stop());
    redis = await startRedis();
    undo.push(redis.stop);
    vault = await new VaultDouble().start();
    undo.push(() => vault.stop());
    vault.createKey('sallyport');
    vaultToken = vault.createToken();
    const signingKey = generateKeyPairSync('rsa', { modulusLength: 2048 }).privateKey.export({ format: 'jwk' });
    provider = createIdentityProvider({
      ...{
        port: await freePort(),
        people: [],
        robot: { clientId: 'robot', clientSecret: randomBytes(20).toString('hex') },
      },
      ...{ signingKey: { ...signingKey, kid: 'k1' }, cookieKey: randomBytes(20).toString('hex'), log: () => undefined },
    });
    await provider.start();
    undo.push(() => provider.stop());

    await mkdir(join(folder, 'policies'));
    await writeFile(join(folder, 'policies', 'team.yaml'), POLICY);
    for (const [name, content] of Object.entries({
      ...{ id: keys.accessKeyId, secret: keys.secretAccessKey },
      ...{ 'vault-token': vaultToken },
    })) {
      await writeFile(join(folder, name), content, { mode: 0o600 });
    }
  });
  afterEach(async () => {
    for (const end of ends.splice(0)) await end();
  });
  after(async () => {
    for (const step of undo.reverse()) await step();
  });

  async function serve(readyNeeds: readonly string[]): Promise<void> {
    const { endpoint } = store;
    const config = {
      listen: { address: `127.0.0.1:${await freePort()}`, allowPlaintextLoopback: true },
      admin: { checkSeconds: 1, readyNeeds },
      issuers: {
        corp: { issuer: provider.issuer, audiences: [DEMO_AUDIENCE], allowHttp: true, jwksRefreshSeconds: 30 },
      },
      stores: {
        main: {
          ...{ endpoint, region: 'us-east-1', allowPlaintextHttp: true, sts: { endpoint, roleArn: DEMO_ROLE_ARN } },
          credentials: { accessKeyIdFile: 'id', secretAccessKeyFile: 'secret' },
        },
      },
      buckets: { reports: {} },
      keyring: {
        vault: { address: vault.address, allowHttp: true, key: 'sallyport', auth: { tokenFile: 'vault-token' } },
      },
      revocation: {
        redis: { address: `127.0.0.1:${redis.port}`, allowPlaintextLoopback: true },
        whenUnavailable: 'fail-open',
      },
      policies: { directory: 'policies' },
      audit: { directory: 'audit', minFreeBytes: 0 },
      timeouts: { drainDelayMs: 0, drainMs: 1000, stsMs: 1000, keyringMs: 1000, jwksMs: 1000 },
    };
    await writeFile(join(folder, 'sallyport.yaml'), JSON.stringify(config));
    const loaded = await loadConfig({ path: join(folder, 'sallyport.yaml'), env: {} });
    const logStream = new Writable({ write: (_chunk, _encoding, done) => done() });
    gateway = await createGateway(loaded, { worker: 0, pid: process.pid, logStream });
    const { readiness, metrics } = gateway;
    ends.push(gateway.drain);
    admin = createAdminServer({ readiness, metrics, uncaught: (error) => assert.fail(String(error)) });
  }

  const readyz = async (): Promise<{
    readonly status: number;
    readonly text: string;
    readonly shown: readonly Shown[];
  }> => {
    const { status, text } = await supertest(admin).get('/readyz');
    return { status, text, shown: (JSON.parse(text) as { readonly dependencies: readonly Shown[] }).dependencies };
  };
  const shownOf = async (dependency: string): Promise<Shown | undefined> =>
    (await readyz()).shown.find(({ name }) => name === dependency);
  const gaugeOf = async (metric: 'up' | 'check_age_seconds', dependency: string): Promise<number | undefined> => {
    const start = `sallyport_dependency_${metric}{dependency="${dependency}"} `;
    const line = (await gateway.metrics()).text.split('\n').find((each) => each.startsWith(start));
    return line === undefined ? undefined : Number(line.slice(start.length));
  };
  async function until(what: string, holds: () => Promise<boolean>): Promise<void> {
    const since = Date.now();
    while (!(await holds())) {
      if (Date.now() - since > LIMIT_MS) assert.fail(`${what}: ${(await readyz()).text}`);
      await sleep(100);
    }
  }

  /** Store and STS are one here, as with Ceph. */
  const cables = (): readonly Cable[] => {
    const port = Number(new URL(store.endpoint).port);
    const ofStore = { pull: () => store.stop(), plug: () => makeStore(port) };
    const none = { pull: () => undefined, plug: () => undefined };
    return [
      { dependency: 'issuer:corp', pull: () => provider.stop(), plug: () => provider.start() },
      { dependency: 'revocations', pull: () => redis.kill(), plug: () => redis.start() },
      {
        dependency: 'keyring:vault',
        pull: () => void (vault.sealed = true),
        plug: () => void (vault.sealed = false),
      },
      { dependency: 'bucket:reports', gauge: 'bucket', ...ofStore },
      { dependency: 'store:main', ...none },
      { dependency: 'credentials:main', ...none },
    ];
  };
  const everyGauge = async (value: number): Promise<boolean> => {
    const gauges = await Promise.all(cables().map(({ dependency, gauge }) => gaugeOf('up', gauge ?? dependency)));
    return gauges.every((each) => each === value);
  };
  const everyState = async (state: string): Promise<boolean> => {
    const { shown } = await readyz();
    return cables().every(({ dependency }) => shown.find(({ name }) => name === dependency)?.state === state);
  };

  it('is unknown before anything was asked, then ok with its age, and degraded without its cable', async () => {
    await serve([]);
    for (const dependency of ['store:main', 'sts:main', 'credentials:main', 'keyring:vault', 'bucket:reports']) {
      assert.equal((await shownOf(dependency))?.state, 'unknown', dependency);
      assert.equal((await shownOf(dependency))?.ageSeconds, undefined);
      assert.equal(await gaugeOf('up', dependency === 'bucket:reports' ? 'bucket' : dependency), undefined);
    }
    // No client has sent anything, and none does.
    await gateway.listen();
    await until('all is well', () => everyState('ok'));
    const { status, shown } = await readyz();
    assert.equal(status, 200);
    for (const { name, state, ageSeconds } of shown) {
      assert.equal(state, 'ok', name);
      if (name !== 'policies') assert.ok(ageSeconds !== undefined && ageSeconds < 60, `${name}: ${ageSeconds}`);
    }
    assert.ok(await everyGauge(1));
    assert.equal(await gaugeOf('up', 'audit'), 1);
    assert.ok(((await gaugeOf('check_age_seconds', 'store:main')) ?? Infinity) < 60);

    for (const { pull } of cables()) await pull();
    await until('all is told', () => everyState('degraded'));
    assert.ok(await everyGauge(0));
    const { status: still, text } = await readyz();
    // All replicas have the same ones; without configuration no one of them is the less ready.
    assert.equal(still, 200);
    for (const secret of [keys.secretAccessKey, keys.accessKeyId, vaultToken]) assert.ok(!text.includes(secret));
    for (const { plug } of cables()) await plug();
    await until('all is well again', () => everyState('ok'));
    assert.ok(await everyGauge(1));
  });

  it('makes the process unready where configuration says so, and ready again', async () => {
    await serve(['keyring:vault', 'revocations']);
    const status = async (wanted: number): Promise<boolean> => (await readyz()).status === wanted;
    await gateway.listen();
    await until('it is ready', () => status(200));
    assert.equal((await shownOf('keyring:vault'))?.state, 'ok');
    vault.sealed = true;
    await until('it is unready without Vault', () => status(503));
    vault.sealed = false;
    await until('it is ready again', () => status(200));
    await redis.kill();
    await until('it is unready without Redis', () => status(503));
    assert.match((await shownOf('revocations'))?.detail ?? '', /^Redis/);
    await redis.start();
    await until('it is ready again', () => status(200));
    // The store is not among them.
    const port = Number(new URL(store.endpoint).port);
    await store.stop();
    await until('it is told', async () => (await shownOf('store:main'))?.state === 'degraded');
    assert.equal((await readyz()).status, 200);
    await makeStore(port);
  });
});
