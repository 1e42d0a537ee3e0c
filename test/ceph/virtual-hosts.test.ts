/** What the gateway signs and connects to, at a real store over TLS: RGW decides what a host and a target mean. */
import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import type { AddressingStyle } from '../../src/contracts/bucket.ts';
import type { OutboundRequest } from '../../src/contracts/upstream.ts';
import { createHttpUpstream, type Upstream } from '../../src/core/upstream/http-upstream.ts';
import { createSigner } from '../../src/core/upstream/signer.ts';
import { startCeph, type Ceph } from '../support/store/ceph.ts';
import { HOSTILE_KEYS } from '../support/http/hostile-keys.ts';
import '../support/stack/localhost-names.ts';
import { observer } from '../unit/core/keyring/fixture.ts';

describe('virtual-hosted buckets of a real store, over TLS', function () {
  this.timeout(120_000);
  let ceph: Ceph;
  let upstream: Upstream & { close: () => Promise<void> };
  const signer = createSigner();
  const run = randomBytes(4).toString('hex');

  before(async () => {
    ceph = await startCeph();
    const ca = await readFile(ceph.lab.caFile, 'utf8');
    upstream = createHttpUpstream({
      // The certificate names localhost and reports.localhost, and no other bucket.
      stores: [
        { name: 'named', endpoint: ceph.lab.tlsEndpoint, ca, minVersion: 'TLSv1.2' },
        { name: 'front', endpoint: ceph.lab.tlsEndpoint, ca, minVersion: 'TLSv1.2', serverName: 'localhost' },
      ],
      ...{ connections: 8, connectTimeoutMs: 5000, headersTimeoutMs: 20_000, bodyIdleTimeoutMs: 20_000 },
      ...{ observer, now: Date.now },
    });
  });
  after(async () => {
    await upstream.close();
    await ceph.stop();
  });

  async function send(
    { style = 'virtual', name = 'named', bucket: storeBucket = 'reports' }: Partial<Record<string, string>>,
    request: Pick<OutboundRequest, 'method' | 'key'> & Partial<OutboundRequest>,
  ): Promise<{ readonly status: number; readonly text: string }> {
    const endpoint = ceph.lab.tlsEndpoint.replace('127.0.0.1', 'localhost');
    const bucket = {
      store: { name, endpoint, region: ceph.lab.region },
      ...{ storeBucket, style: style as AddressingStyle },
    };
    const credentials = { ...ceph.lab.owner, sessionToken: undefined, expiresAtMs: 1 };
    const signed = signer.sign({ bucket, query: [], headers: {}, ...request }, credentials, Date.now());
    const answer = await upstream.send(signed, undefined);
    return { status: answer.status, text: (await answer.whole()).toString() };
  }

  it('keep every key as it is: what one style wrote, the other reads', async () => {
    const leading = ['/', '//', '/leading', '//two', '/../up', '..', '.', './', '/reports/x', 'reports/x'];
    for (const key of [...leading.map((start) => `${start}${run}`), ...HOSTILE_KEYS.map((end) => `${run}/${end}`)]) {
      if (Buffer.byteLength(key) > 1024) continue;
      const content = Buffer.from(`content of ${key}`);
      const body = { sizeBytes: content.length, content };
      for (const [writes, reads] of [
        ['virtual', 'path'],
        ['path', 'virtual'],
      ] as const) {
        assert.equal((await send({ style: writes }, { method: 'PUT', key, body })).status, 200, key);
        assert.deepEqual(await send({ style: reads }, { method: 'GET', key }), {
          status: 200,
          text: content.toString(),
        });
        assert.equal((await send({ style: writes }, { method: 'DELETE', key })).status, 204, key);
        assert.equal((await send({ style: reads }, { method: 'GET', key })).status, 404, key);
      }
    }
  });

  it('are copied from, whatever style the target has', async () => {
    const content = Buffer.from(run);
    const from = { key: `/from ${run}`, body: { sizeBytes: content.length, content } };
    await send({}, { method: 'PUT', ...from });
    for (const style of ['virtual', 'path'] as const) {
      const to = { key: `//to ${run}` };
      const headers = { 'x-amz-copy-source': `/reports//from%20${run}` };
      assert.equal((await send({ style }, { method: 'PUT', ...to, headers })).status, 200);
      assert.equal((await send({}, { method: 'GET', ...to })).text, run);
      await send({}, { method: 'DELETE', ...to });
    }
    await send({}, { method: 'DELETE', key: from.key });
  });

  it('are listed', async () => {
    const { status, text } = await send({}, { method: 'GET', key: '', query: [['list-type', '2']] });
    assert.equal(status, 200);
    assert.match(text, /<Name>reports<\/Name>/);
  });

  it('are sent nothing where the certificate does not name them, but in path style or by a name of its own', async () => {
    const listing = { method: 'GET', key: '', query: [['list-type', '2']] } as const;
    const bucket = 'artifacts';
    await assert.rejects(send({ bucket }, listing), { code: 'ServiceUnavailable', detail: /ALTNAME_INVALID/ });
    assert.match((await send({ bucket, style: 'path' }, listing)).text, /<Name>artifacts<\/Name>/);
    assert.match((await send({ bucket, name: 'front' }, listing)).text, /<Name>artifacts<\/Name>/);
  });
});
