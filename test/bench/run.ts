/**
 * `npm run bench`: what the gateway costs, as ratios to a bare Node relay, both in front of the same store in one run. CPU
 * is the gateway's own process, from /proc, so that the figure holds on a busy machine. `-- --against <checkout>` compares the
 * build there (`npm run build`) with this one instead, in turn, in one run. `--quick` is a run of a minute or two, and `--smoke`
 * one of some seconds, which shows that all of it runs and judges nothing.
 */
import { randomBytes } from 'node:crypto';
import { mkdtemp, mkdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import aws4 from 'aws4';
import { Pool } from 'undici';
import { sessionOf } from '../support/identity/session.ts';
import { CIPHER_TARGET, measureCipher } from './cipher-cost.ts';
import { cpuSeconds, endAll, peakRssMb, start, startGateway } from './processes.ts';

const quick = process.argv.includes('--quick');
const smoke = process.argv.includes('--smoke');
const ROUNDS = quick || smoke ? 1 : 3;
/** Another checkout, whose build is compared with this one. */
const against = process.argv.includes('--against')
  ? resolve(process.argv[process.argv.indexOf('--against') + 1] ?? '')
  : undefined;
const SMALL_REQUESTS = smoke ? 200 : quick ? 4000 : 12_000;
const SMALL_CONNECTIONS = 32;
const LARGE_BYTES = (smoke ? 8 : quick ? 64 : 256) * 1024 * 1024;
const UPLOADS_AT_ONCE = smoke ? 4 : quick ? 16 : 64;
/** So many uploads of that size at once may take this much memory of a process. */
const RSS_TARGET_MB = 250;
/** A small signed request may cost this much of the same request with a bearer token. */
const SIGNED_TARGET = 1.3;

const piece = randomBytes(64 * 1024);

/** A target that is missed ends the run with 1. */
function judge(isMet: boolean): void {
  if (!isMet && !smoke) process.exitCode = 1;
}

interface Target {
  readonly name: string;
  readonly origin: string;
  readonly pid: number;
  readonly headers: Readonly<Record<string, string>>;
  /** Headers of one request, where each has its own. */
  readonly headersOf?: (method: string, path: string) => Readonly<Record<string, string>>;
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

async function beginUpload(target: Target): Promise<string> {
  const answer = await fetch(`${target.origin}/box/discard/at-once-?uploads`, {
    method: 'POST',
    headers: target.headers,
  });
  const id = /<UploadId>([^<]+)</.exec(await answer.text())?.[1];
  if (id === undefined) throw new Error(`an upload was not begun: ${answer.status}`);
  return id;
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

interface Row {
  readonly name: string;
  readonly units: number;
  readonly load: (target: Target) => (pool: Pool) => Promise<void>;
  readonly rate: string;
  readonly scale: number;
  readonly cpuUnit: string;
  readonly cpuScale: number;
}

/** Prints the CPU of two builds under the same loads, in turn, and how far their ratio varies between rounds. */
async function compareBuilds(rows: readonly Row[], ours: Target, theirs: Target): Promise<void> {
  const rounds = ROUNDS * 3;
  console.log(`medians of ${rounds} rounds, this build and ${against ?? ''} in turn; ratio = this / other`);
  for (const row of rows) {
    const figures: { own: number; other: number }[] = [];
    for (let round = 0; round < rounds; round += 1) {
      // Each begins as often as the other: what comes second meets a warmer store.
      const order = round % 2 === 0 ? [ours, theirs] : [theirs, ours];
      const cpu = new Map<Target, number>();
      for (const target of order) cpu.set(target, (await measure(target, row.units, row.load(target))).cpu);
      figures.push({ own: cpu.get(ours) ?? NaN, other: cpu.get(theirs) ?? NaN });
    }
    const digits = row.cpuScale === 1 ? 2 : 0;
    const shown = (pick: (figure: (typeof figures)[number]) => number): string =>
      (median(figures.map(pick)) * row.cpuScale).toFixed(digits);
    const ratios = figures.map(({ own, other }) => own / other).toSorted((a, b) => a - b);
    console.log(
      `${row.name.padEnd(12)} ${row.cpuUnit}: this ${shown(({ own }) => own)}, other ${shown(({ other }) => other)} (x${median(ratios).toFixed(2)}, rounds x${(ratios[0] ?? NaN).toFixed(2)} to x${(ratios.at(-1) ?? NaN).toFixed(2)})`,
    );
  }
}

async function main(): Promise<void> {
  const folder = await mkdtemp(join(tmpdir(), 'sallyport-bench-'));
  try {
    await mkdir(join(folder, 'policies'));
    await writeFile(
      join(folder, 'policies', 'bench.yaml'),
      'id: bench\ndescription: The benchmark.\nsubjects: [{ issuer: bench, group: bench }]\nrules:\n  - { id: box, allow: [GET, PUT], bucket: box, everything: true }\n  - { id: plain, allow: [GET, PUT], bucket: plain, everything: true }\n',
    );
    await writeFile(join(folder, 'seed'), randomBytes(32), { mode: 0o600 });
    await writeFile(join(folder, 'session-key'), randomBytes(32), { mode: 0o600 });
    const store = await start('store.ts');
    const token = await (await fetch(`http://127.0.0.1:${store.port}/token`)).text();
    const relay = await start('relay.ts', `http://127.0.0.1:${store.port}`);
    const gateway = await startGateway(folder, store.port);
    const baseline: Target = { name: 'relay', origin: `http://127.0.0.1:${relay.port}`, pid: relay.pid, headers: {} };
    const ours: Target = {
      name: 'gateway',
      origin: `http://127.0.0.1:${gateway.port}`,
      pid: gateway.pid,
      headers: { authorization: `Bearer ${token}` },
    };

    const small = piece.subarray(0, 1024);
    const smallPut = (target: Target) => (pool: Pool) =>
      parallel(SMALL_CONNECTIONS, SMALL_REQUESTS, (index) => put(pool, target, `/box/discard/${index}`, small)).then(
        () => undefined,
      );
    const smallGet = (target: Target) => (pool: Pool) =>
      parallel(SMALL_CONNECTIONS, SMALL_REQUESTS, () => get(pool, target, '/box/keep/small')).then(() => undefined);
    const largePut =
      (target: Target, bucket = 'box') =>
      (pool: Pool) =>
        put(pool, target, `/${bucket}/discard/large`, undefined);
    const largeGet =
      (target: Target, bucket = 'box') =>
      (pool: Pool) =>
        get(pool, target, `/${bucket}/keep/large`).then(() => undefined);

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
    await put(seeding, ours, '/plain/keep/large', undefined);
    await seeding.close();
    // Both are warm before anything counts.
    for (const target of [baseline, ours, signing]) {
      await measure(target, SMALL_REQUESTS, smallGet(target));
      await measure(target, SMALL_REQUESTS, smallPut(target));
    }

    const gib = LARGE_BYTES / 2 ** 30;
    const rows: readonly Row[] = [
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
    if (against !== undefined) {
      const other = await startGateway(folder, store.port, against);
      const theirs: Target = { ...ours, name: 'other', origin: `http://127.0.0.1:${other.port}`, pid: other.pid };
      await measure(theirs, SMALL_REQUESTS, smallGet(theirs));
      await measure(theirs, SMALL_REQUESTS, smallPut(theirs));
      await compareBuilds(rows, ours, theirs);
      return;
    }
    console.log(`medians of ${ROUNDS} rounds, relay and gateway in turn; ratio = gateway / relay`);
    for (const row of rows) {
      const figures: { baseline: Figure; ours: Figure }[] = [];
      for (let round = 0; round < ROUNDS; round += 1) {
        figures.push({
          baseline: await measure(baseline, row.units, row.load(baseline)),
          ours: await measure(ours, row.units, row.load(ours)),
        });
      }
      const of = (pick: (pair: { baseline: Figure; ours: Figure }) => number): number => median(figures.map(pick));
      console.log(
        [
          row.name.padEnd(12),
          `${row.rate}: relay ${(of((f) => f.baseline.perSecond) * row.scale).toFixed(0)}, gateway ${(of((f) => f.ours.perSecond) * row.scale).toFixed(0)} (x${of((f) => f.ours.perSecond / f.baseline.perSecond).toFixed(2)})`,
          `${row.cpuUnit}: relay ${(of((f) => f.baseline.cpu) * row.cpuScale).toFixed(row.cpuScale === 1 ? 2 : 0)}, gateway ${(of((f) => f.ours.cpu) * row.cpuScale).toFixed(row.cpuScale === 1 ? 2 : 0)} (x${of((f) => f.ours.cpu / f.baseline.cpu).toFixed(2)})`,
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
      judge(ratio <= SIGNED_TARGET);
    }

    console.log(
      'CPU of the cipher, over the same bytes in this process, in chunks of 64 KiB; ratio = ours / AES-256-GCM alone',
    );
    const { baseline: gcm, forms } = await measureCipher(LARGE_BYTES, ROUNDS + 2);
    for (const { name, cpu, ratio } of forms) {
      console.log(
        `${name.padEnd(22)} s CPU/GiB: alone ${gcm.toFixed(2)}, ours ${cpu.toFixed(2)} (x${ratio.toFixed(2)}, target <= x${CIPHER_TARGET})`,
      );
      judge(ratio <= CIPHER_TARGET);
    }
    console.log(
      'CPU that encryption adds in the gateway: an encrypted bucket less a plain one; ratio = added / AES-256-GCM alone',
    );
    for (const [name, load] of [
      ['GET', largeGet],
      ['PUT', largePut],
    ] as const) {
      const added: number[] = [];
      for (let round = 0; round < ROUNDS + 2; round += 1) {
        const plain = await measure(ours, gib, load(ours, 'plain'));
        const sealed = await measure(ours, gib, load(ours));
        added.push(sealed.cpu - plain.cpu);
      }
      const ratio = median(added) / gcm;
      console.log(`${name.padEnd(22)} s CPU/GiB: added ${median(added).toFixed(2)} (x${ratio.toFixed(2)})`);
    }

    // Fresh processes, so that their peaks are of these uploads alone.
    const atOnce = async (target: Target, query: string): Promise<number> => {
      const pool = new Pool(target.origin, { connections: UPLOADS_AT_ONCE });
      await parallel(UPLOADS_AT_ONCE, UPLOADS_AT_ONCE, (index) =>
        put(pool, target, `/box/discard/at-once-${query === '' ? index : ''}${query}`, undefined),
      );
      await pool.close();
      return peakRssMb(target.pid);
    };
    const what = `${UPLOADS_AT_ONCE} uploads of ${LARGE_BYTES / 2 ** 20} MiB at once`;
    const freshRelay = await start('relay.ts', `http://127.0.0.1:${store.port}`);
    const relayAt = { ...baseline, origin: `http://127.0.0.1:${freshRelay.port}`, pid: freshRelay.pid };
    console.log(`peak RSS with ${what}: relay ${(await atOnce(relayAt, '')).toFixed(0)} MB`);
    for (const form of ['objects', 'parts']) {
      const fresh = await startGateway(folder, store.port);
      const target = { ...ours, origin: `http://127.0.0.1:${fresh.port}`, pid: fresh.pid };
      const peak = await atOnce(
        target,
        form === 'objects' ? '' : `?partNumber=7&uploadId=${await beginUpload(target)}`,
      );
      console.log(`peak RSS with ${what}, as ${form}: gateway ${peak.toFixed(0)} MB (target <= ${RSS_TARGET_MB})`);
      judge(peak <= RSS_TARGET_MB);
    }
    const { stsCalls } = (await (await fetch(`http://127.0.0.1:${store.port}/counters`)).json()) as {
      stsCalls: number;
    };
    console.log(`STS calls in the whole run: ${stsCalls} (three gateways, one identity)`);
  } finally {
    await endAll();
    await rm(folder, { recursive: true, force: true });
  }
}

await main();
