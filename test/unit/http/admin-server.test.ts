import assert from 'node:assert/strict';
import { once } from 'node:events';
import type { Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { createAdminServer } from '../../../src/http/admin-server.ts';
import { converse, sendRaw } from '../../support/http/raw-wire.ts';

describe('the port of operators', () => {
  let server: Server;
  let port: number;

  before(async () => {
    server = createAdminServer({
      readiness: () => ({ ready: true, reports: [] }),
      metrics: () => Promise.resolve({ contentType: 'text/plain', text: 'sallyport_up 1\n' }),
      allowedHosts: ['sallyport.ops.svc', 'localhost:9999'],
      uncaught: (error) => assert.fail(String(error)),
    });
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    ({ port } = server.address() as AddressInfo);
  });
  after(async () => {
    server.close();
    await once(server, 'close');
  });

  const send = (target: string, lines: readonly (readonly [string, string])[], method = 'GET') =>
    sendRaw(port, { method, target, lines: [...lines] });
  const own = (): [string, string] => ['host', `localhost:${port}`];

  for (const target of ['/healthz', '/readyz', '/metrics']) {
    it(`answers ${target} to programs on this machine`, async () => {
      assert.equal((await send(target, [own()])).status, 200);
      assert.equal((await send(target, [['host', `127.0.0.1:${port}`]])).status, 200);
    });

    it(`does not answer ${target} to a name that was rebound, nor to pages`, async () => {
      assert.equal((await send(target, [['host', `rebound.example:${port}`]])).status, 421);
      assert.equal((await send(`http://rebound.example${target}`, [own()])).status, 421);
      assert.equal((await send(target, [own(), ['origin', 'https://evil.example']])).status, 403);
      assert.equal((await send(target, [own(), ['origin', 'null']])).status, 403);
      assert.equal((await send(target, [own(), ['sec-fetch-site', 'cross-site']])).status, 403);
    });
  }

  it('answers what a person typed into a browser', async () => {
    const typed = [own(), ['sec-fetch-site', 'none'], ['sec-fetch-mode', 'navigate']] as const;
    assert.equal((await send('/metrics', typed)).status, 200);
  });

  it('answers the hosts that are configured', async () => {
    assert.equal((await send('/healthz', [['host', `sallyport.ops.svc:${port}`]])).status, 200);
    assert.equal((await send('/healthz', [['host', 'localhost:9999']])).status, 200);
    assert.equal((await send('/healthz', [['host', 'sallyport.ops.svc:9999']])).status, 421);
  });

  it('answers no request with two hosts or with none', async () => {
    assert.notEqual((await send('/healthz', [own(), ['Host', 'rebound.example']])).status, 200);
    const old = await converse(port, ['GET /healthz HTTP/1.0\r\n\r\n']);
    assert.match(old, /^HTTP\/1\.1 421 /);
    const without = await converse(port, ['GET /healthz HTTP/1.1\r\nconnection: close\r\n\r\n']);
    assert.match(without, /^HTTP\/1\.1 4\d\d /);
  });
});
