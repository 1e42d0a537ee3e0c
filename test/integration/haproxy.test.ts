/**
 * The shipped haproxy.cfg in front of a trivial server on the socket: what it lets through, what it takes away, what it
 * says when nobody is behind it.
 *
 * What HAProxy does that one would not expect, and which test holds the shipped files to it:
 *
 * | HAProxy | test |
 * |---|---|
 * | a missing Authorization is an empty text that is found | haproxy-limits: a token that is used too much |
 * | a status that `deny` does not take, `$` between double quotes | each start: HAProxy refuses such a file |
 * | no milliseconds in the log of 2.6; failures of TLS are no JSON | here: refuses TLS below 1.2 |
 * | `-m beg` misses `x_foo`; restricting names drops `x-amz-meta-a_b` | here: headers |
 * | `redirect scheme` keeps the port | haproxy-render: answers nothing to plain HTTP |
 * | a gateway that wants a certificate ends the connection without a word | haproxy-render: finds by the health check |
 * | heads over the buffer or over 101 headers are no answer of S3 | here, haproxy-existing: of 30 KiB; doctor-edge: 150 headers |
 * | a reload forgets what maps were told | haproxy-limits: one bucket read-only from the file; haproxy-bearer: still after a reload |
 * | keys are named by literal paths, `$` in claims, EdDSA is no answer | haproxy-bearer: pass on where the edge cannot tell |
 * | HTTP/2 has no Host at Node | here: speaks HTTP/2, and HTTP/1.1 to the gateway |
 * | http-buffer-request delays uploads and answers 100-continue | here: streams an upload, leaves it to the gateway |
 * | a refused `Expect` loses the next request | haproxy-existing: tells who waited for 100 Continue |
 * | a bare server line believes what clients say | haproxy-existing: lets nobody make up; doctor-edge |
 * | an upload over HTTP/2 does not see a 503 | here: answers uploads too; haproxy-limits: read-only |
 * | retries stay at one server | haproxy-existing: loses no request when one of two gateways ends |
 * | named curves shut X25519MLKEM768 out | haproxy-limits: a hybrid key exchange |
 */
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import {
  createServer,
  type IncomingMessage,
  type OutgoingHttpHeaders,
  type Server,
  type ServerResponse,
} from 'node:http';
import { connect as connectHttp2 } from 'node:http2';
import { request as httpsRequest, type RequestOptions } from 'node:https';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { connect as connectTls } from 'node:tls';
import { promisify } from 'node:util';
import { ensureCertificates } from '../../demo/certificates.ts';
import type { Child } from '../../demo/child.ts';
import { freePort } from '../../demo/free-port.ts';
import { findHaproxy, startHaproxy } from '../../demo/haproxy.ts';
import { blockingPuts } from '../support/store/blocking-puts.ts';
import { needs } from '../support/needs.ts';

interface Answer {
  readonly status: number;
  readonly headers: IncomingMessage['headers'];
  readonly body: string;
}

interface Echo {
  readonly url: string;
  readonly headers: Record<string, string>;
  readonly bytes: number;
}

const EDGE_SECRET = 'the-edge-and-the-gateway-share-this-one';

