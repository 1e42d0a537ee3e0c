import assert from 'node:assert/strict';
import type { Bucket } from '../../../../src/contracts/bucket.ts';
import type { OutboundRequest } from '../../../../src/contracts/upstream.ts';
import { createSigner, type SignedRequest } from '../../../../src/core/upstream/signer.ts';
import { createStoreSessions } from '../../../../src/core/upstream/store-sessions.ts';
import { GatewayError } from '../../../../src/errors/gateway-error.ts';

const plan = {
  ...{ storeName: 's', roleArn: 'static', sessionName: 'n', sourceIdentity: undefined },
  ...{ sessionPolicy: '', sessionKey: 'k', notAfterMs: 1 },
};
const principal = {
  ...{ issuerName: 'i', issuer: 'https://i.invalid', subject: 'n', groups: [], claims: {} },
  ...{ tokenIdHash: '', expiresAtMs: 1 },
};
const planned = { plan, principal, scopes: [] };
const bucket: Bucket = {
  name: 'box',
  id: 'box',
  store: { name: 's', endpoint: 'https://store.invalid', region: 'r' },
  storeBucket: 'box',
  style: 'path',
  roleArn: 'static',
  encryption: 'off',
  prefixes: [],
};

/** A session of a client that left, and what the store is asked in it. */
async function session(left: AbortSignal | undefined) {
  const sent: (readonly [SignedRequest, AbortSignal | undefined])[] = [];
  const signed: OutboundRequest[] = [];
  const signer = createSigner();
  const sessions = createStoreSessions({
    upstream: {
      send: (request, signal) => {
        sent.push([request, signal]);
        return Promise.resolve({
          ...{ status: 200, headers: new Map<string, string>() },
          body: (async function* () {})(),
          whole: () => Promise.resolve(Buffer.alloc(0)),
          discard: () => Promise.resolve(),
        });
      },
    },
    broker: {
      plan: () => planned,
      credentials: () =>
        Promise.resolve({ accessKeyId: 'A', secretAccessKey: 'S', sessionToken: undefined, expiresAtMs: 1 }),
      forget: () => undefined,
    },
    signer: {
      sign: (request, ...rest) => {
        signed.push(request);
        return signer.sign(request, ...rest);
      },
    },
    clock: { now: () => 0 },
  });
  return {
    sent,
    signed,
    ...(await sessions.open({ bucket, planned, ...(left === undefined ? {} : { signal: left }) })),
  };
}

describe('core/upstream/store-sessions: a client that left', () => {
  it('is requested nothing more, but what says that it outlives it', async () => {
    for (const method of ['GET', 'HEAD', 'PUT', 'POST', 'DELETE'] as const) {
      const { send, sent, signed } = await session(AbortSignal.abort());
      const request = { method, key: 'k', query: [], headers: {} };
      for (const requested of [request, { ...request, outlivesClient: false }])
        await assert.rejects(
          send(requested),
          (error) => error instanceof GatewayError && error.code === 'RequestTimeout',
        );
      assert.equal(sent.length, 0, method);
      await send({ ...request, outlivesClient: true });
      assert.equal(sent.length, 1, method);
      assert.equal(sent[0]?.[1], undefined, 'it is aborted by nothing that the client does');
      assert.ok(!('outlivesClient' in signed[0]!));
    }
  });

  it('has its reads aborted when it leaves in the midst of them, and no write', async () => {
    const { signal } = new AbortController();
    for (const [method, expected] of [
      ['GET', signal],
      ['HEAD', signal],
      ['PUT', undefined],
      ['POST', undefined],
      ['DELETE', undefined],
    ] as const) {
      const { send, sent } = await session(signal);
      await send({ method, key: 'k', query: [], headers: {} });
      assert.equal(sent[0]?.[1], expected, method);
    }
  });
});
