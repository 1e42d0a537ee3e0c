/** Against the embedded store, with keys in files and the broker of a store without STS: nothing is made up here. */
import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import diagnostics from 'node:diagnostics_channel';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import type { IncomingMessage } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import type { Traces } from '../../../../src/contracts/tracing.ts';
import type { StoreRequest, StoreSession } from '../../../../src/contracts/store-session.ts';
import { createHttpUpstream } from '../../../../src/core/upstream/http-upstream.ts';
import { createSigner, type Signer } from '../../../../src/core/upstream/signer.ts';
import { createStoreSessions } from '../../../../src/core/upstream/store-sessions.ts';
import { createKeyFiles } from '../../../../src/credentials/key-files.ts';
import { createStaticBroker } from '../../../../src/credentials/static-broker.ts';
import { freePort } from '../../../../demo/free-port.ts';
import { createEmbeddedStore, type EmbeddedStore } from '../../../../demo/store/embedded-store.ts';
import { rememberSpans, traceparentOf } from '../../../support/stack/remembered-spans.ts';
import { observer } from '../keyring/fixture.ts';

const OWNER = { accessKeyId: 'OWNEROWNEROWNEROWNER', secretAccessKey: randomBytes(20).toString('hex') };
const OLD_SECRET = 'the-secret-before-it-was-replaced';
const GET: Omit<StoreRequest, 'bucket'> = { method: 'GET', key: '', query: [['list-type', '2']], headers: {} };