describe('haproxy.cfg', function () {
  this.timeout(30_000);
  let folder: string;
  let port: number;
  let ca: Buffer;
  let haproxy: Child;
  let gateway: Server;
  let onRequest: (request: IncomingMessage, response: ServerResponse) => void;
  let onContinue: ((request: IncomingMessage, response: ServerResponse) => void) | undefined;

  before(async function () {
    folder = await mkdtemp(join(tmpdir(), 'sallyport-edge-'));
    const program = await findHaproxy(join(folder, 'haproxy'), process.env);
    needs(this, 'haproxy', program !== undefined);
    const { caFile, serverFile } = await ensureCertificates(join(folder, 'tls'), process.env);
    ca = await readFile(caFile);
    port = await freePort();
    gateway = makeGateway();
    await once(gateway.listen(socket()), 'listening');
    haproxy = await startHaproxy({
      ...program,
      configFile: join(import.meta.dirname, '../../haproxy/haproxy.cfg'),
      port,
      certificateFile: serverFile,
      gatewaySocket: socket(),
      edgeSecret: EDGE_SECRET,
      logFile: join(folder, 'haproxy.log'),
      environment: process.env,
    });
  });
  after(async () => {
    await haproxy.stop(5000);
    gateway.closeAllConnections();
    gateway.close();
    await rm(folder, { recursive: true });
  });
  beforeEach(() => {
    onRequest = (request, response) => void echo(request, response);
    onContinue = undefined;
  });

  const socket = () => join(folder, 'gateway.sock');

  function makeGateway(): Server {
    const server = createServer({ maxHeaderSize: 32_768, requestTimeout: 0, keepAliveTimeout: 75_000 });
    server.on('request', (request: IncomingMessage, response: ServerResponse) => {
      if (request.url === '/-/ready') response.end();
      else onRequest(request, response);
    });
    server.on('checkContinue', (request: IncomingMessage, response: ServerResponse) => onContinue?.(request, response));
    return server;
  }

  async function echo(request: IncomingMessage, response: ServerResponse): Promise<void> {
    let bytes = 0;
    for await (const chunk of request as AsyncIterable<Buffer>) bytes += chunk.length;
    response.end(JSON.stringify({ url: request.url, headers: request.headers, bytes }));
  }

  function send(options: RequestOptions, body?: Buffer): Promise<Answer> {
    return new Promise((resolve, reject) => {
      const request = httpsRequest({ host: '127.0.0.1', servername: 'localhost', port, ca, agent: false, ...options });
      request.on('error', reject);
      request.on('response', (response) => void collect(response).then(resolve, reject));
      request.end(body);
    });
  }

  async function collect(response: IncomingMessage): Promise<Answer> {
    const chunks: Buffer[] = [];
    for await (const chunk of response as AsyncIterable<Buffer>) chunks.push(chunk);
    return { status: response.statusCode ?? 0, headers: response.headers, body: Buffer.concat(chunks).toString() };
  }

  async function echoed(headers: OutgoingHttpHeaders, path = '/bucket/key'): Promise<Echo> {
    return JSON.parse((await send({ path, headers })).body) as Echo;
  }

  async function logLine(requestId: string): Promise<Record<string, unknown>> {
    for (;;) {
      const line = (await readFile(join(folder, 'haproxy.log'), 'utf8'))
        .split('\n')
        .find((text) => text.includes(requestId));
      if (line !== undefined) return JSON.parse(line) as Record<string, unknown>;
      await sleep(10);
    }
  }

  /** Lets the health check find what changed. */
  async function untilStatus(status: number): Promise<Answer> {
    for (;;) {
      const answer = await send({ path: '/x' });
      if (answer.status === status) return answer;
      await sleep(50);
    }
  }

  describe('headers', () => {
    const LIES = [
      'X-Forwarded-For',
      'x_forwarded_for',
      'X.Forwarded.Host',
      'X-Forwarded-User',
      'X-Forwarded',
      'Forwarded',
      'X-Real-IP',
      'X_Real_Ip',
      'X-Client-IP',
      'True-Client-IP',
      'CF-Connecting-IP',
      'X-Original-Forwarded-For',
      'X-Original-URL',
      'X-Rewrite-URL',
      'X_REQUEST_ID',
      'X-Correlation-Id',
      'Remote-User',
      'REMOTE_USER',
      'X-Remote-User',
      'X_Remote_Groups',
      'X-Auth-Request-Email',
      'X-Authenticated-Userid',
      'X-User',
      'X-Email',
      'X-Groups',
      'X-Token',
      'X-SSL-Client-CN',
      'SSL_CLIENT_S_DN',
      'X-Client-Cert',
      'X-Sallyport-Subject',
      'X_Sallyport_Store_Token',
      'X-Sallyport-Store-Tokens',
      'X-Sallyport-Store-Token-Subject',
      'X-Amzn-Oidc-Identity',
      'X-Goog-Authenticated-User-Email',
      'X-MS-Client-Principal',
      'X-HTTP-Method-Override',
      'Proxy',
      'Upgrade',
    ];
    for (const name of LIES)
      it(`never pass a client's ${name}`, async () => {
        const { headers } = await echoed({ [name]: 'a-lie' });
        assert.ok(!Object.values(headers).some((value) => value.includes('a-lie')));
      });

    it('of S3 and of any client pass unchanged', async () => {
      const truths = {
        authorization: 'Bearer abc.def.ghi',
        'content-type': 'text/csv',
        expires: 'never',
        'if-match': '"x"',
        origin: 'https://example.com',
        range: 'bytes=0-1',
        'user-agent': 'test',
        'x-amz-content-sha256': 'UNSIGNED-PAYLOAD',
        'x-amz-date': '20260101T000000Z',
        'x-amz-meta-a_b': 'underscore',
        'x-amz-meta-user': 'data',
        'x-amz-meta-x-forwarded-for': 'data',
        'x-amz-security-token': 'token',
        'x-amzn-trace-id': 'Root=1',
        'x-sallyport-store-token': 'abc.def.ghi',
        // Whatever could mean a dry run: the gateway refuses what it does not understand of it, and must see it.
        'x-sallyport-dry-run': 'true',
        x_sallyport_dry_run: 'true',
        'x-sallyport-dryrun': 'true',
        'sallyport-dry-run': 'true',
      };
      const { headers } = await echoed(truths);
      for (const [name, value] of Object.entries(truths)) assert.equal(headers[name], value);
    });

    it('tell the gateway address, scheme and id, and the log has the same id', async () => {
      const { headers } = await echoed({ 'x-request-id': 'chosen-by-the-client' });
      assert.equal(headers['x-forwarded-for'], '127.0.0.1');
      assert.equal(headers['x-forwarded-proto'], 'https');
      const id = headers['x-request-id']!;
      assert.match(id, /^[A-Za-z0-9-]{8,64}$/);
      assert.notEqual(id, 'chosen-by-the-client');
      const line = await logLine(id);
      assert.deepEqual([line['client'], line['status'], line['path']], ['127.0.0.1', 200, '/bucket/key']);
      assert.equal(line['edgeRequestId'], id);
    });

    it('of 30 KiB pass over HTTP/1.1 and HTTP/2', async () => {
      const authorization = `Bearer ${'x'.repeat(30_000)}`;
      assert.equal((await echoed({ authorization })).headers['authorization'], authorization);
      assert.equal((await http2({ authorization })).status, 200);
    });
  });

  async function http2(headers: Record<string, string>): Promise<{ status: number; body: string }> {
    const session = connectHttp2(`https://localhost:${port}`, {
      ca,
      lookup: (_name, _options, done) => done(null, [{ address: '127.0.0.1', family: 4 }] as never),
    });
    try {
      const stream = session.request({ ':path': '/bucket/key', ...headers });
      const [answer] = (await once(stream, 'response')) as [Record<string, unknown>];
      let body = '';
      for await (const chunk of stream as AsyncIterable<Buffer>) body += chunk.toString();
      return { status: Number(answer[':status']), body };
    } finally {
      session.close();
    }
  }

  it('speaks HTTP/2, and HTTP/1.1 to the gateway', async () => {
    const { status, body } = await http2({ x_forwarded_for: 'a-lie' });
    assert.equal(status, 200);
    assert.doesNotMatch(body, /a-lie/);
  });

  it('refuses TLS below 1.2', async () => {
    const client = connectTls({
      host: '127.0.0.1',
      port,
      ca,
      servername: 'localhost',
      maxVersion: 'TLSv1.1',
      minVersion: 'TLSv1',
      ciphers: 'DEFAULT:@SECLEVEL=0',
    });
    await assert.rejects(once(client, 'secureConnect'), { code: 'ERR_SSL_TLSV1_ALERT_PROTOCOL_VERSION' });
    assert.equal((await logLine('unsupported protocol'))['client'], '127.0.0.1');
  });

  it('leaves the request target as it came, and keeps the query out of the log', async () => {
    const path = "/bucket//a/../b/./%2F+%20%c3%bc'()*!~?prefix=a+b%20c&X-Amz-Signature=secret-query";
    const { url, headers } = await echoed({}, path);
    assert.equal(url, path);
    const line = await logLine(headers['x-request-id']!);
    assert.equal(line['path'], path.slice(0, path.indexOf('?')));
    assert.doesNotMatch(await readFile(join(folder, 'haproxy.log'), 'utf8'), /secret-query/);
  });

  it('keeps tokens out of the log', async () => {
    const { headers } = await echoed({ authorization: 'Bearer secret-token', 'user-agent': 'quote"backslash\\' });
    const line = await logLine(headers['x-request-id']!);
    assert.equal(line['userAgent'], 'quote"backslash\\');
    assert.doesNotMatch(await readFile(join(folder, 'haproxy.log'), 'utf8'), /secret-token/);
  });

  it('streams an upload: the gateway has the first bytes before the last are sent', async () => {
    const first = new Promise<void>((resolve) => {
      onRequest = (request, response) => {
        request.once('data', () => resolve());
        request.on('end', () => response.end());
        request.resume();
      };
    });
    const upload = httpsRequest({
      host: '127.0.0.1',
      servername: 'localhost',
      port,
      ca,
      agent: false,
      method: 'PUT',
      path: '/b/k',
      headers: { 'content-length': 2000 },
    });
    upload.write(Buffer.alloc(1000));
    await first;
    upload.end(Buffer.alloc(1000));
    const [response] = (await once(upload, 'response')) as [IncomingMessage];
    assert.equal((await collect(response)).status, 200);
  });

  it('streams a download: the client has the first bytes before the last are sent', async () => {
    let finish = (): void => undefined;
    onRequest = (_request, response) => {
      response.writeHead(200, { 'content-length': 2000 }).write(Buffer.alloc(1000));
      finish = () => response.end(Buffer.alloc(1000));
    };
    const request = httpsRequest({ host: '127.0.0.1', servername: 'localhost', port, ca, agent: false, path: '/b/k' });
    request.end();
    const [response] = (await once(request, 'response')) as [IncomingMessage];
    await once(response, 'readable');
    finish();
    assert.equal((await collect(response)).status, 200);
  });

  it('leaves it to the gateway to say 100 Continue', async () => {
    const expecting = { method: 'PUT', path: '/b/k', headers: { expect: '100-continue', 'content-length': 5 } };
    onContinue = (_request, response) => response.writeHead(403, { connection: 'close' }).end();
    const refused = httpsRequest({ host: '127.0.0.1', servername: 'localhost', port, ca, agent: false, ...expecting });
    let continued = false;
    refused.on('continue', () => (continued = true)).flushHeaders();
    const [denial] = (await once(refused, 'response')) as [IncomingMessage];
    assert.deepEqual([denial.statusCode, continued], [403, false]);
    refused.destroy();

    onContinue = (request, response) => {
      response.writeContinue();
      void echo(request, response);
    };
    const accepted = httpsRequest({ host: '127.0.0.1', servername: 'localhost', port, ca, agent: false, ...expecting });
    accepted.on('continue', () => accepted.end('hello')).flushHeaders();
    const [response] = (await once(accepted, 'response')) as [IncomingMessage];
    assert.equal((JSON.parse((await collect(response)).body) as Echo).bytes, 5);
  });

  it('breaks the request to the gateway when the client goes away in mid-upload', async () => {
    const aborted = new Promise<void>((resolve) => {
      onRequest = (request) => {
        request.on('close', () => resolve()).on('error', () => undefined);
        request.resume();
      };
    });
    const upload = httpsRequest({
      host: '127.0.0.1',
      servername: 'localhost',
      port,
      ca,
      agent: false,
      method: 'PUT',
      path: '/b/k',
      headers: { 'content-length': 2_000_000 },
    });
    upload.on('error', () => undefined);
    upload.write(Buffer.alloc(1000), () => setTimeout(() => upload.destroy(), 20));
    await aborted;
  });

  it('lets clients at four paths under /-/, each by its methods and letter by letter', async () => {
    const statusOf = async (method: string, path: string) => (await send({ method, path })).status;
    for (const [method, path] of [
      ['POST', '/-/sts'],
      ['POST', '/-/sts/'],
      ['POST', '/'],
      ['GET', '/-/sts'],
      ['GET', '/-/sts/?Action=x'],
      ['GET', '/-/credentials'],
      ['GET', '/-/credentials?role=analytics'],
      ['GET', '/-/whoami'],
      ['GET', '/-/can-i?verb=GET&resource=s3%3A%2F%2Freports%2Fa'],
    ] as const) {
      assert.equal(await statusOf(method, path), 200, `${method} ${path}`);
    }
    for (const [method, path] of [
      ['HEAD', '/-/sts'],
      ['GET', '/-/sts/x'],
      ['PUT', '/-/sts'],
      ['OPTIONS', '/-/sts'],
      ['POST', '/-/credentials'],
      ['HEAD', '/-/credentials'],
      ['DELETE', '/-/credentials'],
      ['GET', '/-/credentials/'],
      ['POST', '/-/whoami'],
      ['HEAD', '/-/whoami'],
      ['GET', '/-/whoami/'],
      ['POST', '/-/can-i'],
      ['HEAD', '/-/can-i'],
      ['GET', '/-/can-i/'],
      ['GET', '/-/can-i/../ready'],
      ['GET', '/-/Credentials'],
      ['POST', '/-/sts/../ready'],
      ['GET', '/-/credentials%2F..%2Fready'],
      ['GET', '/-/ready'],
      ['HEAD', '/-/ready'],
      ['GET', '/-/ready?x'],
      ['GET', '/-/'],
      ['POST', '/-/'],
    ] as const) {
      assert.equal(await statusOf(method, path), 404, `${method} ${path}`);
    }
  });

  it('collects a form of STS before the gateway hears of it', async () => {
    let isStarted = false;
    onRequest = (request, response) => {
      isStarted = true;
      void echo(request, response);
    };
    for (const path of ['/', '/-/sts', '/-/sts/']) {
      isStarted = false;
      const headers = { 'content-length': 20, 'content-type': 'application/x-www-form-urlencoded' };
      const host = { host: '127.0.0.1', servername: 'localhost', port, ca, agent: false };
      const form = httpsRequest({ ...host, method: 'POST', path, headers });
      form.write('Action=xxx');
      await sleep(200);
      assert.equal(isStarted, false, path);
      form.end('&Version=x');
      const [response] = (await once(form, 'response')) as [IncomingMessage];
      assert.equal((JSON.parse((await collect(response)).body) as Echo).bytes, 20);
    }
  });

  it('answers a form that does not come with 408, and the gateway never hears of it', async () => {
    let isStarted = false;
    onRequest = () => (isStarted = true);
    const headers = { 'content-length': 20, 'content-type': 'application/x-www-form-urlencoded' };
    const host = { host: '127.0.0.1', servername: 'localhost', port, ca, agent: false };
    const form = httpsRequest({ ...host, method: 'POST', path: '/', headers });
    form.write('A');
    const [response] = (await once(form, 'response')) as [IncomingMessage];
    const { status, body } = await collect(response);
    form.destroy();
    assert.deepEqual([status, isStarted], [408, false]);
    assert.match(body, /<Code>RequestTimeout</);
  });

  it('shows the gateway its secret, and never that of a client', async () => {
    const { headers } = await echoed({ 'x-sallyport-edge': 'a-lie', x_sallyport_edge: 'a-lie' });
    assert.deepEqual(
      Object.entries(headers).filter(([name]) => /sallyport.edge/.test(name)),
      [['x-sallyport-edge', EDGE_SECRET]],
    );
    assert.doesNotMatch(await readFile(join(folder, 'haproxy.log'), 'utf8'), new RegExp(EDGE_SECRET));
  });

  it('refuses CONNECT, TRACE and bodies over 5 GiB with an S3 document that carries the id', async () => {
    const cases = [
      [{ method: 'TRACE', path: '/x' }, 405, 'MethodNotAllowed'],
      [{ method: 'PUT', path: '/x', headers: { 'content-length': 5_435_817_985 } }, 400, 'EntityTooLarge'],
    ] as const;
    for (const [options, status, code] of cases) {
      const request = httpsRequest({ host: '127.0.0.1', servername: 'localhost', port, ca, agent: false, ...options });
      request.on('error', () => undefined).flushHeaders();
      const [response] = (await once(request, 'response')) as [IncomingMessage];
      const answer = await collect(response);
      request.destroy();
      assert.equal(answer.status, status);
      assert.match(
        answer.body,
        new RegExp(`<Code>${code}</Code>.*<RequestId>${String(answer.headers['x-amz-request-id'])}</RequestId>`),
      );
    }
  });

  async function endGateway(): Promise<void> {
    gateway.closeAllConnections();
    gateway.close();
    await once(gateway, 'close');
  }

  async function beginAgain(): Promise<void> {
    gateway = makeGateway();
    await once(gateway.listen(socket()), 'listening');
    await untilStatus(200);
  }

  it('answers 503 with Retry-After and an S3 document while no gateway is there, and recovers', async () => {
    await endGateway();
    const { headers, body } = await untilStatus(503);
    assert.equal(headers['retry-after'], '5');
    assert.match(
      body,
      new RegExp(`<Code>ServiceUnavailable</Code>.*<RequestId>${String(headers['x-amz-request-id'])}<`),
    );
    const head = await send({ method: 'HEAD', path: '/x' });
    assert.deepEqual([head.status, head.body], [503, '']);
    const expecting = await send({
      method: 'PUT',
      path: '/x',
      headers: { expect: '100-continue', 'content-length': 0 },
    });
    assert.deepEqual([expecting.status, expecting.headers.connection], [503, 'close']);
    await beginAgain();
  });

  it('answers uploads too while no gateway is there, over HTTP/2, and to who sends all of one before reading', async function () {
    const wasDown = await timesDown();
    await endGateway();
    try {
      while ((await timesDown()) === wasDown) await sleep(50);
      const ca = join(folder, 'tls', 'ca.pem');
      const sent = join(folder, 'sent');
      await writeFile(sent, Buffer.alloc(1_000_000));
      const puts = Array.from({ length: 5 }, () => curlPut(ca, sent));
      const blocking = blockingPuts(this, { port, ca, path: '/b/k', count: 3, bytes: 10_000_000, headers: {} });
      for (const answer of await Promise.all(puts)) assert.equal(answer, '2 503');
      assert.deepEqual(await blocking, ['503 ServiceUnavailable', '503 ServiceUnavailable', '503 ServiceUnavailable']);
    } finally {
      await beginAgain();
    }
  });

  async function timesDown(): Promise<number> {
    return (await readFile(join(folder, 'haproxy.log'), 'utf8')).split('gateway/gateway is DOWN').length;
  }

  /** Node's client keeps an answer whose stream is cancelled; curl does not. */
  async function curlPut(ca: string, file: string): Promise<string> {
    const args = ['--silent', '--http2', '--cacert', ca, '--request', 'PUT', '--data-binary', `@${file}`];
    const out = ['--output', '/dev/null', '--write-out', '%{http_version} %{http_code}'];
    const url = `https://localhost:${port}/b/k`;
    return (
      await promisify(execFile)('curl', [...args, ...out, url]).catch((failed: unknown) => failed as { stdout: string })
    ).stdout;
  }
});
