import assert from 'node:assert/strict';
import { objectHeaders } from '../../../../src/s3/response/store-response.ts';
import { storedHeaders } from '../../../../src/s3/request/stored-headers.ts';
import { MAX_USER_METADATA_BYTES } from '../../../../src/s3/request/user-metadata.ts';
import { parse, put, refused } from '../fixture.ts';

describe('s3/accepted-headers', () => {
  for (const [name, value] of [
    ['x-amz-website-redirect-location', '/x'],
    ['x-amz-mfa', 'device 123456'],
    ['x-amz-bypass-governance-retention', 'true'],
    ['x-amz-copy-source-if-match', '"a"'],
    ['x-amz-grant-read', 'id=1'],
    ['x-amz-checksum-xxhash64', 'x'],
    ['x-amz-anything-new', 'x'],
    ['content-range', 'bytes 0-2/3'],
    ['if-modified-since', 'Sat, 21 Nov 2026 00:00:00 GMT'],
    ['if-range', '"a"'],
  ] as const) {
    it(`does not implement ${name}: ${value} on a PUT`, () => {
      refused('NotImplemented', () => put(name, value));
    });
  }

  it('takes the expected owner of a bucket as twelve digits, where there is a bucket', () => {
    const owner = ['x-amz-expected-bucket-owner', '111122223333'] as const;
    for (const [method, target] of [
      ['HEAD', '/reports'],
      ['GET', '/reports?list-type=2'],
      ['GET', '/reports/k'],
      ['DELETE', '/reports/k?uploadId=u'],
      ['DELETE', '/reports?tagging'],
    ] as const) {
      assert.equal(parse(method, target, ...owner).headers.get(owner[0]), owner[1]);
      refused('InvalidArgument', () => parse(method, target, owner[0], 'arn:aws:iam::111122223333:root'));
    }
    refused('NotImplemented', () => parse('GET', '/', ...owner));
    refused('NotImplemented', () => parse('PUT', '/reports', ...owner));
    refused('NotImplemented', () => put('x-amz-source-expected-bucket-owner', owner[1]));
  });

  it('names the header that it refuses', () => {
    assert.deepEqual(refused('NotImplemented', () => put('X-Amz-Mfa', 'a')).clientFields, {
      Header: 'x-amz-mfa',
    });
  });

  it('takes the default ACL and storage class as no-ops', () => {
    const request = put('x-amz-acl', 'private', 'x-amz-storage-class', 'STANDARD');
    assert.deepEqual(storedHeaders(request), {});
  });

  it('does not implement conditions on anything but reads, writes and deletes', () => {
    refused('NotImplemented', () => parse('DELETE', '/reports/k', 'If-None-Match', '"a"'));
    refused('NotImplemented', () => parse('DELETE', '/reports/k', 'If-Unmodified-Since', 'x'));
    refused('NotImplemented', () => parse('GET', '/reports', 'If-None-Match', '"a"'));
    refused('NotImplemented', () => parse('GET', '/reports', 'If-Range', '"a"'));
  });

  for (const [name, value] of [
    ['x-amz-acl', 'everybody'],
    ['x-amz-storage-class', 'lower'],
    ['x-amz-server-side-encryption', 'none'],
    ['x-amz-object-lock-mode', 'GOVERNANCE'],
    ['x-amz-object-lock-retain-until-date', '2030-01-01T00:00:00Z'],
    ['x-amz-object-lock-legal-hold', 'on'],
    ['x-amz-checksum-type', 'COMPOSITE'],
  ] as const) {
    it(`does not take ${name}: ${value}`, () => {
      refused('InvalidArgument', () => put(name, value));
    });
  }

  for (const tagging of [
    'a=1&a=2',
    '=b',
    'aws:a=b',
    'a=%ff',
    'a=b=c',
    'a=b&',
    Array.from({ length: 11 }, (_, i) => `k${i}=v`).join('&'),
    `${'k'.repeat(129)}=v`,
    'a=%3C',
  ]) {
    it(`refuses the tags ${tagging.slice(0, 30)}`, () => {
      refused('InvalidTag', () => put('x-amz-tagging', tagging));
    });
  }

  it('takes what SDKs send along by default', () => {
    const headers = [
      'x-amz-checksum-mode',
      'ENABLED',
      'x-amz-date',
      '20261121T000000Z',
      'x-amz-content-sha256',
      'UNSIGNED-PAYLOAD',
      'amz-sdk-invocation-id',
      'a',
      'amz-sdk-request',
      'attempt=1',
      'x-amz-user-agent',
      'aws-sdk-js',
      'traceparent',
      '00-0',
    ];
    assert.equal(parse('GET', '/reports/k', ...headers).operation, 'GetObject');
  });

  it('takes a bypass header or metadata on no read', () => {
    refused('NotImplemented', () => parse('GET', '/reports/k', 'x-amz-meta-a', 'b'));
    refused('NotImplemented', () => parse('GET', '/reports/k', 'x-amz-bypass-governance-retention', 'true'));
  });

  for (const name of ['x-amz-meta-sallyport', 'X-Amz-Meta-Sallyport', 'x-amz-meta-sallyport-x', 'x-amz-meta-']) {
    it(`refuses ${name} from a client`, () => {
      refused('InvalidArgument', () => put(name, '1;1;s;1;AAAA'));
    });
  }

  it('takes other names that begin alike', () => {
    assert.equal(storedHeaders(put('x-amz-meta-sallyports', 'a'))['x-amz-meta-sallyports'], 'a');
  });

  it('bounds user metadata to what ours leaves of 2,048 bytes', () => {
    const room = MAX_USER_METADATA_BYTES - 2;
    assert.ok(put('x-amz-meta-a', 'v'.repeat(room - 10), 'x-amz-meta-b', 'v'.repeat(10)));
    refused('MetadataTooLarge', () => put('x-amz-meta-a', 'v'.repeat(room - 10), 'x-amz-meta-b', 'v'.repeat(11)));
  });

  it('refuses values that cannot be stored byte-exact', () => {
    refused('InvalidArgument', () => put('x-amz-meta-a', 'a\tb'));
    refused('InvalidArgument', () => put('x-amz-meta-a', 'f\xc3\xbcr\tb'));
    refused('InvalidArgument', () => put('content-disposition', 'attachment; filename="\xfc"'));
    refused('InvalidArgument', () => put('cache-control', 'f\xc3\xbcr'));
  });

  it('has a store keep what is UTF-8 as an encoded word, as S3 shows it', () => {
    const disposition = 'attachment; filename="\xc3\xa9.txt"';
    const stored = storedHeaders(put('x-amz-meta-a', 'f\xc3\xbcr', 'content-disposition', disposition));
    assert.equal(stored['x-amz-meta-a'], '=?UTF-8?B?ZsO8cg==?=');
    assert.match(stored['content-disposition'] ?? '', /^=\?UTF-8\?B\?[\w+/=]+\?=$/);
    const shown = objectHeaders(new Map(Object.entries(stored)), true);
    assert.equal(shown['x-amz-meta-a'], '=?UTF-8?B?ZsO8cg==?=');
    assert.equal(shown['content-disposition'], disposition);
  });

  it('bounds such metadata by what the store gets', () => {
    refused('MetadataTooLarge', () => put('x-amz-meta-a', '\xc3\xbc'.repeat(MAX_USER_METADATA_BYTES / 2 - 10)));
  });

  it('ignores such values where they are not stored', () => {
    assert.equal(parse('GET', '/reports/k', 'User-Agent', 'f\xc3\xbcr').operation, 'GetObject');
  });
});

