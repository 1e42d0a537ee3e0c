/**
 * `npm run bench`: what the gateway costs, as ratios to a bare Node relay, both in front of the same store in one run. CPU
 * is the gateway's own process, from /proc, so that the figure holds on a busy machine.
 */
import { fork, spawn, type ChildProcess } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { mkdtemp, mkdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import aws4 from 'aws4';
import { Pool } from 'undici';
import { freePort } from '../../src/dev/free-port.ts';
import { sessionOf } from '../support/session.ts';

const root = fileURLToPath(new URL('../..', import.meta.url));
const quick = process.argv.includes('--quick');
const ROUNDS = quick ? 1 : 3;
const SMALL_REQUESTS = quick ? 4000 : 12_000;
const SMALL_CONNECTIONS = 32;
const LARGE_BYTES = (quick ? 64 : 256) * 1024 * 1024;
const UPLOADS_AT_ONCE = 16;
/** A small signed request may cost this much of the same request with a bearer token. */
const SIGNED_TARGET = 1.3;
const TICKS_PER_SECOND = 100;

const piece = randomBytes(64 * 1024);
const children: ChildProcess[] = [];

interface Target {
  readonly name: string;
  readonly origin: string;
  readonly pid: number;
  readonly headers: Readonly<Record<string, string>>;
  /** Headers of one request, where each has its own. */
  readonly headersOf?: (method: string, path: string) => Readonly<Record<string, string>>;
}

async function cpuSeconds(pid: number): Promise<number> {
  const stat = await readFile(`/proc/${pid}/stat`, 'utf8');
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  return (Number(fields[11]) + Number(fields[12])) / TICKS_PER_SECOND;
}

async function peakRssMiB(pid: number): Promise<number> {
  const status = await readFile(`/proc/${pid}/status`, 'utf8');
  return Number(/VmHWM:\s+(\d+)/.exec(status)?.[1]) / 1024;
}

async function start(script: string, ...args: string[]): Promise<{ port: number; pid: number }> {
  const child = fork(join(root, 'test', 'bench', script), args, { execPath: process.execPath });
  children.push(child);
  const [{ port }] = (await once(child, 'message')) as [{ port: number }];
  return { port, pid: child.pid ?? 0 };
}

async function startGateway(folder: string, storePort: number): Promise<{ port: number; child: ChildProcess }> {
  const [port, adminPort] = [await freePort(), await freePort()];
  const store = `http://127.0.0.1:${storePort}`;
  const config = {
    listen: { address: `127.0.0.1:${port}`, allowPlaintextLoopback: true },
    admin: { address: `127.0.0.1:${adminPort}` },
    issuers: { bench: { issuer: store, audiences: ['bench'], allowHttp: true } },
    stores: {
      bench: {
        endpoint: store,
        region: 'us-east-1',
        allowPlaintextHttp: true,
        sts: { endpoint: store, roleArn: 'arn:aws:iam::000000000000:role/bench' },
      },
    },
    buckets: { box: {} },
    keyring: { local: { versions: { '1': { seedFile: join(folder, 'seed') } } } },
    sessions: { deploymentId: 'bench', keys: { current: { id: 'bench-1', keyFile: join(folder, 'session-key') } } },
    policies: { directory: join(folder, 'policies') },
    audit: { directory: join(folder, 'audit') },
    log: { level: 'warn' },
  };
  // YAML is a superset of JSON.
  await writeFile(join(folder, `gateway-${port}.yaml`), JSON.stringify(config));
  const child = spawn(
    process.execPath,
    [join(root, 'dist', 'main.js'), 'serve', '--config', join(folder, `gateway-${port}.yaml`)],
    {
      env: {
        PATH: process.env['PATH'],
        AWS_ACCESS_KEY_ID: 'BENCHBENCHBENCHBENCH',
        AWS_SECRET_ACCESS_KEY: 'x'.repeat(40),
      },
      stdio: ['ignore', 'inherit', 'inherit'],
    },
  );
  children.push(child);
  for (let attempt = 0; ; attempt += 1) {
    if (attempt > 200 || child.exitCode !== null) throw new Error('the gateway did not start');
    const ready = await fetch(`http://127.0.0.1:${adminPort}/readyz`).then(
      (answer) => answer.ok,
      () => false,
    );
    if (ready) break;
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  return { port, child };
}

// eslint-disable-next-line @typescript-eslint/require-await -- a body is asynchronous
async function* largeBody(): AsyncGenerator<Buffer> {
  for (let sent = 0; sent < LARGE_BYTES; sent += piece.length) yield piece;
}

function headersOf(target: Target, method: string, path: string): Readonly<Record<string, string>> {
  return target.headersOf?.(method, path) ?? target.headers;
}

async function put(pool: Pool, target: Target, path: string, body: Buffer | undefined): Promise<void> {
  const answer = await pool.request({
    method: 'PUT',
    path,
    headers: { ...headersOf(target, 'PUT', path), 'content-length': String(body?.length ?? LARGE_BYTES) },
    body: (body ?? largeBody()) as Buffer,
  });
  await answer.body.dump();
  if (answer.statusCode !== 200) throw new Error(`${target.name}: PUT ${path} answered ${answer.statusCode}`);
}

async function get(pool: Pool, target: Target, path: string): Promise<number> {
  const answer = await pool.request({ method: 'GET', path, headers: headersOf(target, 'GET', path) });
  let size = 0;
  for await (const chunk of answer.body as AsyncIterable<Buffer>) size += chunk.length;
  if (answer.statusCode !== 200) throw new Error(`${target.name}: GET ${path} answered ${answer.statusCode}`);
  return size;
}

interface Figure {
  readonly perSecond: number;
  readonly cpu: number;
}

/** Runs one load; gives units per second of wall time and CPU seconds of the target per unit. */
async function measure(target: Target, units: number, load: (pool: Pool) => Promise<void>): Promise<Figure> {
  const pool = new Pool(target.origin, { connections: SMALL_CONNECTIONS });
  const cpuBefore = await cpuSeconds(target.pid);
  const started = performance.now();
  await load(pool);
  const seconds = (performance.now() - started) / 1000;
  const cpu = ((await cpuSeconds(target.pid)) - cpuBefore) / units;
  await pool.close();
  return { perSecond: units / seconds, cpu };
}

const parallel = (count: number, total: number, one: (index: number) => Promise<unknown>): Promise<unknown> => {
  let next = 0;
  return Promise.all(
    Array.from({ length: count }, async () => {
      while (next < total) {
        const index = next;
        next += 1;
        await one(index);
      }
    }),
  );
};

const median = (values: readonly number[]): number =>
  values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)] ?? NaN;

