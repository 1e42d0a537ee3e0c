/**
 * The command lines of docs/coming-from.md that are ours, run as Docker would run them: by the shell, with the entry point of
 * the image, and folders in place of its volumes. Store and issuer are those of a test.
 */
import assert from 'node:assert/strict';
import { execFile, spawn, type ChildProcess } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { request } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { promisify } from 'node:util';
import { freePort } from '../../demo/free-port.ts';
import { createEmbeddedStore, type EmbeddedStore } from '../../demo/store/embedded-store.ts';
import { COMPILE_CACHE } from '../support/compile-cache.ts';
import { makeKey, signToken, startTestIssuer, type TestIssuer } from '../support/identity/issuer.ts';
import { podKeys, roleKeys } from '../support/sidecar/sidecar-store.ts';
import { DUMMY, keyVariables } from '../support/sidecar/sidecar-world.ts';
import { send, type TestKeys } from '../support/store/store-client.ts';

const root = join(import.meta.dirname, '../..');
const START_LIMIT_MS = 40_000;
const WORDS = 'what nobody else may read';
const POLICY = `
id: team
description: The team reads and writes.
subjects: [{ issuer: issuer, group: team }]
rules: [{ id: everything, allow: [GET, PUT], bucket: reports, everything: true }]
`;
/** What a line says of the world outside, as a test has it. */
const WORLD = ['SALLYPORT_STORE_ENDPOINT', 'SALLYPORT_STORE_REGION', 'SALLYPORT_ISSUER'];
/** Of the lines, and of the store behind them here. */
const ROLE_ARN = 'arn:aws:iam::123456789012:role/sallyport';

interface Run {
  readonly variables: Readonly<Record<string, string>>;
  /** Folder or volume of each mount, by the path in the container. */
  readonly mounts: ReadonlyMap<string, string>;
  /** After the image. */
  readonly command: readonly string[];
}

/** Every command line of the page that runs our image. */
async function ourLines(): Promise<readonly string[]> {
  const page = await readFile(join(root, 'docs/coming-from.md'), 'utf8');
  const blocks = [...page.matchAll(/^```sh\n(docker run [^]*?)^```$/gm)].map(([, text]) => text ?? '');
  return blocks.filter((text) => /^ {2}sallyport\b/m.test(text));
}