describe('s3/stored-headers', () => {
  it('lets an allow-list of headers through to the store, and nothing else', () => {
    const kept = {
      'content-type': 'text/csv',
      'cache-control': 'no-cache',
      'content-disposition': 'inline',
      'content-encoding': 'gzip',
      'content-language': 'en',
      expires: 'Sat, 21 Nov 2026 00:00:00 GMT',
      'x-amz-meta-a_b': 'c',
      'x-amz-meta-empty': '',
    };
    const dropped = {
      authorization: 'Bearer t',
      cookie: 'c',
      'user-agent': 'u',
      'x-forwarded-for': 'f',
      'x-remote-user': 'r',
      'content-md5': '1B2M2Y8AsgTpgAmY7PhCfg==',
      'accept-encoding': 'gzip',
      expect: '100-continue',
      connection: 'close',
    };
    assert.deepEqual(storedHeaders(put(...Object.entries({ ...dropped, ...kept }).flat())), kept);
  });
});

describe('s3/store-response', () => {
  const stored = new Map([
    ['content-type', 'text/csv'],
    ['content-length', '10'],
    ['etag', '"abc"'],
    ['last-modified', 'Sat, 21 Nov 2026 00:00:00 GMT'],
    ['x-amz-meta-a', 'b'],
    ['x-amz-meta-sallyport', '1;1;s;1;AAAA'],
    ['x-amz-meta-sallyport-next', 'x'],
    ['x-amz-version-id', 'v'],
    ['x-amz-checksum-crc32', 'AAAAAA=='],
    ['x-amz-server-side-encryption', 'aws:kms'],
    ['x-amz-server-side-encryption-aws-kms-key-id', 'arn'],
    ['x-amz-id-2', 'host'],
    ['x-amz-request-id', 'r'],
    ['server', 'store'],
    ['set-cookie', 'a=b'],
    ['x-amz-expiration', 'rule-id'],
  ]);

  it('shows of a sealed object neither checksums nor encryption of the store, and never the envelope', () => {
    assert.deepEqual(objectHeaders(stored, true), {
      'content-type': 'text/csv',
      etag: '"abc-1"',
      'last-modified': 'Sat, 21 Nov 2026 00:00:00 GMT',
      'x-amz-meta-a': 'b',
      'x-amz-version-id': 'v',
    });
  });

  it("shows of a plain object the store's own ETag and checksum", () => {
    const headers = objectHeaders(stored, false);
    assert.equal(headers['etag'], '"abc"');
    assert.equal(headers['x-amz-checksum-crc32'], 'AAAAAA==');
    assert.equal(headers['x-amz-meta-sallyport'], undefined);
  });

  it('counts metadata that cannot be a header instead of failing or altering it', () => {
    const headers = objectHeaders(
      new Map([
        ['x-amz-meta-a', '日本'],
        ['x-amz-missing-meta', '2'],
      ]),
      true,
    );
    assert.deepEqual(headers, { 'x-amz-missing-meta': '3' });
  });
});
