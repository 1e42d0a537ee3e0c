import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { mkdir, mkdtemp, readdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Writable } from 'node:stream';
import supertest from 'supertest';
import { createGateway, type Gateway } from '../../src/compose/gateway.ts';
import { loadConfig } from '../../src/config/load-config.ts';
import { freePort } from '../../demo/free-port.ts';
import { createEmbeddedStore, DEMO_ROLE_ARN, type EmbeddedStore } from '../../demo/store/embedded-store.ts';
import { makeKey, signToken, startTestIssuer, type TestIssuer } from '../support/identity/issuer.ts';

const key = makeKey('RS256', 'k1');
const gatewayKeys = { accessKeyId: 'GATEWAYGATEWAYGATEWA', secretAccessKey: randomBytes(20).toString('hex') };
const ownerKeys = { accessKeyId: 'OWNEROWNEROWNEROWNER', secretAccessKey: randomBytes(20).toString('hex') };
const OLD_ID = 'OLDKEYOLDKEYOLDKEYOL';
const OLD_SECRET = 'the-secret-before-the-rotation';

const POLICY = `
id: team
description: The team works in both buckets under desk/.
subjects: [{ issuer: test, group: team }]
rules:
  - { id: box, allow: [GET, PUT], bucket: box, prefix: desk/ }
  - { id: landing, allow: [GET, PUT], bucket: landing, prefix: desk/ }
`;

describe('a store with STS and one without, side by side', function () {
  this.timeout(20_000);
  let folder: string;
  let issuer: TestIssuer;
  let store: EmbeddedStore;
  let gateway: Gateway;
  let log = '';
  let agent: ReturnType<typeof supertest>;

  const put = async (name: string, content: string): Promise<void> => {
    await writeFile(join(folder, 'next'), content, { mode: 0o600 });
    await rename(join(folder, 'next'), join(folder, name));
  };
  const bearer = (sub = 'somebody'): string => {
    const exp = Math.floor(Date.now() / 1000) + 600;
    return `Bearer ${signToken(key, { iss: issuer.url, sub, aud: 'sallyport', groups: ['team'], exp })}`;
  };
  const audited = async (): Promise<string> => {
    const names = (await readdir(join(folder, 'audit'))).filter((name) => name.endsWith('.jsonl'));
    return (await Promise.all(names.map((name) => readFile(join(folder, 'audit', name), 'utf8')))).join('');
  };

  before(async () => {
    folder = await mkdtemp(join(tmpdir(), 'sallyport-upstream-'));
    issuer = await startTestIssuer([key.publicJwk]);
    store = await createEmbeddedStore({
      folder: join(folder, 'store'),
      port: await freePort(),
      buckets: ['box', 'landing'],
      gatewayKeys,
      ownerKeys,
      log: () => undefined,
    });
    await store.start();
    await mkdir(join(folder, 'policies'));
    await writeFile(join(folder, 'policies', 'team.yaml'), POLICY);
    await put('seed', randomBytes(32).toString('hex'));
    await put('sts-id', OLD_ID);
    await put('sts-secret', OLD_SECRET);
    await put('own-id', OLD_ID);
    await put('own-secret', OLD_SECRET);
    const shared = { endpoint: store.endpoint, region: 'us-east-1', allowPlaintextHttp: true };
    await writeFile(
      join(folder, 'sallyport.yaml'),
      JSON.stringify({
        listen: { address: '127.0.0.1:1', allowPlaintextLoopback: true },
        issuers: { test: { issuer: issuer.url, audiences: ['sallyport'], allowHttp: true } },
        stores: {
          sessions: {
            ...shared,
            credentials: { accessKeyIdFile: 'sts-id', secretAccessKeyFile: 'sts-secret' },
            sts: { endpoint: store.endpoint, roleArn: DEMO_ROLE_ARN },
          },
          keyed: {
            ...shared,
            method: 'static',
            credentials: { accessKeyIdFile: 'own-id', secretAccessKeyFile: 'own-secret' },
          },
        },
        buckets: { box: { store: 'sessions' }, landing: { store: 'keyed' } },
        keyring: { local: { versions: { '1': { seedFile: 'seed' } } } },
        policies: { directory: 'policies' },
        audit: { directory: 'audit', minFreeBytes: 0 },
        timeouts: { drainDelayMs: 0 },
      }),
    );
    const config = await loadConfig({ path: join(folder, 'sallyport.yaml'), env: {} });
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

  it('is told of at start, loudly, and the one with STS is not', () => {
    const reported = log.split('\n').filter((line) => line.includes('store_credentials_static'));
    assert.equal(reported.length, 1);
    assert.match(String(reported[0]), /keyed/);
  });

  for (const [bucket, files, keys] of [
    ['box', 'sts', gatewayKeys],
    ['landing', 'own', ownerKeys],
  ] as const) {
    it(`serve ${bucket} again as soon as right keys are on disk, without a restart`, async () => {
      const refused = await agent.put(`/${bucket}/desk/one`).set('authorization', bearer()).send('hello');
      assert.ok(refused.status === 403 || refused.status === 503, String(refused.status));
      await put(`${files}-secret`, keys.secretAccessKey);
      await put(`${files}-id`, keys.accessKeyId);
      // A failure is kept for a second: the first one may still be told to the same caller.
      const stored = await agent.put(`/${bucket}/desk/one`).set('authorization', bearer('other')).send('hello');
      assert.equal(stored.status, 200, stored.text);
      const got = await agent.get(`/${bucket}/desk/one`).set('authorization', bearer('other'));
      assert.equal(got.status, 200, got.text);
      assert.equal(got.body instanceof Buffer ? got.body.toString() : got.text, 'hello');
    });
  }

  it('hold to policy alike', async () => {
    for (const path of ['/box/other/x', '/landing/other/x', '/landing/desk']) {
      assert.equal((await agent.get(path).set('authorization', bearer('other'))).status, 403, path);
      assert.equal((await agent.put(path).set('authorization', bearer('other')).send('x')).status, 403, path);
    }
  });

  it('are asked by sessions where there is STS, and only there', async () => {
    const before = store.counters.stsCalls;
    await agent.get('/landing/desk/one').set('authorization', bearer('third'));
    assert.equal(store.counters.stsCalls, before);
    await agent.get('/box/desk/one').set('authorization', bearer('third'));
    assert.equal(store.counters.stsCalls, before + 1);
  });

  it('stand in the audit with their roles, and their keys stand nowhere', async () => {
    const written = await audited();
    assert.match(written, /"role":"static"/);
    assert.ok(written.includes(`"role":"${DEMO_ROLE_ARN}"`));
    for (const { secretAccessKey } of [gatewayKeys, ownerKeys]) {
      assert.ok(!written.includes(secretAccessKey) && !log.includes(secretAccessKey));
    }
    assert.ok(!written.includes(OLD_SECRET) && !log.includes(OLD_SECRET));
  });
});
