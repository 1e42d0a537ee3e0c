import assert from 'node:assert/strict';
import { keptHeaders, keptInCopy } from '../../../../src/s3/request/kept-headers.ts';

describe('what an object keeps', () => {
  const kept = (headers: Readonly<Record<string, string>>, dropped?: readonly string[]) =>
    keptInCopy(new Map(Object.entries(headers)), dropped);

  it('is its content headers, metadata and storage class, and nothing of its old form', () => {
    const headers = {
      'content-type': 'a/b',
      'x-amz-meta-own': '1',
      'x-amz-meta-isec': 'w',
      'x-amz-meta-sallyport': 'E',
      'x-amz-meta-sallyport-work': '1',
      'x-amz-storage-class': 'STANDARD_IA',
      etag: '"e"',
      'content-length': '5',
    };
    assert.deepEqual(kept(headers, ['x-amz-meta-isec']), {
      'content-type': 'a/b',
      'x-amz-meta-own': '1',
      'x-amz-storage-class': 'STANDARD_IA',
    });
  });

  it("keeps the store's own encryption, which policies of buckets may demand of each write", () => {
    assert.deepEqual(kept({ 'x-amz-server-side-encryption': 'AES256' }), { 'x-amz-server-side-encryption': 'AES256' });
    const headers = { 'x-amz-server-side-encryption': 'aws:kms', 'x-amz-server-side-encryption-aws-kms-key-id': 'k' };
    assert.deepEqual(kept(headers), headers);
  });

  it('is refused where it could not be written again as it is', () => {
    assert.throws(() => kept({ 'x-amz-missing-meta': '1' }), { code: 'InvalidRequest' });
    assert.throws(() => kept({ 'x-amz-meta-a': 'gr\u00fc\u00df' }), { code: 'InvalidRequest' });
    assert.throws(() => kept({ 'x-amz-server-side-encryption-customer-algorithm': 'AES256' }), {
      code: 'InvalidRequest',
    });
  });

  it('goes along with a copy but for how the store keeps the object, which is for the place of the copy to say', () => {
    const headers = { 'content-type': 'a/b', 'x-amz-meta-own': '1', 'x-amz-meta-sallyport': 'E' };
    const kept = keptHeaders(new Map(Object.entries({ ...headers, 'x-amz-storage-class': 'STANDARD_IA' })));
    assert.deepEqual(kept, { 'content-type': 'a/b', 'x-amz-meta-own': '1' });
  });
});
