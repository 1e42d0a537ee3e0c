/** haproxy/sallyport-backend.cfg in HAProxy configurations that were there before it, in front of trivial gateways. */
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { connect as connectHttp2 } from 'node:http2';
import { request as httpsRequest, type RequestOptions } from 'node:https';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { promisify } from 'node:util';
import { ensureCertificates } from '../../demo/certificates.ts';
import type { Child } from '../../demo/child.ts';
import { freePort } from '../../demo/free-port.ts';
import { findHaproxy, startHaproxy } from '../../demo/haproxy.ts';
import { additionsOf, manySites, tcpEdge } from '../support/edge/existing-haproxy.ts';
import { needs } from '../support/needs.ts';

interface Answer {
  readonly status: number;
  readonly headers: IncomingMessage['headers'];
  readonly body: string;
}

const EDGE_SECRET = 'the-edge-and-the-gateway-share-this-one';
const ID = /^[A-Za-z0-9-]{8,64}$/;
const LIES = {
  'x-forwarded-for': 'a-lie',
  x_forwarded_for: 'a-lie',
  forwarded: 'for=a-lie',
  'x-real-ip': 'a-lie',
  'x-forwarded-proto': 'a-lie',
  'x-request-id': 'a-lie-of-an-id',
  x_request_id: 'a-lie-of-an-id',
  'x-sallyport-edge': 'a-lie',
  x_sallyport_edge: 'a-lie',
  'x-remote-user': 'a-lie',
  'x-ssl-client-cn': 'a-lie',
  'x-http-method-override': 'a-lie',
};

