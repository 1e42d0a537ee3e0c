import assert from 'node:assert/strict';
import { storedHeaders } from '../../../../src/s3/request/stored-headers.ts';
import { parse, put, refused } from '../fixture.ts';

const SHA = 'x-amz-content-sha256';
const SIGNED = 'STREAMING-AWS4-HMAC-SHA256-PAYLOAD';
const UNSIGNED = 'STREAMING-UNSIGNED-PAYLOAD-TRAILER';
const TRAILER = ['x-amz-trailer', 'x-amz-checksum-crc32'] as const;
const DECODED = ['x-amz-decoded-content-length', '3'] as const;

const chunked = (...headers: string[]) => parse('PUT', '/reports/k', 'Transfer-Encoding', 'chunked', ...headers);

describe('s3/payload', () => {
  it('reads the five kinds of bodies', () => {
    assert.equal(put(SHA, 'a'.repeat(64)).payload.chunked, undefined);
    assert.equal(put(SHA, 'UNSIGNED-PAYLOAD').payload.chunked, undefined);
    assert.deepEqual(chunked(SHA, SIGNED, ...DECODED).payload, {
      sizeBytes: 3,
      declaredHash: SIGNED,
      chunked: { signed: true, trailer: undefined },
    });
    assert.deepEqual(chunked(SHA, `${SIGNED}-TRAILER`, ...DECODED, ...TRAILER).payload.chunked, {
      signed: true,
      trailer: 'CRC32',
    });
    assert.deepEqual(chunked(SHA, UNSIGNED, ...DECODED, ...TRAILER).payload.chunked, {
      signed: false,
      trailer: 'CRC32',
    });
  });

  it('counts a framed body without its framing', () => {
    const request = parse('PUT', '/reports/k', 'Content-Length', '100', SHA, SIGNED, ...DECODED);
    assert.equal(request.payload.sizeBytes, 3);
    assert.equal(request.claims.sha256, undefined);
  });

  it('stores the encoding of the object without the framing', () => {
    for (const [sent, stored] of [
      ['aws-chunked', undefined],
      ['gzip,aws-chunked', 'gzip'],
      ['aws-chunked, gzip', 'gzip'],
      ['gzip, AWS-Chunked, br', 'gzip, br'],
      ['aws-chunked,aws-chunked', undefined],
      ['gzip, br', 'gzip, br'],
    ] as const) {
      const request = chunked(SHA, UNSIGNED, ...DECODED, ...TRAILER, 'Content-Encoding', sent);
      assert.equal(storedHeaders(request)['content-encoding'], stored, sent);
    }
  });

  it('refuses a framing that only the Content-Encoding speaks of', () => {
    for (const encoding of ['aws-chunked', 'gzip, AWS-Chunked']) {
      refused('InvalidRequest', () => put('Content-Encoding', encoding));
      refused('InvalidRequest', () => put('Content-Encoding', encoding, SHA, 'UNSIGNED-PAYLOAD'));
      refused('InvalidRequest', () => parse('POST', '/reports/k?uploads', 'Content-Encoding', encoding));
    }
  });

  it('refuses what belongs to a framed body on one that is not', () => {
    refused('InvalidRequest', () => put(...DECODED));
    refused('InvalidRequest', () => put(...TRAILER));
    refused('MissingContentLength', () => chunked());
    refused('MissingContentLength', () => chunked(SHA, 'UNSIGNED-PAYLOAD'));
  });

  it('wants to know the decoded length, and a length or chunks on the wire', () => {
    refused('MissingContentLength', () => chunked(SHA, SIGNED));
    refused('MissingContentLength', () => parse('PUT', '/reports/k', SHA, SIGNED, ...DECODED));
  });

  it('refuses a decoded length that no framing of the announced length can have', () => {
    for (const length of ['3', '2', '0']) {
      refused('InvalidArgument', () => parse('PUT', '/reports/k', 'Content-Length', length, SHA, SIGNED, ...DECODED));
    }
    for (const decoded of ['-1', '1e3', '', '9'.repeat(16)]) {
      refused('InvalidArgument', () => chunked(SHA, SIGNED, 'x-amz-decoded-content-length', decoded));
    }
  });

  it('refuses other transfer encodings, and Content-Length beside any', () => {
    for (const value of ['gzip, chunked', 'chunked, chunked', 'identity', 'xchunked', '']) {
      refused('BadRequest', () => parse('PUT', '/reports/k', 'Transfer-Encoding', value, SHA, SIGNED, ...DECODED));
    }
    refused('BadRequest', () => chunked('Content-Length', '100', SHA, SIGNED, ...DECODED));
  });

  it('refuses trailers that it cannot verify, several, or none where one is announced', () => {
    for (const trailer of ['x-amz-checksum-', 'x-amz-meta-a', 'x-amz-checksum-crc32,x-amz-checksum-sha1', '']) {
      refused('InvalidRequest', () => chunked(SHA, UNSIGNED, ...DECODED, 'x-amz-trailer', trailer));
    }
    refused('InvalidRequest', () => chunked(SHA, UNSIGNED, ...DECODED));
    refused('InvalidRequest', () => chunked(SHA, SIGNED, ...DECODED, ...TRAILER));
  });

  it('refuses a checksum in the head and one in the trailer', () => {
    refused('InvalidRequest', () => chunked(SHA, UNSIGNED, ...DECODED, ...TRAILER, 'x-amz-checksum-crc32', 'AAAAAA=='));
    refused('InvalidRequest', () =>
      chunked(SHA, UNSIGNED, ...DECODED, ...TRAILER, 'x-amz-checksum-sha1', Buffer.alloc(20).toString('base64')),
    );
  });

  it('wants the announced algorithm to be that of the checksum', () => {
    const announced = 'x-amz-sdk-checksum-algorithm';
    assert.ok(chunked(SHA, UNSIGNED, ...DECODED, ...TRAILER, announced, 'CRC32'));
    refused('InvalidRequest', () => chunked(SHA, UNSIGNED, ...DECODED, ...TRAILER, announced, 'SHA256'));
    refused('InvalidRequest', () => put(announced, 'CRC32'));
  });

  it('takes neither frames nor the digest of something where there is no body', () => {
    refused('InvalidRequest', () => parse('GET', '/reports/k', SHA, UNSIGNED));
    refused('InvalidRequest', () => parse('POST', '/reports/k?uploads', SHA, SIGNED));
    refused('ContentSha256Mismatch', () => parse('GET', '/reports/k', SHA, 'a'.repeat(64)));
    refused('NotImplemented', () => put(SHA, 'STREAMING-AWS4-ECDSA-P256-SHA256-PAYLOAD'));
  });

  it('bounds documents before they are read', () => {
    const post = (length: string) => parse('POST', '/reports?delete', 'Content-Length', length);
    assert.equal(post('2097152').operation, 'DeleteObjects');
    refused('EntityTooLarge', () => post('2097153'));
    refused('EntityTooLarge', () => parse('PUT', '/reports/k?tagging', 'Content-Length', '65537'));
    refused('MissingContentLength', () => parse('PUT', '/reports/k?tagging'));
  });
});
