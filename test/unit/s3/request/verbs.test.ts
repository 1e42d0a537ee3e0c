import assert from 'node:assert/strict';
import { storeHeaders } from '../../../../src/s3/request/store-headers.ts';
import { partNumberOf, storeQuery } from '../../../../src/s3/request/store-query.ts';
import { responseOverrides } from '../../../../src/s3/request/response-overrides.ts';
import { extraVerbs, mainVerb, sourceVerb } from '../../../../src/s3/request/verbs.ts';
import { parse, put, refused } from '../fixture.ts';

const TOKEN = ['Authorization', 'Bearer t'] as const;
const LOCK = ['x-amz-object-lock-mode', 'GOVERNANCE', 'x-amz-object-lock-retain-until-date', '2030-01-01T00:00:00Z'];

describe('s3/verbs', () => {
  it('asks for a verb of its own where a version is named', () => {
    assert.equal(mainVerb(parse('GET', '/reports/k')), 'GET');
    assert.equal(mainVerb(parse('GET', '/reports/k?versionId=null')), 'GET_VERSION');
    assert.equal(mainVerb(parse('HEAD', '/reports/k?versionId=v')), 'GET_VERSION');
    assert.equal(mainVerb(parse('DELETE', '/reports/k?versionId=v')), 'DELETE_VERSION');
    const attributes = parse('GET', '/reports/k?attributes&versionId=v', 'x-amz-object-attributes', 'ETag');
    assert.equal(mainVerb(attributes), 'GET_VERSION');
    assert.deepEqual(extraVerbs(parse('GET', '/reports/k?versionId=v')), []);
  });

  it('asks for both where tags, locks or the ACL of a version are named', () => {
    for (const target of ['tagging', 'retention', 'legal-hold', 'acl']) {
      assert.deepEqual(extraVerbs(parse('GET', `/reports/k?${target}&versionId=v`)), ['GET_VERSION']);
      assert.deepEqual(extraVerbs(parse('GET', `/reports/k?${target}`)), []);
    }
  });

  it('asks for nothing more for the values that S3 takes by default, and passes none of them on', () => {
    const request = put(...['x-amz-acl', 'private', 'x-amz-storage-class', 'STANDARD', 'x-amz-tagging', '']);
    assert.deepEqual(extraVerbs(request), []);
    assert.deepEqual(storeHeaders(request, { encrypted: true }), {});
    const defaulted = put('x-amz-acl', 'bucket-owner-full-control', 'x-amz-tagging', 'a=b');
    assert.deepEqual(extraVerbs(defaulted), ['PUT_TAGS']);
    assert.deepEqual(storeHeaders(defaulted, { encrypted: true }), { 'x-amz-tagging': 'a=b' });
  });

  it('asks for nothing more for AES256, and passes it on: policies of buckets deny writes without it', () => {
    const request = put('x-amz-server-side-encryption', 'AES256');
    assert.deepEqual(extraVerbs(request), []);
    assert.deepEqual(storeHeaders(request, { encrypted: true }), { 'x-amz-server-side-encryption': 'AES256' });
  });

  for (const [headers, verb] of [
    [['x-amz-acl', 'public-read'], 'PUT_ACL'],
    [['x-amz-tagging', 'a=b'], 'PUT_TAGS'],
    [['x-amz-storage-class', 'GLACIER'], 'PUT_STORAGE_CLASS'],
    [['x-amz-server-side-encryption', 'aws:kms'], 'PUT_SSE'],
    [['x-amz-server-side-encryption-aws-kms-key-id', 'arn:aws:kms:a'], 'PUT_SSE'],
    [['x-amz-server-side-encryption-context', 'eyJhIjoiYiJ9'], 'PUT_SSE'],
    [['x-amz-server-side-encryption-bucket-key-enabled', 'true'], 'PUT_SSE'],
    [['x-amz-object-lock-legal-hold', 'OFF'], 'PUT_LOCK'],
    [LOCK, 'PUT_LOCK'],
  ] as const) {
    it(`asks for ${verb} where ${headers[0]} is more than the default, and passes it on`, () => {
      for (const request of [put(...headers), parse('POST', '/reports/k?uploads', ...headers)]) {
        assert.deepEqual(extraVerbs(request), [verb]);
        assert.equal(storeHeaders(request, { encrypted: true })[headers[0]], headers[1]);
      }
    });
  }

  it('asks for PUT_LOCK to go around a retention', () => {
    const bypass = 'x-amz-bypass-governance-retention';
    assert.deepEqual(extraVerbs(parse('DELETE', '/reports/k?versionId=v', bypass, 'true')), ['PUT_LOCK']);
    assert.deepEqual(extraVerbs(parse('DELETE', '/reports/k', bypass, 'false')), []);
    assert.deepEqual(extraVerbs(parse('POST', '/reports?delete', bypass, 'true', 'Content-Length', '9')), ['PUT_LOCK']);
    // In another spelling too: what a store may take for true is decided as true.
    assert.deepEqual(extraVerbs(parse('DELETE', '/reports/k', bypass, 'TRUE')), ['PUT_LOCK']);
  });

  it('asks for PUT_TAGS where a copy replaces tags, by none too', () => {
    const copy = parse('PUT', '/reports/k', 'x-amz-copy-source', 'b01/k', 'x-amz-tagging-directive', 'REPLACE');
    assert.deepEqual(extraVerbs(copy), ['PUT_TAGS']);
  });

  it('asks for the verb of the version of a source', () => {
    assert.equal(sourceVerb({ bucket: 'b01', key: 'k', versionId: undefined }), 'GET');
    assert.equal(sourceVerb({ bucket: 'b01', key: 'k', versionId: 'null' }), 'GET_VERSION');
  });
});

