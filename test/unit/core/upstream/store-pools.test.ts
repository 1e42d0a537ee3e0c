import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { createStorePools, type StorePools } from '../../../../src/core/upstream/store-pools.ts';
import '../../../support/stack/localhost-names.ts';

const LIMIT = 4;

describe('core/upstream/store-pools', () => {
  let server: Server;
  let pools: StorePools;
  /** Answers that the server has begun and not ended, by path. */
  let created: Map<string, ServerResponse>;
  let open: number;
  let most: number;

  beforeEach(async () => {
    created = new Map();
    open = 0;
    most = 0;
    server = createServer({ keepAliveTimeout: 60_000 }, ({ url = '', headers }, response) => {
      if (url.startsWith('/held')) {
        response.write(headers.host);
        created.set(url, response);
      } else setTimeout(() => response.end(headers.host), 20);
    });
    server.on('connection', (socket) => {
      open += 1;
      most = Math.max(most, open);
      socket.on('close', () => (open -= 1));
    });
    server.listen(0, 'localhost');
    await once(server, 'listening');
    pools = createStorePools({
      ...{ connections: LIMIT, connectTimeoutMs: 2000, headersTimeoutMs: 2000, bodyIdleTimeoutMs: 2000 },
      minVersion: 'TLSv1.2',
    });
  });

  afterEach(async () => {
    for (const response of created.values()) response.end();
    // One that a test closed is closed.
    await pools.close().catch(() => undefined);
    server.closeAllConnections();
    server.close();
  });

  const originOf = (bucket: string): string => `http://${bucket}.localhost:${(server.address() as AddressInfo).port}`;
  const send = async (bucket: string, path = '/'): Promise<string> => {
    const origin = originOf(bucket);
    const { body } = await pools
      .poolOf(origin)
      .request({ path, method: 'GET', headers: { host: new URL(origin).host } });
    return body.text();
  };
  const sendAll = (bucket: string, count = LIMIT) => Promise.all(Array.from({ length: count }, () => send(bucket)));

  it('connects to the host of an origin, and keeps the connection', async () => {
    assert.equal(await send('reports'), new URL(originOf('reports')).host);
    await sleep(10);
    await send('reports');
    await sleep(10);
    assert.equal(most, 1);
    await send('artifacts');
    assert.equal(most, 2);
  });

  it('keeps the connections of all hosts together to one bound', async () => {
    for (const bucket of ['one', 'two', 'three', 'one', 'two', 'three', 'four']) {
      await sendAll(bucket);
      await sleep(50);
      assert.ok(open <= LIMIT, `${open} connections after ${bucket}`);
    }
    assert.equal(open, LIMIT);
  });

  it('opens no more than its bound to one host', async () => {
    await sendAll('one', 20);
    assert.equal(most, LIMIT);
  });

  it('ends no request that is in progress to make room', async () => {
    const held = send('one', '/held');
    await sendAll('one', LIMIT - 1);
    await sendAll('two', LIMIT - 1);
    await sendAll('three', LIMIT - 1);
    assert.equal(created.size, 1);
    created.get('/held')?.end(' to the end');
    assert.match(await held, /^one\.localhost:\d+ to the end$/);
    await sleep(50);
    assert.ok(open <= LIMIT, `${open} connections`);
  });

  it('serves a host again whose connections were ended', async () => {
    await sendAll('one');
    await sendAll('two');
    assert.match(await send('one'), /^one\./);
  });

  it('closes when the requests in progress have ended, also at a host that was put away', async () => {
    const held = send('one', '/held');
    await sendAll('one', LIMIT - 1);
    await sendAll('two', LIMIT);
    let closed = false;
    const closing = pools.close().then(() => (closed = true));
    await sleep(50);
    assert.equal(closed, false);
    created.get('/held')?.end();
    await held;
    await closing;
    await sleep(20);
    assert.equal(open, 0);
  });

  it('cuts what is in progress after the time that it is given, also what waits, and at a host that was put away', async () => {
    const held = [send('one', '/held'), ...Array.from({ length: LIMIT + 2 }, () => send('two', '/held'))];
    const settling = Promise.allSettled(held);
    await sleep(50);
    await sendAll('three', 1);
    const startedMs = performance.now();
    await pools.close(100);
    const tookMs = performance.now() - startedMs;
    assert.ok(tookMs >= 90 && tookMs < 1000, `${tookMs} ms`);
    for (const each of await settling) assert.equal(each.status, 'rejected');
    await sleep(20);
    assert.equal(open, 0);
  });
});
