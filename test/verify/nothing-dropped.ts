/**
 * `npm run verify:nothing-dropped [-- --mib 1024] [--seconds 240] [--rate 200] [--transfers 10]`: the shipped haproxy.cfg before
 * three gateways, under requests and paced transfers both ways, while everything is rotated that can be: HAProxy reloads,
 * certificates, seed, session key, credentials, the password of Redis, Redis itself, and all three gateways. HAProxy and each
 * gateway are hosts of their own where network namespaces are to be had. Counts every request that fails at the wire, with no
 * repetition by a client. Exits 1 if there is one.
 */
import { createHash, randomBytes, type Hash } from 'node:crypto';
import { once } from 'node:events';
import { chmod, mkdir, mkdtemp, readFile, rename, rm, writeFile } from 'node:fs/promises';
import type { IncomingMessage } from 'node:http';
import { Agent, request } from 'node:https';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { parse, stringify } from 'yaml';
import { startChild, type Child } from '../../demo/child.ts';
import { freePort } from '../../demo/free-port.ts';
import { findHaproxy, startHaproxy } from '../../demo/haproxy.ts';
import { makeAuthority } from '../support/http/authority.ts';
import { createHosts, hasNamespaces } from '../support/hosts/hosts.ts';
import { numberOption } from '../support/options.ts';
import { gatewayCommand, startStack } from '../support/stack/stack.ts';
import { startRedis } from '../support/store/redis.ts';
import { sign, type TestKeys } from '../support/store/store-client.ts';

const MIB = 1024 * 1024;
const size = numberOption('mib', 64) * MIB;
/** What one transfer is paced to take. */
const transferMs = numberOption('seconds', 20) * 1000;
const rate = numberOption('rate', 200);
const transfersEachWay = numberOption('transfers', 10);
const REPLICA_NAMES = ['gateway1', 'gateway2', 'gateway3'];
const CALLERS = 20;
const SMALL_KEYS = 50;
const PACE_MS = 100;
const UNTIL_MS = 60_000;
const BETWEEN_MS = 1500;

interface Settings {
  listen: object;
  admin: object;
  audit: { directory: string };
  revocation: object;
  timeouts: object;
  sessions: { keys: Record<string, { id: string; keyFile: string } | undefined> };
  keyring: { local: { current?: number; versions: Record<string, { seedFile: string }> } };
  stores: { demo: { endpoint: string; credentials: { accessKeyIdFile: string; secretAccessKeyFile: string } } };
}

interface Replica {
  readonly number: number;
  /** Where it listens: of its own host, or of loopback. */
  readonly address: string;
  readonly port: number;
  readonly adminPort: number;
  readonly configFile: string;
  child: Child | undefined;
}

const say = (what: string): void => void process.stdout.write(`${(performance.now() / 1000).toFixed(1)} s  ${what}\n`);

/** As everybody should write it: beside, then renamed. */
async function put(path: string, content: string | Buffer): Promise<void> {
  await writeFile(`${path}.new`, content, { mode: 0o600 });
  await chmod(`${path}.new`, 0o600);
  await rename(`${path}.new`, path);
}

async function until(what: string, isSo: () => Promise<boolean>): Promise<void> {
  const endMs = performance.now() + UNTIL_MS;
  while (!(await isSo().catch(() => false))) {
    if (performance.now() > endMs) throw new Error(`not in time: ${what}`);
    await sleep(100);
  }
}

const folder = await mkdtemp(join(tmpdir(), 'sallyport-dropped-'));
const inFolder = (name: string): string => join(folder, name);
const undo: (() => Promise<unknown>)[] = [() => rm(folder, { recursive: true, force: true })];
let failed = 0;
try {
  failed = await main();
} finally {
  for (const step of undo.reverse()) await step().catch(() => undefined);
}
process.exit(failed === 0 ? 0 : 1);

