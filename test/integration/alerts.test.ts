/**
 * Every alert that is shipped, fired by its cause: a real Prometheus scrapes real gateways, two of which come to harm in every
 * way that the alerts are for, while a third serves in quiet and must fire none.
 */
import assert from 'node:assert/strict';
import { execFileSync, spawn, spawnSync, type ChildProcess } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { mkdir, mkdtemp, rm, statfs, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { parse } from 'yaml';
import { freePort } from '../../demo/free-port.ts';
import { createEmbeddedStore, DEMO_ROLE_ARN, type EmbeddedStore } from '../../demo/store/embedded-store.ts';
import { Client } from '../support/client/client.ts';
import { COMPILE_CACHE } from '../support/compile-cache.ts';
import { makeKey, signToken, startTestIssuer, type TestIssuer } from '../support/identity/issuer.ts';
import { needs } from '../support/needs.ts';
import { hasPrometheus, shortenedRules, startPrometheus, type Prometheus } from '../support/stack/prometheus.ts';
import { workerIds } from '../support/stack/worker-ids.ts';
import { send } from '../support/store/store-client.ts';
import { startStoreProxy, type StoreProxy } from '../support/store/store-proxy.ts';

const script = fileURLToPath(new URL('../../bin/sallyport.js', import.meta.url));
const preload = (name: string) => `--import ${new URL(`../support/http/${name}.ts`, import.meta.url).href}`;
const LIMIT_MS = 150_000;
const key = makeKey('ES256', 'k1');
const keysOf = (name: string) => ({
  accessKeyId: name.repeat(20).slice(0, 20),
  secretAccessKey: randomBytes(20).toString('hex'),
});
const [gatewayKeys, ownerKeys] = [keysOf('GATEWAY'), keysOf('OWNER')];
const POLICY = `id: team
description: The team works in box.
subjects: [{ issuer: test, group: team }]
rules: [{ id: work, allow: [GET, PUT, LIST, DELETE], bucket: box, everything: true }]
`;

interface Running {
  readonly child: ChildProcess;
  readonly client: Client;
  readonly admin: string;
  readonly folder: string;
}

describe('the alerts of a real Prometheus', function () {
  this.timeout(LIMIT_MS + 30_000);
  let folder: string;
  let issuer: TestIssuer;
  let [store, wellStore]: (EmbeddedStore | undefined)[] = [];
  let proxy: StoreProxy;
  let prometheus: Prometheus;
  let [quiet, ill, stalled]: (Running | undefined)[] = [];
  let ends = 0;

  before(async function () {
    needs(this, 'prometheus', hasPrometheus);
    needs(this, 'openssl', spawnSync('openssl', ['version']).status === 0);
    folder = await mkdtemp(join(tmpdir(), 'sallyport-alerts-'));
    issuer = await startTestIssuer([key.publicJwk]);
    const proxyPort = await freePort();
    store = await startStore('store', proxyPort);
    wellStore = await startStore('well');
    proxy = await startStoreProxy(proxyPort, store.port);
    const certificate = join(folder, 'ca.pem');
    const subject = ['-subj', '/CN=ca', '-days', '7', '-keyout', '/dev/null', '-out', certificate];
    execFileSync(
      'openssl',
      ['req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes', ...subject],
      {
        stdio: 'ignore',
      },
    );
    const { bavail, bsize } = await statfs(folder);
    // What is left is more than this, and less than twice as much.
    const minFreeBytes = Math.floor(0.7 * bavail * bsize);
    quiet = await start('quiet', wellStore.endpoint, { revocation: { file: 'revocations.json' } });
    ill = await start(
      'ill',
      proxy.endpoint,
      {
        workers: 2,
        issuers: {
          test: { issuer: issuer.url, audiences: ['sallyport'], allowHttp: true },
          // Nobody listens there.
          gone: {
            ...{ issuer: `https://127.0.0.1:${await freePort()}`, audiences: ['sallyport'], caFile: certificate },
            ...{ jwksRefreshSeconds: 30, jwksMaxStaleSeconds: 60 },
          },
        },
        audit: { directory: 'audit', minFreeBytes },
        limits: { inFlight: 4 },
        revocation: { file: 'revocations.json', whenUnavailable: 'fail-open' },
      },
      { NODE_OPTIONS: preload('throws-on-signal') },
    );
    // Its keys are not those that STS knows, and its policies are others than those of the one beside it.
    stalled = await start(
      'stalled',
      store.endpoint,
      {},
      { NODE_OPTIONS: preload('stalling-disk'), AWS_SECRET_ACCESS_KEY: 'x'.repeat(40) },
      POLICY.replace('The team', 'A team'),
    );
    prometheus = await startPrometheus({ quiet: [quiet.admin], ill: [ill.admin, stalled.admin] });
  });
  after(async () => {
    await prometheus?.stop();
    for (const running of [quiet, ill, stalled]) {
      running?.client.close();
      if (running === undefined || running.child.exitCode !== null || running.child.signalCode !== null) continue;
      const ended = once(running.child, 'exit');
      running.child.kill('SIGKILL');
      await ended;
    }
    await proxy?.stop();
    for (const each of [store, wellStore]) await each?.stop().catch(() => undefined);
    await issuer?.stop();
    if (folder !== undefined) await rm(folder, { recursive: true, force: true });
  });

  async function startStore(name: string, relayPort?: number): Promise<EmbeddedStore> {
    const made = await createEmbeddedStore({
      ...{ folder: join(folder, name), port: await freePort(), buckets: ['box'], gatewayKeys, ownerKeys },
      ...(relayPort === undefined ? {} : { relayPort }),
      log: () => undefined,
    });
    await made.start();
    return made;
  }

  async function start(
    name: string,
    endpoint: string,
    more: object,
    environment: Readonly<Record<string, string>> = {},
    policy = POLICY,
  ): Promise<Running> {
    const own = join(folder, name);
    await mkdir(join(own, 'policies'), { recursive: true });
    await writeFile(join(own, 'policies', 'team.yaml'), policy);
    await writeFile(join(own, 'seed'), randomBytes(32), { mode: 0o600 });
    const [port, adminPort] = [await freePort(), await freePort()];
    const config = {
      listen: { address: `127.0.0.1:${port}`, allowPlaintextLoopback: true },
      admin: { address: `127.0.0.1:${adminPort}` },
      issuers: { test: { issuer: issuer.url, audiences: ['sallyport'], allowHttp: true } },
      stores: {
        main: { endpoint, region: 'us-east-1', allowPlaintextHttp: true, sts: { endpoint, roleArn: DEMO_ROLE_ARN } },
      },
      buckets: { box: {} },
      keyring: { local: { versions: { '1': { seedFile: 'seed' } } } },
      policies: { directory: 'policies' },
      audit: { directory: 'audit', minFreeBytes: 0 },
      timeouts: { drainDelayMs: 0, drainMs: 1000 },
      ...more,
    };
    await writeFile(join(own, 'sallyport.yaml'), JSON.stringify(config));
    const child = spawn(process.execPath, [script, 'demo', 'gateway', '--config', join(own, 'sallyport.yaml')], {
      env: {
        ...{ ...COMPILE_CACHE, PATH: process.env['PATH'] },
        ...{ AWS_ACCESS_KEY_ID: gatewayKeys.accessKeyId, AWS_SECRET_ACCESS_KEY: gatewayKeys.secretAccessKey },
        ...environment,
      },
      stdio: ['ignore', 'ignore', 'pipe'],
    });
    let log = '';
    child.stderr?.on('data', (bytes: Buffer) => (log += bytes.toString()));
    const admin = `127.0.0.1:${adminPort}`;
    const path = name === 'stalled' ? 'metrics' : 'readyz';
    await until(`${name} serves`, async () => {
      assert.equal(child.exitCode, null, log);
      return (await fetch(`http://${admin}/${path}`).catch(() => undefined))?.status === 200;
    });
    return { child, client: new Client(`http://127.0.0.1:${port}`, ''), admin, folder: own };
  }

  async function until(what: string, isSo: () => Promise<boolean>): Promise<void> {
    for (const since = Date.now(); !(await isSo());) {
      assert.ok(Date.now() - since < LIMIT_MS, `not in time: ${what}`);
      await sleep(100);
    }
  }

  const token = (group = 'team', subject = 'somebody') => {
    const exp = Math.floor(Date.now() / 1000) + 600;
    return signToken(key, { iss: issuer.url, aud: 'sallyport', sub: subject, groups: [group], exp });
  };
  const call = (running: Running, method: string, target: string, bearer = token(), body?: string) =>
    running.client
      .call({ method, target, token: bearer, ...(body === undefined ? {} : { body }) })
      .catch(() => undefined);

  const fired = async (job: string): Promise<ReadonlySet<string>> => {
    const all = `group by (alertname) (last_over_time(ALERTS{alertstate="firing", job="${job}"}[1h]))`;
    return new Set((await prometheus.query(all)).map(({ metric }) => metric['alertname'] ?? ''));
  };

  /** Does something to them again and again until all of these alerts have fired. */
  async function untilFired(names: readonly string[], again: () => Promise<unknown>): Promise<void> {
    let missing: readonly string[] = names;
    while (missing.length > 0) {
      assert.ok(Date.now() < ends, `not fired: ${missing.join(', ')}`);
      await again();
      const seen = await fired('ill');
      missing = names.filter((name) => !seen.has(name));
    }
  }

  it('fire each by its cause, and none at a gateway that serves in quiet', async () => {
    assert.ok(quiet && ill && stalled && store);
    const [well, bad, other] = [quiet, ill, stalled];
    ends = Date.now() + LIMIT_MS;
    // What grows must have been seen before.
    await until('all are scraped', async () => (await prometheus.query('sallyport_ready')).length === 3);

    /** What a service at work has: clients who err, callers who are denied, tokens that are not good. */
    const work = async (): Promise<void> => {
      await call(well, 'PUT', '/box/one', token(), 'one');
      for (const target of ['/box/one', '/box/none', '/box?list-type=2']) await call(well, 'GET', target);
      for (const bearer of [token('strangers'), 'not.a.token']) await call(well, 'GET', '/box/one', bearer);
      await call(well, 'HEAD', '/box/one');
    };
    assert.equal((await call(bad, 'PUT', '/box/one', token(), 'one'))?.status, 200);
    assert.equal((await call(bad, 'GET', '/box/one'))?.status, 200);

    // An object is changed past the gateway, an error is thrown, policies and revocations are spoilt.
    const raw = { bucket: 'box', key: 'one', keys: ownerKeys } as const;
    const { headers } = await send(store.port, { ...raw, method: 'GET' });
    const envelope = { 'x-amz-meta-sallyport': String(headers['x-amz-meta-sallyport']) };
    await send(store.port, {
      ...raw,
      method: 'PUT',
      headers: envelope,
      body: randomBytes(Number(headers['content-length'])),
    });
    const [first = 0] = await workerIds(bad.child.pid ?? 0);
    process.kill(first, 'SIGUSR2');
    await writeFile(join(bad.folder, 'policies', 'team.yaml'), POLICY.replace('allow', 'allows'));
    await writeFile(join(bad.folder, 'revocations.json'), 'not a list');
    const [worker = 0] = await workerIds(other.child.pid ?? 0);

    // STS knows no such keys: every caller is told so.
    let callers = 0;
    const refused = () => call(other, 'GET', '/box/one', token('team', `caller-${(callers += 1)}`));
    await untilFired(['SallyportIntegrityFailure', 'SallyportUncaughtError', 'SallyportStsRefused'], async () => {
      await work();
      await call(bad, 'GET', '/box/one');
      await Promise.all([refused(), refused(), refused()]);
      await sleep(300);
    });

    // The store is slow, and a process of another gateway is always busy with something else.
    proxy.slowness = () => 1100;
    let isStopped = false;
    const stutter = setInterval(() => process.kill(worker, (isStopped = !isStopped) ? 'SIGSTOP' : 'SIGCONT'), 220);
    try {
      const slow = ['SallyportLatencyHigh', 'SallyportLatencyElevated', 'SallyportThrottling'];
      await untilFired([...slow, 'SallyportEventLoopBusy'], async () => {
        await Promise.all([work(), ...Array.from({ length: 16 }, () => call(bad, 'HEAD', '/box/one'))]);
      });
    } finally {
      clearInterval(stutter);
      process.kill(worker, 'SIGCONT');
    }
    proxy.slowness = () => 0;

    // The store ends, the audit's disk hangs, and workers are killed again and again.
    await store.stop();
    process.kill(worker, 'SIGWINCH');
    const failing = ['SallyportErrorRateHigh', 'SallyportErrorRateElevated', 'SallyportDependencyFailing'];
    await untilFired([...failing, 'SallyportAuditStalled', 'SallyportCrashLoop'], async () => {
      const [next] = await workerIds(bad.child.pid ?? 0);
      if (next !== undefined && !(await fired('ill')).has('SallyportCrashLoop')) process.kill(next, 'SIGKILL');
      void refused();
      await Promise.all([work(), ...Array.from({ length: 4 }, () => call(bad, 'GET', '/box/one'))]);
      await sleep(500);
    });

    const all = parse(await shortenedRules()) as { groups: readonly { rules: readonly { alert?: string }[] }[] };
    const names = all.groups.flatMap(({ rules }) => rules.flatMap(({ alert }) => alert ?? []));
    const ended = ['SallyportDown', 'SallyportInstanceDown'];
    await untilFired(
      names.filter((name) => !ended.includes(name)),
      async () => {
        await work();
        await sleep(500);
      },
    );
    assert.ok(!(await fired('ill')).has('SallyportDown'));
    for (const { child } of [bad, other]) child.kill('SIGKILL');
    await untilFired(ended, work);
    assert.deepEqual(await fired('ill'), new Set(names));
    assert.deepEqual(await fired('quiet'), new Set());
  });
});