describe('s3/store-headers', () => {
  it("names the source by the store's bucket, encoded once", () => {
    const request = parse('PUT', '/reports/k', 'x-amz-copy-source', '/b01/a%20b%2Fc%3F?versionId=v1');
    assert.deepEqual(request.copySource, { bucket: 'b01', key: 'a b/c?', versionId: 'v1' });
    assert.deepEqual(storeHeaders(request, { encrypted: false, sourceBucket: 'stored' }), {
      'x-amz-copy-source': '/stored/a%20b/c%3F?versionId=v1',
    });
  });

  it('carries over conditions on the source, and on the target', () => {
    const request = parse(
      'PUT',
      '/reports/k',
      ...['x-amz-copy-source', 'b01/k', 'x-amz-copy-source-if-match', '"a"', 'if-none-match', '*'],
    );
    const headers = storeHeaders(request, { encrypted: false, sourceBucket: 'stored' });
    assert.equal(headers['x-amz-copy-source-if-match'], '"a"');
    assert.equal(headers['if-none-match'], '*');
  });

  it('tells a store nothing of a copy that the store does not make', () => {
    const request = parse(
      'PUT',
      '/reports/k',
      ...['x-amz-copy-source', 'b01/k', 'x-amz-copy-source-if-match', '"a-1"', 'x-amz-metadata-directive', 'COPY'],
      ...['if-match', '"b-1"'],
    );
    assert.deepEqual(storeHeaders(request, { encrypted: true }), { 'if-match': 'b' });
  });

  it('names the checksum of an upload only to a store that keeps it, and no checksum of a body, which goes with that', () => {
    const named = ['x-amz-checksum-algorithm', 'crc32', 'x-amz-checksum-type', 'full_object'];
    const created = parse('POST', '/reports/k?uploads', ...named);
    assert.deepEqual(storeHeaders(created, { encrypted: true }), {});
    assert.deepEqual(storeHeaders(created, { encrypted: false }), {});
    assert.deepEqual(storeHeaders(created, { encrypted: false, keepsChecksums: true }), {
      'x-amz-checksum-algorithm': 'CRC32',
      'x-amz-checksum-type': 'FULL_OBJECT',
    });
    const body = put('x-amz-checksum-crc32', 'AAAAAA==', 'x-amz-sdk-checksum-algorithm', 'CRC32');
    assert.deepEqual(storeHeaders(body, { encrypted: false, keepsChecksums: true }), {});
  });

  it('passes on neither credentials nor metadata of an operation that keeps none', () => {
    const request = parse('GET', '/reports/k?acl', 'Content-Type', 'a', ...TOKEN, 'Cookie', 'c');
    assert.deepEqual(storeHeaders(request, { encrypted: false }), {});
  });
});

describe('s3/store-query', () => {
  it('passes on what an operation is named by, and nothing else', () => {
    assert.deepEqual(storeQuery(parse('GET', '/reports/k?tagging&versionId=v')), [
      ['tagging', ''],
      ['versionId', 'v'],
    ]);
    assert.deepEqual(storeQuery(parse('GET', '/reports/k?uploadId=u&max-parts=2&x-id=ListParts')), [
      ['uploadId', 'u'],
      ['max-parts', '2'],
    ]);
    assert.deepEqual(storeQuery(parse('GET', '/reports/k?response-expires=a', ...TOKEN)), []);
  });

  it('bounds part numbers', () => {
    assert.equal(partNumberOf(parse('GET', '/reports/k?partNumber=10000')), 10_000);
    for (const number of ['0', '10001', '-1', '1e1', '', '01x']) {
      refused('InvalidArgument', () => parse('GET', `/reports/k?partNumber=${number}`));
    }
    refused('InvalidArgument', () => parse('PUT', '/reports/k?partNumber=1', 'Content-Length', '1'));
    refused('InvalidRequest', () => parse('GET', '/reports/k?partNumber=1', 'Range', 'bytes=0-1'));
  });
});

describe('s3/response-overrides', () => {
  it('gives the headers that replace those of the object', () => {
    const request = parse('GET', '/reports/k?response-content-type=text/csv&response-expires=0', ...TOKEN);
    assert.deepEqual(responseOverrides(request), { 'content-type': 'text/csv', expires: '0' });
  });

  it('gives a name of a file in UTF-8 as its bytes', () => {
    const request = parse('GET', '/reports/k?response-content-disposition=filename%3D%22%C3%BC%22', ...TOKEN);
    assert.deepEqual(responseOverrides(request), { 'content-disposition': 'filename="\xc3\xbc"' });
  });

  it('refuses values that end a header, are too long, or come without credentials', () => {
    for (const value of ['a%0d%0aset-cookie:b', 'a%0ab', '%C3%BC%0a', 'a'.repeat(1025)]) {
      refused('InvalidArgument', () => parse('GET', `/reports/k?response-content-type=${value}`, ...TOKEN));
    }
    refused('InvalidRequest', () => parse('GET', '/reports/k?response-content-type=a'));
    refused('NotImplemented', () => parse('GET', '/reports/k?response-server=a', ...TOKEN));
    refused('NotImplemented', () => parse('DELETE', '/reports/k?response-expires=a', ...TOKEN));
  });
});
