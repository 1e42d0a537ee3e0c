/** Against a real server that takes its time. */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { createHttpUpstream } from '../../../../src/core/upstream/http-upstream.ts';
import { createSigner } from '../../../../src/core/upstream/signer.ts';
import { GatewayError } from '../../../../src/errors/gateway-error.ts';
import { observer } from '../keyring/fixture.ts';

const credentials = { accessKeyId: 'AK', secretAccessKey: 'SK', sessionToken: undefined, expiresAtMs: 1 };

describe('core/upstream/http-upstream: a store that takes its time', function () {
  this.timeout(10_000);
  let server: Server;
  let upstream: ReturnType<typeof createHttpUpstream>;
  before(async () => {
    server = createServer((_, response) => setTimeout(() => response.end('done'), 2500));
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    upstream = createHttpUpstream({
      stores: [{ name: 'main', endpoint: 'http://127.0.0.1:1', minVersion: 'TLSv1.3' }],
      ...{ connections: 4, connectTimeoutMs: 2000, headersTimeoutMs: 500, bodyIdleTimeoutMs: 2000 },
      ...{ observer, now: Date.now },
    });
  });
  after(async () => {
    await upstream.close();
    server.closeAllConnections();
    server.close();
  });

  const send = async (
    method: 'GET' | 'PUT' | 'POST',
    headers: Readonly<Record<string, string>>,
    query: readonly [string, string][] = [],
  ): Promise<string> => {
    const { port } = server.address() as AddressInfo;
    const store = { name: 'main', endpoint: `http://127.0.0.1:${port}`, region: 'r' };
    const bucket = { store, storeBucket: 'reports', style: 'path' } as const;
    const request = createSigner().sign({ bucket, method, key: 'a', query, headers }, credentials, Date.now());
    return String(await (await upstream.send(request, undefined)).whole());
  };

  it('is waited for while it copies or completes, and not for what should be quick', async () => {
    const copy = send('PUT', { 'x-amz-copy-source': '/reports/b' });
    const completion = send('POST', {}, [['uploadId', 'u']]);
    const quick = [send('PUT', {}), send('GET', {}), send('POST', {}, [['delete', '']])].map((answer) =>
      assert.rejects(answer, (error) => error instanceof GatewayError && error.code === 'ServiceUnavailable'),
    );
    await Promise.all(quick);
    assert.deepEqual(await Promise.all([copy, completion]), ['done', 'done']);
  });
});
