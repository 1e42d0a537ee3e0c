import assert from 'node:assert/strict';
import { createHash, randomBytes } from 'node:crypto';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Writable } from 'node:stream';
import supertest from 'supertest';
import { createGateway, type Gateway } from '../../src/compose/gateway.ts';
import { loadConfig } from '../../src/config/load-config.ts';
import { freePort } from '../../demo/free-port.ts';
import { createEmbeddedStore, DEMO_ROLE_ARN, type EmbeddedStore } from '../../demo/store/embedded-store.ts';
import { makeKey, signToken, startTestIssuer, type TestIssuer } from '../support/identity/issuer.ts';
import { send } from '../support/store/store-client.ts';

const key = makeKey('RS256', 'k1');
const keysOf = (name: string) => ({ accessKeyId: name.repeat(4), secretAccessKey: randomBytes(20).toString('hex') });
const [gatewayKeys, ownerKeys] = [keysOf('GATEW'), keysOf('OWNER')];
const MIB = 1_048_576;

const POLICY = `
id: team
description: The team works in box; clerks list it.
subjects: [{ issuer: test, group: team }]
rules:
  - { id: all, allow: [GET, PUT, LIST], bucket: box, everything: true }
`;
const CLERKS = `
id: clerks
description: Clerks list, and read nothing.
subjects: [{ issuer: test, group: clerks }]
rules:
  - { id: list, allow: [LIST], bucket: box, everything: true }
`;