for (const [kind, write] of [
  ['many sites on one port', manySites],
  ['a TCP edge that speaks the PROXY protocol', tcpEdge],
] as const)
  describe(`sallyport-backend.cfg behind ${kind}`, function () {
    this.timeout(30_000);
    let folder: string;
    let port: number;
    let ca: Buffer;
    let haproxy: Child;
    let waiting: ServerResponse | undefined;
    const gateways: (Server | undefined)[] = [undefined, undefined];

    before(async function () {
      folder = await mkdtemp(join(tmpdir(), 'sallyport-existing-'));
      const program = await findHaproxy(join(folder, 'haproxy'), process.env);
      needs(this, 'haproxy', program !== undefined);
      const { caFile, serverFile } = await ensureCertificates(join(folder, 'tls'), process.env);
      ca = await readFile(caFile);
      port = await freePort();
      for (const index of gateways.keys()) await startGateway(index);
      const configFile = join(folder, 'haproxy.cfg');
      await writeFile(configFile, write(await additionsOf([socket(0), socket(1)])));
      haproxy = await startHaproxy({
        ...program,
        ...{ configFile, port, certificateFile: serverFile, gatewaySocket: socket(0), edgeSecret: EDGE_SECRET },
        ...{ logFile: join(folder, 'haproxy.log'), environment: process.env },
      });
    });
    after(async () => {
      await haproxy.stop(5000);
      for (const index of gateways.keys()) await endGateway(index);
      await rm(folder, { recursive: true });
    });

    const socket = (index: number) => join(folder, `gateway${index}.sock`);
    const log = () => readFile(join(folder, 'haproxy.log'), 'utf8');

    async function startGateway(index: number): Promise<void> {
      const server = createServer({ maxHeaderSize: 32_768, keepAliveTimeout: 75_000 }, (request, response) => {
        if (request.url === '/-/ready') response.end();
        else if (request.url === '/b/waits') waiting = response;
        else {
          request.resume().on('end', () => {
            response.end(JSON.stringify({ url: request.url, rawHeaders: request.rawHeaders }));
          });
        }
      });
      server.on('checkContinue', (_request, response) => response.writeHead(403, { connection: 'close' }).end());
      gateways[index] = server;
      await once(server.listen(socket(index)), 'listening');
    }

    async function endGateway(index: number): Promise<void> {
      const server = gateways[index];
      gateways[index] = undefined;
      if (server === undefined) return;
      server.close();
      server.closeAllConnections();
      await once(server, 'close');
    }

    const target = () => ({ host: '127.0.0.1', servername: 'localhost', port, ca, agent: false });

    async function send(options: RequestOptions, body?: Buffer): Promise<Answer> {
      const headers = { host: `localhost:${port}`, ...(options.headers as Record<string, string> | undefined) };
      const request = httpsRequest({ ...target(), ...options, headers });
      request.end(body);
      const [response] = (await once(request, 'response')) as [IncomingMessage];
      let text = '';
      for await (const chunk of response as AsyncIterable<Buffer>) text += chunk.toString();
      return { status: response.statusCode ?? 0, headers: response.headers, body: text };
    }

    async function sendHttp2(headers: Record<string, string>): Promise<Answer> {
      const session = connectHttp2(`https://localhost:${port}`, {
        ca,
        lookup: (_name, _options, done) => done(null, [{ address: '127.0.0.1', family: 4 }] as never),
      });
      try {
        const stream = session.request({ ':path': '/bucket/key', ...headers });
        const [answer] = (await once(stream, 'response')) as [Record<string, string>];
        let body = '';
        for await (const chunk of stream as AsyncIterable<Buffer>) body += chunk.toString();
        return { status: Number(answer[':status']), headers: answer, body };
      } finally {
        session.close();
      }
    }

    /** What reached the gateway, as it does: lists of the values of each header. */
    function reached({ body }: Answer): (name: string) => readonly string[] {
      const { rawHeaders } = JSON.parse(body) as { rawHeaders: readonly string[] };
      return (name) =>
        rawHeaders.filter((_, index) => index % 2 === 1 && rawHeaders[index - 1]?.toLowerCase() === name);
    }

    it('lets nobody make up an address, an id or the secret, over HTTP/1.1 and HTTP/2', async () => {
      const overHttp1 = await send({ path: '/bucket/key', headers: LIES, localAddress: '127.0.0.2' });
      for (const [answer, address] of [
        [overHttp1, '127.0.0.2'],
        [await sendHttp2(LIES), '127.0.0.1'],
      ] as const) {
        assert.equal(answer.status, 200);
        assert.doesNotMatch(answer.body, /a-lie/);
        const values = reached(answer);
        assert.equal(values('x-forwarded-for').at(-1), address);
        assert.deepEqual(values('x-forwarded-proto'), ['https']);
        assert.deepEqual(values('x-sallyport-edge'), [EDGE_SECRET]);
        assert.match(values('x-request-id')[0]!, ID);
      }
    });

    it('names requests to the gateway as its own log does, where the form of its ids allows', async () => {
      const answer = await send({ path: '/bucket/key' });
      const ids = reached(answer)('x-request-id');
      assert.equal(ids.length, kind.startsWith('many') ? 2 : 1);
      assert.match(ids[0]!, /^[0-9a-f-]{36}$/);
    });

    it('lets pass what S3 needs as it came', async () => {
      const path = "/bucket//a/../b/./%2F+%20'()*!~?prefix=a+b%20c&X-Amz-Signature=secret-query";
      const headers = { 'x-amz-meta-a_b': 'c', 'x-amz-meta-user': 'd', x_sallyport_dry_run: 'true' };
      const answer = await send({ path, headers });
      assert.equal((JSON.parse(answer.body) as { url: string }).url, path);
      for (const [name, value] of Object.entries(headers)) assert.deepEqual(reached(answer)(name), [value]);
    });

    it('keeps queries and tokens out of the log', async () => {
      await send({
        path: '/bucket/seen-in-the-log?X-Amz-Signature=secret-query',
        headers: { authorization: 'Bearer no' },
      });
      while (!(await log()).includes('/bucket/seen-in-the-log')) await sleep(10);
      assert.doesNotMatch(await log(), /secret-query|Bearer/);
    });

    it('lets clients at four paths under /-/ and refuses what no client should send', async () => {
      for (const [method, path, status] of [
        ['GET', '/-/sts', 200],
        ['POST', '/-/sts/', 200],
        ['GET', '/-/credentials', 200],
        ['GET', '/-/whoami', 200],
        ['GET', '/-/can-i?x=y', 200],
        ['GET', '/-/ready', 404],
        ['PUT', '/-/sts', 404],
        ['GET', '/-/whoami/', 404],
        ['TRACE', '/bucket', 405],
      ] as const) {
        const answer = await send({ method, path });
        assert.equal(answer.status, status, `${method} ${path}`);
        if (status !== 200) {
          assert.match(answer.body, new RegExp(`<RequestId>${String(answer.headers['x-amz-request-id'])}<`));
          assert.match(String(answer.headers['x-amz-request-id']), ID);
        }
      }
      const large = httpsRequest({
        ...target(),
        ...{ method: 'PUT', path: '/b/k', headers: { host: 'localhost', 'content-length': 5_435_817_985 } },
      });
      large.on('error', () => undefined).flushHeaders();
      const [refusal] = (await once(large, 'response')) as [IncomingMessage];
      large.destroy();
      assert.equal(refusal.statusCode, 400);
    });

    it('has room for a token of 30 KiB, over HTTP/1.1 and HTTP/2', async () => {
      const headers = { authorization: `Bearer ${'x'.repeat(30_000)}` };
      assert.equal((await send({ path: '/b/k', headers })).status, 200);
      assert.equal((await sendHttp2(headers)).status, 200);
    });

    it('tells who waited for 100 Continue and is refused to take another connection', async () => {
      const refused = httpsRequest({
        ...{ ...target(), method: 'PUT', path: '/b/k' },
        headers: { host: 'localhost', expect: '100-continue', connection: 'keep-alive', 'content-length': 5 },
      });
      refused.flushHeaders();
      const [answer] = (await once(refused, 'response')) as [IncomingMessage];
      refused.on('error', () => undefined).destroy();
      assert.deepEqual([answer.statusCode, answer.headers.connection], [403, 'close']);
    });

    it('ends the request to the gateway when the client goes away', async () => {
      const request = httpsRequest({ ...target(), path: '/b/waits', headers: { host: 'localhost' } });
      request.on('error', () => undefined).end();
      while (waiting === undefined) await sleep(5);
      const left = once(waiting, 'close');
      request.destroy();
      await left;
    });

    if (kind.startsWith('many'))
      it('leaves the other sites as they were', async () => {
        const shop = (path: string) => send({ path, headers: { host: 'shop.example.com', 'x-user': 'theirs' } });
        assert.equal((await shop('/-/ready')).body, 'shop /-/ready theirs');
        assert.equal((await shop('/admin')).status, 403);
      });

    it('loses no request when one of two gateways ends, and answers uploads when both have', async () => {
      const statuses: number[] = [];
      const sending = (async () => {
        while (statuses.length < 60) statuses.push((await send({ path: '/b/k' })).status);
      })();
      while (statuses.length < 10) await sleep(1);
      const [first] = gateways;
      // A replica that leaves: it finishes what it has, and takes no more connections.
      gateways[0] = undefined;
      first!.close();
      first!.closeIdleConnections();
      await sending;
      assert.deepEqual(new Set(statuses), new Set([200]));

      await endGateway(1);
      while (!(await log()).includes('Server sallyport/gateway2 is DOWN')) await sleep(50);
      const sent = join(folder, 'sent');
      await writeFile(sent, Buffer.alloc(1_000_000));
      const puts = Array.from({ length: 4 }, async () => {
        const args = ['--silent', '--http2', '--cacert', join(folder, 'tls', 'ca.pem'), '--request', 'PUT'];
        const data = ['--data-binary', `@${sent}`, '--write-out', ' %{http_version} %{http_code}'];
        const { stdout } = await promisify(execFile)('curl', [...args, ...data, `https://localhost:${port}/b/k`]);
        return stdout;
      });
      for (const answer of await Promise.all(puts)) {
        assert.match(answer, /<Code>ServiceUnavailable<.*2 503$/);
      }
      await startGateway(0);
      while ((await send({ path: '/b/k' })).status !== 200) await sleep(50);
    });
  });
