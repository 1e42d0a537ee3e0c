/**
 * `npm run verify:alerts`: every alert that is shipped, fired by its cause. A real Prometheus scrapes real gateways, two of which
 * come to harm in every way that the alerts are for, while a third serves under some load and must fire none. Then each query of
 * the dashboard must have an answer. SALLYPORT_DASHBOARD_PICTURE=FILE.svg draws it from that.
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
import { readDashboard, shownLabels } from '../../scripts/dashboard-picture/dashboard.ts';
import { COMPILE_CACHE } from '../support/compile-cache.ts';
import { makeKey, signToken, startTestIssuer, type TestIssuer } from '../support/identity/issuer.ts';
import { needs } from '../support/needs.ts';
import { hasPrometheus, shortenedRules, startPrometheus, type Prometheus } from '../support/stack/prometheus.ts';
import { startTraceCollector, type TraceCollector } from '../support/stack/trace-collector.ts';
import { workerIds } from '../support/stack/worker-ids.ts';
import { send } from '../support/store/store-client.ts';
import { startStoreProxy, type StoreProxy } from '../support/store/store-proxy.ts';

const script = fileURLToPath(new URL('../../bin/sallyport.js', import.meta.url));
const throwsOnSignal = `--import ${new URL('../support/http/throws-on-signal.ts', import.meta.url).href}`;
const stallingDisk = `--import ${new URL('../support/http/stalling-disk.ts', import.meta.url).href}`;
const LIMIT_MS = 150_000;
/** What is fired last, by the death of a gateway that was well. */
const DEATHS: readonly string[] = ['SallyportDown', 'SallyportInstanceDown'];
const FILL_BYTES = 512 * 2 ** 20;
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
const BUDGET = 'guardrails: [{ id: hourly, per: identity, window: 1h, deletes: 10, whenSpent: wait }]\n';

interface Running {
  readonly child: ChildProcess;
  readonly client: Client;
  readonly admin: string;
  readonly folder: string;
}