describe('reads of a bucket whose prefixes are kept differently', function () {
  this.timeout(30_000);
  let folder: string;
  let issuer: TestIssuer;
  let store: EmbeddedStore;
  let gateway: Gateway;
  let agent: ReturnType<typeof supertest>;
  const port = () => Number(new URL(store.endpoint).port);
  const bearer = (group = 'team') =>
    `Bearer ${signToken(key, { iss: issuer.url, sub: group, aud: 'sallyport', groups: [group], exp: Math.floor(Date.now() / 1000) + 600 })}`;
  const call = (method: 'get' | 'head' | 'put' | 'post', path: string, headers: Record<string, string> = {}) =>
    agent[method](`/box/${path}`)
      .set({ authorization: bearer(), ...headers })
      .buffer(true);
  const get = async (path: string, headers: Record<string, string> = {}) =>
    call('get', path, headers).parse((answer, done) => {
      const chunks: Buffer[] = [];
      answer.on('data', (chunk: Buffer) => chunks.push(chunk));
      answer.on('end', () => {
        done(null, Buffer.concat(chunks));
      });
    });
  const keep = (path: string, body: Buffer) =>
    send(port(), { method: 'PUT', bucket: 'box', key: path, keys: ownerKeys, body });
  const sizes = async (search: string, group = 'team') => {
    const { status, text } = await agent.get(`/box?list-type=2&${search}`).set('authorization', bearer(group));
    assert.equal(status, 200, text);
    return Object.fromEntries(
      [...text.matchAll(/<Key>([^<]*)<.*?<Size>(\d+)</g)].map(([, name = '', size]) => [name, Number(size)]),
    );
  };

  before(async () => {
    folder = await mkdtemp(join(tmpdir(), 'sallyport-reads-'));
    issuer = await startTestIssuer([key.publicJwk]);
    store = await createEmbeddedStore({
      ...{ folder: join(folder, 'store'), port: await freePort(), buckets: ['box'], gatewayKeys, ownerKeys },
      log: () => undefined,
    });
    await store.start();
    await mkdir(join(folder, 'policies'));
    await writeFile(join(folder, 'policies', 'team.yaml'), POLICY);
    await writeFile(join(folder, 'policies', 'clerks.yaml'), CLERKS);
    await writeFile(join(folder, 'seed'), randomBytes(32), { mode: 0o600 });
    const endpoint = store.endpoint;
    const config = {
      listen: { address: '127.0.0.1:1', allowPlaintextLoopback: true },
      issuers: { test: { issuer: issuer.url, audiences: ['sallyport'], allowHttp: true } },
      stores: {
        main: { endpoint, region: 'us-east-1', allowPlaintextHttp: true, sts: { endpoint, roleArn: DEMO_ROLE_ARN } },
      },
      buckets: { box: { prefixes: { 'moving/': 'migrating', 'plain/': 'off' } } },
      keyring: { local: { versions: { '1': { seedFile: 'seed' } } } },
      policies: { directory: 'policies' },
      audit: { directory: 'audit', minFreeBytes: 0 },
      timeouts: { drainDelayMs: 0 },
    };
    await writeFile(join(folder, 'sallyport.yaml'), JSON.stringify(config));
    const env = { AWS_ACCESS_KEY_ID: gatewayKeys.accessKeyId, AWS_SECRET_ACCESS_KEY: gatewayKeys.secretAccessKey };
    gateway = await createGateway(await loadConfig({ path: join(folder, 'sallyport.yaml'), env }), {
      ...{
        worker: 0,
        pid: process.pid,
        logStream: new Writable({
          write: (_chunk, _encoding, done) => {
            done();
          },
        }),
      },
    });
    agent = supertest(gateway.server);
  });
  after(async () => {
    await gateway.drain();
    await store.stop();
    await issuer.stop();
    await rm(folder, { recursive: true, force: true });
  });

  it('keeps and serves each prefix as it is configured', async () => {
    const body = randomBytes(100_000);
    for (const path of ['a', 'moving/a', 'plain/a']) assert.equal((await call('put', path).send(body)).status, 200);
    await keep('planted', body);
    await keep('moving/old', body);
    for (const [path, isPlain] of [
      ['a', false],
      ['moving/a', false],
      ['plain/a', true],
      ['moving/old', true],
    ] as const) {
      const kept = await send(port(), { method: 'GET', bucket: 'box', key: path, keys: ownerKeys });
      assert.equal(kept.body.equals(body), isPlain, path);
      const whole = await get(path);
      assert.ok(body.equals(whole.body as Buffer), path);
      const range = await get(path, { range: 'bytes=70000-70009' });
      assert.deepEqual([range.status, range.headers['content-range']], [206, 'bytes 70000-70009/100000'], path);
      assert.ok(body.subarray(70_000, 70_010).equals(range.body as Buffer));
      const head = await call('head', path);
      assert.equal(head.headers['content-length'], '100000');
      assert.equal(head.headers['etag'], whole.headers['etag']);
      assert.equal((await get(path, { 'if-none-match': head.headers['etag'] ?? '' })).status, 304, path);
      assert.equal((await get(path, { 'if-match': '"0"' })).status, 412, path);
    }
    for (const method of ['get', 'head'] as const) assert.equal((await call(method, 'planted')).status, 403);
  });

  it('lists the sizes that HEAD tells, to a caller who may list and not read as well', async () => {
    const expected = { 'moving/a': 100_000, 'moving/old': 100_000 };
    assert.deepEqual(await sizes('prefix=moving/'), expected);
    assert.deepEqual(await sizes('prefix=moving/', 'clerks'), expected);
    assert.equal((await agent.get('/box/moving/a').set('authorization', bearer('clerks'))).status, 403);
    assert.equal((await sizes('prefix=plain/'))['plain/a'], 100_000);
  });

  it('answers 500 and nothing else for what was altered in the store, small or large, and goes on serving', async () => {
    for (const size of [100, 3_000_000]) {
      await call('put', 'altered').send(randomBytes(size));
      const { body, headers } = await send(port(), { method: 'GET', bucket: 'box', key: 'altered', keys: ownerKeys });
      const envelope = { 'x-amz-meta-sallyport': String(headers['x-amz-meta-sallyport']) };
      const changed = Buffer.from(body);
      changed[20] = (changed[20] ?? 0) ^ 1;
      const put = { method: 'PUT', bucket: 'box', key: 'altered', keys: ownerKeys, headers: envelope } as const;
      await send(port(), { ...put, body: changed });
      for (let i = 0; i < 5; i += 1) {
        for (const requested of [{}, { range: 'bytes=0-9' }, { 'x-amz-checksum-mode': 'ENABLED' }]) {
          const answer = await get('altered', requested);
          assert.equal(answer.status, 500);
        }
      }
      await send(port(), { ...put, body: body.subarray(0, -1) });
      assert.equal((await get('altered')).status, 500);
      await send(port(), { ...put, body });
      assert.equal((await get('altered')).status, 200);
    }
  });

  it('agrees on an upload in parts of odd lengths: HEAD, GET, ranges, parts, attributes, listing', async () => {
    const parts = [randomBytes(5 * MIB + 7), randomBytes(6 * MIB + 70_000), randomBytes(12_345)];
    const body = Buffer.concat(parts);
    const created = await call('post', 'parts?uploads');
    const uploadId = /<UploadId>([^<]+)</.exec(created.text)?.[1] ?? '';
    const etags: string[] = [];
    for (const [at, part] of parts.entries()) {
      const put = await call('put', `parts?partNumber=${at + 1}&uploadId=${uploadId}`).send(part);
      assert.equal(put.status, 200, put.text);
      etags.push(put.headers['etag'] ?? '');
    }
    const named = etags.map((etag, at) => `<Part><PartNumber>${at + 1}</PartNumber><ETag>${etag}</ETag></Part>`);
    const completed = await call('post', `parts?uploadId=${uploadId}`)
      .type('application/xml')
      .send(`<CompleteMultipartUpload>${named.join('')}</CompleteMultipartUpload>`);
    assert.equal(completed.status, 200, completed.text);

    const whole = await get('parts');
    assert.equal(
      createHash('sha256')
        .update(whole.body as Buffer)
        .digest('hex'),
      createHash('sha256').update(body).digest('hex'),
    );
    for (const [first, last] of [
      [0, 0],
      [5 * MIB + 6, 5 * MIB + 7],
      [5 * MIB, 7 * MIB],
      [body.length - 12_346, body.length - 1],
    ] as const) {
      const range = await get('parts', { range: `bytes=${first}-${last}` });
      assert.ok(body.subarray(first, last + 1).equals(range.body as Buffer), `${first}-${last}`);
    }
    const second = await get('parts?partNumber=2');
    assert.ok(parts[1]?.equals(second.body as Buffer));
    assert.equal(second.headers['x-amz-mp-parts-count'], '3');
    const head = await call('head', 'parts');
    assert.equal(head.headers['content-length'], String(body.length));
    assert.equal(head.headers['etag'], whole.headers['etag']);
    const requested = 'ETag,ObjectParts,ObjectSize';
    const attributes = await call('get', 'parts?attributes', { 'x-amz-object-attributes': requested });
    assert.match(attributes.text, new RegExp(`<ObjectSize>${body.length}<`));
    assert.match(attributes.text, new RegExp(`<PartNumber>2</PartNumber><Size>${parts[1]?.length ?? 0}<`));
    assert.deepEqual(await sizes('prefix=parts'), { parts: body.length });
    assert.deepEqual(await sizes('prefix=parts', 'clerks'), { parts: body.length });
  });
});
