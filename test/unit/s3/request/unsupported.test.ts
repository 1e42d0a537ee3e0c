import assert from 'node:assert/strict';
import { ERRORS } from '../../../../src/errors/codes.ts';
import { parse, put, refused } from '../fixture.ts';

const SSE_C = 'x-amz-server-side-encryption-customer';

describe('s3/unsupported', () => {
  for (const [what, code, attempt, instead] of [
    ['a key of the customer', 'CustomerKeysNotSupported', () => put(`${SSE_C}-key`, 'k'), 'no x-amz-server-side'],
    [
      'a key of the customer on a read',
      'CustomerKeysNotSupported',
      () => parse('GET', '/reports/k', `${SSE_C}-algorithm`, 'AES256'),
      'no x-amz-server-side',
    ],
    [
      'a key of the customer of a source',
      'CustomerKeysNotSupported',
      () =>
        parse(
          'PUT',
          '/reports/k',
          ...['x-amz-copy-source', 'b01/k', 'x-amz-copy-source-server-side-encryption-customer-key', 'k'],
        ),
      'no x-amz-server-side',
    ],
    ['an append', 'AppendNotSupported', () => put('x-amz-write-offset-bytes', '0'), 'multipart upload'],
    [
      'RenameObject',
      'RenameNotSupported',
      () => parse('PUT', '/reports/k?renameObject', 'x-amz-rename-source', '/reports/a', 'Content-Length', '0'),
      'copy the object',
    ],
    [
      'an annotation',
      'AnnotationsNotSupported',
      () => parse('GET', '/reports/k?annotation&annotationName=a'),
      'EXCLUDE',
    ],
    [
      'an annotation to delete',
      'AnnotationsNotSupported',
      () => parse('DELETE', '/reports/k?annotation&annotationName=a'),
      'EXCLUDE',
    ],
    [
      'a session of S3 Express',
      'DirectoryBucketsNotSupported',
      () => parse('GET', '/reports?session'),
      'general purpose',
    ],
    [
      'a directory bucket',
      'DirectoryBucketsNotSupported',
      () => parse('GET', '/reports--use1-az4--x-s3/k'),
      'general purpose',
    ],
    [
      'Signature Version 4A in a header',
      'SigV4aNotSupported',
      () => parse('GET', '/reports/k', 'Authorization', 'AWS4-ECDSA-P256-SHA256 Credential=a', 'x-amz-region-set', '*'),
      'AWS4-HMAC-SHA256',
    ],
    [
      'Signature Version 4A in a query',
      'SigV4aNotSupported',
      () => parse('GET', '/reports/k?X-Amz-Algorithm=AWS4-ECDSA-P256-SHA256&X-Amz-Region-Set=*'),
      'AWS4-HMAC-SHA256',
    ],
  ] as const) {
    it(`refuses ${what} and says what to do instead`, () => {
      refused(code, attempt);
      assert.ok(ERRORS[code].message.includes(instead));
    });
  }

  it('refuses encryption by the store where nothing is written, as S3 does', () => {
    const header = 'x-amz-server-side-encryption';
    for (const method of ['GET', 'HEAD']) {
      refused('InvalidArgument', () => parse(method, '/reports/k', header, 'AES256'));
      refused('InvalidArgument', () => parse(method, '/reports/k', `${header}-aws-kms-key-id`, 'k'));
    }
  });

  it('knows nothing better of what it does not know', () => {
    refused('NotImplemented', () => put('x-amz-anything-new', 'x'));
    refused('NotImplemented', () => parse('GET', '/reports/k?anything-new'));
  });
});