describe('core/upstream/store-sessions', () => {
  let folder: string;
  let store: EmbeddedStore;
  let upstream: ReturnType<typeof createHttpUpstream>;
  let statuses: number[];
  let lookups: number;
  const at = { name: 'main', endpoint: '', region: 'us-east-1' };

  before(async () => {
    folder = await mkdtemp(join(tmpdir(), 'sallyport-sessions-'));
    store = await createEmbeddedStore({
      ...{ folder: join(folder, 'store'), port: await freePort(), buckets: ['box'], ownerKeys: OWNER },
      gatewayKeys: { accessKeyId: 'GATEWAYGATEWAYGATEWA', secretAccessKey: 'unused' },
      log: () => undefined,
    });
    await store.start();
    at.endpoint = store.endpoint;
    upstream = createHttpUpstream({
      stores: [{ name: 'main', endpoint: 'http://127.0.0.1:1', minVersion: 'TLSv1.2' }],
      ...{ connections: 4, connectTimeoutMs: 2000, headersTimeoutMs: 5000, bodyIdleTimeoutMs: 5000 },
      ...{ observer, now: Date.now },
    });
  });
  after(async () => {
    await upstream.close();
    await store.stop();
    await rm(folder, { recursive: true, force: true });
  });
  beforeEach(() => {
    statuses = [];
    lookups = 0;
  });

  const put = (name: string, content: string) => writeFile(join(folder, name), content, { mode: 0o600 });
  /** A session of keys that were read when the secret was still the old one, by a clock that makes no file stale. */
  const open = async (
    secretOnDisk: string,
    signer: Signer = createSigner(),
    traces?: Traces,
  ): Promise<StoreSession> => {
    await put('id', OWNER.accessKeyId);
    await put('secret', secretOnDisk);
    const nowMs = Date.now();
    const clock = { now: () => nowMs };
    const base = createKeyFiles({
      whose: 'store main',
      paths: { accessKeyId: join(folder, 'id'), secretAccessKey: join(folder, 'secret') },
      first: { ...OWNER, secretAccessKey: OLD_SECRET },
      ...{ clock, observer },
    });
    const counted = {
      ...base,
      renew: () => {
        lookups += 1;
        return base.renew();
      },
    };
    const broker = createStaticBroker({ name: 'main', base: counted }, { clock });
    const bucket = {
      ...{ name: 'box', id: 'box', roleArn: 'static', store: at, storeBucket: 'box' },
      ...({ style: 'path', encryption: 'off', prefixes: [] } as const),
    };
    const principal = {
      ...{ issuerName: 'i', issuer: 'https://i.invalid', subject: 'me', groups: [], claims: {} },
      ...{ tokenIdHash: '', expiresAtMs: Infinity },
    };
    const planned = broker.plan(principal, [{ bucket, grants: [], accesses: [], listsBuckets: true }]);
    const sessions = createStoreSessions({ upstream, broker, signer, clock, traces });
    return sessions.open({ bucket, planned, onAnswer: ({ status }) => statuses.push(status) });
  };

  it('are signed anew at once where the secret was replaced under the same access key id', async () => {
    const session = await open(OWNER.secretAccessKey);
    await (await session.send(GET)).discard();
    assert.deepEqual([statuses, lookups], [[403, 200], 1]);
    await (await session.send(GET)).discard();
    assert.deepEqual([statuses, lookups], [[403, 200, 200], 1]);
  });

  it('ask once, and say that it is our fault, where the keys are still the same', async () => {
    const session = await open(OLD_SECRET);
    await assert.rejects(session.send(GET), (error: Error & { code?: string; detail?: string }) => {
      assert.equal(error.code, 'InternalError');
      assert.equal(error.detail, 'store main answered 403 SignatureDoesNotMatch');
      assert.ok(!error.message.includes(OLD_SECRET));
      return true;
    });
    assert.deepEqual([statuses, lookups], [[403], 1]);
  });

  it('do not hide a signer that is wrong: it fails after one more try with other keys', async () => {
    const right = createSigner();
    const wrong: Signer = {
      sign: (request, credentials, nowMs) => {
        const signed = right.sign(request, credentials, nowMs);
        const authorization = (signed.headers['authorization'] ?? '').replace(/.$/, (end) => (end === '0' ? '1' : '0'));
        return { ...signed, headers: { ...signed.headers, authorization } };
      },
    };
    const session = await open(OWNER.secretAccessKey, wrong);
    await assert.rejects(session.send(GET), { code: 'InternalError' });
    assert.deepEqual(statuses, [403, 403]);
    await assert.rejects(session.send(GET), { code: 'InternalError' });
    assert.deepEqual(statuses, [403, 403, 403]);
  });

  it('are a span each, named by the operation and without a key, and hand its context on beside what is signed', async () => {
    const { traces, spans } = rememberSpans();
    const session = await open(OWNER.secretAccessKey, createSigner(), traces);
    const body = { sizeBytes: 3, content: Buffer.from('one') };
    const sent: (string | string[] | undefined)[][] = [];
    const see = (message: unknown): void => {
      const { headers } = (message as { request: IncomingMessage }).request;
      sent.push([headers['traceparent'], /SignedHeaders=([^,]+)/.exec(headers.authorization ?? '')?.[1]]);
    };
    diagnostics.subscribe('http.server.request.start', see);
    await (await session.send({ method: 'PUT', key: 'hidden-key', query: [], headers: {}, body })).discard();
    await assert.rejects(session.send({ method: 'GET', key: 'hidden-other', query: [], headers: {} }));
    // Of no operation that we know: the method is the name.
    await session.send({ method: 'GET', key: 'hidden-key', query: [['unheard-of', '']], headers: {} }).then(
      (answer) => answer.discard(),
      () => undefined,
    );
    diagnostics.unsubscribe('http.server.request.start', see);
    assert.deepEqual(spans.map(({ name, failedBy }) => [name, failedBy]).slice(0, 3), [
      // The secret was replaced, and what is sent again is a span of its own.
      ['S3.PutObject', '403'],
      ['S3.PutObject', undefined],
      ['S3.GetObject', '404'],
    ]);
    assert.equal(spans[3]?.name, 'S3.GET');
    const { attributes } = spans[1]!;
    assert.equal(attributes['aws.s3.bucket'], 'box');
    assert.equal(attributes['http.response.status_code'], 200);
    assert.equal(typeof attributes['aws.request_id'], 'string');
    assert.ok(!JSON.stringify(spans).includes('hidden'));
    assert.deepEqual(
      sent.map(([traceparent]) => traceparent),
      [1, 2, 3, 4].map(traceparentOf),
    );
    for (const [, signed] of sent) assert.ok(!String(signed).includes('trace'));
  });

  it('fail as a promise where a request cannot be signed', async () => {
    const broken: Signer = {
      sign: () => {
        throw new RangeError('broken');
      },
    };
    const session = await open(OWNER.secretAccessKey, broken);
    const sent = session.send(GET);
    await assert.rejects(sent, RangeError);
    assert.deepEqual([statuses, lookups], [[], 0]);
  });

  it('never send a body twice that streams, but have the right keys for the next request', async () => {
    const session = await open(OWNER.secretAccessKey);
    const streamed = (): StoreRequest => ({
      ...{ method: 'PUT', key: 'one', query: [], headers: {} },
      body: { sizeBytes: 3, content: Readable.from([Buffer.from('one')]) },
    });
    await assert.rejects(session.send(streamed()), { code: 'InternalError' });
    assert.deepEqual(statuses, [403]);
    const next = await open(OWNER.secretAccessKey);
    await (await next.send({ ...GET })).discard();
    await (await next.send(streamed())).discard();
    assert.deepEqual(statuses, [403, 403, 200, 200]);
  });
});
