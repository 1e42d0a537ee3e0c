import assert from 'node:assert/strict';
import { withoutAnnotations } from '../../../../src/s3/request/annotations.ts';
import { storeHeaders } from '../../../../src/s3/request/store-headers.ts';
import { extraVerbs } from '../../../../src/s3/request/verbs.ts';
import { parse, put, refused } from '../fixture.ts';

const COPY = ['x-amz-copy-source', 'b01/k'];
const DIRECTIVE = 'x-amz-object-annotation-directive';
const SSE = 'x-amz-server-side-encryption';

describe('s3/ignored-headers', () => {
  for (const [client, name, value, method, target] of [
    ['the AWS SDK for C++', 'x-amz-api-version', '2006-03-01', 'GET', '/reports?list-type=2'],
    ['the AWS SDK for C++', 'x-amz-api-version', '2006-03-01', 'HEAD', '/reports'],
    ['the AWS SDK for C++', 'x-amz-api-version', '2006-03-01', 'GET', '/'],
    ['the AWS SDK for C++', 'x-amz-api-version', '2006-03-01', 'DELETE', '/reports/k'],
    ['the AWS SDK for Java 2', 'x-amz-te', 'append-md5', 'GET', '/reports/k'],
    ['the AWS SDK for Java 2', 'x-amz-checksum-crc32', 'AAAAAA==', 'GET', '/reports/k'],
    ['the AWS SDK for Java 2', 'x-amz-sdk-checksum-algorithm', 'CRC32', 'GET', '/reports/k'],
    ['a client of buckets of others', 'x-amz-request-payer', 'requester', 'GET', '/reports/k'],
    ['a client of buckets of others', 'x-amz-request-payer', 'requester', 'PUT', '/reports/k?tagging'],
    ['a browser', 'x-amz-user-agent', 'aws-sdk-js/2.1693.0', 'GET', '/reports/k'],
    ['the CRT in the AWS SDK for Java 2.29', 'x-amz-sdk-checksum-algorithm', 'CRC32', 'POST', '/reports/k?uploads'],
    ['minio-go', SSE, 'AES256', 'POST', '/reports/k?uploadId=u'],
  ] as const) {
    it(`takes and drops ${name} of ${client} on ${method} ${target}`, () => {
      const length = ['PUT', 'POST'].includes(method)
        ? ['Content-Length', target.endsWith('?uploads') ? '0' : '3']
        : [];
      const request = parse(method, target, name, value, ...length);
      assert.equal(request.headers.has(name), false);
    });
  }

  it('takes both headers of a default GetObject of the AWS SDK for Java 2 at once, and tells the store neither', () => {
    const request = parse('GET', '/reports/k', 'x-amz-te', 'append-md5', 'x-amz-checksum-crc32', 'AAAAAA==');
    assert.deepEqual(storeHeaders(request, { encrypted: false }), {});
  });

  it('leaves to signatures what was sent', () => {
    const { raw } = parse('GET', '/reports/k', 'x-amz-te', 'append-md5');
    assert.ok(raw.rawHeaders.includes('x-amz-te'));
  });

  it('takes a copy that excludes annotations, of objects and into parts', () => {
    for (const target of ['/reports/k', '/reports/k?partNumber=1&uploadId=u']) {
      const request = parse('PUT', target, ...COPY, DIRECTIVE, 'EXCLUDE');
      assert.equal(request.headers.has(DIRECTIVE), false);
    }
  });

  it('says of a copy that asks for annotations that they are not to be had', () => {
    const error = refused('AnnotationsNotSupported', () => parse('PUT', '/reports/k', ...COPY, DIRECTIVE, 'COPY'));
    assert.equal(error.row.s3Code, 'NotImplemented');
    assert.match(error.row.message, /EXCLUDE/);
  });

  for (const [name, value] of [
    ['x-amz-api-version', '2030-01-01'],
    ['x-amz-te', 'trailers'],
    ['x-amz-request-payer', 'owner'],
  ] as const) {
    it(`refuses ${name} with a value that asks for something`, () => {
      refused('InvalidArgument', () => parse('GET', '/reports/k', name, value));
    });
  }

  it('keeps on a body what is a claim about it', () => {
    assert.equal(put('x-amz-checksum-crc32', 'AAAAAA==').claims.checksum?.algorithm, 'CRC32');
    refused('NotImplemented', () => put('x-amz-te', 'append-md5'));
  });

  it('asks for no verb by encryption that CompleteMultipartUpload repeats, and passes it to no store', () => {
    const request = parse('POST', '/reports/k?uploadId=u', SSE, 'aws:kms', 'Content-Length', '3');
    assert.deepEqual(extraVerbs(request), []);
    assert.deepEqual(storeHeaders(request, { encrypted: false }), {});
  });
});

describe('s3/annotations', () => {
  it('keeps annotations out of copies at AWS', () => {
    for (const host of ['s3.eu-central-1.amazonaws.com', 's3.cn-north-1.amazonaws.com.cn']) {
      assert.deepEqual(withoutAnnotations(`https://${host}`), { [DIRECTIVE]: 'EXCLUDE' });
    }
  });

  it('sends no store a header that it may answer 501 to', () => {
    for (const host of ['store.example.com', 'amazonaws.com.example.com', '127.0.0.1:9000', 'amazonaws.com']) {
      assert.deepEqual(withoutAnnotations(`http://${host}`), {});
    }
  });
});
