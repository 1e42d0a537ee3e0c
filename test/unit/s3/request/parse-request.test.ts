import assert from 'node:assert/strict';
import { inspect } from 'node:util';
import { parse, put, refused } from '../fixture.ts';

describe('s3/parse-request', () => {
  const operations: readonly (readonly [string, string, string])[] = [
    ['GET', '/', 'ListBuckets'],
    ['GET', '/?x-id=ListBuckets', 'ListBuckets'],
    ['HEAD', '/reports', 'HeadBucket'],
    ['GET', '/reports?location', 'GetBucketLocation'],
    ['GET', '/reports/', 'ListObjects'],
    ['GET', '/reports?prefix=a&marker=b&delimiter=/&max-keys=1&encoding-type=url', 'ListObjects'],
    ['GET', '/reports?list-type=2&start-after=a&continuation-token=t&fetch-owner=true', 'ListObjectsV2'],
    ['GET', '/reports/k', 'GetObject'],
    ['GET', '/reports/k?x-id=GetObject', 'GetObject'],
    ['HEAD', '/reports/k', 'HeadObject'],
    ['DELETE', '/reports/k?x-id=DeleteObject', 'DeleteObject'],
    ['GET', '/reports?versions&prefix=a&key-marker=b&version-id-marker=c', 'ListObjectVersions'],
    ['GET', '/reports?uploads=&prefix=a', 'ListMultipartUploads'],
    ['GET', '/reports?versioning', 'GetBucketVersioning'],
    ['GET', '/reports?tagging', 'GetBucketTagging'],
    ['DELETE', '/reports?tagging', 'DeleteBucketTagging'],
    ['DELETE', '/reports', 'DeleteBucket'],
    ['PUT', '/reports', 'CreateBucket'],
    ['GET', '/reports/k?versionId=null', 'GetObject'],
    ['GET', '/reports/k?partNumber=1&x-id=GetObject', 'GetObject'],
    ['HEAD', '/reports/k?partNumber=1&versionId=v', 'HeadObject'],
    ['DELETE', '/reports/k?versionId=v', 'DeleteObject'],
    ['GET', '/reports/k?tagging&versionId=v', 'GetObjectTagging'],
    ['DELETE', '/reports/k?tagging', 'DeleteObjectTagging'],
    ['GET', '/reports/k?acl', 'GetObjectAcl'],
    ['GET', '/reports/k?retention', 'GetObjectRetention'],
    ['GET', '/reports/k?legal-hold', 'GetObjectLegalHold'],
    ['POST', '/reports/k?uploads&x-id=CreateMultipartUpload', 'CreateMultipartUpload'],
    ['GET', '/reports/k?uploadId=u&max-parts=2&part-number-marker=1', 'ListParts'],
    ['DELETE', '/reports/k?uploadId=u', 'AbortMultipartUpload'],
  ];
  for (const [method, target, operation] of operations) {
    it(`reads ${method} ${target} as ${operation}`, () => assert.equal(parse(method, target).operation, operation));
  }

  it('reads PUT of an object as PutObject', () => assert.equal(put().operation, 'PutObject'));

  for (const [method, target] of [
    ['GET', '/reports?metrics'],
    ['GET', '/reports?location&prefix=a'],
    ['GET', '/reports?list-type=2&marker=a'],
    ['GET', '/reports?continuation-token=a'],
    ['GET', '/reports/k?prefix=a'],
    ['GET', '/reports/k?anything'],
    ['GET', '/reports/k?acl&tagging'],
    ['GET', '/reports?versions&list-type=2'],
    ['GET', '/reports?inventory'],
    ['GET', '/reports/k?torrent'],
    ['PUT', '/reports?acl'],
    ['PUT', '/reports?policy'],
    ['PUT', '/reports/k?uploadId=u'],
    ['DELETE', '/reports/k?uploadId=u&versionId=v'],
    ['POST', '/reports'],
    ['POST', '/reports/k?restore'],
    ['POST', '/reports/k?select&select-type=2'],
    ['POST', '/'],
    ['HEAD', '/reports?location'],
    ['PUT', '/reports/k?acl'],
    ['OPTIONS', '/reports/k'],
  ] as const) {
    it(`does not implement ${method} ${target}`, () => {
      refused('NotImplemented', () => parse(method, target, 'Content-Length', '0'));
    });
  }

  it('refuses methods that S3 does not have', () => {
    for (const method of ['PATCH', 'TRACE', 'PROPFIND', 'get']) {
      refused('MethodNotAllowed', () => parse(method, '/reports/k'));
    }
    refused('MethodNotAllowed', () => parse('PUT', '/'));
    refused('MethodNotAllowed', () => parse('HEAD', '/'));
  });

  it('refuses an x-id of another operation', () => {
    refused('InvalidArgument', () => parse('GET', '/reports/k?x-id=PutObject'));
  });

  it('refuses list types other than 2', () => {
    refused('InvalidArgument', () => parse('GET', '/reports?list-type=3'));
  });

  it('carries over what it was given', () => {
    const request = parse('GET', '/reports/k', 'Range', 'bytes=1-2', 'X-Forwarded-For', 'a', 'x-forwarded-for', 'b');
    assert.equal(request.requestId, 'request-1');
    assert.equal(request.receivedAtMs, 1_000);
    assert.equal(request.clientAddress, '192.0.2.1');
    assert.deepEqual(request.range, { kind: 'closed', first: 1, last: 2 });
    assert.equal(request.headers.get('x-forwarded-for'), 'a,b');
  });

  it('reads a range for reads only', () => {
    assert.equal(parse('GET', '/reports', 'Range', 'bytes=1-2').range, undefined);
    assert.equal(put('Range', 'bytes=1-2').range, undefined);
  });

  describe('credentials', () => {
    for (const value of ['AWS AKIA:sig', 'aws AKIA:sig']) {
      it(`refuses Authorization: ${value}`, () => {
        refused('UnsupportedSignature', () => parse('GET', '/reports/k', 'Authorization', value));
      });
    }

    it('says of a URL presigned with Signature Version 2 what would be right', () => {
      const error = refused('UnsupportedSignature', () => parse('GET', '/reports/k?AWSAccessKeyId=a&Signature=SECRET'));
      assert.match(error.row.message, /AWS4-HMAC-SHA256/);
      assert.ok(!inspect(error).includes('SECRET'));
    });

    it('lets a bearer token and other schemes through to authentication', () => {
      assert.equal(parse('GET', '/reports/k', 'Authorization', 'Bearer x').operation, 'GetObject');
      assert.equal(parse('GET', '/reports/k', 'Authorization', 'Basic x').operation, 'GetObject');
    });

    it('never puts the value of a refused header into the error', () => {
      const headers = ['Authorization', 'Bearer t', 'x-amz-security-token', 'SECRET'];
      const error = refused('NotImplemented', () => parse('GET', '/reports/k', ...headers));
      assert.doesNotMatch(inspect(error), /SECRET/);
    });

    it('lets a session token without any signature through to authentication, which misses the signature', () => {
      const { presented } = parse('GET', '/reports/k', 'x-amz-security-token', 't', 'x-amz-date', '20261121T000000Z');
      assert.equal(presented, 'nothing');
    });

    it('never puts a presigned query into the error', () => {
      const error = refused('NotImplemented', () => parse('GET', '/reports/k?new&X-Amz-Signature=SECRET'));
      assert.doesNotMatch(inspect(error), /SECRET/);
    });
  });

  describe('framing', () => {
    it('refuses Content-Length beside Transfer-Encoding (request smuggling)', () => {
      refused('BadRequest', () => put('Transfer-Encoding', 'chunked'));
      refused('BadRequest', () => parse('GET', '/b01/k', 'Content-Length', '0', 'Transfer-Encoding', 'identity'));
    });

    it('wants the length of an upload', () => {
      refused('MissingContentLength', () => parse('PUT', '/reports/k'));
      refused('MissingContentLength', () => parse('PUT', '/reports/k', 'Transfer-Encoding', 'chunked'));
    });

    it('takes an empty upload', () => {
      assert.equal(parse('PUT', '/reports/k', 'Content-Length', '0').payload.sizeBytes, 0);
    });

    for (const length of ['-1', '+1', '1e3', '0x10', '', '1,1', '1 ', '9007199254740993', '٣']) {
      it(`refuses the length ${JSON.stringify(length)}`, () => {
        refused('BadRequest', () => parse('PUT', '/reports/k', 'Content-Length', length));
      });
    }

    it('refuses a body where none belongs', () => {
      for (const method of ['GET', 'HEAD', 'DELETE']) {
        refused('InvalidRequest', () => parse(method, '/reports/k', 'Content-Length', '1'));
        refused('InvalidRequest', () => parse(method, '/reports/k', 'Transfer-Encoding', 'chunked'));
        assert.equal(parse(method, '/reports/k', 'Content-Length', '0').payload.sizeBytes, 0);
      }
    });
  });

  it('checks x-amz-content-sha256 also where no body is', () => {
    refused('InvalidArgument', () => parse('GET', '/reports/k', 'x-amz-content-sha256', 'x'));
    refused('NotImplemented', () => parse('GET', '/reports/k', 'x-amz-content-sha256', 'STREAMING-X'));
  });
});