describe('the command lines of docs/coming-from.md', function () {
  this.timeout(120_000);
  const key = makeKey('RS256', 'k1');
  const seed = randomBytes(32).toString('hex');
  let folder: string;
  let store: EmbeddedStore;
  let issuer: TestIssuer;
  let lines: readonly string[];
  let children: ChildProcess[] = [];

  before(async () => {
    folder = await mkdtemp(join(tmpdir(), 'sallyport-variables-'));
    for (const name of ['keys', 'policies']) await mkdir(join(folder, name));
    await writeFile(join(folder, 'keys', 'seed'), seed, { mode: 0o600 });
    await writeFile(join(folder, 'policies', 'readers.yaml'), POLICY);
    store = await createEmbeddedStore({
      ...{ folder: join(folder, 'store'), port: await freePort(), buckets: ['reports', 'artifacts'] },
      ...{ gatewayKeys: roleKeys, ownerKeys: podKeys, roleArn: ROLE_ARN, log: () => undefined },
    });
    await store.start();
    issuer = await startTestIssuer([key.publicJwk]);
    lines = await ourLines();
  });
  afterEach(async () => {
    for (const child of children) {
      if (child.exitCode === null && child.signalCode === null) {
        child.kill('SIGTERM');
        await once(child, 'close');
      }
    }
    children = [];
  });
  after(async () => {
    await Promise.all([store.stop(), issuer.stop()]);
    await rm(folder, { recursive: true, force: true });
  });

  /** What Docker would be told: the shell says it. */
  async function parsed(line: string, keys: TestKeys): Promise<Run> {
    const env = { PATH: process.env['PATH'], ...keyVariables(keys), SALLYPORT_KEYRING_SEED: seed };
    const script = `docker() { printf '%s\\0' "$@"; }\n${line}`;
    const { stdout } = await promisify(execFile)('sh', ['-euc', script], { cwd: folder, env });
    const args = stdout.split('\0').slice(1, -1);
    const variables: Record<string, string> = {};
    const mounts = new Map<string, string>();
    for (let arg = args.shift(); arg !== 'sallyport'; arg = args.shift()) {
      assert(arg !== undefined, 'names no image');
      if (arg === '--rm' || arg === '-d') continue;
      const value = args.shift() ?? '';
      if (arg === '-e') {
        const [name = '', ...rest] = value.split('=');
        variables[name] = rest.length > 0 ? rest.join('=') : (env[name as keyof typeof env] ?? '');
      } else if (arg === '-v') {
        const [from = '', to = ''] = value.split(':');
        mounts.set(to, from.startsWith('/') ? from : join(folder, from));
      } else assert.equal(arg, '--network');
    }
    return { variables, mounts, command: args };
  }

  /** The entry point of the image and what follows it. */
  async function programOf(command: readonly string[]): Promise<readonly string[]> {
    const text = await readFile(join(root, 'Dockerfile'), 'utf8');
    const of = (name: string) => JSON.parse(new RegExp(`^${name} (.*)$`, 'm').exec(text)?.[1] ?? '') as string[];
    const [node, ...entry] = of('ENTRYPOINT');
    assert.equal(node, 'node');
    const script = entry.map((part) => (part === 'bin/sallyport.js' ? join(root, part) : part));
    return [...script, ...(command.length > 0 ? command : of('CMD'))];
  }

  /** Starts it, and resolves when it is ready. */
  async function start(
    { variables, mounts, command }: Run,
    changes: Readonly<Record<string, string | undefined>> = {},
  ) {
    const adminPort = await freePort();
    const inFolders = (value: string): string =>
      [...mounts].reduce(
        (text, [to, from]) => (text.startsWith(`${to}/`) || text === to ? text.replace(to, from) : text),
        value,
      );
    for (const path of mounts.values()) await mkdir(path, { recursive: true, mode: 0o700 });
    const said = Object.fromEntries(Object.entries(variables).map(([name, value]) => [name, inFolders(value)]));
    const world: Record<string, string> = {
      SALLYPORT_STORE_ENDPOINT: store.endpoint,
      SALLYPORT_STORE_REGION: 'us-east-1',
      SALLYPORT_STORE_ALLOW_PLAINTEXT_HTTP: 'true',
      ...(said['SALLYPORT_STORE_STS_ROLE_ARN'] === undefined ? {} : { SALLYPORT_STORE_STS_IAM_ESCAPES: 'true' }),
      ...(said['SALLYPORT_ISSUER'] === undefined
        ? {}
        : { SALLYPORT_ISSUER: issuer.url, SALLYPORT_ISSUER_ALLOW_HTTP: 'true' }),
      SALLYPORT_ADMIN_ADDRESS: `127.0.0.1:${adminPort}`,
      SALLYPORT_TIMEOUTS_DRAIN_DELAY_MS: '0',
    };
    // What a line leaves to the default, and what a test must not take as it is.
    const run = mounts.get('/run/sallyport');
    if (run !== undefined) world['SALLYPORT_LISTEN_SOCKET'] = join(run, 'gateway.sock');
    const port = await freePort();
    if (command[0] === 'sidecar') world['SALLYPORT_SIDECAR_ADDRESS'] = `127.0.0.1:${port}`;
    const env = { ...COMPILE_CACHE, PATH: process.env['PATH'], ...said, ...world, ...changes };
    const child = spawn(process.execPath, await programOf(command), {
      cwd: folder,
      env,
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    children.push(child);
    let [out, err] = ['', ''];
    child.stdout.on('data', (bytes: Buffer) => (out += bytes.toString()));
    child.stderr.on('data', (bytes: Buffer) => (err += bytes.toString()));
    const since = Date.now();
    const isReady = () =>
      fetch(`http://127.0.0.1:${adminPort}/readyz`).then(
        ({ ok }) => ok,
        () => false,
      );
    while (!(await isReady())) {
      if (child.exitCode !== null || Date.now() - since > START_LIMIT_MS) throw new Error(err);
      await sleep(50);
    }
    return { socketPath: world['SALLYPORT_LISTEN_SOCKET'] ?? '', port, stdout: () => out, stderr: () => err };
  }

  async function call(socketPath: string, method: string, path: string, body?: string) {
    const exp = Math.floor(Date.now() / 1000) + 300;
    const token = signToken(key, {
      iss: issuer.url,
      sub: 'walter',
      aud: 'sallyport',
      groups: ['team'],
      iat: exp - 300,
      exp,
    });
    const headers = { host: 'localhost', authorization: `Bearer ${token}` };
    const sent = request({ socketPath, method, path, headers }).end(body);
    const [answer] = (await once(sent, 'response')) as [NodeJS.ReadableStream & { statusCode?: number }];
    let text = '';
    for await (const chunk of answer) text += chunk.toString();
    return { status: answer.statusCode, text };
  }

  const stored = (objectKey: string) =>
    send(store.port, { method: 'GET', bucket: 'reports', key: objectKey, keys: podKeys });

  it('are three, and say of the world no more than a test must change', async () => {
    assert.equal(lines.length, 3);
    const runs = await Promise.all(lines.map((line) => parsed(line, podKeys)));
    for (const { variables } of runs) {
      const addresses = Object.keys(variables).filter((name) => /^https:|^\w+-\w+(-\d)?$/.test(variables[name] ?? ''));
      assert.deepEqual(
        addresses.filter((name) => name.startsWith('SALLYPORT_') && !WORLD.includes(name)),
        [],
      );
    }
    assert.equal(runs.filter(({ mounts }) => mounts.has('/run/sallyport')).length, 2);
  });

  it('run a gateway with fixed keys, a seed in a file and policies in a folder', async () => {
    const run = await parsed(lines[0] ?? '', podKeys);
    const first = await start(run);
    assert.equal((await call(first.socketPath, 'PUT', '/reports/first', WORDS)).status, 200, first.stderr());
    assert.deepEqual(await call(first.socketPath, 'GET', '/reports/first'), { status: 200, text: WORDS });
    assert.equal((await call(first.socketPath, 'GET', '/artifacts/first')).status, 403);
    const { status, body } = await stored('first');
    assert.deepEqual([status, body.includes(WORDS)], [200, false]);
    const audit = await readdir(join(folder, 'sallyport-audit'));
    assert(audit.some((name) => name.endsWith('.jsonl')));
  });

  it('have the same objects with the seed in a variable, which workers get', async () => {
    const run = await parsed(lines[0] ?? '', podKeys);
    const changes = { SALLYPORT_KEYRING_SEED_FILE: undefined, SALLYPORT_KEYRING_SEED: seed };
    const second = await start(run, changes);
    assert.equal((await call(second.socketPath, 'PUT', '/reports/second', WORDS)).status, 200, second.stderr());
    assert.deepEqual(await call(second.socketPath, 'GET', '/reports/second'), { status: 200, text: WORDS });
    assert(!second.stderr().includes(seed));
  });

  it('run a gateway with a role, policies in a variable and objects as they are', async () => {
    const { socketPath, stderr } = await start(await parsed(lines[1] ?? '', roleKeys));
    assert.equal((await call(socketPath, 'PUT', '/reports/plain', WORDS)).status, 200, stderr());
    assert.deepEqual(await call(socketPath, 'GET', '/reports/plain'), { status: 200, text: WORDS });
    assert.equal((await stored('plain')).body.toString(), WORDS);
  });

  it('run a sidecar without a flag', async () => {
    const run = await parsed(lines[2] ?? '', podKeys);
    assert.deepEqual(run.command, ['sidecar']);
    const { port, stdout, stderr } = await start(run);
    const object = { bucket: 'reports', key: 'pod', keys: DUMMY };
    assert.equal((await send(port, { method: 'PUT', ...object, body: WORDS })).status, 200, stderr());
    assert.equal((await send(port, { method: 'GET', ...object })).body.toString(), WORDS);
    assert.equal((await stored('pod')).body.includes(WORDS), false);
    assert.match(stdout(), /"bucket":"reports"/);
  });
});