async function main(): Promise<void> {
  const folder = await mkdtemp(join(tmpdir(), 'sallyport-bench-'));
  try {
    await mkdir(join(folder, 'policies'));
    await writeFile(
      join(folder, 'policies', 'bench.yaml'),
      'id: bench\ndescription: The benchmark.\nsubjects: [{ issuer: bench, group: bench }]\nrules:\n  - { id: all, allow: [GET, PUT, LIST, DELETE], bucket: box, everything: true }\n',
    );
    await writeFile(join(folder, 'seed'), randomBytes(32), { mode: 0o600 });
    await writeFile(join(folder, 'session-key'), randomBytes(32), { mode: 0o600 });
    const store = await start('store.ts');
    const token = await (await fetch(`http://127.0.0.1:${store.port}/token`)).text();
    const relay = await start('relay.ts', `http://127.0.0.1:${store.port}`);
    const gateway = await startGateway(folder, store.port);
    const bare: Target = { name: 'relay', origin: `http://127.0.0.1:${relay.port}`, pid: relay.pid, headers: {} };
    const ours: Target = {
      name: 'gateway',
      origin: `http://127.0.0.1:${gateway.port}`,
      pid: gateway.child.pid ?? 0,
      headers: { authorization: `Bearer ${token}` },
    };

    const small = piece.subarray(0, 1024);
    const smallPut = (target: Target) => (pool: Pool) =>
      parallel(SMALL_CONNECTIONS, SMALL_REQUESTS, (index) => put(pool, target, `/box/discard/${index}`, small)).then(
        () => undefined,
      );
    const smallGet = (target: Target) => (pool: Pool) =>
      parallel(SMALL_CONNECTIONS, SMALL_REQUESTS, () => get(pool, target, '/box/keep/small')).then(() => undefined);
    const largePut = (target: Target) => (pool: Pool) => put(pool, target, '/box/discard/large', undefined);
    const largeGet = (target: Target) => (pool: Pool) => get(pool, target, '/box/keep/large').then(() => undefined);

    const keys = await sessionOf(ours.origin, token);
    // Signed ahead: what signing costs the client is not the gateway's.
    const signatures = new Map<string, Readonly<Record<string, string>>>();
    const signedHeaders = (method: string, path: string): Readonly<Record<string, string>> => {
      const known = signatures.get(`${method} ${path}`);
      if (known !== undefined) return known;
      const made = aws4.sign(
        {
          service: 's3',
          region: 'us-east-1',
          host: new URL(ours.origin).host,
          method,
          path,
          ...(method === 'PUT' ? { body: small } : {}),
        },
        keys,
      ).headers as Record<string, string>;
      // undici says these itself.
      const headers = Object.fromEntries(
        Object.entries(made).filter(([name]) => !/^(host|content-length)$/i.test(name)),
      );
      signatures.set(`${method} ${path}`, headers);
      return headers;
    };
    const signing: Target = { ...ours, name: 'gateway, signed', headersOf: signedHeaders };
    for (let index = 0; index < SMALL_REQUESTS; index += 1) signedHeaders('PUT', `/box/discard/${index}`);

    const seeding = new Pool(ours.origin);
    await put(seeding, ours, '/box/keep/small', small);
    await put(seeding, ours, '/box/keep/large', undefined);
    await seeding.close();
    // Both are warm before anything counts.
    for (const target of [bare, ours, signing]) {
      await measure(target, SMALL_REQUESTS, smallGet(target));
      await measure(target, SMALL_REQUESTS, smallPut(target));
    }

    const gib = LARGE_BYTES / 2 ** 30;
    const rows = [
      {
        name: '1 KiB GET',
        units: SMALL_REQUESTS,
        load: smallGet,
        rate: 'req/s',
        scale: 1,
        cpuUnit: 'us CPU/request',
        cpuScale: 1e6,
      },
      {
        name: '1 KiB PUT',
        units: SMALL_REQUESTS,
        load: smallPut,
        rate: 'req/s',
        scale: 1,
        cpuUnit: 'us CPU/request',
        cpuScale: 1e6,
      },
      {
        name: `${LARGE_BYTES / 2 ** 20} MiB GET`,
        units: gib,
        load: largeGet,
        rate: 'MB/s',
        scale: 2 ** 30 / 1e6,
        cpuUnit: 's CPU/GiB',
        cpuScale: 1,
      },
      {
        name: `${LARGE_BYTES / 2 ** 20} MiB PUT`,
        units: gib,
        load: largePut,
        rate: 'MB/s',
        scale: 2 ** 30 / 1e6,
        cpuUnit: 's CPU/GiB',
        cpuScale: 1,
      },
    ];
    console.log(`medians of ${ROUNDS} rounds, relay and gateway in turn; ratio = gateway / relay`);
    for (const row of rows) {
      const figures: { bare: Figure; ours: Figure }[] = [];
      for (let round = 0; round < ROUNDS; round += 1) {
        figures.push({
          bare: await measure(bare, row.units, row.load(bare)),
          ours: await measure(ours, row.units, row.load(ours)),
        });
      }
      const of = (pick: (pair: { bare: Figure; ours: Figure }) => number): number => median(figures.map(pick));
      console.log(
        [
          row.name.padEnd(12),
          `${row.rate}: relay ${(of((f) => f.bare.perSecond) * row.scale).toFixed(0)}, gateway ${(of((f) => f.ours.perSecond) * row.scale).toFixed(0)} (x${of((f) => f.ours.perSecond / f.bare.perSecond).toFixed(2)})`,
          `${row.cpuUnit}: relay ${(of((f) => f.bare.cpu) * row.cpuScale).toFixed(row.cpuScale === 1 ? 2 : 0)}, gateway ${(of((f) => f.ours.cpu) * row.cpuScale).toFixed(row.cpuScale === 1 ? 2 : 0)} (x${of((f) => f.ours.cpu / f.bare.cpu).toFixed(2)})`,
        ].join('   '),
      );
    }

    console.log(
      `small requests of a session, signed (SigV4), against the same with a bearer token; ratio = signed / bearer`,
    );
    for (const [name, load] of [
      ['1 KiB GET', smallGet],
      ['1 KiB PUT', smallPut],
    ] as const) {
      const ratios: { bearer: Figure; signed: Figure }[] = [];
      for (let round = 0; round < ROUNDS; round += 1) {
        ratios.push({
          bearer: await measure(ours, SMALL_REQUESTS, load(ours)),
          signed: await measure(signing, SMALL_REQUESTS, load(signing)),
        });
      }
      const of = (pick: (pair: { bearer: Figure; signed: Figure }) => number): number => median(ratios.map(pick));
      const ratio = of((f) => f.signed.cpu / f.bearer.cpu);
      console.log(
        `${name.padEnd(12)} us CPU/request: bearer ${(of((f) => f.bearer.cpu) * 1e6).toFixed(0)}, signed ${(of((f) => f.signed.cpu) * 1e6).toFixed(0)} (x${ratio.toFixed(2)}, target <= x${SIGNED_TARGET})`,
      );
      if (ratio > SIGNED_TARGET) process.exitCode = 1;
    }

    // Fresh processes, so that their peaks are of these uploads alone.
    const atOnce = async (target: Target): Promise<number> => {
      const pool = new Pool(target.origin, { connections: UPLOADS_AT_ONCE });
      await parallel(UPLOADS_AT_ONCE, UPLOADS_AT_ONCE, (index) =>
        put(pool, target, `/box/discard/at-once-${index}`, undefined),
      );
      await pool.close();
      return peakRssMiB(target.pid);
    };
    const freshRelay = await start('relay.ts', `http://127.0.0.1:${store.port}`);
    const relayPeak = await atOnce({ ...bare, origin: `http://127.0.0.1:${freshRelay.port}`, pid: freshRelay.pid });
    const fresh = await startGateway(folder, store.port);
    const peak = await atOnce({ ...ours, origin: `http://127.0.0.1:${fresh.port}`, pid: fresh.child.pid ?? 0 });
    console.log(
      `peak RSS with ${UPLOADS_AT_ONCE} uploads of ${LARGE_BYTES / 2 ** 20} MiB at once: relay ${relayPeak.toFixed(0)} MiB, gateway ${peak.toFixed(0)} MiB`,
    );
    const { stsCalls } = (await (await fetch(`http://127.0.0.1:${store.port}/counters`)).json()) as {
      stsCalls: number;
    };
    console.log(`STS calls in the whole run: ${stsCalls} (two gateways, one identity)`);
  } finally {
    for (const child of children) child.kill('SIGTERM');
    for (const child of children) {
      if (child.exitCode === null && child.signalCode === null) await once(child, 'exit');
    }
    await rm(folder, { recursive: true, force: true });
  }
}

await main();
