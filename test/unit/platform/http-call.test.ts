import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer, type RequestListener, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { Agent } from 'undici';
import { callHttp, isTimeout, networkCode, type HttpLimits } from '../../../src/platform/http-call.ts';

describe('a call over HTTP', () => {
  let server: Server;
  let url: string;
  let listener: RequestListener;
  let dispatcher: Agent;
  let calls = 0;

  beforeEach(async () => {
    calls = 0;
    server = createServer((request, response) => {
      calls += 1;
      listener(request, response);
    }).listen(0, '127.0.0.1');
    await once(server, 'listening');
    url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/`;
    dispatcher = new Agent({ connections: 1 });
  });
  afterEach(async () => {
    await dispatcher.destroy();
    server.closeAllConnections();
    server.close();
  });

  const call = (limits: Partial<HttpLimits> = {}, signal?: AbortSignal) =>
    callHttp(
      url,
      { method: 'POST', headers: { 'x-one': '1' }, body: 'sent', signal },
      { dispatcher, timeoutMs: 5000, maxBytes: 100, tooLong: () => new Error('too long'), ...limits },
    );

  it('brings the answer of any status, whole', async () => {
    listener = (request, response) => {
      request.resume();
      response.writeHead(404, { 'x-two': request.headers['x-one'] }).end('x'.repeat(100));
    };
    const { status, headers, body } = await call();
    assert.deepEqual([status, headers['x-two'], body.toString()], [404, '1', 'x'.repeat(100)]);
  });

  it('aborts an answer of one byte too many', async () => {
    listener = (_, response) => void response.end('x'.repeat(101));
    await assert.rejects(call(), { message: 'too long' });
  });

  it('does not read what stands behind a status that says enough', async () => {
    listener = (_, response) => void response.writeHead(500).write('x');
    const refusalOf = (status: number) => (status === 200 ? undefined : new Error(`status ${status}`));
    await assert.rejects(call({ refusalOf }), { message: 'status 500' });
    listener = (_, response) => void response.writeHead(502).end();
    await assert.rejects(call({ refusalOf }), { message: 'status 502' });
  });

  it('follows no redirect', async () => {
    listener = (_, response) => void response.writeHead(307, { location: '/elsewhere' }).end();
    assert.equal((await call()).status, 307);
    assert.equal(calls, 1);
  });

  it('has one limit of time, which an answer that drips does not outlast', async () => {
    let dripping: NodeJS.Timeout | undefined;
    listener = (_, response) => {
      dripping = setInterval(() => response.write('x'), 20);
    };
    await assert.rejects(call({ timeoutMs: 200 }), isTimeout);
    listener = () => undefined;
    await assert.rejects(call({ timeoutMs: 100 }), isTimeout);
    clearInterval(dripping);
  });

  it('ends when its caller says so, and that is no timeout', async () => {
    listener = () => undefined;
    const error: unknown = await call({}, AbortSignal.abort(new Error('enough'))).catch((thrown: unknown) => thrown);
    assert.equal((error as Error).message, 'enough');
    assert.ok(!isTimeout(error));
  });

  it('is made once more on a new connection where it is repeatable, and never else', async () => {
    listener = (request, response) => {
      if (calls % 2 === 1) request.socket.destroy();
      else response.end('second');
    };
    await assert.rejects(call(), (error) => networkCode(error) === 'UND_ERR_SOCKET');
    assert.equal(calls, 1);
    calls = 0;
    assert.equal((await call({ isRepeatable: true })).body.toString(), 'second');
    assert.equal(calls, 2);
  });
});
