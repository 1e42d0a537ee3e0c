/** Certificates, keys and seeds that are replaced under a primary and its two workers: taken up without a restart, or refused. */
import assert from 'node:assert/strict';
import { execFile, spawn, type ChildProcess } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { chmod, mkdir, mkdtemp, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { connect } from 'node:tls';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { parse, stringify } from 'yaml';
import { freePort } from '../../demo/free-port.ts';
import { COMPILE_CACHE } from '../support/compile-cache.ts';
import { startStack, type Stack } from '../support/stack/stack.ts';
import { workerIds } from '../support/stack/worker-ids.ts';
import { sign } from '../support/store/store-client.ts';

const script = fileURLToPath(new URL('../../bin/sallyport.js', import.meta.url));
const run = promisify(execFile);

interface Report {
  readonly name: string;
  readonly state: string;
  readonly detail?: string;
}

async function until(what: string, isSo: () => boolean | Promise<boolean>): Promise<void> {
  const since = Date.now();
  while (!(await isSo())) {
    assert.ok(Date.now() - since < 30_000, `not in time: ${what}`);
    await sleep(50);
  }
}

/** As everybody should write it: beside, then renamed. */
async function put(path: string, content: string | Buffer, mode = 0o600): Promise<void> {
  await writeFile(`${path}.new`, content);
  await chmod(`${path}.new`, mode);
  await rename(`${path}.new`, path);
}

describe('keys that are replaced while workers serve', function () {
  this.timeout(120_000);
  let stack: Stack;
  let configFile: string;
  let folder: string;
  let bob: string;
  let first: number[];
  const CURRENT = 'id="demo-2",use="current"';

  before(async () => {
    stack = await startStack('embedded', { workers: 2 });
    bob = await stack.token('bob');
    configFile = join(stack.auditDirectory, '..', 'gateway.yaml');
    folder = await mkdtemp(join(tmpdir(), 'sallyport-keys-'));
    first = await workerIds(stack.gateway.pid());
  });
  after(async () => {
    await stack.stop();
    await rm(folder, { recursive: true, force: true });
  });

  interface Content {
    sessions: { keys: Record<string, { id: string; keyFile: string } | undefined> };
    keyring: { local: { current?: number; versions: Record<string, { seedFile: string }> } };
    buckets: Record<string, object>;
    stores: object;
  }

  async function change(edit: (content: Content) => void): Promise<void> {
    const content = parse(await readFile(configFile, 'utf8')) as Content;
    edit(content);
    await put(configFile, stringify(content));
  }
  /** Has what was put read at once; the first test waits for it to be found. */
  const signal = (): void => void process.kill(stack.gateway.pid(), 'SIGHUP');
  const putAndSignal = async (...parameters: Parameters<typeof put>): Promise<void> => {
    await put(...parameters);
    signal();
  };

  const configuration = async (): Promise<Report> => {
    const { dependencies } = (await stack.ready()) as unknown as { readonly dependencies: readonly Report[] };
    return dependencies.find(({ name }) => name === 'configuration') ?? assert.fail('no report');
  };
  const known = async (label: string, count = 2): Promise<boolean> =>
    new RegExp(`^sallyport_keys_known\\{[^}]*${label}[^}]*\\} ${count}$`, 'm').test(await stack.metrics());
  /** Each on a connection of its own, so that both workers are asked. */
  const asked = <Result>(ask: () => Promise<Result>): Promise<Result[]> => Promise.all(Array.from({ length: 12 }, ask));

  const session = async () => {
    const { status, body } = await stack.client
      .withoutKeepAlive()
      .call({ method: 'GET', target: '/-/credentials', token: bob });
    assert.equal(status, 200);
    const { AccessKeyId, SecretAccessKey, Token } = JSON.parse(body.toString()) as Record<string, string>;
    return { accessKeyId: AccessKeyId!, secretAccessKey: SecretAccessKey!, sessionToken: Token! };
  };
  const keyOf = ({ sessionToken }: { readonly sessionToken: string }): string => {
    const bytes = Buffer.from(sessionToken, 'base64url');
    return bytes.toString('latin1', 2, 2 + bytes[1]!);
  };
  const listBy = async (keys: Awaited<ReturnType<typeof session>>): Promise<number> => {
    const signed = await sign(Number(new URL(stack.frontUrl).port), { method: 'GET', bucket: 'reports', keys });
    return (await stack.client.withoutKeepAlive().call(signed)).status;
  };
  const versionOf = async (key: string): Promise<number> => {
    const { status } = await stack.client.call({ method: 'PUT', target: `/reports/${key}`, token: bob, body: key });
    assert.equal(status, 200);
    const { envelope } = await stack.raw.get('reports', key);
    return Number(envelope?.split(';')[3]);
  };
  const read = async (key: string): Promise<number> =>
    (await stack.client.withoutKeepAlive().call({ method: 'GET', target: `/reports/${key}`, token: bob })).status;

  it('a session key is accepted by all workers, then used by all, and sessions of before go on', async () => {
    const old = await session();
    assert.equal(keyOf(old), 'demo-1');
    const keyFile = join(folder, 'session-2');
    await put(keyFile, randomBytes(32));
    await change(({ sessions: { keys } }) => (keys['previous'] = { id: 'demo-2', keyFile }));
    await until('both accept it', () => known('id="demo-2",use="accepted"'));
    assert.equal(keyOf(await session()), 'demo-1');
    await change(({ sessions: { keys } }) => {
      [keys['current'], keys['previous']] = [keys['previous'], keys['current']];
    });
    await until('both use it', () => known(CURRENT));
    const fresh = await session();
    assert.equal(keyOf(fresh), 'demo-2');
    assert.deepEqual(new Set(await asked(() => listBy(old))), new Set([200]));
    assert.deepEqual(new Set(await asked(() => listBy(fresh))), new Set([200]));
    await change(({ sessions: { keys } }) => delete keys['previous']);
    await until('the old one is gone', async () => !(await stack.metrics()).includes('id="demo-1"'));
    assert.deepEqual(new Set(await asked(() => listBy(old))), new Set([400]));
    assert.deepEqual(new Set(await asked(() => listBy(fresh))), new Set([200]));
  });

  it('a key that is put in at once is known by all before one uses it', async () => {
    const keyFile = join(folder, 'session-3');
    await put(keyFile, randomBytes(32));
    let stop = false;
    const statuses: number[] = [];
    const load = Array.from({ length: 4 }, async () => {
      while (!stop) statuses.push(await listBy(await session()));
    });
    await change(({ sessions: { keys } }) => {
      keys['previous'] = keys['current'];
      keys['current'] = { id: 'demo-3', keyFile };
    });
    signal();
    await until('both use it', () => known('id="demo-3",use="current"'));
    await sleep(200);
    stop = true;
    await Promise.all(load);
    assert.ok(statuses.length > 10);
    assert.deepEqual(new Set(statuses), new Set([200]));
  });

  it('a seed is known by all workers before one of them writes by it', async () => {
    assert.equal(await versionOf('by-1'), 1);
    const seedFile = join(folder, 'seed-2');
    await put(seedFile, randomBytes(32));
    await change(({ keyring: { local } }) => {
      local.current = 1;
      local.versions['2'] = { seedFile };
    });
    signal();
    await until('both know it', () => known('id="local:2",use="accepted"'));
    assert.equal(await versionOf('still-by-1'), 1);
    await change(({ keyring: { local } }) => (local.current = 2));
    await until('both use it', () => known('id="local:2",use="current"'));
    assert.equal(await versionOf('by-2'), 2);
    for (const key of ['by-1', 'still-by-1', 'by-2']) {
      assert.deepEqual(new Set(await asked(() => read(key))), new Set([200]), key);
    }
  });

  it('attack: a seed or session key whose file is overwritten does not take the place of the one in force', async () => {
    const kept = await readFile(join(folder, 'seed-2'));
    await putAndSignal(join(folder, 'seed-2'), randomBytes(32));
    await until('it is refused', async () => (await configuration()).state === 'degraded');
    assert.match((await configuration()).detail ?? '', /keyring\.local\.versions\.2/);
    assert.deepEqual(new Set(await asked(() => read('by-2'))), new Set([200]));
    await putAndSignal(join(folder, 'seed-2'), kept);
    await until('it is over', async () => (await configuration()).state === 'ok');
  });

  it('a file that is empty, short, readable by others or gone is refused, and the last good one stays in force', async () => {
    const keyFile = join(folder, 'session-3');
    const kept = await readFile(keyFile);
    const bad: readonly (() => Promise<void>)[] = [
      () => putAndSignal(keyFile, ''),
      () => putAndSignal(keyFile, randomBytes(31)),
      () => putAndSignal(keyFile, kept, 0o644),
      () => rm(keyFile).then(signal),
    ];
    for (const make of bad) {
      await make();
      await until('it is refused', async () => (await configuration()).state === 'degraded');
      assert.match(await stack.metrics(), /^sallyport_configuration_refused 1$/m);
      assert.equal(keyOf(await session()), 'demo-3');
      await putAndSignal(keyFile, kept);
      await until('it is over', async () => (await configuration()).state === 'ok');
    }
    assert.match(await stack.metrics(), /^sallyport_configuration_refused 0$/m);
  });

  it('what needs a restart is told and waits, while keys of the same file are taken up', async () => {
    const seedFile = join(folder, 'seed-3');
    await put(seedFile, randomBytes(32));
    await change(({ buckets, keyring: { local } }) => {
      buckets['later'] = {};
      local.versions['3'] = { seedFile };
    });
    signal();
    await until('the seed is known', () => known('id="local:3",use="accepted"'));
    await until('the rest waits', async () => (await configuration()).detail?.includes('buckets.later') === true);
    assert.equal((await configuration()).state, 'ok');
    assert.match(await stack.metrics(), /^sallyport_configuration_waits_for_restart 1$/m);
  });

  it('a worker that is started later has what the others have, though what lies on disk is bad', async () => {
    const kept = await readFile(configFile);
    await putAndSignal(configFile, 'nothing: of the kind\n');
    await until('it is refused', async () => (await configuration()).state === 'degraded');
    const [victim = 0] = await workerIds(stack.gateway.pid());
    process.kill(victim, 'SIGKILL');
    await until('it is replaced', async () => {
      const ids = await workerIds(stack.gateway.pid());
      return ids.length === 2 && !ids.includes(victim) && (await known('id="demo-3",use="current"'));
    });
    assert.deepEqual(new Set(await asked(() => read('by-2'))), new Set([200]));
    assert.deepEqual(new Set((await asked(session)).map(keyOf)), new Set(['demo-3']));
    await putAndSignal(configFile, kept);
    await until('it is over', async () => (await configuration()).state === 'ok');
  });

  it('nobody but the one that was killed was restarted, and no log holds a key', async () => {
    const now = await workerIds(stack.gateway.pid());
    assert.equal(now.filter((id) => first.includes(id)).length, 1);
    const logs = (await Promise.all(stack.logs().map((path) => readFile(path, 'latin1').catch(() => '')))).join('\n');
    for (const name of ['session-2', 'seed-2', 'seed-3']) {
      const bytes = await readFile(join(folder, name));
      for (const form of ['hex', 'base64', 'base64url', 'latin1'] as const) {
        assert.ok(!logs.includes(bytes.toString(form)), `${name} in ${form}`);
      }
    }
    assert.match(logs, /"event":"configuration_reloaded"/);
    assert.match(logs, /"event":"configuration_reload_failed"/);
  });
});

describe('certificates that are replaced while workers serve', function () {
  this.timeout(120_000);
  let folder: string;
  let gateway: ChildProcess;
  let log = '';
  let port: number;
  let adminPort: number;

  before(async () => {
    folder = await mkdtemp(join(tmpdir(), 'sallyport-certificates-'));
    [port, adminPort] = [await freePort(), await freePort()];
    await Promise.all(['server', 'server-2', 'edge', 'edge-2'].map((name, number) => certificate(name, 30 + number)));
    for (const [from, to] of [
      ['server.crt', 'tls.crt'],
      ['server.key', 'tls.key'],
      ['edge.crt', 'clients.crt'],
    ] as const) {
      await put(join(folder, to), await readFile(join(folder, from)));
    }
    await mkdir(join(folder, 'policies'));
    await writeFile(
      join(folder, 'policies', 'all.yaml'),
      'id: all\ndescription: All.\nsubjects: [{ issuer: nobody, group: team }]\nrules: [{ id: r, allow: [GET], bucket: box, everything: true }]\n',
    );
    await put(join(folder, 'seed'), randomBytes(32));
    const config = {
      listen: {
        address: `127.0.0.1:${port}`,
        tls: { certFile: 'tls.crt', keyFile: 'tls.key', clientCaFile: 'clients.crt' },
      },
      admin: { address: `127.0.0.1:${adminPort}` },
      workers: 2,
      issuers: { nobody: { issuer: 'http://127.0.0.1:9', audiences: ['x'], allowHttp: true } },
      stores: {
        only: {
          ...{ endpoint: 'http://127.0.0.1:9', region: 'us-east-1' },
          ...{ allowPlaintextHttp: true, method: 'static' },
        },
      },
      buckets: { box: {} },
      keyring: { local: { versions: { '1': { seedFile: 'seed' } } } },
      policies: { directory: 'policies' },
      audit: { directory: 'audit', minFreeBytes: 0 },
      timeouts: { drainDelayMs: 0, drainMs: 1000 },
    };
    await put(join(folder, 'sallyport.yaml'), JSON.stringify(config));
    gateway = spawn(process.execPath, [script, 'serve', '--config', join(folder, 'sallyport.yaml')], {
      env: {
        ...COMPILE_CACHE,
        PATH: process.env['PATH'],
        AWS_ACCESS_KEY_ID: 'A'.repeat(20),
        AWS_SECRET_ACCESS_KEY: 's'.repeat(40),
      },
      stdio: ['ignore', 'ignore', 'pipe'],
    });
    gateway.stderr?.on('data', (bytes: Buffer) => (log += bytes.toString()));
    await until('it listens', async () => (await served('edge').catch(() => '')) !== '');
  });
  after(async () => {
    gateway.kill('SIGTERM');
    await once(gateway, 'close');
    await rm(folder, { recursive: true, force: true });
  });

  const openssl = (...parameters: readonly string[]) => run('openssl', parameters, { cwd: folder });

  /** Each is its own CA. */
  async function certificate(name: string, days: number): Promise<void> {
    await openssl(
      ...['req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes', '-days', `${days}`],
      ...['-subj', `/CN=${name}`, '-addext', 'subjectAltName=IP:127.0.0.1'],
      ...['-keyout', `${name}.key`, '-out', `${name}.crt`],
    );
  }

  /** Whose certificate is served to an edge with this one. @throws where it is not let in */
  async function served(edge: string): Promise<string> {
    const [cert, key] = [await readFile(join(folder, `${edge}.crt`)), await readFile(join(folder, `${edge}.key`))];
    const socket = connect({ host: '127.0.0.1', port, cert, key, rejectUnauthorized: false });
    try {
      await once(socket, 'secureConnect');
      const name = String(socket.getPeerCertificate().subject.CN);
      socket.write('GET /-/ready HTTP/1.1\r\nhost: x\r\n\r\n');
      const [bytes] = (await Promise.race([once(socket, 'data'), once(socket, 'end').then(() => ['closed'])])) as [
        unknown,
      ];
      assert.match(String(bytes), /^HTTP\/1\.1 /);
      return name;
    } finally {
      socket.destroy();
    }
  }

  /** Asks often enough to meet both workers. */
  const servedTo = async (edge: string): Promise<Set<string>> =>
    new Set(await Promise.all(Array.from({ length: 12 }, () => served(edge).catch(() => 'refused'))));
  const isServed = async (edge: string, name: string): Promise<boolean> => {
    const names = await servedTo(edge);
    return names.size === 1 && names.has(name);
  };
  const metrics = async (): Promise<string> => (await fetch(`http://127.0.0.1:${adminPort}/metrics`)).text();
  const state = async (): Promise<string | undefined> => {
    const answer = await fetch(`http://127.0.0.1:${adminPort}/readyz`);
    const { dependencies } = (await answer.json()) as { readonly dependencies: readonly Report[] };
    return dependencies.find(({ name }) => name === 'configuration')?.state;
  };
  const endOf = async (): Promise<string | undefined> =>
    /^sallyport_certificate_expiry_timestamp_seconds\{certificate="listen\.tls\.certFile"\} (\d+)$/m.exec(
      await metrics(),
    )?.[1];

  it('a certificate whose key is still another one is not taken; with its key it is, and its end is measured', async () => {
    assert.ok(await isServed('edge', 'server'));
    const before = await endOf();
    await put(join(folder, 'tls.crt'), await readFile(join(folder, 'server-2.crt')));
    await until('it is refused', async () => (await state()) === 'degraded');
    assert.ok(await isServed('edge', 'server'));
    await put(join(folder, 'tls.key'), await readFile(join(folder, 'server-2.key')));
    await until('it is served', () => isServed('edge', 'server-2'));
    assert.equal(await state(), 'ok');
    assert.notEqual(await endOf(), before);
  });

  it('an edge is let in by a CA that was added, and no more by one that was taken away, whatever it resumes', async () => {
    assert.ok(await isServed('edge-2', 'refused'));
    const [one, two] = await Promise.all(['edge', 'edge-2'].map((name) => readFile(join(folder, `${name}.crt`))));
    await put(join(folder, 'clients.crt'), Buffer.concat([one!, two!]));
    await until('it is let in', () => isServed('edge-2', 'server-2'));
    assert.ok(await isServed('edge', 'server-2'));
    await put(join(folder, 'clients.crt'), two!);
    await until('the old one is not', () => isServed('edge', 'refused'));
    assert.ok(await isServed('edge-2', 'server-2'));
  });

  it('SIGHUP takes up at once; half of a file is refused', async () => {
    const whole = await readFile(join(folder, 'server.crt'));
    await writeFile(join(folder, 'tls.crt'), whole.subarray(0, whole.length / 2));
    gateway.kill('SIGHUP');
    await until('it is refused', async () => (await state()) === 'degraded');
    assert.ok(await isServed('edge-2', 'server-2'));
    assert.ok(!log.includes('PRIVATE KEY'));
  });
});
