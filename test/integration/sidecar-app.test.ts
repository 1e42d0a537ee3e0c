import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Writable } from 'node:stream';
import supertest from 'supertest';
import { auditFiles, readAudit } from '../../src/audit/read-audit.ts';
import { loadSidecarFile } from '../../src/config/sidecar/load-sidecar.ts';
import { createEmbeddedStore, type EmbeddedStore } from '../../demo/store/embedded-store.ts';
import { createSidecar, type Sidecar } from '../../src/compose/sidecar.ts';
import { freePort } from '../../demo/free-port.ts';
import { send } from '../support/store/store-client.ts';

const POLICY = `
id: billing
description: Billing reads all of the ledger and writes its own part.
subjects: [{ issuer: sidecar, subject: billing }]
rules:
  - { id: read, allow: [GET, LIST], bucket: ledger, everything: true }
  - { id: write, allow: [PUT], bucket: ledger, prefix: billing/ }
`;

describe('a sidecar as sidecar-app.ts composes it, with policies and an audit on disk', function () {
  this.timeout(20_000);
  const keys = { accessKeyId: 'PODPODPODPODPODPODPO', secretAccessKey: randomBytes(20).toString('hex') };
  let folder: string;
  let store: EmbeddedStore;
  let sidecar: Sidecar;
  let agent: ReturnType<typeof supertest>;

  before(async () => {
    folder = await mkdtemp(join(tmpdir(), 'sallyport-sidecar-app-'));
    store = await createEmbeddedStore({
      folder: join(folder, 'store'),
      port: await freePort(),
      buckets: ['ledger'],
      gatewayKeys: { accessKeyId: 'GATEWAYGATEWAYGATEWA', secretAccessKey: 'unused-unused-unused' },
      ownerKeys: keys,
      log: () => undefined,
    });
    await store.start();
    await mkdir(join(folder, 'policies'));
    await writeFile(join(folder, 'policies', 'billing.yaml'), POLICY);
    await writeFile(join(folder, 'seed'), randomBytes(32), { mode: 0o600 });
    const path = join(folder, 'sidecar.yaml');
    await writeFile(
      path,
      JSON.stringify({
        stores: { main: { endpoint: store.endpoint, region: 'us-east-1', allowPlaintextHttp: true } },
        buckets: { ledger: { prefixes: { 'billing/open/': 'off' } } },
        keyring: { local: { versions: { 1: { seedFile: 'seed' } } } },
        policies: { directory: 'policies' },
        audit: { directory: 'audit', minFreeBytes: 0 },
        cors: { origins: ['https://app.example'] },
        timeouts: { drainDelayMs: 0 },
        sidecar: { subject: 'billing' },
      }),
    );
    const env = { AWS_ACCESS_KEY_ID: keys.accessKeyId, AWS_SECRET_ACCESS_KEY: keys.secretAccessKey };
    const silent = () => new Writable({ write: (_chunk, _encoding, done) => done() });
    sidecar = await createSidecar(await loadSidecarFile(path, env), {
      pid: process.pid,
      logStream: silent(),
      auditStream: silent(),
    });
    agent = supertest(sidecar.server);
  });

  after(async () => {
    await sidecar.drain();
    await store.stop();
    await rm(folder, { recursive: true, force: true });
  });

  it('lets the workload do what policy allows, and nothing else', async () => {
    assert.equal((await agent.put('/ledger/billing/one').send('words')).status, 200);
    assert.equal((await agent.get('/ledger/billing/one')).status, 200);
    assert.equal((await agent.put('/ledger/elsewhere').send('words')).status, 403);
    assert.equal((await agent.delete('/ledger/billing/one')).status, 403);
  });

  it('keeps plain what configuration says, and encrypts the rest', async () => {
    await agent.put('/ledger/billing/open/two').send('open words');
    await agent.put('/ledger/billing/three').send('other words');
    const stored = async (key: string) =>
      (await send(store.port, { method: 'GET', bucket: 'ledger', key, keys })).body.toString('latin1');
    assert.equal(await stored('billing/open/two'), 'open words');
    assert.doesNotMatch(await stored('billing/three'), /other words/);
  });

  it('records what was done and what was denied, by the name of the workload', async () => {
    const accesses: { subject: string; key: string; result: string | undefined }[] = [];
    for await (const { subject, key, result } of readAudit(await auditFiles(join(folder, 'audit')))) {
      accesses.push({ subject, key, result });
    }
    assert.ok(accesses.some(({ key, result }) => key === 'billing/one' && result === 'completed'));
    assert.ok(accesses.some(({ key, result }) => key === 'elsewhere' && result === 'denied'));
    assert.ok(accesses.every(({ subject }) => subject === 'billing'));
  });

  it('reloads policies', async () => {
    const path = join(folder, 'policies', 'billing.yaml');
    await writeFile(path, POLICY.replace('allow: [PUT]', 'allow: [PUT, DELETE]'));
    await sidecar.reload();
    assert.equal((await agent.delete('/ledger/billing/one')).status, 204);
    await writeFile(path, 'id: [');
    await sidecar.reload();
    assert.equal((await agent.get('/ledger/billing/three')).status, 200);
  });

  it('lets pages in whose origin is configured, and tells no other one anything', async () => {
    const page = (origin: string) =>
      agent.get('/ledger/billing/three').set('origin', origin).set('sec-fetch-site', 'cross-site');
    const allowed = await page('https://app.example');
    assert.equal(allowed.status, 200);
    assert.equal(allowed.headers['access-control-allow-origin'], 'https://app.example');
    const other = await page('https://evil.example');
    assert.equal(other.status, 403);
    assert.equal(other.headers['access-control-allow-origin'], undefined);
    assert.equal((await agent.get('/ledger/billing/three').set('sec-fetch-site', 'cross-site')).status, 403);
    const request = agent.options('/ledger/x').set('access-control-request-method', 'PUT');
    assert.equal((await request.set('origin', 'https://app.example')).status, 200);
  });
});
