/** What a process that is told to stop still brings to its end, and to the audit: work whose client is there, and work whose client is not. */
import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { request } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Writable } from 'node:stream';
import { setTimeout as sleep } from 'node:timers/promises';
import { createGateway, type Gateway } from '../../src/compose/gateway.ts';
import { auditFiles, readAudit, type AuditAccess } from '../../src/audit/read-audit.ts';
import { loadConfig } from '../../src/config/load-config.ts';
import { freePort } from '../../demo/free-port.ts';
import { createEmbeddedStore, type EmbeddedStore } from '../../demo/store/embedded-store.ts';
import { Client } from '../support/client/client.ts';
import { makeKey, signToken, startTestIssuer, type TestIssuer } from '../support/identity/issuer.ts';
import { startStoreProxy, type StoreProxy } from '../support/store/store-proxy.ts';

const key = makeKey('RS256', 'k1');
const keyPair = (name: string) => ({ accessKeyId: name, secretAccessKey: randomBytes(20).toString('hex') });
const POLICY = `
id: team
description: The team does everything.
subjects: [{ issuer: test, group: team }]
rules: [{ id: box, allow: [GET, PUT, LIST, DELETE], bucket: box, everything: true }]
`;
const DRAIN_MS = 2500;

describe('a gateway that is told to stop', function () {
  this.timeout(30_000);
  let folder: string;
  let issuer: TestIssuer;
  let store: EmbeddedStore;
  let proxy: StoreProxy;
  let gateway: Gateway;
  let client: Client;
  let port: number;

  const token = (): string => {
    const exp = Math.floor(Date.now() / 1000) + 600;
    return signToken(key, { iss: issuer.url, sub: 'alice', aud: 'sallyport', groups: ['team'], exp, iat: exp - 600 });
  };

  /**
   * Begins a copy, and leaves once the store is at it where it is told to; resolves what was answered, or `undefined` where
   * the connection ended before.
   */
  const copy = (to: string, leaves = false): Promise<{ status?: number; text: string } | undefined> =>
    new Promise((resolve) => {
      const headers = { authorization: `Bearer ${token()}`, 'x-amz-copy-source': 'box/source' };
      const outgoing = request({ port, host: '127.0.0.1', method: 'PUT', path: `/box/${to}`, headers }, (answer) => {
        let text = '';
        answer.on('data', (chunk: Buffer) => (text += chunk.toString()));
        answer.on('end', () => resolve({ status: answer.statusCode ?? 0, text }));
        answer.on('error', () => resolve(undefined));
      });
      outgoing.on('error', () => resolve(undefined));
      outgoing.end();
      if (leaves) void storeIsAsked().then(() => outgoing.destroy());
    });

  const storeIsAsked = async (): Promise<void> => {
    while (!proxy.calls.some(({ operation }) => operation === 'CopyObject')) await sleep(20);
  };

  const audited = async (wanted: string): Promise<AuditAccess | undefined> => {
    for await (const access of readAudit(await auditFiles(join(folder, 'audit')))) {
      if (access.key === wanted) return access;
    }
    return undefined;
  };

  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'sallyport-drain-'));
    issuer = await startTestIssuer([key.publicJwk]);
    const proxyPort = await freePort();
    const ownerKeys = keyPair('OWNEROWNEROWNEROWNER');
    store = await createEmbeddedStore({
      folder: join(folder, 'store'),
      port: await freePort(),
      relayPort: proxyPort,
      buckets: ['box'],
      gatewayKeys: keyPair('GATEWAYGATEWAYGATEWA'),
      ownerKeys,
      log: () => undefined,
    });
    await store.start();
    proxy = await startStoreProxy(proxyPort, store.port);
    await mkdir(join(folder, 'policies'));
    await writeFile(join(folder, 'policies', 'team.yaml'), POLICY);
    const secrets = {
      seed: randomBytes(32).toString('hex'),
      id: ownerKeys.accessKeyId,
      secret: ownerKeys.secretAccessKey,
    };
    for (const [name, value] of Object.entries(secrets)) await writeFile(join(folder, name), value, { mode: 0o600 });
    port = await freePort();
    await writeFile(
      join(folder, 'sallyport.yaml'),
      JSON.stringify({
        listen: { address: `127.0.0.1:${port}`, allowPlaintextLoopback: true },
        issuers: { test: { issuer: issuer.url, audiences: ['sallyport'], allowHttp: true } },
        stores: {
          only: {
            ...{ endpoint: proxy.endpoint, region: 'us-east-1', allowPlaintextHttp: true, method: 'static' },
            credentials: { accessKeyIdFile: 'id', secretAccessKeyFile: 'secret' },
          },
        },
        buckets: { box: {} },
        keyring: { local: { versions: { '1': { seedFile: 'seed' } } } },
        policies: { directory: 'policies' },
        audit: { directory: 'audit', minFreeBytes: 0 },
        timeouts: { drainDelayMs: 0, drainMs: DRAIN_MS },
      }),
    );
    const config = await loadConfig({ path: join(folder, 'sallyport.yaml'), env: {} });
    const logStream = new Writable({ write: (_chunk, _encoding, done) => done() });
    gateway = await createGateway(config, { worker: 0, pid: process.pid, logStream });
    await gateway.listen();
    client = new Client(`http://127.0.0.1:${port}`, '');
    const put = await client.call({ method: 'PUT', target: '/box/source', token: token(), body: 'hello' });
    assert.equal(put.status, 200, put.body.toString());
    client.close();
  });
  afterEach(async () => {
    await proxy.stop();
    await store.stop();
    await issuer.stop();
    await rm(folder, { recursive: true, force: true });
  });

  it('answers and records a copy that ends in time', async () => {
    proxy.slowness = ({ operation }) => (operation === 'CopyObject' ? 800 : 0);
    const answered = copy('stayed');
    await storeIsAsked();
    await gateway.drain();
    const answer = await answered;
    assert.equal(answer?.status, 200);
    assert.match(answer.text, /<CopyObjectResult/);
    assert.equal((await audited('stayed'))?.result, 'completed');
  });

  it('brings the copy of a client that left to its end, and records that, before it stops', async () => {
    proxy.slowness = ({ operation }) => (operation === 'CopyObject' ? 1200 : 0);
    assert.equal(await copy('left', true), undefined);
    await gateway.drain();
    assert.equal((await audited('left'))?.result, 'completed');
  });

  it('lets the work of a client that left ask the store for all that it still takes', async () => {
    // Of an object in parts the store says another ETag for the copy, and the source is looked at once more after it.
    const post = (query: string, body = '') =>
      client.call({ method: 'POST', target: `/box/source?${query}`, token: token(), body });
    const id = /<UploadId>([^<]+)/.exec((await post('uploads')).body.toString())?.[1] ?? '';
    const upload = `uploadId=${encodeURIComponent(id)}`;
    const part = await client.call({
      ...{ method: 'PUT', target: `/box/source?partNumber=1&${upload}`, token: token(), body: 'hello' },
    });
    const etag = String(part.headers['etag']);
    const list = `<Part><PartNumber>1</PartNumber><ETag>${etag}</ETag></Part>`;
    const completed = await post(upload, `<CompleteMultipartUpload>${list}</CompleteMultipartUpload>`);
    assert.equal(completed.status, 200, completed.body.toString());
    client.close();
    proxy.reset();
    proxy.slowness = ({ operation }) => (operation === 'CopyObject' ? 1200 : 0);
    assert.equal(await copy('left', true), undefined);
    await gateway.drain();
    // What was kept of the upload is listed and deleted meanwhile.
    const ofObjects = proxy.calls.map(({ operation }) => operation).filter((name) => name.endsWith('Object'));
    assert.deepEqual(ofObjects, ['HeadObject', 'CopyObject', 'HeadObject']);
    assert.equal((await audited('left'))?.result, 'completed');
  });

  it('stops in time where a store takes longer than that', async () => {
    proxy.slowness = ({ operation }) => (operation === 'CopyObject' ? 8000 : 0);
    const answered = copy('late');
    await storeIsAsked();
    const startedMs = performance.now();
    await gateway.drain();
    const tookMs = performance.now() - startedMs;
    assert.ok(tookMs < DRAIN_MS + 1500, `${tookMs} ms`);
    assert.equal(await answered, undefined);
    assert.equal((await audited('late'))?.result, 'aborted');
  });
});
