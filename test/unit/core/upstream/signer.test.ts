import assert from 'node:assert/strict';
import type { OutboundRequest } from '../../../../src/contracts/upstream.ts';
import { createSigner } from '../../../../src/core/upstream/signer.ts';
import { HOSTILE_KEYS } from '../../../support/http/hostile-keys.ts';

const store = { name: 'main', endpoint: 'https://s3.example:9000', region: 'eu-west-1' };
const bucket = { store, storeBucket: 'reports', style: 'path' } as const;
const hosted = { store, storeBucket: 'reports', style: 'virtual' } as const;
const credentials = { accessKeyId: 'AK', secretAccessKey: 'SK', sessionToken: 'ST', expiresAtMs: 1 };
const get: OutboundRequest = { bucket, method: 'GET', key: 'a b/+', query: [], headers: {} };

const sign = (changes: Partial<OutboundRequest>) => createSigner().sign({ ...get, ...changes }, credentials, 0);

describe('core/upstream/signer', () => {
  it('addresses objects path-style, encoded once', () => {
    const { target, origin, headers } = sign({});
    assert.equal(target, '/reports/a%20b/%2B');
    assert.equal(origin, 'https://s3.example:9000');
    assert.equal(headers['host'], 's3.example:9000');
  });

  it('addresses a bucket without a trailing slash', () => {
    assert.equal(sign({ key: '', query: [['list-type', '2']] }).target, '/reports?list-type=2');
  });

  it('names a bucket in virtual-hosted style in the host, and in the origin to connect to, and nowhere else', () => {
    const { target, origin, headers } = sign({ bucket: hosted });
    assert.equal(target, '/a%20b/%2B');
    assert.equal(origin, 'https://reports.s3.example:9000');
    assert.equal(headers['host'], 'reports.s3.example:9000');
  });

  it('addresses a bucket in virtual-hosted style by a slash', () => {
    assert.equal(sign({ bucket: hosted, key: '' }).target, '/');
    assert.equal(sign({ bucket: hosted, key: '', query: [['delete', '']] }).target, '/?delete=');
  });

  it('keeps every slash that a key begins with, in both styles', () => {
    for (const key of ['/', '//', '/a', '///a//', '/../a', '/reports/a']) {
      assert.equal(sign({ key }).target, `/reports/${key}`);
      assert.equal(sign({ bucket: hosted, key }).target, `/${key}`);
    }
  });

  it('writes a key in both styles alike', () => {
    for (const key of HOSTILE_KEYS) {
      assert.equal(`/reports${sign({ bucket: hosted, key }).target}`, sign({ key }).target, key);
    }
  });

  it('leaves the usual port out of host and origin, as clients do', () => {
    for (const [scheme, port] of [
      ['https', 443],
      ['http', 80],
    ] as const) {
      const usual = { ...store, endpoint: `${scheme}://s3.example:${port}` };
      const { origin, headers } = sign({ bucket: { ...hosted, store: usual } });
      assert.equal(headers['host'], 'reports.s3.example');
      assert.equal(origin, `${scheme}://reports.s3.example`);
    }
  });

  it('keeps buckets of one signer apart', () => {
    const signer = createSigner();
    const other = { ...hosted, storeBucket: 'artifacts' };
    const hosts = [hosted, other, bucket, hosted].map(
      (requested) => signer.sign({ ...get, bucket: requested }, credentials, 0).headers['host'],
    );
    assert.deepEqual(hosts, [
      'reports.s3.example:9000',
      'artifacts.s3.example:9000',
      's3.example:9000',
      'reports.s3.example:9000',
    ]);
  });

  it('sends the session token and the hash of no body', () => {
    const { headers, body } = sign({});
    assert.equal(headers['x-amz-security-token'], 'ST');
    assert.match(headers['x-amz-content-sha256'] ?? '', /^e3b0c442/);
    assert.equal(headers['content-length'], undefined);
    assert.equal(body, undefined);
  });

  it('announces the exact length of a body and leaves it unsigned', () => {
    const content = Buffer.alloc(3);
    const signed = sign({ method: 'PUT', body: { sizeBytes: 3, content } });
    assert.equal(signed.headers['content-length'], '3');
    assert.equal(signed.headers['x-amz-content-sha256'], 'UNSIGNED-PAYLOAD');
    assert.equal(signed.body, content);
  });
});
