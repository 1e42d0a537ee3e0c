import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { AssumeRoleCommand, STSClient } from '@aws-sdk/client-sts';
import { freePort } from '../../../../demo/free-port.ts';
import {
  createEmbeddedStore,
  DEMO_REGION,
  DEMO_ROLE_ARN,
  type EmbeddedStore,
} from '../../../../demo/store/embedded-store.ts';
import { exchange, send, sign, type TestKeys } from '../../../support/store/store-client.ts';

const OWNER = { accessKeyId: 'AKIAOWNER00000000000', secretAccessKey: 'owner-secret' };
const GATEWAY = { accessKeyId: 'AKIAGATEWAY000000000', secretAccessKey: 'gateway-secret' };

const HOSTILE_KEYS = [
  'plain.csv',
  '../../etc/passwd',
  'a/../b',
  './x',
  '/leading',
  'a//b',
  'trailing/',
  'a b',
  'a+b',
  'a%2Fb',
  'a%b',
  "!'()*~._-",
  'ünïcödé/日本語/🚀',
  'q?x=1&y#z',
  'tab\tnewline\n',
  '<&">',
  `${'k'.repeat(1000)}/0123456789012345678901`,
];

describe('the embedded store', () => {
  let folder: string;
  let store: EmbeddedStore;
  let nowMs: number | undefined;

  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'sallyport-store-'));
    nowMs = undefined;
    store = await open();
    await store.start();
  });
  afterEach(async () => {
    await store.stop();
    await rm(folder, { recursive: true });
  });

  async function open(): Promise<EmbeddedStore> {
    return createEmbeddedStore({
      folder,
      port: await freePort(),
      buckets: ['reports', 'artifacts'],
      gatewayKeys: GATEWAY,
      ownerKeys: OWNER,
      log: () => undefined,
      nowMs: () => nowMs ?? Date.now(),
    });
  }
  const put = (key: string, body: string | Buffer, headers: Record<string, string> = {}, keys: TestKeys = OWNER) =>
    send(store.port, { method: 'PUT', bucket: 'reports', key, body, headers, keys });
  const get = (key: string, headers: Record<string, string> = {}, keys: TestKeys = OWNER) =>
    send(store.port, { method: 'GET', bucket: 'reports', key, headers, keys });
  const list = (query: Record<string, string>, keys: TestKeys = OWNER) =>
    send(store.port, { method: 'GET', bucket: 'reports', query, keys });

  /** Sends a signed PUT of `d` as raw text, ends, and gives what came back. */
  async function raw(headers: Record<string, string>, body: string): Promise<string> {
    const signed = await sign(store.port, { method: 'PUT', bucket: 'reports', key: 'd', keys: OWNER });
    const lines = Object.entries({ ...signed.headers, ...headers }).map(([name, value]) => `${name}: ${value}\r\n`);
    const socket = connect(store.port, '127.0.0.1');
    let answer = '';
    socket.setEncoding('utf8').on('data', (text: string) => (answer += text));
    socket.end(`PUT ${signed.target} HTTP/1.1\r\n${lines.join('')}\r\n${body}`);
    await once(socket, 'close');
    return answer;
  }

  async function session(policy?: object, durationSeconds = 900): Promise<TestKeys> {
    const client = new STSClient({ endpoint: store.endpoint, region: DEMO_REGION, credentials: GATEWAY });
    const { Credentials: made } = await client.send(
      new AssumeRoleCommand({
        RoleArn: DEMO_ROLE_ARN,
        RoleSessionName: 'alice@example',
        DurationSeconds: durationSeconds,
        ...(policy === undefined ? {} : { Policy: JSON.stringify(policy) }),
      }),
    );
    client.destroy();
    return {
      accessKeyId: made!.AccessKeyId!,
      secretAccessKey: made!.SecretAccessKey!,
      sessionToken: made!.SessionToken!,
    };
  }

  describe('objects', () => {
    for (const key of HOSTILE_KEYS)
      it(`keeps the key ${JSON.stringify(key.slice(0, 30))} byte for byte, inside its own folder`, async () => {
        assert.equal((await put(key, `body of ${key}`)).status, 200);
        assert.equal((await get(key)).body.toString(), `body of ${key}`);
        const listed = await list({ 'list-type': '2', 'encoding-type': 'url' });
        const name = /<Key>(.*?)<\/Key>/.exec(listed.body.toString())![1]!;
        assert.equal(decodeURIComponent(name.replaceAll('+', ' ')), key);
        assert.deepEqual((await readdir(folder)).sort(), ['artifacts', 'reports']);
        assert.equal((await readdir(join(folder, 'reports'))).length, 2);
      });

    it('gives back the headers of the object and nothing else that was sent', async () => {
      const sent = { 'content-type': 'text/csv', 'cache-control': 'no-store', 'x-amz-meta-a_b': 'v', 'x-other': 'no' };
      await put('h', 'x', sent);
      const { headers } = await send(store.port, { method: 'HEAD', bucket: 'reports', key: 'h', keys: OWNER });
      assert.equal(headers['content-type'], 'text/csv');
      assert.equal(headers['cache-control'], 'no-store');
      assert.equal(headers['x-amz-meta-a_b'], 'v');
      assert.equal(headers['x-other'], undefined);
      assert.equal(headers['content-length'], '1');
      assert.equal(headers.etag, `"${createHash('md5').update('x').digest('hex')}"`);
    });

    it('serves closed, open and suffix ranges, and 416 past the end', async () => {
      await put('r', '0123456789');
      for (const [range, body] of [
        ['bytes=2-4', '234'],
        ['bytes=7-', '789'],
        ['bytes=-3', '789'],
        ['bytes=8-99', '89'],
      ] as const) {
        const answer = await get('r', { range });
        assert.deepEqual([answer.status, answer.body.toString()], [206, body]);
      }
      const beyond = await get('r', { range: 'bytes=10-' });
      assert.deepEqual(
        [beyond.status, beyond.code, beyond.headers['content-range']],
        [416, 'InvalidRange', 'bytes */10'],
      );
      assert.equal((await get('r', { range: 'bytes=0-1,3-4' })).status, 200);
    });

    it('honours the conditions of reads and writes', async () => {
      const etag = (await put('c', 'one')).headers.etag!;
      assert.equal((await get('c', { 'if-match': etag })).status, 200);
      assert.equal((await get('c', { 'if-match': '"0"' })).status, 412);
      assert.equal((await get('c', { 'if-none-match': etag })).status, 304);
      assert.equal((await get('c', { 'if-modified-since': new Date(Date.now() + 5000).toUTCString() })).status, 304);
      assert.equal((await get('c', { 'if-unmodified-since': new Date(0).toUTCString() })).status, 412);
      assert.equal((await put('c', 'two', { 'if-none-match': '*' })).status, 412);
      assert.equal((await put('c', 'two', { 'if-match': '"0"' })).status, 412);
      assert.equal((await put('c', 'two', { 'if-match': etag })).status, 200);
      assert.equal((await put('new', 'two', { 'if-match': etag })).status, 404);
    });

    it('lets one of many writes with If-None-Match: * win', async () => {
      const statuses = await Promise.all(
        [1, 2, 3, 4, 5].map((n) => put('race', `body ${n}`, { 'if-none-match': '*' })),
      );
      assert.deepEqual(statuses.map(({ status }) => status).sort(), [200, 412, 412, 412, 412]);
    });

    it('leaves no object when the body ends early, differs from its digest or has no length', async () => {
      const md5 = createHash('md5').update('other').digest('base64');
      assert.equal((await put('d', 'body', { 'content-md5': md5 })).code, 'BadDigest');
      const sha256 = createHash('sha256').update('other').digest('hex');
      assert.equal((await put('d', 'body', { 'x-amz-content-sha256': sha256 })).code, 'XAmzContentSHA256Mismatch');
      assert.match(await raw({ 'transfer-encoding': 'chunked' }, '5\r\nshort\r\n0\r\n\r\n'), /^HTTP\/1.1 411/);
      await raw({ 'content-length': '100' }, 'short');
      assert.equal((await get('d')).code, 'NoSuchKey');
      // The cut upload is cleaned up behind the client's back.
      while ((await readdir(join(folder, 'reports'))).length > 0) await sleep(5);
    });

    it('still has everything, and no leftovers, after it was opened anew', async () => {
      await put('keep', 'first');
      await put('keep', 'second');
      await put('gone', 'x');
      await send(store.port, { method: 'DELETE', bucket: 'reports', key: 'gone', keys: OWNER });
      await store.stop();
      store = await open();
      await store.start();
      assert.equal((await get('keep')).body.toString(), 'second');
      assert.equal((await get('gone')).status, 404);
      assert.equal((await readdir(join(folder, 'reports'))).length, 2);
      assert.equal(await readFile(store.files.path('reports', 'keep')!, 'utf8'), 'second');
    });

    it('reads and checks bodies but keeps nothing while it discards', async () => {
      store.files.discardBodies = true;
      assert.equal((await put('bench', 'x'.repeat(100_000))).status, 200);
      assert.equal((await get('bench')).status, 404);
      assert.deepEqual(await readdir(join(folder, 'reports')), []);
    });

    it('refuses operations, subresources and x-amz-* headers that it does not know', async () => {
      const at = { bucket: 'reports', key: 'k', keys: OWNER };
      assert.equal((await send(store.port, { method: 'POST', ...at })).status, 501);
      assert.equal((await send(store.port, { method: 'GET', ...at, query: { torrent: '' } })).status, 501);
      assert.equal((await send(store.port, { method: 'GET', ...at, query: { acl: '', uploads: '' } })).status, 501);
      assert.equal((await put('k', 'x', { 'x-amz-grant-read': 'id=1' })).status, 501);
      assert.equal((await get('k', { 'x-amz-meta-a': '1' })).status, 501);
      assert.equal((await put('k', 'x', { 'x-amz-content-sha256': 'STREAMING-AWS4-HMAC-SHA256-PAYLOAD' })).status, 501);
    });
  });

  describe('virtual hosts', () => {
    const hosted = { keys: OWNER, bucket: 'reports', isHosted: true };

    for (const key of HOSTILE_KEYS)
      it(`are the same place as a path for the key ${JSON.stringify(key.slice(0, 30))}`, async () => {
        assert.equal((await send(store.port, { ...hosted, method: 'PUT', key, body: `body of ${key}` })).status, 200);
        assert.equal((await get(key)).body.toString(), `body of ${key}`);
        assert.equal((await send(store.port, { ...hosted, method: 'GET', key })).body.toString(), `body of ${key}`);
        const listed = await send(store.port, { ...hosted, method: 'GET', query: { 'list-type': '2' } });
        assert.equal((await list({ 'list-type': '2' })).body.toString(), listed.body.toString());
      });

    it('take the target for a key, whatever bucket it seems to name', async () => {
      await put('artifacts/k', 'in reports');
      assert.equal((await send(store.port, { ...hosted, method: 'GET', key: 'artifacts/k' })).status, 200);
      assert.equal((await send(store.port, { ...hosted, method: 'GET', key: 'reports/artifacts/k' })).status, 404);
    });

    it('are signed: one bucket cannot be had by a signature for another', async () => {
      await put('k', 'x');
      const stolen = await send(store.port, {
        ...{ ...hosted, bucket: 'artifacts' },
        method: 'GET',
        key: 'k',
        tamper: ({ headers }) => (headers['host'] = `reports.localhost:${store.port}`),
      });
      assert.deepEqual([stolen.status, stolen.code], [403, 'SignatureDoesNotMatch']);
    });

    it('are those of the buckets, and no STS', async () => {
      const unknown = await send(store.port, { ...hosted, bucket: 'unknown', method: 'GET', key: 'k' });
      assert.equal(unknown.status, 421);
      const form = 'Action=GetCallerIdentity&Version=2011-06-15';
      const headers = { 'content-type': 'application/x-www-form-urlencoded' };
      const requested = await send(store.port, { ...hosted, method: 'POST', headers, body: form });
      assert.notEqual(requested.status, 200);
      assert.equal(store.counters.stsCalls, 0);
    });
  });

  describe('listings', () => {
    const keysOf = (xml: Buffer) => [...xml.toString().matchAll(/<Key>(.*?)<\/Key>/g)].map(([, key]) => key);
    const prefixesOf = (xml: Buffer) =>
      [...xml.toString().matchAll(/<CommonPrefixes><Prefix>(.*?)<\/Prefix>/g)].map(([, prefix]) => prefix);

    beforeEach(async () => {
      for (const key of ['2026-secret/x', '2026/a', '2026/b', '2026/c/d', '2026/c/e', '\uFF5E', '🚀'])
        await put(key, key);
    });

    it('are in the byte order of UTF-8, not that of UTF-16', async () => {
      assert.deepEqual(keysOf((await list({ 'list-type': '2' })).body).slice(-2), ['\uFF5E', '🚀']);
    });

    it('group by delimiter and stay inside the prefix', async () => {
      const { body } = await list({ 'list-type': '2', prefix: '2026/', delimiter: '/' });
      assert.deepEqual([keysOf(body), prefixesOf(body)], [['2026/a', '2026/b'], ['2026/c/']]);
    });

    it('give every entry once when read page by page', async () => {
      const seen: (string | undefined)[] = [];
      let token: string | undefined;
      do {
        const query = { 'list-type': '2', delimiter: '/', 'max-keys': '1' };
        const { body } = await list(token === undefined ? query : { ...query, 'continuation-token': token });
        seen.push(...keysOf(body), ...prefixesOf(body));
        token = /<NextContinuationToken>(.*?)</.exec(body.toString())?.[1];
      } while (token !== undefined);
      assert.deepEqual(seen, ['2026-secret/', '2026/', '\uFF5E', '🚀']);
    });

    it('start after a marker or start-after', async () => {
      assert.equal(keysOf((await list({ marker: '2026/b' })).body)[0], '2026/c/d');
      assert.equal(keysOf((await list({ 'list-type': '2', 'start-after': '2026/a' })).body)[0], '2026/b');
    });
  });

  describe('signatures', () => {
    const signedGet = { method: 'GET', bucket: 'reports', key: 'k', keys: OWNER };
    beforeEach(() => put('k', 'x'));

    it('must fit the method, the path, the query and every x-amz-* header', async () => {
      const tampers: ((signed: { method: string; target: string; headers: Record<string, string> }) => void)[] = [
        (signed) => (signed.method = 'DELETE'),
        (signed) => (signed.target = '/reports/other'),
        (signed) => (signed.target += '?x-id=1'),
        (signed) => (signed.headers['x-amz-meta-more'] = 'unsigned'),
        (signed) => (signed.headers['x-amz-content-sha256'] = createHash('sha256').digest('hex')),
        (signed) =>
          (signed.headers['authorization'] = signed.headers['authorization']!.replace(/.$/, (end) =>
            end === '0' ? '1' : '0',
          )),
      ];
      for (const tamper of tampers)
        assert.equal((await send(store.port, { ...signedGet, tamper })).code, 'SignatureDoesNotMatch');
      assert.equal((await send(store.port, signedGet)).status, 200);
    });

    it('must cover `range` where the client says that they do', async () => {
      const signed = await sign(store.port, { ...signedGet, headers: { range: 'bytes=0-0' } });
      assert.match(signed.headers['authorization']!, /SignedHeaders=[^,]*range/);
      assert.equal((await exchange(store.port, 'GET', signed.target, signed.headers)).status, 206);
      const changed = { ...signed.headers, range: 'bytes=0-' };
      assert.equal((await exchange(store.port, 'GET', signed.target, changed)).code, 'SignatureDoesNotMatch');
    });

    it('are not taken when missing, from unknown keys, with a wrong secret, or off by more than 15 minutes', async () => {
      assert.equal((await exchange(store.port, 'GET', '/reports/k', {})).code, 'AccessDenied');
      const unknown = { ...OWNER, accessKeyId: 'AKIAUNKNOWN000000000' };
      assert.equal((await send(store.port, { ...signedGet, keys: unknown })).code, 'InvalidAccessKeyId');
      const wrong = { ...OWNER, secretAccessKey: 'guess' };
      assert.equal((await send(store.port, { ...signedGet, keys: wrong })).code, 'SignatureDoesNotMatch');
      const late = await send(store.port, { ...signedGet, date: new Date(Date.now() - 16 * 60_000) });
      assert.equal(late.code, 'RequestTimeTooSkewed');
    });
  });

  describe('STS', () => {
    const allowAlice = {
      Version: '2012-10-17',
      Statement: [
        { Effect: 'Allow', Action: ['s3:GetObject', 's3:PutObject'], Resource: 'arn:aws:s3:::reports/2026/*' },
        {
          Effect: 'Allow',
          Action: 's3:ListBucket',
          Resource: 'arn:aws:s3:::reports',
          Condition: { StringLike: { 's3:prefix': '2026/*' } },
        },
      ],
    };

    it('gives sessions that can do what their policy allows and nothing else', async () => {
      const alice = await session(allowAlice);
      assert.equal((await put('2026/q3.csv', 'x', {}, alice)).status, 200);
      assert.equal((await get('2026/q3.csv', {}, alice)).status, 200);
      assert.equal((await list({ 'list-type': '2', prefix: '2026/' }, alice)).status, 200);
      assert.equal((await get('2025/q3.csv', {}, alice)).code, 'AccessDenied');
      assert.equal((await put('2025/q3.csv', 'x', {}, alice)).code, 'AccessDenied');
      assert.equal((await list({ 'list-type': '2', prefix: '2026' }, alice)).code, 'AccessDenied');
      assert.equal((await list({ 'list-type': '2' }, alice)).code, 'AccessDenied');
      const erase = { method: 'DELETE', bucket: 'reports', key: '2026/q3.csv', keys: alice };
      assert.equal((await send(store.port, erase)).code, 'AccessDenied');
    });

    it('refuses a session without its token, with another token, or after its end', async () => {
      const alice = await session(allowAlice);
      const { sessionToken, ...tokenless } = alice;
      assert.equal((await get('2026/x', {}, tokenless)).code, 'InvalidToken');
      assert.equal((await get('2026/x', {}, { ...alice, sessionToken: `${sessionToken!}x` })).code, 'InvalidToken');
      nowMs = Date.now() + 901_000;
      const expired = await send(store.port, {
        method: 'GET',
        bucket: 'reports',
        key: 'x',
        keys: alice,
        date: new Date(nowMs),
      });
      assert.deepEqual([expired.status, expired.code], [400, 'ExpiredToken']);
    });

    it('keeps sessions over a stop and a start', async () => {
      const alice = await session(allowAlice);
      await store.stop();
      await store.start();
      assert.equal((await get('2026/missing', {}, alice)).code, 'NoSuchKey');
    });

    it('gives the gateway its role and nothing without it', async () => {
      assert.equal((await get('k', {}, GATEWAY)).code, 'AccessDenied');
      const client = new STSClient({ endpoint: store.endpoint, region: DEMO_REGION, credentials: OWNER });
      const command = new AssumeRoleCommand({ RoleArn: DEMO_ROLE_ARN, RoleSessionName: 'owner' });
      await assert.rejects(client.send(command), { name: 'AccessDenied' });
      client.destroy();
    });

    it('refuses another role, a short duration, a long or misunderstood policy, an illegal session name', async () => {
      const client = new STSClient({ endpoint: store.endpoint, region: DEMO_REGION, credentials: GATEWAY });
      const good = { RoleArn: DEMO_ROLE_ARN, RoleSessionName: 'alice' };
      for (const [change, name] of [
        [{ RoleArn: 'arn:aws:iam:::role/admin' }, 'AccessDenied'],
        [{ DurationSeconds: 899 }, 'ValidationError'],
        [{ Policy: 'x'.repeat(2049) }, 'ValidationError'],
        [{ Policy: '{"Version":"2012-10-17","Statement":[]}' }, 'MalformedPolicyDocumentException'],
        [{ RoleSessionName: 'auth0|123' }, 'ValidationError'],
      ] as const)
        await assert.rejects(client.send(new AssumeRoleCommand({ ...good, ...change })), { name });
      client.destroy();
    });

    it('counts calls, also those that it refuses', async () => {
      await session();
      await get('k', {}, GATEWAY);
      const counters = JSON.parse((await exchange(store.port, 'GET', '/-/counters', {})).body.toString()) as unknown;
      assert.deepEqual(counters, { stsCalls: 1, s3Requests: 1, byOperation: { GetObject: 1 } });
    });

    it('can be made to fail without S3', async () => {
      const alice = await session(allowAlice);
      store.faults.sts = 'cut';
      const raw = await exchange(store.port, 'POST', '/', {}, 'Action=AssumeRole').catch(() => 'cut');
      assert.equal(raw, 'cut');
      assert.equal((await get('2026/missing', {}, alice)).status, 404);
    });
  });

  describe('browsers', () => {
    it('are refused by Origin, by Sec-Fetch-* and by a Host that is not ours', async () => {
      const request = { method: 'GET', bucket: 'reports', key: 'k', keys: OWNER };
      for (const header of ['origin', 'sec-fetch-site']) {
        const answer = await send(store.port, { ...request, tamper: ({ headers }) => (headers[header] = 'x') });
        assert.equal(answer.status, 403);
      }
      const rebound = await exchange(store.port, 'GET', '/-/counters', { host: `evil.example:${store.port}` });
      assert.equal(rebound.status, 421);
    });
  });
});