async function main(): Promise<number> {
  const authority = await makeAuthority(inFolder('authority'));
  const stack = await startStack('embedded');
  undo.push(stack.stop);
  const secretFolder = join(stack.auditDirectory, '..');
  const usual = parse(await readFile(join(secretFolder, 'gateway.yaml'), 'utf8')) as Settings & {
    readonly edge: { readonly secretFile: string };
  };
  await stack.gateway.stop();
  const redisOptions = ['--requirepass', randomBytes(16).toString('hex')];
  await put(inFolder('redis-password'), redisOptions[1] ?? '');
  const redis = await startRedis(redisOptions);
  undo.push(redis.stop);

  const certificate = async (name: string): Promise<void> => {
    const { chain, key } = await authority.issue(name);
    await put(inFolder(`${name}.crt`), chain);
    await put(inFolder(`${name}.key`), key);
    await put(inFolder(`${name}.pem`), chain + key);
  };
  for (const name of ['gateway', 'edge', 'front']) await certificate(name);

  const settings: Settings = {
    ...usual,
    revocation: {
      redis: {
        ...{ address: `127.0.0.1:${redis.port}`, allowPlaintextLoopback: true },
        passwordFile: inFolder('redis-password'),
      },
      whenUnavailable: 'fail-closed',
    },
    timeouts: { drainDelayMs: 2000, drainMs: Math.max(60_000, transferMs * 3) },
  };
  // ---- the hosts: HAProxy and each gateway have one; store, issuer, Redis and clients are on this machine
  const hosts = hasNamespaces ? await createHosts(['edge', ...REPLICA_NAMES], true) : undefined;
  if (hosts === undefined) say('one host: network namespaces are not to be had here');
  else undo.push(hosts.close);
  const addressOf = (name: string): string => hosts?.addressOf(name) ?? '127.0.0.1';
  const on = (name: string, command: readonly [string, ...string[]]): readonly [string, ...string[]] =>
    hosts === undefined ? command : [...hosts.on(name), ...command];
  const loopbackPorts = [...new Set([usual.stores.demo.endpoint, stack.issuer].map(portOf)), redis.port];
  for (const name of REPLICA_NAMES) await hosts?.lendLoopback(name, loopbackPorts);

  const replicas: Replica[] = [];
  for (const [index, name] of REPLICA_NAMES.entries()) {
    const number = index + 1;
    const [port, adminPort] = [await freePort(), await freePort()];
    await mkdir(inFolder(`audit-${number}`), { mode: 0o700 });
    replicas.push({
      number,
      address: addressOf(name),
      port,
      adminPort,
      configFile: inFolder(`gateway-${number}.yaml`),
      child: undefined,
    });
  }
  const configure = async (): Promise<void> => {
    for (const { number, address, port, adminPort, configFile } of replicas) {
      const own = {
        ...settings,
        listen: {
          address: `${address}:${port}`,
          tls: { certFile: inFolder('gateway.crt'), keyFile: inFolder('gateway.key'), clientCaFile: authority.file },
        },
        admin: { address: `${address}:${adminPort}` },
        audit: { directory: inFolder(`audit-${number}`) },
      };
      await put(configFile, stringify(own));
    }
  };
  const startReplica = async (replica: Replica): Promise<void> => {
    replica.child = await startChild({
      command: on(`gateway${replica.number}`, gatewayCommand(replica.configFile)),
      environment: { PATH: process.env['PATH'], NODE_COMPILE_CACHE: process.env['NODE_COMPILE_CACHE'] },
      logFile: inFolder(`gateway-${replica.number}.log`),
      ...{ ipc: true, relayLog: false },
    });
    await until(`gateway ${replica.number} is ready`, async () => {
      const { status } = await fetch(`http://${replica.address}:${replica.adminPort}/readyz`);
      return status === 200;
    });
  };
  await configure();
  undo.push(() => Promise.all(replicas.map(async ({ child }) => child?.stop(5000))));
  await Promise.all(replicas.map(startReplica));

  const haproxy = await findHaproxy(inFolder('haproxy'), process.env);
  if (haproxy === undefined) throw new Error('HAProxy is not to be had; install it: apt-get install haproxy');
  const shipped = await readFile(new URL('../../haproxy/haproxy.cfg', import.meta.url), 'utf8');
  const one = '    server gateway "unix@${SALLYPORT_SOCKET}"\n';
  if (!shipped.includes(one)) throw new Error('haproxy.cfg has another server line than this replaces');
  const tls = `ssl verify required ca-file ${authority.file} crt ${inFolder('edge.pem')}`;
  const servers = replicas
    .map(({ number, address, port }) => `    server gateway${number} ${address}:${port} ${tls}\n`)
    .join('');
  await put(inFolder('haproxy.cfg'), shipped.replace(one, servers));
  const port = await freePort();
  const edge = await startHaproxy({
    ...haproxy,
    ...(hosts !== undefined && { host: { address: addressOf('edge'), command: hosts.on('edge') } }),
    configFile: inFolder('haproxy.cfg'),
    // A master, which is told to reload by a signal.
    parameters: ['-W'],
    ...{ port, certificateFile: inFolder('front.pem'), gatewaySocket: 'unused' },
    edgeSecret: (await readFile(usual.edge.secretFile, 'utf8')).trim(),
    logFile: inFolder('haproxy.log'),
    environment: process.env,
  });
  undo.push(() => edge.kill());
  undo.push(async () => {
    const target = process.env['SALLYPORT_KEEP_LOGS'];
    if (failed === 0 || target === undefined) return;
    await mkdir(target, { recursive: true });
    for (const name of ['haproxy.log', ...replicas.map(({ number }) => `gateway-${number}.log`)]) {
      await writeFile(join(target, name), await readFile(inFolder(name)));
    }
  });
  const reload = async (): Promise<void> => {
    process.kill(edge.pid, 'SIGUSR2');
    await sleep(BETWEEN_MS);
  };

  // ---- the load
  const counts = new Map<string, number>();
  const failures: string[] = [];
  let event = 'start';
  const count = (what: string): void => void counts.set(what, (counts.get(what) ?? 0) + 1);
  const fail = (what: string, why: unknown): void => {
    failures.push(`${(performance.now() / 1000).toFixed(1)} s  ${what} during "${event}": ${String(why)}`);
  };
  const agent = new Agent({
    keepAlive: true,
    maxSockets: 64,
    ca: authority.certificate,
    servername: 'localhost',
    timeout: 120_000,
  });
  undo.push(() => {
    agent.destroy();
    return Promise.resolve();
  });

  interface Sent {
    readonly method: string;
    readonly target: string;
    readonly headers: Readonly<Record<string, string>>;
    readonly body?: AsyncIterable<Buffer> | Buffer;
    readonly read?: (chunk: Buffer) => Promise<void> | void;
  }
  /** One request, once. @throws Error */
  async function perform({ method, target, headers, body, read }: Sent): Promise<Buffer> {
    const outgoing = request({
      agent,
      host: addressOf('edge'),
      port,
      method,
      path: target,
      headers: { host: `localhost:${port}`, ...headers },
    });
    const answered = once(outgoing, 'response') as Promise<[IncomingMessage]>;
    answered.catch(() => undefined);
    if (body === undefined || Buffer.isBuffer(body)) outgoing.end(body);
    else {
      for await (const chunk of body) {
        if (outgoing.destroyed) break;
        if (!outgoing.write(chunk)) await Promise.race([once(outgoing, 'drain'), answered]);
      }
      outgoing.end();
    }
    const [answer] = await answered;
    const chunks: Buffer[] = [];
    for await (const chunk of answer as AsyncIterable<Buffer>) {
      if (read === undefined || answer.statusCode !== 200) chunks.push(chunk);
      else await read(chunk);
    }
    const content = Buffer.concat(chunks);
    if (answer.statusCode !== 200 || !answer.complete) {
      const id = String(answer.headers['x-amz-request-id'] ?? '');
      throw new Error(`${answer.statusCode} ${content.toString('latin1', 0, 400)} ${id}`);
    }
    return content;
  }

  const tokens: string[] = [];
  const renewTokens = async (): Promise<void> => {
    for (let index = 0; index < CALLERS; index += 1) tokens[index] = await stack.forge({ sub: `caller-${index}` });
  };
  await renewTokens();
  const bearer = (index: number) => ({ authorization: `Bearer ${tokens[index % CALLERS]}` });
  const small = randomBytes(2048);
  for (let index = 0; index < SMALL_KEYS; index += 1) {
    const headers = { ...bearer(index), 'content-length': String(small.length) };
    await perform({ method: 'PUT', target: `/reports/2026/small-${index}`, headers, body: small });
  }

  const pattern = randomBytes(MIB);
  /** Paced so that all of it takes `transferMs`. */
  async function* paced(hash?: Hash): AsyncIterable<Buffer> {
    const beganMs = performance.now();
    for (let sent = 0; sent < size;) {
      const due = Math.min(size, Math.ceil(((performance.now() - beganMs + PACE_MS) / transferMs) * size));
      while (sent < due) {
        const at = sent % MIB;
        const chunk = pattern.subarray(at, Math.min(MIB, at + Math.min(65_536, due - sent)));
        hash?.update(chunk);
        sent += chunk.length;
        yield chunk;
      }
      await sleep(PACE_MS);
    }
  }
  const whole = createHash('sha256');
  for (let done = 0; done < size; done += MIB) whole.update(pattern.subarray(0, Math.min(MIB, size - done)));
  const digest = whole.digest('hex');
  const upload = (index: number): Promise<Buffer> => {
    const headers = { ...bearer(index), 'content-length': String(size) };
    return perform({ method: 'PUT', target: `/reports/2026/large-${index}`, headers, body: paced() });
  };
  const download = async (index: number, name: string, isPaced = true): Promise<void> => {
    const hash = createHash('sha256');
    const beganMs = performance.now();
    let got = 0;
    const read = async (chunk: Buffer): Promise<void> => {
      hash.update(chunk);
      got += chunk.length;
      const aheadMs = (got / size) * transferMs - (performance.now() - beganMs);
      if (isPaced && aheadMs > PACE_MS) await sleep(aheadMs);
    };
    await perform({ method: 'GET', target: `/reports/2026/${name}`, headers: bearer(index), read });
    if (hash.digest('hex') !== digest) throw new Error(`${got} bytes, and not those that were stored`);
  };
  say(`an object of ${size / MIB} MiB to download`);
  {
    const headers = { ...bearer(0), 'content-length': String(size) };
    await perform({ method: 'PUT', target: '/reports/2026/source', headers, body: paced() });
  }

  const load = { isOver: false };
  const loops: Promise<void>[] = [];
  const transfers = (what: string, one: (index: number) => Promise<unknown>): void => {
    for (let index = 0; index < transfersEachWay; index += 1) {
      loops.push(
        (async () => {
          await sleep((transferMs * index) / transfersEachWay);
          while (!load.isOver) {
            await one(index).then(
              () => count(what),
              (error: unknown) => fail(what, error),
            );
          }
        })(),
      );
    }
  };
  transfers('uploads', upload);
  transfers('downloads', (index) => download(index + transfersEachWay, 'source'));

  const sessions: TestKeys[] = [];
  const openSession = async (index: number): Promise<void> => {
    const answer = await perform({ method: 'GET', target: '/-/credentials', headers: bearer(index) });
    const { AccessKeyId, SecretAccessKey, Token } = JSON.parse(answer.toString()) as Record<string, string>;
    sessions[index] = { accessKeyId: AccessKeyId!, secretAccessKey: SecretAccessKey!, sessionToken: Token! };
  };
  for (let index = 0; index < CALLERS; index += 1) await openSession(index);
  const signed = async (index: number): Promise<Buffer> => {
    const keys = sessions[index % CALLERS];
    if (keys === undefined) throw new Error('no session');
    const key = `2026/small-${index % SMALL_KEYS}`;
    return perform(await sign(port, { method: 'GET', bucket: 'reports', key, keys }));
  };
  const smallCall = (turn: number): [string, Promise<unknown>] => {
    const target = `/reports/2026/small-${turn % SMALL_KEYS}`;
    switch (turn % 10) {
      case 0:
        return ['sessions', openSession(Math.floor(turn / 10) % CALLERS)];
      case 1:
      case 2: {
        const headers = { ...bearer(turn), 'content-length': String(small.length) };
        return ['puts', perform({ method: 'PUT', target, headers, body: small })];
      }
      case 3:
      case 4:
      case 5:
        return ['signed gets', signed(turn)];
      default:
        return ['gets', perform({ method: 'GET', target, headers: bearer(turn) })];
    }
  };
  const inFlight = new Set<Promise<unknown>>();
  let slowestMs = 0;
  loops.push(
    (async () => {
      const beganMs = performance.now();
      for (let turn = 0; !load.isOver; turn += 1) {
        const waitMs = (turn * 1000) / rate - (performance.now() - beganMs);
        if (waitMs > 1) await sleep(waitMs);
        const startMs = performance.now();
        const [what, calling] = smallCall(turn);
        const ended = calling
          .then(
            () => count(what),
            (error: unknown) => fail(what, error),
          )
          .then(() => {
            slowestMs = Math.max(slowestMs, performance.now() - startMs);
            inFlight.delete(ended);
          });
        inFlight.add(ended);
      }
      await Promise.all(inFlight);
    })(),
  );
  const renewing = setInterval(() => void renewTokens(), 120_000);

  // ---- what happens meanwhile
  const metricsOf = async ({ address, adminPort }: Replica): Promise<string> =>
    (await fetch(`http://${address}:${adminPort}/metrics`)).text();
  const everywhere = (what: string, pattern: RegExp): Promise<void> =>
    until(what, async () => (await Promise.all(replicas.map(metricsOf))).every((text) => pattern.test(text)));
  const known = (id: string, use: 'accepted' | 'current'): Promise<void> =>
    everywhere(`${id} is ${use}`, new RegExp(`^sallyport_keys_known\\{[^}]*id="${id}",use="${use}"[^}]*\\} 1$`, 'm'));
  const happens = async (what: string, make: () => Promise<unknown>): Promise<void> => {
    event = what;
    const before = failures.length;
    const beganMs = performance.now();
    await make();
    await sleep(BETWEEN_MS);
    say(`${what}: ${Math.round(performance.now() - beganMs)} ms, ${failures.length - before} failed`);
    for (const line of failures.slice(before, before + 5)) say(line);
  };

  await sleep(Math.min(transferMs, 10_000));
  say(`${rate} requests/s, ${transfersEachWay} transfers each way`);
  await happens('HAProxy reloads', reload);
  await happens('certificates of HAProxy, outside and inside', async () => {
    await certificate('front');
    await certificate('edge');
    await reload();
  });
  await happens('certificate of the gateways', async () => {
    const ends = async () => Promise.all(replicas.map(async (each) => endOf(await metricsOf(each))));
    const before = await ends();
    await certificate('gateway');
    await until('it is taken up', async () => (await ends()).every((end, index) => end !== before[index]));
  });
  await happens('seed of the keyring', async () => {
    await put(inFolder('seed-2'), randomBytes(32));
    Object.assign(settings.keyring.local, { current: 1 });
    settings.keyring.local.versions['2'] = { seedFile: inFolder('seed-2') };
    await configure();
    await known('local:2', 'accepted');
    settings.keyring.local.current = 2;
    await configure();
    await known('local:2', 'current');
  });
  await happens('session key', async () => {
    const { keys } = settings.sessions;
    await put(inFolder('session-2'), randomBytes(32));
    keys['previous'] = { id: 'second', keyFile: inFolder('session-2') };
    await configure();
    await known('second', 'accepted');
    [keys['current'], keys['previous']] = [keys['previous'], keys['current']];
    await configure();
    await known('second', 'current');
  });
  await happens('credentials of the store', async () => {
    const keys = { accessKeyId: 'GATEWAYSECONDKEY0001', secretAccessKey: randomBytes(30).toString('hex') };
    stack.addGatewayKeys?.(keys);
    const { accessKeyIdFile, secretAccessKeyFile } = settings.stores.demo.credentials;
    await put(accessKeyIdFile, keys.accessKeyId);
    await put(secretAccessKeyFile, keys.secretAccessKey);
  });
  await happens('password of Redis, then Redis is killed and started', async () => {
    redisOptions[1] = randomBytes(16).toString('hex');
    await put(inFolder('redis-password'), redisOptions[1]);
    await redis.kill();
    await sleep(3000);
    await redis.start();
    await everywhere('Redis is there', /^sallyport_revocations_age_seconds [0-2](?:\.|$)/m);
  });
  for (const replica of replicas) {
    await happens(`gateway ${replica.number} is replaced`, async () => {
      const stopping = replica.child?.stop(transferMs * 4 + 70_000);
      if (replica.number === 2) {
        await sleep(1000);
        await reload();
      }
      await stopping;
      await startReplica(replica);
    });
  }
  await happens('quiet', () => sleep(1000));
  load.isOver = true;
  clearInterval(renewing);
  event = 'the end';
  await Promise.all(loops);
  for (let index = 0; index < transfersEachWay; index += 1) {
    await download(index, `large-${index}`, false).then(
      () => count('uploads read back'),
      (error: unknown) => fail('uploads read back', error),
    );
  }

  const all = [...counts].map(([what, number]) => `${number} ${what}`).join(', ');
  say(`${all}; the slowest small request took ${Math.round(slowestMs)} ms`);
  for (const line of failures.slice(0, 40)) process.stdout.write(`FAILED ${line}\n`);
  const passed = [...counts.values()].reduce((sum, number) => sum + number, 0);
  process.stdout.write(`${passed} requests passed, ${failures.length} failed\n`);
  return failures.length;
}

function portOf(url: string): number {
  return Number(new URL(url).port);
}

function endOf(metrics: string): string | undefined {
  const line =
    /^sallyport_certificate_expiry_timestamp_seconds\{[^}]*certificate="listen\.tls\.certFile"[^}]*\} (\d+)$/m;
  return line.exec(metrics)?.[1];
}
