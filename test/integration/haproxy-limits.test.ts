/** The shields of the shipped haproxy.cfg, and its maps, which are changed while it runs: each source is a loopback address. */
import assert from 'node:assert/strict';
import { execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { cp, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import {
  createServer,
  type IncomingMessage,
  type OutgoingHttpHeaders,
  type Server,
  type ServerResponse,
} from 'node:http';
import { connect as connectHttp2, type ClientHttp2Session, type SecureClientSessionOptions } from 'node:http2';
import { Agent, request as httpsRequest } from 'node:https';
import { connect, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { setTimeout as sleep } from 'node:timers/promises';
import { connect as connectTls } from 'node:tls';
import { promisify } from 'node:util';
import { ensureCertificates } from '../../demo/certificates.ts';
import type { Child } from '../../demo/child.ts';
import { freePort } from '../../demo/free-port.ts';
import { findHaproxy, startHaproxy, type HaproxyProgram } from '../../demo/haproxy.ts';
import { needs, triedWhere } from '../support/needs.ts';

interface Sent {
  readonly source?: string;
  readonly method?: string;
  readonly path?: string;
  readonly headers?: OutgoingHttpHeaders;
  readonly body?: string;
}

interface Answer {
  readonly status: number;
  readonly headers: IncomingMessage['headers'];
  readonly body: string;
}

const UPSTREAM_SECRET = 'what-the-cdn-and-the-edge-share';
const SHIPPED = join(import.meta.dirname, '../../haproxy');

describe('the shields of haproxy.cfg', function () {
  this.timeout(30_000);
  let folder: string;
  let program: HaproxyProgram;
  let port: number;
  let ca: Buffer;
  let haproxy: Child;
  const gateways: Server[] = [];
  const held: ServerResponse[] = [];

  before(async function () {
    folder = await mkdtemp(join(tmpdir(), 'sallyport-limits-'));
    const found = await findHaproxy(join(folder, 'haproxy'), process.env);
    needs(this, 'haproxy', found !== undefined);
    program = found;
    const { caFile, serverFile } = await ensureCertificates(join(folder, 'tls'), process.env);
    ca = await readFile(caFile);
    port = await freePort();
    for (const name of ['gateway', 'archive']) gateways.push(await startGateway(name));
    await cp(join(SHIPPED, 'maps'), inFolder('maps'), { recursive: true });
    await writeFile(inFolder('maps/maintenance.map'), '* off\nfrozen on\n');
    const config = await readFile(join(SHIPPED, 'haproxy.cfg'), 'utf8');
    const archive = `\nbackend gateway_archive\n    server archive unix@${inFolder('archive.sock')}\n`;
    await writeFile(inFolder('haproxy.cfg'), config + archive);
    haproxy = await startHaproxy({
      ...program,
      ...{ configFile: inFolder('haproxy.cfg'), port, certificateFile: serverFile, logFile: inFolder('haproxy.log') },
      gatewaySocket: inFolder('gateway.sock'),
      environment: {
        ...process.env,
        SALLYPORT_EDGE_MAPS: inFolder('maps'),
        SALLYPORT_EDGE_ADMIN: inFolder('admin.sock'),
        SALLYPORT_UPSTREAM_SECRET: UPSTREAM_SECRET,
      },
    });
    while ((await send({})).status !== 200);
  });
  after(async () => {
    await haproxy.kill();
    for (const gateway of gateways) {
      gateway.closeAllConnections();
      gateway.close();
    }
    await rm(folder, { recursive: true });
  });

  const inFolder = (name: string) => join(folder, name);

  async function startGateway(name: string): Promise<Server> {
    const server = createServer((request, response) => {
      request.resume();
      if (request.url === '/hold') held.push(response);
      else if (request.url === '/unknown') response.writeHead(401).end();
      else if (request.url === '/denied') response.writeHead(403, { 'x-sallyport-denied-by': 'team/no' }).end();
      else response.end(`${name} ${JSON.stringify(request.headers)}`);
    });
    await once(server.listen(inFolder(`${name}.sock`)), 'listening');
    return server;
  }

  /** One request on a connection of its own. */
  async function send({ source = '127.0.0.1', body, ...sent }: Sent): Promise<Answer> {
    const own = { host: '127.0.0.1', port, ca, servername: 'localhost', agent: false, localAddress: source };
    const request = httpsRequest({ ...own, path: '/b/k', ...sent });
    request.end(body);
    const [response] = (await once(request, 'response')) as [IncomingMessage];
    return { status: response.statusCode ?? 0, headers: response.headers, body: await text(response) };
  }

  const statusOf = async (sent: Sent): Promise<number> => (await send(sent)).status;

  /** One command of HAProxy's runtime API; what it says. */
  async function tell(command: string): Promise<string> {
    const socket = connect(inFolder('admin.sock'));
    socket.end(`${command}\n`);
    return (await text(socket)).trim();
  }

  /** Changes a map while HAProxy runs, and back after `work`. */
  async function having(
    map: string,
    [key, value, before]: readonly string[],
    work: () => Promise<void>,
  ): Promise<void> {
    const file = inFolder(`maps/${map}.map`);
    assert.equal(await tell(`${before === undefined ? 'add' : 'set'} map ${file} ${key} ${value}`), '');
    try {
      await work();
    } finally {
      await tell(before === undefined ? `del map ${file} ${key}` : `set map ${file} ${key} ${before}`);
    }
  }

  function isSlowDown({ status, headers, body }: Answer): void {
    assert.equal(status, 503);
    assert.match(body, new RegExp(`<Code>SlowDown<.*<RequestId>${String(headers['x-amz-request-id'])}<`));
    assert.equal(headers['retry-after'], '5');
    const waitMs = Number(headers['x-amz-retry-after']);
    assert.ok(waitMs >= 2500 && waitMs <= 5000, String(waitMs));
  }

  const session = (localAddress: string): ClientHttp2Session =>
    connectHttp2(`https://127.0.0.1:${port}`, {
      ca,
      servername: 'localhost',
      localAddress,
    } as SecureClientSessionOptions);

  it('are changed by the command lines that the maps themselves name', async () => {
    for (const name of await readdir(join(SHIPPED, 'maps'))) {
      const lines = (await readFile(join(SHIPPED, 'maps', name), 'utf8')).split('\n');
      const commands = lines.flatMap(
        (line) => /^# {3}echo "(.*)" \| socat stdio \/run\/haproxy\/admin\.sock$/.exec(line)?.[1] ?? [],
      );
      assert.ok(commands.length > 0, name);
      const before = (await tell(`show map ${inFolder(`maps/${name}`)}`)).replaceAll(/^0x\w+ /gm, '');
      for (const command of commands) {
        assert.equal(await tell(command.replace('/etc/haproxy/maps', inFolder('maps'))), '', command);
      }
      assert.notEqual((await tell(`show map ${inFolder(`maps/${name}`)}`)).replaceAll(/^0x\w+ /gm, ''), before);
      await tell(`clear map ${inFolder(`maps/${name}`)}`);
      for (const line of before.split('\n').filter((each) => each !== '')) {
        assert.equal(await tell(`add map ${inFolder(`maps/${name}`)} ${line}`), '');
      }
    }
  });

  it('refuse a source whose tokens are bad here, and leave others and those whom policy denies alone', async () => {
    await having('limits', ['source-failures', '5', '1000'], async () => {
      const source = '127.0.0.21';
      for (let count = 0; count < 10; count += 1) assert.equal(await statusOf({ source, path: '/denied' }), 403);
      for (let count = 0; count < 6; count += 1) assert.equal(await statusOf({ source, path: '/unknown' }), 401);
      isSlowDown(await send({ source, path: '/unknown' }));
      assert.equal(await statusOf({ source: '127.0.0.22' }), 200);
    });
  });

  it('refuse a source that asks for too much, in 10 seconds or at once', async () => {
    await having('limits', ['source-requests', '5', '50000'], async () => {
      const source = '127.0.0.23';
      for (let count = 0; count < 5; count += 1) assert.equal(await statusOf({ source }), 200);
      isSlowDown(await send({ source }));
    });
    await having('limits', ['source-requests-at-once', '2', '1000'], async () => {
      const source = '127.0.0.24';
      const waiting = [send({ source, path: '/hold' }), send({ source, path: '/hold' })];
      while (held.length < 2) await new Promise(setImmediate);
      isSlowDown(await send({ source }));
      assert.equal(await statusOf({ source: '127.0.0.22' }), 200);
      for (const response of held.splice(0)) response.end();
      await Promise.all(waiting);
      assert.equal(await statusOf({ source }), 200);
    });
  });

  it('refuse a token that is used too much, wherever it comes from, and an access key per source', async () => {
    const using = (authorization: string, source: string) => send({ source, headers: { authorization } });
    const key = (id: string) =>
      `AWS4-HMAC-SHA256 Credential=${id}/20260101/r/s3/aws4_request, SignedHeaders=host, Signature=0`;
    await having('limits', ['token-requests', '2', '30000'], async () => {
      for (const token of ['Bearer one.two.three', key('AKIAONE')]) {
        for (let count = 0; count < 2; count += 1) assert.equal((await using(token, '127.0.0.25')).status, 200);
        isSlowDown(await using(token, '127.0.0.25'));
      }
      isSlowDown(await using('Bearer one.two.three', '127.0.0.26'));
      assert.equal((await using(key('AKIAONE'), '127.0.0.26')).status, 200);
      assert.equal((await using('Bearer one.two.four', '127.0.0.25')).status, 200);
      for (let count = 0; count < 4; count += 1) assert.equal(await statusOf({ source: '127.0.0.25' }), 200);
      const presigned = { source: '127.0.0.25', path: '/b/k?X-Amz-Credential=AKIAONE%2F20260101&X-Amz-Signature=0' };
      isSlowDown(await send(presigned));
    });
  });

  // Some twenty seconds, and a machine of its own: by hand, with SALLYPORT_FLOOD=20000 (bad tokens a second).
  it('keep p99 of another source within three times of quiet in a flood of bad tokens', async function () {
    const rate = process.env['SALLYPORT_FLOOD'];
    triedWhere(this, rate !== undefined);
    this.timeout(60_000);
    const quietMs = await p99Ms();
    const program = join(import.meta.dirname, '../support/edge/flood.ts');
    const flood = spawn(process.execPath, [program, String(port), '127.0.0.41', rate], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    let said = '';
    flood.stdout.on('data', (data: Buffer) => (said += data.toString()));
    await once(flood.stdout, 'data');
    const floodedMs = await p99Ms();
    flood.kill();
    await once(flood, 'exit');
    console.log(
      `p99 quiet ${quietMs.toFixed(1)} ms, flooded ${floodedMs.toFixed(1)} ms; answered per second: ${said.trim().split('\n').join(' ')}`,
    );
    assert.ok(floodedMs <= 3 * quietMs);
  });

  /** Of 500 requests on one connection, one each 10 ms. */
  async function p99Ms(): Promise<number> {
    const agent = new Agent({ keepAlive: true, maxSockets: 1, ca, localAddress: '127.0.0.42' });
    const took: number[] = [];
    for (let count = 0; count < 500; count += 1) {
      const startedMs = performance.now();
      const request = httpsRequest({ host: '127.0.0.1', port, servername: 'localhost', agent, path: '/b/k' });
      request.end();
      const [response] = (await once(request, 'response')) as [IncomingMessage];
      await text(response);
      assert.equal(response.statusCode, 200);
      took.push(performance.now() - startedMs);
      await sleep(10);
    }
    agent.destroy();
    return took.toSorted((one, other) => one - other)[Math.floor(took.length * 0.99)]!;
  }

  it('serve others while one source holds 2,000 connections and says nothing', async () => {
    const sockets: Socket[] = [];
    let ended = 0;
    for (let count = 0; count < 2000; count += 1) {
      const socket = connect({ host: '127.0.0.1', port, localAddress: '127.0.0.27' });
      socket.on('error', () => undefined).on('close', () => (ended += 1));
      socket.write(Buffer.from([22, 3, 1]));
      sockets.push(socket);
    }
    while (ended < 1500) await sleep(10);
    assert.equal(await statusOf({ source: '127.0.0.28' }), 200);
    assert.ok(ended >= 1500);
    for (const socket of sockets) socket.destroy();
  });

  it('serve everybody while 300 forms of STS do not come', async () => {
    const source = '127.0.0.29';
    const sessions = Array.from({ length: 3 }, () => session(source));
    await Promise.all(
      sessions.map((one) =>
        once(
          one.on('error', () => undefined),
          'connect',
        ),
      ),
    );
    for (const one of sessions) {
      for (let count = 0; count < 100; count += 1) {
        one
          .request({ ':method': 'POST', ':path': '/-/sts', 'content-length': 20 }, { endStream: false })
          .on('error', () => undefined);
      }
    }
    assert.equal(await statusOf({ source }), 200);
    assert.equal(await statusOf({ method: 'POST', path: '/-/sts', body: 'Action=x' }), 200);
    for (const one of sessions) one.destroy();
  });

  it('admit those alone whom upstreams.map names, and who prove themselves where it says so', async () => {
    const proof = (...values: string[]) =>
      statusOf({ source: '127.0.0.30', headers: { 'x-sallyport-upstream': values } });
    await having('upstreams', ['127.0.0.31/32', 'nobody'], async () => {
      const refused = await send({ source: '127.0.0.31' });
      assert.deepEqual([refused.status, /<Code>AccessDenied</.test(refused.body)], [403, true]);
    });
    await having('upstreams', ['127.0.0.30/32', 'upstream-secret'], async () => {
      assert.equal(await statusOf({ source: '127.0.0.30' }), 403);
      for (const wrong of [
        [''],
        [`${UPSTREAM_SECRET}x`],
        [UPSTREAM_SECRET.slice(1)],
        [UPSTREAM_SECRET.toUpperCase()],
        [UPSTREAM_SECRET, UPSTREAM_SECRET],
      ]) {
        assert.equal(await proof(...wrong), 403, wrong.join());
      }
      assert.equal(await proof(UPSTREAM_SECRET), 200);
      const { body } = await send({ source: '127.0.0.30', headers: { 'x-sallyport-upstream': UPSTREAM_SECRET } });
      assert.doesNotMatch(body, /upstream/);
      // It speaks for many.
      await having('limits', ['source-requests', '1', '50000'], async () =>
        assert.equal(await proof(UPSTREAM_SECRET), 200),
      );
    });
  });

  it('answer whatever writes with 503 while it is read-only, and go on with reads and STS', async () => {
    const writes = [
      { method: 'PUT', body: 'x' },
      { method: 'DELETE' },
      { method: 'POST', path: '/b?delete', body: 'x' },
      { method: 'PATCH' },
      { method: 'PUT', path: '//b/k' },
    ];
    await having('maintenance', ['*', 'on', 'off'], async () => {
      for (const answer of await Promise.all(writes.map(send))) {
        assert.equal(answer.status, 503);
        assert.match(
          answer.body,
          new RegExp(`<Code>ServiceUnavailable<.*Read-only.*<RequestId>${String(answer.headers['x-amz-request-id'])}<`),
        );
        assert.ok(Number(answer.headers['retry-after']) > 0 && Number(answer.headers['x-amz-retry-after']) >= 50);
      }
      for (const read of [
        { method: 'GET' },
        { method: 'HEAD' },
        { method: 'POST', path: '/-/sts' },
        { method: 'POST', path: '/' },
      ]) {
        assert.equal(await statusOf(read), 200);
      }
      const expecting = await send({ method: 'PUT', headers: { expect: '100-continue', 'content-length': 1 } });
      assert.deepEqual([expecting.status, expecting.headers.connection], [503, 'close']);
      const upload = inFolder('upload');
      await writeFile(upload, Buffer.alloc(1_000_000));
      const curl = [
        '--silent',
        '--http2',
        '--cacert',
        inFolder('tls/ca.pem'),
        '--request',
        'PUT',
        '--data-binary',
        `@${upload}`,
      ];
      const { stdout } = await promisify(execFile)('curl', [
        ...curl,
        '--write-out',
        ' %{http_code}',
        `https://localhost:${port}/b/k`,
      ]);
      assert.match(stdout, /<Code>ServiceUnavailable<.* 503$/);
    });
    for (const write of writes) assert.equal(await statusOf(write), 200);
  });

  it('keep one bucket read-only from the file, in whichever spelling it is named', async () => {
    const put = (path: string, host = 'localhost') => statusOf({ method: 'DELETE', path, headers: { host } });
    for (const path of ['/frozen', '/frozen/k', '/%66rozen/k']) assert.equal(await put(path), 503, path);
    assert.equal(await put('/other/frozen'), 200);
    await having('virtual-hosts', ['.s3.example.com', '-'], async () => {
      for (const host of ['frozen.s3.example.com', 'FROZEN.s3.example.com:8443', 'frozen.s3.example.com.']) {
        assert.equal(await put('/k', host), 503, host);
      }
      assert.equal(await put('/frozen/k', 'other.s3.example.com'), 200);
      const form = { method: 'POST', path: '/', headers: { host: 'frozen.s3.example.com' }, body: 'x' };
      assert.equal(await statusOf(form), 503);
    });
  });

  it('send buckets to the gateways that buckets.map names, by path and by host', async () => {
    const served = async (path: string, host = 'localhost') =>
      (await send({ path, headers: { host } })).body.split(' ')[0];
    await having('buckets', ['old', 'gateway_archive'], async () => {
      assert.deepEqual(
        [await served('/old/k'), await served('/old'), await served('/new/old')],
        ['archive', 'archive', 'gateway'],
      );
      await having('virtual-hosts', ['.s3.example.com', '-'], async () => {
        assert.equal(await served('/k', 'old.s3.example.com'), 'archive');
        assert.equal(await served('/old/k', 'new.s3.example.com'), 'gateway');
      });
    });
    assert.equal(await served('/old/k'), 'gateway');
  });

  it('say that this name is reached by TLS alone, in every answer', async () => {
    for (const path of ['/b/k', '/-/ready']) {
      assert.equal((await send({ path })).headers['strict-transport-security'], 'max-age=31536000');
    }
  });

  it('agree on a hybrid key exchange where OpenSSL has it', async () => {
    const { stdout } = await promisify(execFile)(program.program, ['-vv'], {
      env: { ...process.env, ...(program.libraryPath === '' ? {} : { LD_LIBRARY_PATH: program.libraryPath }) },
    });
    const [, major = 0, minor = 0] =
      /^Running on (?:OpenSSL|SSL library) version : OpenSSL (\d+)\.(\d+)/m.exec(stdout) ?? [];
    const hasIt = Number(major) > 3 || (Number(major) === 3 && Number(minor) >= 5);
    const tls = connectTls({ host: '127.0.0.1', port, ca, servername: 'localhost', ecdhCurve: 'X25519MLKEM768' });
    const agreed = await once(tls, 'secureConnect').then(
      () => true,
      () => false,
    );
    tls.destroy();
    assert.equal(agreed, hasIt);
  });
});
