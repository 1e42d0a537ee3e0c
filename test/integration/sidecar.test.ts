import assert from 'node:assert/strict';
import { createHash, randomBytes } from 'node:crypto';
import { GetObjectCommand, PutObjectCommand } from '@aws-sdk/client-s3';
import type { EmbeddedStore } from '../../demo/store/embedded-store.ts';
import { awsCli } from '../conformance/clients/aws-cli.ts';
import { boto3 } from '../conformance/clients/boto3.ts';
import { curl } from '../conformance/clients/curl.ts';
import { needsProgram, triedWhere } from '../support/needs.ts';
import { presignedTarget, sendRaw, signedChunks, signedHead, unsignedChunks } from '../support/http/raw-wire.ts';
import {
  exerciseAwsCli,
  exerciseBoto3,
  exerciseCurl,
  exerciseSdk,
  sdkClient,
} from '../support/sidecar/sidecar-clients.ts';
import { podKeys, startPod, startPodStore, type PodStore } from '../support/sidecar/sidecar-store.ts';
import { DUMMY, keyVariables, type SidecarWorld } from '../support/sidecar/sidecar-world.ts';
import { send } from '../support/store/store-client.ts';

const sha256 = (body: Buffer | string): string => createHash('sha256').update(body).digest('hex');

describe('sallyport sidecar', function () {
  this.timeout(60_000);
  let pod: PodStore;
  let store: EmbeddedStore;
  let world: SidecarWorld;

  const host = (): string => `127.0.0.1:${world.port}`;
  const stored = (key: string) => send(store.port, { method: 'GET', bucket: 'ledger', key, keys: podKeys });
  /** What a workload sends, signed with what opens nothing. */
  const head = (method: string, target: string, headers: Readonly<Record<string, string>> = {}) =>
    signedHead({ method, target, headers: { host: host(), ...headers }, keys: DUMMY });
  const raw = (method: string, target: string, headers: Readonly<Record<string, string>>, body?: string | Buffer) =>
    sendRaw(
      world.port,
      { method, target, lines: Object.entries({ host: host(), ...headers }) },
      body === undefined ? [] : [body],
    );

  before(async () => {
    pod = await startPodStore();
    ({ store } = pod);
    world = await startPod(pod, keyVariables(podKeys));
  });

  after(async () => {
    await world.stop();
    await pod.stop();
  });

  describe('with clients that know nothing of it', () => {
    afterEach(() => {
      assert.deepEqual(world.proxy.leaks, []);
    });

    it('serves the JS SDK: put, get, ranges, lists, uploads in parts, presigned URLs', async () => {
      await exerciseSdk(world, 'ledger');
    });

    it('serves curl --aws-sigv4', async function () {
      needsProgram(this, 'curl', await curl.find());
      await exerciseCurl(world, 'ledger');
    });

    it('serves the AWS CLI', async function () {
      const found = await awsCli.find();
      needsProgram(this, 'the AWS CLI', found);
      await exerciseAwsCli(found.path, world, 'ledger');
    });

    it('serves boto3', async function () {
      // Debian has an older one, and the package registries here have none: it is tried where it is.
      const found = await boto3.find();
      const present = typeof found !== 'string';
      triedWhere(this, present);
      await exerciseBoto3(found.path, world, 'ledger');
    });

    it('serves a client that signs nothing', async () => {
      assert.equal((await raw('PUT', '/ledger/unsigned', { 'content-length': '4' }, 'none')).status, 200);
      assert.match((await raw('GET', '/ledger/unsigned', {})).text, /none$/);
    });

    it('serves a bucket that stands before localhost', async () => {
      const named = { host: `ledger.localhost:${world.port}` };
      assert.equal((await raw('PUT', '/virtual', { ...named, 'content-length': '4' }, 'host')).status, 200);
      assert.match((await raw('GET', '/ledger/virtual', {})).text, /host$/);
      assert.equal((await raw('GET', '/virtual', { host: `other.localhost:${world.port}` })).status, 403);
    });
  });

  it('stores ciphertext, which the store can tell nothing from', async () => {
    const words = 'the quarterly figures, in plain words';
    const client = sdkClient(world);
    world.proxy.forbidden = { ...world.proxy.forbidden, words: Buffer.from(words) };
    await client.send(new PutObjectCommand({ Bucket: 'ledger', Key: 'figures', Body: words }));
    const { status, body, headers } = await stored('figures');
    assert.equal(status, 200);
    assert.ok(!body.includes(words));
    assert.ok(body.length > words.length);
    assert.ok(typeof headers['x-amz-meta-sallyport'] === 'string');
    const read = await client.send(new GetObjectCommand({ Bucket: 'ledger', Key: 'figures' }));
    assert.equal(await read.Body?.transformToString(), words);
    client.destroy();
    assert.deepEqual(world.proxy.leaks, []);
  });

  it('asks the store with the credentials of the pod, and no STS', () => {
    assert.ok(store.counters.s3Requests > 0);
    assert.equal(store.counters.stsCalls, 0);
  });

  it('puts every access of the workload on record, the intent before the outcome', async () => {
    const before = world.audit().length;
    await raw('PUT', '/ledger/recorded', { 'content-length': '1' }, 'x');
    const [intent, outcome] = world.audit().slice(before);
    assert.equal(intent?.['entry'], 'intent');
    assert.equal(intent['issuer'], 'urn:sallyport:sidecar');
    assert.equal(intent['subject'], 'billing');
    assert.equal(intent['key'], 'recorded');
    assert.equal(intent['rule'], 'sidecar/configured-bucket');
    assert.equal(intent['role'], 'static');
    assert.equal(outcome?.['entry'], 'outcome');
    assert.equal(outcome['result'], 'completed');
    assert.equal(outcome['requestId'], intent['requestId']);
  });

  it('keeps a token that was meant for the store of a gateway to itself', async () => {
    const token = 'eyJ0b2tlbiI6ImZvciB0aGUgc3RvcmUifQ';
    world.proxy.forbidden = { ...world.proxy.forbidden, token: Buffer.from(token), header: Buffer.from('store-token') };
    const request = { 'content-length': '4', 'x-sallyport-store-token': token };
    assert.equal((await raw('PUT', '/ledger/with-token', request, 'head')).status, 200);
    assert.equal((await raw('GET', '/ledger/with-token', { 'x-sallyport-store-token': token })).status, 200);
    assert.deepEqual(world.proxy.leaks, []);
  });

  describe('leaves the signature of the workload behind', () => {
    it('in the header', async () => {
      const request = head('PUT', '/ledger/by-header', { 'content-length': '4' });
      const signature = /Signature=([0-9a-f]{64})/.exec(request.lines.at(-1)?.[1] ?? '')?.[1] ?? '';
      assert.equal(signature.length, 64);
      world.proxy.forbidden = { ...world.proxy.forbidden, signature: Buffer.from(signature) };
      assert.equal((await sendRaw(world.port, request, ['head'])).status, 200);
      assert.deepEqual(world.proxy.leaks, []);
    });

    it('in the query, also long after its time', async () => {
      const date = new Date('2020-01-01T00:00:00Z');
      const target = presignedTarget(host(), { method: 'GET', target: '/ledger/by-header', keys: DUMMY, date });
      const signature = target.slice(-64);
      world.proxy.forbidden = { ...world.proxy.forbidden, presigned: Buffer.from(signature) };
      const answer = await raw('GET', target, {});
      assert.match(answer.text, /head$/);
      assert.deepEqual(world.proxy.leaks, []);
      assert.ok(world.proxy.calls.every((call) => !/x-amz-/i.test(call.target)));
    });

    it('of a secret that nobody can know, in any form that a signature has', async () => {
      const authorization = 'AWS4-HMAC-SHA256 Credential=x/y, SignedHeaders=, Signature=0';
      assert.equal((await raw('HEAD', '/ledger/by-header', { authorization })).status, 200);
    });

    it('but not in two places at once', async () => {
      const target = presignedTarget(host(), { method: 'GET', target: '/ledger/by-header', keys: DUMMY });
      const request = head('GET', target);
      assert.equal((await sendRaw(world.port, request)).code, 'InvalidArgument');
    });

    it('and refuses a token, whose holder would get rights that are not its own', async () => {
      const calls = world.proxy.calls.length;
      assert.equal((await raw('GET', '/ledger/by-header', { authorization: 'Bearer a.b.c' })).code, 'InvalidRequest');
      assert.equal(world.proxy.calls.length, calls);
    });
  });

  describe('takes signed chunks apart', () => {
    const data = randomBytes(20_000);
    const chunked = (trailer?: string) =>
      head('PUT', '/ledger/chunks', {
        'content-encoding': 'aws-chunked',
        'x-amz-content-sha256': `STREAMING-AWS4-HMAC-SHA256-PAYLOAD${trailer === undefined ? '' : '-TRAILER'}`,
        'x-amz-decoded-content-length': String(data.length),
        'transfer-encoding': 'chunked',
        ...(trailer === undefined ? {} : { 'x-amz-trailer': trailer.split(':')[0] ?? '' }),
      });
    const sent = (body: readonly Buffer[]): Buffer[] => [
      ...body.map((piece) =>
        Buffer.concat([Buffer.from(`${piece.length.toString(16)}\r\n`), piece, Buffer.from('\r\n')]),
      ),
      Buffer.from('0\r\n\r\n'),
    ];
    const checksum = (body: Buffer): string => createHash('sha256').update(body).digest('base64');

    it('and gives back what they held', async () => {
      const request = chunked();
      const body = signedChunks(DUMMY, request, [data.subarray(0, 16_384), data.subarray(16_384)]);
      assert.equal((await sendRaw(world.port, request, sent(body))).status, 200);
      const read = await send(world.port, { method: 'GET', bucket: 'ledger', key: 'chunks', keys: DUMMY });
      assert.ok(read.body.equals(data));
      assert.ok(!(await stored('chunks')).body.includes(data.subarray(0, 64)));
    });

    it('without looking at their signatures, which nobody here could verify', async () => {
      const request = chunked();
      const body = signedChunks({ ...DUMMY, secretAccessKey: 'another' }, request, [data]);
      assert.equal((await sendRaw(world.port, request, sent(body))).status, 200);
    });

    it('and verifies the checksum behind them all the same', async () => {
      for (const [claimed, expected] of [
        [checksum(data), undefined],
        [checksum(randomBytes(9)), 'BadDigest'],
      ] as const) {
        const trailer = `x-amz-checksum-sha256:${claimed}`;
        const request = chunked(trailer);
        const body = signedChunks(DUMMY, request, [data], trailer);
        assert.equal((await sendRaw(world.port, request, sent(body))).code, expected);
      }
    });

    it('and refuses a framing that is not the declared one', async () => {
      const request = chunked();
      assert.equal((await sendRaw(world.port, request, sent([unsignedChunks([data])]))).code, 'InvalidRequest');
      const [first = Buffer.alloc(0)] = signedChunks(DUMMY, request, [data]);
      assert.equal((await sendRaw(world.port, chunked(), sent([first]))).code, 'IncompleteBody');
    });
  });

  it('verifies the digest that a request declares of its body', async () => {
    const right = head('PUT', '/ledger/digest', { 'content-length': '3', 'x-amz-content-sha256': sha256('abc') });
    assert.equal((await sendRaw(world.port, right, ['abc'])).status, 200);
    const wrong = head('PUT', '/ledger/digest', { 'content-length': '3', 'x-amz-content-sha256': sha256('abd') });
    assert.equal((await sendRaw(world.port, wrong, ['abc'])).code, 'XAmzContentSHA256Mismatch');
    assert.match((await raw('GET', '/ledger/digest', {})).text, /abc$/);
  });

  it('keeps the workload to the configured buckets', async () => {
    const calls = world.proxy.calls.length;
    assert.equal((await raw('GET', '/other/x', {})).code, 'AccessDenied');
    assert.equal((await raw('PUT', '/newbucket', { 'content-length': '0' })).code, 'AccessDenied');
    const copy = { 'x-amz-copy-source': '/other/x', 'content-length': '0' };
    assert.equal((await raw('PUT', '/ledger/copied', copy)).code, 'AccessDenied');
    assert.equal(world.proxy.calls.length, calls);
    const list = (await raw('GET', '/', {})).text;
    assert.match(list, /<Name>ledger<\/Name>/);
    assert.doesNotMatch(list, /other/);
  });

  it('serves nothing beside S3: no sessions, no identities', async () => {
    assert.equal((await raw('POST', '/', { 'content-length': '0' })).code, 'NotImplemented');
    assert.equal((await raw('GET', '/-/credentials', {})).code, 'NoSuchBucket');
    assert.equal((await raw('GET', '/-/whoami', {})).code, 'NoSuchBucket');
    assert.equal((await raw('GET', '/-/ready', {})).status, 200);
  });

  describe('refuses pages in browsers', () => {
    const cases: readonly (readonly [string, string, string, Readonly<Record<string, string>>])[] = [
      [
        'a GET of another site',
        'GET',
        '/ledger/figures',
        { 'sec-fetch-site': 'cross-site', 'sec-fetch-mode': 'no-cors' },
      ],
      ['a POST of another site', 'POST', '/ledger?delete', { origin: 'https://evil.example', 'content-length': '0' }],
      ['a PUT without an origin to speak of', 'PUT', '/ledger/x', { origin: 'null', 'content-length': '0' }],
      ['a page of the same machine', 'GET', '/ledger/figures', { origin: 'http://localhost:3000' }],
      ['a link that a person followed', 'GET', '/ledger/figures', { 'sec-fetch-site': 'none' }],
      [
        'a preflight',
        'OPTIONS',
        '/ledger/x',
        { origin: 'https://evil.example', 'access-control-request-method': 'PUT' },
      ],
      ['its question whether it is ready', 'GET', '/-/ready', { origin: 'https://evil.example' }],
    ];
    for (const [what, method, target, headers] of cases) {
      it(`such as ${what}`, async () => {
        const calls = world.proxy.calls.length;
        const before = world.refusals().length;
        const answer = await raw(method, target, headers);
        assert.equal(answer.status, 403);
        assert.equal(answer.code, 'AccessForbidden');
        assert.doesNotMatch(answer.text, /access-control-allow/i);
        assert.equal(world.proxy.calls.length, calls);
        const [refusal] = world.refusals().slice(before);
        assert.equal(refusal?.['error'], 'CorsForbidden');
      });
    }

    it('whose name resolves to this machine', async () => {
      for (const name of ['rebound.example', `rebound.example:${world.port}`, `evil.localhost:${world.port}`]) {
        const answer = await raw('GET', '/ledger/figures', { host: name });
        assert.equal(answer.code, 'AccessForbidden', name);
      }
      assert.equal(world.refusals().at(-1)?.['error'], 'HostForbidden');
    });

    it('on the port of operators as well', async () => {
      const admin = (headers: Readonly<Record<string, string>>) =>
        sendRaw(world.adminPort, { method: 'GET', target: '/metrics', lines: Object.entries(headers) });
      const own = { host: `localhost:${world.adminPort}` };
      assert.equal((await admin(own)).status, 200);
      assert.equal((await admin({ host: `rebound.example:${world.adminPort}` })).status, 421);
      assert.equal((await admin({ ...own, origin: 'https://evil.example' })).status, 403);
      assert.equal((await admin({ ...own, 'sec-fetch-site': 'cross-site' })).status, 403);
    });
  });

  it('reports whether it can serve and record', async () => {
    const answer = await fetch(`http://127.0.0.1:${world.adminPort}/readyz`);
    assert.equal(answer.status, 200);
    const { ready } = (await answer.json()) as { ready: boolean };
    assert.equal(ready, true);
    assert.doesNotMatch(world.stderr(), /"level":"(?:warn|error)"/);
  });
});
