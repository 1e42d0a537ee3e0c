import assert from 'node:assert/strict';
import { GatewayError } from '../../../src/errors/gateway-error.ts';
import { parseRequest } from '../../../src/s3/request/parse-request.ts';
import type { S3Request } from '../../../src/s3/request/request.ts';
import { createWorkloadAuthenticator, SIDECAR_ISSUER } from '../../../src/sidecar/workload-authenticator.ts';

const request = (method: string, target: string, headers: Readonly<Record<string, string>> = {}): S3Request =>
  parseRequest(
    { method, target, rawHeaders: Object.entries({ host: 'localhost:8190', ...headers }).flat() },
    { requestId: 'r', receivedAtMs: 0, clientAddress: '127.0.0.1', publicHosts: ['localhost'] },
  );

const SIGNED = { authorization: 'AWS4-HMAC-SHA256 Credential=k/s, SignedHeaders=host, Signature=0' };
const { authenticate } = createWorkloadAuthenticator('billing');

describe('the authenticator of workloads', () => {
  for (const [what, each] of [
    ['a signature in the header', request('GET', '/box/key', { ...SIGNED, 'x-amz-security-token': 'any' })],
    ['a signature in the query', request('GET', '/box/key?X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Signature=0')],
    ['nothing', request('GET', '/box/key')],
    ['a scheme that nobody knows', request('GET', '/box/key', { authorization: 'Basic dTpw' })],
  ] as const) {
    it(`takes whoever sends ${what} for the workload`, async () => {
      const identification = await authenticate(each);
      assert.equal(identification?.principal.issuer, SIDECAR_ISSUER);
      assert.equal(identification.principal.subject, 'billing');
      assert.equal(identification.chunkSignatures, undefined);
    });
  }

  it('never meets an asymmetric signature, which is refused before', () => {
    assert.throws(
      () => request('GET', '/box/key', { authorization: 'AWS4-ECDSA-P256-SHA256 Credential=k' }),
      (error) => error instanceof GatewayError && error.code === 'SigV4aNotSupported',
    );
  });

  it('gives the same principal each time, by which plans are kept', async () => {
    const [one, other] = [await authenticate(request('GET', '/box/a')), await authenticate(request('GET', '/box/b'))];
    assert.equal(one?.principal, other?.principal);
    assert.ok(Object.isFrozen(one?.principal));
  });

  it('reads past the signatures of chunks, and only of chunks that are signed', async () => {
    const chunked = (hash: string, more: Readonly<Record<string, string>> = {}) =>
      authenticate(
        request('PUT', '/box/key', {
          'x-amz-content-sha256': hash,
          'x-amz-decoded-content-length': '1',
          'content-length': '100',
          ...more,
        }),
      );
    const signed = await chunked('STREAMING-AWS4-HMAC-SHA256-PAYLOAD');
    assert.doesNotThrow(() => signed?.chunkSignatures?.chunk(Buffer.alloc(32), '0'.repeat(64)));
    assert.doesNotThrow(() => signed?.chunkSignatures?.trailer('x:y\n', '0'.repeat(64)));
    assert.notEqual(signed?.chunkSignatures, undefined);
    const unsigned = await chunked('STREAMING-UNSIGNED-PAYLOAD-TRAILER', { 'x-amz-trailer': 'x-amz-checksum-crc32' });
    assert.equal(unsigned?.chunkSignatures, undefined);
  });

  it('refuses a bearer token, whose holder is somebody', async () => {
    for (const authorization of ['Bearer a.b.c', 'bearer x', 'Bearer']) {
      await assert.rejects(
        async () => authenticate(request('GET', '/box/key', { authorization })),
        (error) => error instanceof GatewayError && error.code === 'InvalidRequest' && !error.message.includes('a.b.c'),
      );
    }
  });
});
