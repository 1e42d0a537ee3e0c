/** Uploads that are refused, by clients that keep their connections and by clients that send all before they read. */
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { once } from 'node:events';
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { connect as connectHttp2, type ClientHttp2Session, type IncomingHttpHeaders } from 'node:http2';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { connect as connectTls, type TLSSocket } from 'node:tls';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { blockingPuts } from '../support/store/blocking-puts.ts';
import { needs } from '../support/needs.ts';
import { sharedStack, type Stack } from '../support/stack/stack.ts';
import { releaseOf, versionOf } from '../support/store/versions.ts';
import { findProgram, attributesOf } from './run/runner.ts';
import { keysOf, keyVariables } from './run/auth-methods.ts';

const MIB = 1024 * 1024;
const BOTO3_PUTS = fileURLToPath(new URL('clients/boto3_puts.py', import.meta.url));
const run = promisify(execFile);

interface Received {
  readonly status: number;
  readonly head: string;
}

describe('a refused upload, through HAProxy over TLS', function () {
  this.timeout(120_000);
  let stack: Stack;
  let alice: string;
  let ca: string;
  let port: number;
  let folder: string;

  before(async () => {
    stack = await sharedStack();
    alice = await stack.token('alice');
    ca = await readFile(stack.caFile, 'utf8');
    port = Number(new URL(stack.frontUrl).port);
    folder = await mkdtemp(join(tmpdir(), 'sallyport-refused-'));
  });
  after(() => rm(folder, { recursive: true }));

  async function open(): Promise<TLSSocket> {
    const socket = connectTls({ host: '127.0.0.1', port, servername: 'localhost', ca });
    socket.on('error', () => undefined);
    await once(socket, 'secureConnect');
    return socket;
  }

  /** Sends the head of a request and reads one answer, of 1xx too, with its body. */
  async function send(socket: TLSSocket, method: string, target: string, lines: readonly string[]): Promise<Received> {
    socket.write([`${method} ${target} HTTP/1.1`, 'Host: localhost', ...lines, '', ''].join('\r\n'));
    return answered(socket);
  }

  async function answered(socket: TLSSocket): Promise<Received> {
    let text = '';
    for (;;) {
      const end = text.indexOf('\r\n\r\n');
      const head = text.slice(0, end);
      const length = isBodiless(head) ? 0 : Number(/^content-length: (\d+)/im.exec(head)?.[1] ?? 0);
      if (end >= 0 && text.length >= end + 4 + length) {
        return { status: Number(/^HTTP\/1\.1 (\d{3})/.exec(head)?.[1]), head };
      }
      const [chunk] = (await Promise.race([once(socket, 'data'), once(socket, 'close')])) as [unknown];
      if (!Buffer.isBuffer(chunk)) throw new Error(`the connection ended after ${JSON.stringify(text)}`);
      text += chunk.toString('latin1');
    }
  }

  const isBodiless = (head: string): boolean => /^HTTP\/1\.1 (1\d\d|204)/.test(head);
  const bearer = (token: string): string => `Authorization: Bearer ${token}`;
  const EXPECT = ['Content-Length: 3', 'Expect: 100-continue'];
  const says = (head: string): boolean => /^connection: close\r?$/im.test(`${head}\r`);

  const refused: readonly [string, number, string, string, () => readonly string[]][] = [
    ['without a token', 401, 'PUT', '/reports/2026/k', () => []],
    ['with a bad token', 401, 'PUT', '/reports/2026/k', () => [bearer('a.b.c')]],
    ['by policy', 403, 'PUT', '/reports/2025/k', () => [bearer(alice)]],
    ['of an unknown kind', 501, 'PUT', '/reports/2026/k?unknown', () => [bearer(alice)]],
    ['with contradicting headers', 400, 'PUT', '/reports/2026/k', () => [bearer(alice), 'Content-MD5: no']],
    ['by the edge, of a path for health checks', 404, 'PUT', '/-/ready', () => []],
    ['by the edge, of a method', 405, 'TRACE', '/reports/k', () => []],
  ];
  for (const [title, status, method, target, lines] of refused) {
    it(`${title}, whose client waits for 100 Continue, is told to take another connection`, async () => {
      const socket = await open();
      const { status: got, head } = await send(socket, method, target, [...lines(), ...EXPECT]);
      assert.equal(got, status);
      assert.ok(says(head), head);
      socket.destroy();
    });
  }

  it('leaves the connections of accepted ones alone', async () => {
    const socket = await open();
    for (const key of ['one', 'two']) {
      const go = await send(socket, 'PUT', `/reports/2026/${key}`, [bearer(alice), ...EXPECT]);
      assert.equal(go.status, 100);
      socket.write('abc');
      const { status, head } = await answered(socket);
      assert.equal(status, 200);
      assert.ok(!says(head), head);
    }
    socket.destroy();
  });

  it('leaves all other streams of an HTTP/2 connection alone', async () => {
    const session = connectHttp2(stack.frontUrl, { ca });
    const put = (key: string): Promise<IncomingHttpHeaders & { body: string }> =>
      streamed(session, {
        ':method': 'PUT',
        ':path': `/reports/${key}`,
        authorization: `Bearer ${alice}`,
        expect: '100-continue',
        'content-length': 3,
      });
    for (const [index, key] of ['2025/a', '2026/h2-a', '2025/b', '2026/h2-b', '2025/c', '2026/h2-c'].entries()) {
      const answer = await put(key);
      assert.equal(answer[':status'], index % 2 === 0 ? 403 : 200);
      assert.equal(answer.connection, undefined);
    }
    assert.equal(session.closed, false);
    session.close();
  });

  async function streamed(
    session: ClientHttp2Session,
    headers: Record<string, string | number>,
  ): Promise<IncomingHttpHeaders & { body: string }> {
    const stream = session.request(headers);
    stream.on('continue', () => stream.end('abc')).on('error', () => undefined);
    const [answer] = (await once(stream, 'response')) as [IncomingHttpHeaders];
    let body = '';
    for await (const chunk of stream as AsyncIterable<Buffer>) body += chunk.toString();
    return Object.assign(answer, { body });
  }

  async function keys() {
    const body = new URLSearchParams({
      Action: 'AssumeRoleWithWebIdentity',
      Version: '2011-06-15',
      RoleArn: 'arn:aws:iam::000000000000:role/sallyport',
      RoleSessionName: 'refused-uploads',
      WebIdentityToken: alice,
    }).toString();
    const headers = { 'content-type': 'application/x-www-form-urlencoded' };
    const answer = await stack.client.call({ method: 'POST', target: '/', headers, body });
    return keyVariables(keysOf(answer.body.toString()));
  }

  /** Keys of `prefix` whose upload is in the audit as completed, and as denied. */
  async function onRecord(prefix: string): Promise<{ completed: number; denied: number }> {
    const count = { completed: 0, denied: 0 };
    for (const { operation, key, result } of await stack.audit()) {
      if (operation !== 'PutObject' || !key.includes(prefix)) continue;
      if (result === 'completed' || result === 'denied') count[result] += 1;
    }
    return count;
  }

  it('is the only loss when the AWS CLI copies 30 allowed files and 3 denied ones', async function () {
    const aws = await findProgram(
      attributesOf('aws').map((path) => [path, '--version'] as const),
      /aws-cli\/(\d+\.\d+\.\d+)/,
    );
    needs(this, 'the AWS CLI', typeof aws !== 'string');
    const files = join(folder, 'files');
    for (const year of ['2025', '2026']) await mkdir(join(files, year, 'by-cli'), { recursive: true });
    for (let n = 0; n < 33; n++) {
      const year = n % 11 === 5 ? '2025' : '2026';
      await writeFile(join(files, year, 'by-cli', `file-${n}`), `content ${n}`);
    }
    const args = ['--endpoint-url', stack.frontUrl, 's3', 'cp', '--recursive', '--no-progress', files, 's3://reports/'];
    const env = { PATH: process.env['PATH'], HOME: folder, AWS_CA_BUNDLE: stack.caFile, ...(await keys()) };
    const said = await run(aws.path, args, {
      env: { ...env, AWS_DEFAULT_REGION: 'us-east-1', AWS_MAX_ATTEMPTS: '1' },
    }).then(
      ({ stderr }) => stderr,
      (failed: unknown) => (failed as { stderr: string }).stderr,
    );
    assert.equal(said.match(/upload failed/g)?.length, 3, said);
    assert.equal(said.match(/AccessDenied/g)?.length, 3, said);
    assert.deepEqual(await onRecord('/by-cli/'), { completed: 30, denied: 3 });
  });

  it('is the only loss among 33 uploads of one boto3 client', async function () {
    const python = await findProgram(
      attributesOf('python3').map((path) => [path, '-c', 'import boto3; print("boto3", boto3.__version__)'] as const),
      /boto3 (\d+\.\d+\.\d+)/,
    );
    needs(this, 'boto3', typeof python !== 'string');
    const env = { PATH: process.env['PATH'], HOME: folder, AWS_CA_BUNDLE: stack.caFile, ...(await keys()) };
    const { stdout } = await run(python.path, [BOTO3_PUTS, stack.frontUrl], { env });
    assert.deepEqual(JSON.parse(stdout), { completed: 30, denied: 3, other: [] });
    assert.deepEqual(await onRecord('/by-boto3/'), { completed: 30, denied: 3 });
  });

  const puts = (context: Mocha.Context, count: number, bytes: number, headers: Record<string, string>) =>
    blockingPuts(context, { port, ca: stack.caFile, path: '/reports/2026/large', count, bytes, headers });

  it('of 10 MB has a readable answer, ten times out of ten, for a client that sends all before it reads', async function () {
    const answers = await puts(this, 10, 10_000_000, { Authorization: 'Bearer a.b.c' });
    assert.deepEqual(
      answers,
      Array.from({ length: 10 }, () => '401 InvalidToken'),
    );
  });

  it('of 20 MiB onto a key that exists has a readable 412', async function () {
    await stack.client.call({ method: 'PUT', target: '/reports/2026/large', token: alice, body: 'there' });
    const headers = { Authorization: `Bearer ${alice}`, 'If-None-Match': '*' };
    const answers = await puts(this, 5, 20 * MIB, headers);
    assert.deepEqual(
      answers,
      Array.from({ length: 5 }, () => '412 PreconditionFailed'),
    );
  });

  it('whose client trickles holds nothing of the gateway after seconds, and 200 of them leave others alone', async () => {
    const before = await openConnections();
    // HAProxy 3 goes on reading from such a client by itself.
    const isCut = releaseOf(await versionOf('haproxy')) < 3;
    const sockets = await Promise.all(Array.from({ length: 200 }, open));
    const timers = sockets.map((socket) => {
      socket.write(`PUT /reports/k HTTP/1.1\r\nHost: localhost\r\nContent-Length: 100000000\r\n\r\n`);
      socket.resume();
      return setInterval(() => socket.write('x'), 200);
    });
    try {
      const startedMs = performance.now();
      const answer = await stack.client.call({ method: 'PUT', target: '/reports/2026/k', token: alice, body: 'x' });
      assert.equal(answer.status, 200);
      while ((isCut && sockets.some((socket) => !socket.closed)) || (await openConnections()) > before + 4) {
        assert.ok(performance.now() - startedMs < 20_000);
        await sleep(50);
      }
    } finally {
      timers.forEach(clearInterval);
      sockets.forEach((socket) => socket.destroy());
    }
  });

  /** Of the gateway's process, by its own count of file descriptors. */
  async function openConnections(): Promise<number> {
    return Number(/^process_open_fds (\d+)/m.exec(await stack.metrics())?.[1]);
  }
});
