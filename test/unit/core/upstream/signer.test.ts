import assert from 'node:assert/strict';
import type { OutboundRequest } from '../../../../src/contracts/upstream.ts';
import { createSigner } from '../../../../src/core/upstream/signer.ts';

const store = { name: 'main', endpoint: 'https://s3.example:9000', region: 'eu-west-1' };
const credentials = { accessKeyId: 'AK', secretAccessKey: 'SK', sessionToken: 'ST', expiresAtMs: 1 };
const get: OutboundRequest = { store, method: 'GET', bucket: 'reports', key: 'a b/+', query: [], headers: {} };

describe('core/upstream/signer', () => {
  it('addresses objects path-style, encoded once', () => {
    assert.equal(createSigner().sign(get, credentials, 0).target, '/reports/a%20b/%2B');
  });

  it('addresses a bucket without a trailing slash', () => {
    const signed = createSigner().sign({ ...get, key: '', query: [['list-type', '2']] }, credentials, 0);
    assert.equal(signed.target, '/reports?list-type=2');
  });

  it('sends the host with its port, the session token and the hash of no body', () => {
    const { headers, body } = createSigner().sign(get, credentials, 0);
    assert.equal(headers['host'], 's3.example:9000');
    assert.equal(headers['x-amz-security-token'], 'ST');
    assert.match(headers['x-amz-content-sha256'] ?? '', /^e3b0c442/);
    assert.equal(headers['content-length'], undefined);
    assert.equal(body, undefined);
  });

  it('announces the exact length of a body and leaves it unsigned', () => {
    const content = Buffer.alloc(3);
    const put: OutboundRequest = { ...get, method: 'PUT', body: { sizeBytes: 3, content } };
    const signed = createSigner().sign(put, credentials, 0);
    assert.equal(signed.headers['content-length'], '3');
    assert.equal(signed.headers['x-amz-content-sha256'], 'UNSIGNED-PAYLOAD');
    assert.equal(signed.body, content);
  });
});
