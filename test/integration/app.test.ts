import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { mkdir, mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { request } from 'node:http';
import { Writable } from 'node:stream';
import { setTimeout as sleep } from 'node:timers/promises';
import supertest from 'supertest';
import { createGateway, type Gateway } from '../../src/compose/gateway.ts';
import { loadConfig } from '../../src/config/load-config.ts';
import { freePort } from '../../demo/free-port.ts';
import { createEmbeddedStore, DEMO_ROLE_ARN, type EmbeddedStore } from '../../demo/store/embedded-store.ts';
import { makeKey, signToken, startTestIssuer, type TestIssuer } from '../support/identity/issuer.ts';

const key = makeKey('RS256', 'k1');
const gatewayKeys = { accessKeyId: 'GATEWAYGATEWAYGATEWA', secretAccessKey: randomBytes(20).toString('hex') };
const ownerKeys = { accessKeyId: 'OWNEROWNEROWNEROWNER', secretAccessKey: randomBytes(20).toString('hex') };

const POLICY = `
id: team
description: The team works in box under desk/.
owner: 'Storage team, #storage'
subjects: [{ issuer: test, group: team }]
rules:
  - { id: desk, allow: [GET, PUT, LIST], bucket: box, prefix: desk/ }
`;

describe('the gateway as app.ts composes it', function () {
  this.timeout(20_000);
  let folder: string;
  let issuer: TestIssuer;
  let store: EmbeddedStore;
  let gateway: Gateway;
  let log = '';
  let agent: ReturnType<typeof supertest>;

  const token = (claims: Record<string, unknown> = {}): string =>
    signToken(key, {
      iss: issuer.url,
      sub: 'somebody',
      aud: 'sallyport',
      groups: ['team'],
      exp: Math.floor(Date.now() / 1000) + 600,
      ...claims,
    });
  const bearer = (claims?: Record<string, unknown>): string => `Bearer ${token(claims)}`;

  before(async () => {
    folder = await mkdtemp(join(tmpdir(), 'sallyport-app-'));
    issuer = await startTestIssuer([key.publicJwk]);
    const port = await freePort();
    store = await createEmbeddedStore({
      folder: join(folder, 'store'),
      port,
      buckets: ['box'],
      gatewayKeys,
      ownerKeys,
      log: () => undefined,
    });
    await store.start();
    await mkdir(join(folder, 'policies'));
    await writeFile(join(folder, 'policies', 'team.yaml'), POLICY);
    await writeFile(join(folder, 'seed'), randomBytes(32), { mode: 0o600 });
    await writeFile(
      join(folder, 'sallyport.yaml'),
      JSON.stringify({
        listen: { address: '127.0.0.1:1', allowPlaintextLoopback: true },
        issuers: { test: { issuer: issuer.url, audiences: ['sallyport'], allowHttp: true } },
        stores: {
          main: {
            endpoint: store.endpoint,
            region: 'us-east-1',
            allowPlaintextHttp: true,
            sts: { endpoint: store.endpoint, roleArn: DEMO_ROLE_ARN },
          },
        },
        buckets: { box: {} },
        keyring: { local: { versions: { '1': { seedFile: 'seed' } } } },
        policies: { directory: 'policies' },
        audit: { directory: 'audit', minFreeBytes: 0 },
        timeouts: { drainDelayMs: 0, requestBodyIdleMs: 1500, upstreamHeadersMs: 4000 },
      }),
    );
    const env = { AWS_ACCESS_KEY_ID: gatewayKeys.accessKeyId, AWS_SECRET_ACCESS_KEY: gatewayKeys.secretAccessKey };
    const config = await loadConfig({ path: join(folder, 'sallyport.yaml'), env });
    const logStream = new Writable({
      write: (chunk: Buffer, _encoding, done) => {
        log += chunk.toString();
        done();
      },
    });
    gateway = await createGateway(config, { worker: 0, pid: process.pid, logStream });
    agent = supertest(gateway.server);
  });

  after(async () => {
    await gateway.drain();
    await store.stop();
    await issuer.stop();
    await rm(folder, { recursive: true, force: true });
  });

  it('stores what an identity may store, and gives it back', async () => {
    const put = await agent.put('/box/desk/one').set('authorization', bearer()).type('text/plain').send('hello');
    assert.equal(put.status, 200, put.text);
    const got = await agent.get('/box/desk/one').set('authorization', bearer());
    assert.equal(got.status, 200);
    assert.equal(got.text, 'hello');
  });

  it('never calls STS, nor the store, when the policy denies', async () => {
    const before = structuredClone(store.counters);
    for (const subject of ['a', 'b', 'c']) {
      const denied = await agent.delete('/box/desk/one').set('authorization', bearer({ sub: subject }));
      assert.equal(denied.status, 403);
    }
    assert.deepEqual(store.counters, before);
  });

  it('tells who is denied what is allowed nearby and whom to ask, of HEAD in a header, and nothing of what is there', async () => {
    const next = 'The nearest prefix of yours for GET: box/desk/ Ask: Storage team, #storage';
    const got = await agent.get('/box/other/one').set('authorization', bearer());
    assert.equal(got.status, 403);
    assert.ok(got.text.includes(`for this identity. ${next}</Message>`), got.text);
    assert.ok(got.text.includes('<Owner>Storage team, #storage</Owner>'), got.text);
    const head = await agent.head('/box/other/one').set('authorization', bearer());
    assert.ok(head.headers['x-sallyport-denied-by']?.endsWith(next), JSON.stringify(head.headers));
    // Somebody of whom no policy speaks is told of nobody's places, and of no owner.
    const stranger = await agent.get('/box/desk/one').set('authorization', bearer({ groups: ['others'] }));
    assert.equal(stranger.status, 403);
    assert.doesNotMatch(stranger.text, /nearest|Ask|Storage|<Owner>/);
    // Nor does it matter whether the object is there.
    const absent = await agent.get('/box/desk/two-none').set('authorization', bearer({ groups: ['others'] }));
    const shape = (text: string) => text.replace(/<(RequestId|HostId)>[^<]*/g, '').replaceAll(/desk\/[\w-]+/g, '');
    assert.equal(shape(stranger.text), shape(absent.text));
  });

  it('tells who has no good token where to get one, in the message and in the challenge', async () => {
    const refused = await agent.get('/box/desk/one').set('authorization', 'Bearer expired.or.forged');
    assert.equal(refused.status, 401);
    assert.ok(refused.text.includes(`Tokens are issued by ${issuer.url}</Message>`), refused.text);
    assert.ok(refused.headers['www-authenticate']?.includes(`issuer="${issuer.url}"`));
  });

  it('asks STS once for many requests of one identity at the same time', async () => {
    const before = store.counters.stsCalls;
    const authorization = bearer({ sub: 'crowd' });
    const answers = await Promise.all(
      Array.from({ length: 20 }, () => agent.get('/box/desk/one').set('authorization', authorization)),
    );
    assert.deepEqual(
      answers.filter(({ status }) => status !== 200).map(({ status, text }) => [status, text]),
      [],
    );
    assert.equal(store.counters.stsCalls, before + 1);
  });

  it('gives two identities two sessions', async () => {
    const before = store.counters.stsCalls;
    await agent.get('/box/desk/one').set('authorization', bearer({ sub: 'x' }));
    await agent.get('/box/desk/one').set('authorization', bearer({ sub: 'y' }));
    assert.equal(store.counters.stsCalls, before + 2);
  });

  it('reloads policies, and keeps the good ones when the new ones are bad', async () => {
    const path = join(folder, 'policies', 'team.yaml');
    await writeFile(path, POLICY.replace('[GET, PUT, LIST]', '[GET, PUT, LIST, DELETE]'));
    await gateway.reload();
    assert.equal((await agent.delete('/box/desk/one').set('authorization', bearer())).status, 204);
    await writeFile(path, 'id: [');
    await gateway.reload();
    assert.equal((await agent.delete('/box/desk/one').set('authorization', bearer())).status, 204);
    await writeFile(path, POLICY);
    await gateway.reload();
    assert.equal((await agent.delete('/box/desk/one').set('authorization', bearer())).status, 403);
  });

  it('asks STS anew when the policy changed', async () => {
    const authorization = bearer({ sub: 'policy-change' });
    await agent.put('/box/desk/two').set('authorization', authorization).send('x');
    const before = store.counters.stsCalls;
    const path = join(folder, 'policies', 'team.yaml');
    await writeFile(path, POLICY.replace('[GET, PUT, LIST]', '[GET, LIST]'));
    await gateway.reload();
    try {
      assert.equal((await agent.get('/box/desk/two').set('authorization', authorization)).status, 200);
      assert.equal(store.counters.stsCalls, before + 1);
      assert.equal((await agent.put('/box/desk/two').set('authorization', authorization).send('y')).status, 403);
    } finally {
      await writeFile(path, POLICY);
      await gateway.reload();
    }
  });

  describe('times out what is idle, and nothing else', () => {
    let port: number;
    before(async () => {
      await new Promise<void>((resolve) => gateway.server.listen(0, '127.0.0.1', resolve));
      const address = gateway.server.address();
      port = typeof address === 'object' && address !== null ? address.port : 0;
    });

    const slowPut = (name: string, pieces: number, pauseMs: number): Promise<number | undefined> =>
      new Promise((resolve) => {
        const outgoing = request({
          port,
          method: 'PUT',
          path: `/box/desk/${name}`,
          headers: { authorization: bearer(), 'content-length': String(pieces * 100_000) },
        });
        outgoing.on('response', (response) => resolve(response.resume().statusCode));
        outgoing.on('error', () => resolve(undefined));
        void (async () => {
          for (let piece = 0; piece < pieces && !outgoing.destroyed; piece += 1) {
            outgoing.write(Buffer.alloc(100_000, piece));
            await sleep(pauseMs);
          }
          outgoing.end();
        })();
      });

    it('an upload that takes longer than every timeout goes through as long as bytes move', async () => {
      assert.equal(await slowPut('slow', 12, 400), 200);
    });

    it('an upload that stops moving is cut, and leaves no object', async () => {
      assert.equal(await slowPut('stopped', 2, 4000), undefined);
      assert.equal((await agent.get('/box/desk/stopped').set('authorization', bearer())).status, 404);
    });

    it('a client that waits for a store that hangs gets 503 from us, not a cut connection', async () => {
      store.faults.s3 = 'hang';
      try {
        const answer = await agent.get('/box/desk/one').set('authorization', bearer());
        assert.equal(answer.status, 503);
        assert.ok(Number(answer.headers['retry-after']) > 0);
      } finally {
        store.faults.s3 = 'none';
      }
    });
  });

  it('is ready when it listens, and reports its dependencies without letting them decide that', async () => {
    assert.equal(gateway.readiness().ready, false);
    await new Promise<void>((resolve) => gateway.server.listen(0, '127.0.0.1', resolve));
    const { ready, reports } = gateway.readiness();
    await new Promise((resolve) => gateway.server.close(resolve));
    assert.equal(ready, true);
    assert.deepEqual(reports.map(({ name }) => name.split(':')[0]).toSorted(), [
      'audit',
      'bucket',
      'credentials',
      'issuer',
      'policies',
      'store',
      'sts',
    ]);
  });

  it('counts requests, stages, bytes and calls with bounded labels', async () => {
    const { text } = await gateway.metrics();
    for (const name of [
      'sallyport_requests_total',
      'sallyport_stage_duration_seconds',
      'sallyport_bytes_total',
      'sallyport_calls_total',
    ]) {
      assert.ok(text.includes(name), name);
    }
    assert.equal(text.includes('desk/one'), false);
    assert.equal(text.includes('somebody'), false);
  });

  it('writes no token into its log', async () => {
    await agent.get('/box/desk/one').set('authorization', `${bearer()}broken`);
    assert.equal(/eyJ[\w-]{10,}/.test(log), false);
    assert.equal((await readdir(join(folder, 'audit'))).length > 0, true);
  });
});