describe('the alerts of a real Prometheus', function () {
  this.timeout(LIMIT_MS + 30_000);
  let folder: string;
  const issuers: TestIssuer[] = [];
  let store: EmbeddedStore | undefined;
  let proxy: StoreProxy;
  let prometheus: Prometheus;
  let minFreeBytes = 0;
  let fillings = 0;
  let collector: TraceCollector;
  let [quiet, ill, stalled]: (Running | undefined)[] = [];
  let ends = 0;
  let startedMs = 0;
  /** What ends it all, the last first. */
  const stops: (() => Promise<unknown>)[] = [];

  before(async function () {
    needs(this, 'prometheus', hasPrometheus);
    needs(this, 'openssl', spawnSync('openssl', ['version']).status === 0);
    folder = await mkdtemp(join(tmpdir(), 'sallyport-alerts-'));
    stops.push(() => rm(folder, { recursive: true, force: true }));
    const [issuer, doomed] = [await startTestIssuer([key.publicJwk]), await startTestIssuer([key.publicJwk])];
    issuers.push(issuer, doomed);
    stops.push(issuer.stop);
    const proxyPort = await freePort();
    store = await startStore('store', proxyPort);
    const wellStore = await startStore('well');
    proxy = await startStoreProxy(proxyPort, store.port);
    stops.push(proxy.stop);
    const certificate = join(folder, 'ca.pem');
    const request =
      'req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -subj /CN=ca -days 7 -keyout /dev/null';
    execFileSync('openssl', [...request.split(' '), '-out', certificate], { stdio: 'ignore' });
    const { bavail, bsize } = await statfs(folder);
    // The alert is for less than twice as much; what the test writes to the disk makes the difference.
    minFreeBytes = Math.floor((bavail * bsize - FILL_BYTES / 2) / 2);
    const secrets = { guardrails: { keyFile: 'seed' }, grants: { keyFile: 'seed' } };
    collector = await startTraceCollector();
    stops.push(collector.stop);
    quiet = await start(
      'quiet',
      wellStore.endpoint,
      {
        revocation: { file: 'revocations.json' },
        policies: { directory: 'policies', preview: 'preview', ...secrets },
      },
      { OTEL_EXPORTER_OTLP_ENDPOINT: collector.url },
      POLICY + BUDGET,
    );
    ill = await start(
      'ill',
      proxy.endpoint,
      {
        workers: 2,
        issuers: {
          test: { issuer: issuer.url, audiences: ['sallyport'], allowHttp: true },
          doomed: {
            ...{ issuer: doomed.url, audiences: ['sallyport'], allowHttp: true },
            ...{ jwksRefreshSeconds: 30, jwksMaxStaleSeconds: 60 },
          },
          // It has no tokens here, and a certificate that ends soon.
          other: { issuer: `https://127.0.0.1:${await freePort()}`, audiences: ['sallyport'], caFile: certificate },
        },
        audit: { directory: 'audit', minFreeBytes },
        limits: { inFlight: 4 },
      },
      { NODE_OPTIONS: throwsOnSignal },
    );
    // Its keys are not those that STS knows, and its policies are others than those of the one beside it.
    stalled = await start(
      'stalled',
      store.endpoint,
      { revocation: { file: 'revocations.json', whenUnavailable: 'fail-open' } },
      { NODE_OPTIONS: stallingDisk, AWS_SECRET_ACCESS_KEY: 'x'.repeat(40) },
      POLICY.replace('The team', 'A team'),
    );
    startedMs = Date.now();
    prometheus = await startPrometheus({ quiet: [quiet.admin], ill: [ill.admin, stalled.admin] });
    stops.push(prometheus.stop);
  });
  after(async () => {
    for (const stop of stops.reverse()) await stop();
  });

  /** So that the audit has too little left; others may give back some of the disk meanwhile. */
  async function fillDisk(at: string): Promise<void> {
    const { bavail, bsize } = await statfs(at);
    const tooMuch = bavail * bsize - (2 * minFreeBytes - FILL_BYTES / 2);
    if (tooMuch <= 0) return;
    fillings += 1;
    execFileSync('fallocate', ['--length', String(tooMuch), join(at, `filling-${fillings}`)]);
  }

  const issuerUrl = (): string => issuers[0]?.url ?? '';

  async function startStore(name: string, relayPort?: number): Promise<EmbeddedStore> {
    const made = await createEmbeddedStore({
      ...{ folder: join(folder, name), port: await freePort(), buckets: ['box'], gatewayKeys, ownerKeys },
      ...(relayPort === undefined ? {} : { relayPort }),
      log: () => undefined,
    });
    await made.start();
    stops.push(() => made.stop().catch(() => undefined));
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
    for (const each of ['policies', 'preview']) await mkdir(join(own, each), { recursive: true });
    await writeFile(join(own, 'policies', 'team.yaml'), policy);
    await writeFile(join(own, 'preview', 'team.yaml'), policy.replace('[GET, PUT, LIST', '[PUT, LIST'));
    await writeFile(join(own, 'seed'), randomBytes(32), { mode: 0o600 });
    const [port, adminPort] = [await freePort(), await freePort()];
    const config = {
      listen: { address: `127.0.0.1:${port}`, allowPlaintextLoopback: true },
      admin: { address: `127.0.0.1:${adminPort}` },
      issuers: { test: { issuer: issuerUrl(), audiences: ['sallyport'], allowHttp: true } },
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
    const client = new Client(`http://127.0.0.1:${port}`, '');
    stops.push(async () => {
      client.close();
      if (child.exitCode !== null || child.signalCode !== null) return;
      const ended = once(child, 'exit');
      child.kill('SIGKILL');
      await ended;
    });
    let log = '';
    child.stderr.on('data', (bytes: Buffer) => (log += bytes.toString()));
    const admin = `127.0.0.1:${adminPort}`;
    const path = name === 'stalled' ? 'metrics' : 'readyz';
    await until(`${name} serves`, async () => {
      assert.equal(child.exitCode, null, log);
      return (await fetch(`http://${admin}/${path}`).catch(() => undefined))?.status === 200;
    });
    return { child, client, admin, folder: own };
  }

  async function until(what: string, isSo: () => Promise<boolean>): Promise<void> {
    for (const since = Date.now(); !(await isSo());) {
      assert.ok(Date.now() - since < LIMIT_MS, `not in time: ${what}`);
      await sleep(100);
    }
  }

  const token = (group = 'team', subject = 'somebody') => {
    const exp = Math.floor(Date.now() / 1000) + 600;
    return signToken(key, { iss: issuerUrl(), aud: 'sallyport', sub: subject, groups: [group], exp });
  };
  /** Gives nothing of a call that fails, or that nobody answers in some seconds. */
  const call = (running: Running, method: string, target: string, bearer = token(), body?: string) => {
    const asked = running.client.call({ method, target, token: bearer, ...(body === undefined ? {} : { body }) });
    return Promise.race([asked.catch(() => undefined), sleep(5000, undefined)]);
  };

  const fired = async (job: string): Promise<ReadonlySet<string>> => {
    const all = `group by (alertname) (last_over_time(ALERTS{alertstate="firing", job="${job}"}[1h]))`;
    return new Set((await prometheus.query(all)).map(({ metric }) => metric['alertname'] ?? ''));
  };

  /** Does something to them again and again until all of these alerts have fired. */
  async function untilFired(job: string, names: readonly string[], again: () => Promise<unknown>): Promise<void> {
    let missing: readonly string[] = names;
    while (missing.length > 0) {
      assert.ok(Date.now() < ends, `not fired: ${missing.join(', ')}`);
      await again();
      const seen = await fired(job);
      missing = names.filter((name) => !seen.has(name));
    }
  }

  /** What a service at work has: clients who err, callers who are denied, tokens that are not good. */
  const work = async (): Promise<void> => {
    assert.ok(quiet);
    const well = quiet;
    await call(well, 'PUT', '/box/one', token(), 'one');
    for (const target of ['/box/one', '/box/none', '/box?list-type=2']) await call(well, 'GET', target);
    for (const bearer of [token('strangers'), 'not.a.token']) await call(well, 'GET', '/box/one', bearer);
    await call(well, 'HEAD', '/box/one');
  };

  it('fire each by its cause, and none at a gateway that serves well', async () => {
    assert.ok(ill && stalled && store);
    const [bad, other] = [ill, stalled];
    ends = Date.now() + LIMIT_MS;
    // What grows must have been seen before.
    await until('all are scraped', async () => (await prometheus.query('sallyport_ready')).length === 3);

    assert.equal((await call(bad, 'PUT', '/box/one', token(), 'one'))?.status, 200);
    assert.equal((await call(bad, 'GET', '/box/one'))?.status, 200);

    // An object is changed past the gateway.
    const raw = { bucket: 'box', key: 'one', keys: ownerKeys } as const;
    const { headers } = await send(store.port, { ...raw, method: 'GET' });
    const envelope = { 'x-amz-meta-sallyport': String(headers['x-amz-meta-sallyport']) };
    const body = randomBytes(Number(headers['content-length']));
    await send(store.port, { ...raw, method: 'PUT', headers: envelope, body });
    // An error is thrown, an issuer ends, policies and revocations are spoilt, the disk of the audit fills.
    const [first = 0] = await workerIds(bad.child.pid ?? 0);
    process.kill(first, 'SIGUSR2');
    await issuers[1]?.stop();
    await writeFile(join(bad.folder, 'policies', 'team.yaml'), POLICY.replace('allow', 'allows'));
    await writeFile(join(other.folder, 'revocations.json'), 'not a list');
    await fillDisk(bad.folder);

    // STS knows no such keys: every caller is told so.
    let callers = 0;
    const refused = () => call(other, 'GET', '/box/one', token('team', `caller-${(callers += 1)}`));
    await untilFired(
      'ill',
      ['SallyportIntegrityFailure', 'SallyportUncaughtError', 'SallyportStsRefused'],
      async () => {
        await work();
        await call(bad, 'GET', '/box/one');
        await Promise.all([refused(), refused(), refused()]);
        await sleep(300);
      },
    );

    // The store is slow, and a process of another gateway is always busy with something else.
    proxy.slowness = () => 1100;
    const [worker = 0] = await workerIds(other.child.pid ?? 0);
    let isStopped = false;
    const stutter = setInterval(() => process.kill(worker, (isStopped = !isStopped) ? 'SIGSTOP' : 'SIGCONT'), 220);
    try {
      const slow = ['SallyportLatencyHigh', 'SallyportLatencyElevated', 'SallyportEventLoopBusy'];
      await untilFired('ill', slow, async () => {
        await Promise.all([work(), ...Array.from({ length: 6 }, () => call(bad, 'HEAD', '/box/one'))]);
      });
    } finally {
      clearInterval(stutter);
      process.kill(worker, 'SIGCONT');
    }
    proxy.slowness = () => 0;

    // The store throttles the gateway.
    proxy.fault = ({ operation }) => (operation === 'GetObject' ? 'refuse' : undefined);
    await untilFired('ill', ['SallyportThrottling'], async () => {
      await Promise.all([work(), ...Array.from({ length: 6 }, () => call(bad, 'GET', '/box/one'))]);
      await sleep(300);
    });
    proxy.fault = () => undefined;

    // The store ends, the disk of an audit hangs, and workers are killed again and again.
    await store.stop();
    process.kill(worker, 'SIGWINCH');
    const failing = ['SallyportErrorRateHigh', 'SallyportErrorRateElevated', 'SallyportDependencyFailing'];
    await untilFired('ill', [...failing, 'SallyportAuditStalled', 'SallyportCrashLoop'], async () => {
      const [next] = await workerIds(bad.child.pid ?? 0);
      if (next !== undefined && !(await fired('ill')).has('SallyportCrashLoop')) process.kill(next, 'SIGKILL');
      void refused();
      await Promise.all([work(), ...Array.from({ length: 4 }, () => call(bad, 'GET', '/box/one'))]);
      await sleep(500);
    });

    // What takes longer.
    const names = alertsOf(await shortenedRules());
    const late = names.filter((name) => !DEATHS.includes(name));
    await untilFired('ill', late, async () => {
      await fillDisk(bad.folder);
      await work();
      await sleep(500);
    });
    assert.deepEqual(await fired('quiet'), new Set());
  });

  it('are shown by a dashboard each of whose queries has an answer, with the labels that it shows', async () => {
    const panels = await readDashboard({ job: '.+', instance: '.+', rateInterval: '4s' });
    ends = Date.now() + 30_000;
    for (const { title, targets = [] } of panels) {
      for (const target of targets) {
        const about = `${title}: ${target.expr}`;
        let answer = await prometheus.query(target.expr);
        for (; answer.length === 0; answer = await prometheus.query(target.expr)) {
          assert.ok(Date.now() < ends, `no answer to ${about}`);
          await work();
        }
        const grouped = [...target.expr.matchAll(/\bby \(([^)]*)\)/g)].flatMap(([, labels = '']) => labels.split(', '));
        const shown = [...shownLabels(target.legendFormat), ...grouped].filter((label) => label !== 'le');
        for (const label of shown)
          assert.ok(
            answer.some(({ metric }) => metric[label]),
            `no ${label} in ${about}`,
          );
      }
    }
    const picture = process.env['SALLYPORT_DASHBOARD_PICTURE'];
    if (picture !== undefined) {
      const options = {
        prometheus: prometheus.url,
        out: picture,
        seconds: String(Math.round((Date.now() - startedMs) / 1000)),
        'rate-interval': '4s',
      };
      const args = Object.entries(options).flatMap(([name, value]) => [`--${name}`, value]);
      execFileSync(process.execPath, [
        fileURLToPath(new URL('../../scripts/dashboard-picture.ts', import.meta.url)),
        ...args,
      ]);
    }
  });

  it('lead to traces: buckets of the latency have exemplars, whose spans the collector has', async () => {
    ends = Date.now() + 30_000;
    for (let known = false; !known;) {
      assert.ok(Date.now() < ends, 'no exemplar of a span that was collected');
      await work();
      const exemplars = await prometheus.exemplars('http_server_request_duration_seconds_bucket{job="quiet"}');
      const spans = new Set(collector.spans.map(({ traceId, spanId }) => `${traceId} ${spanId}`));
      known = exemplars.some(({ trace_id: trace = '', span_id: span = '' }) => spans.has(`${trace} ${span}`));
    }
  });

  it('fire where a gateway that was well is killed', async () => {
    assert.deepEqual(await fired('quiet'), new Set());
    quiet?.child.kill('SIGKILL');
    ends = Date.now() + LIMIT_MS;
    await untilFired('quiet', DEATHS, () => sleep(500));
    assert.deepEqual(await fired('quiet'), new Set(DEATHS));
  });
});

const alertsOf = (rules: string): readonly string[] => {
  const { groups } = parse(rules) as { groups: readonly { rules: readonly { alert?: string }[] }[] };
  return groups.flatMap((group) => group.rules.flatMap(({ alert }) => alert ?? []));
};
