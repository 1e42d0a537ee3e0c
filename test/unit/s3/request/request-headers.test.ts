import assert from 'node:assert/strict';
import { foldHeaders } from '../../../../src/s3/request/request-headers.ts';
import { storedHeaders } from '../../../../src/s3/request/stored-headers.ts';
import { parse, put, refused } from '../fixture.ts';

const CHUNKED = [
  ...['x-amz-content-sha256', 'STREAMING-UNSIGNED-PAYLOAD-TRAILER', 'x-amz-trailer', 'x-amz-checksum-crc32'],
  ...['x-amz-decoded-content-length', '1'],
];

describe('s3/request-headers', () => {
  for (const name of [
    'Host',
    'Authorization',
    'Content-Length',
    'Transfer-Encoding',
    'Range',
    'Content-MD5',
    'Content-Type',
    'If-Modified-Since',
    'X-Amz-Date',
    'X-Amz-Content-SHA256',
    'X-Amz-Security-Token',
    'X-Amz-Checksum-CRC32',
    'X-Amz-Acl',
    'X-Amz-Tagging',
    'X-Amz-Copy-Source',
    'X-Amz-Copy-Source-If-Modified-Since',
    'X-Amz-Decoded-Content-Length',
    'Content-Disposition',
    'If-Range',
    'Expires',
    'X-Sallyport-Store-Token',
  ]) {
    it(`refuses a second ${name}, in any case`, () => {
      refused('InvalidRequest', () => foldHeaders([name, 'a', 'Accept', '*/*', name.toLowerCase(), 'a']));
    });
  }

  it('joins repeats of list-like headers and of metadata', () => {
    const headers = foldHeaders(['Accept', 'a', 'X-Amz-Meta-A', '1', 'accept', 'b', 'x-amz-meta-a', '2']);
    assert.equal(headers.get('accept'), 'a,b');
    assert.equal(headers.get('x-amz-meta-a'), '1,2');
  });

  for (const name of [
    'Content-Encoding',
    'Content-Language',
    'If-Match',
    'If-None-Match',
    'X-Amz-Copy-Source-If-Match',
    'X-Amz-Object-Attributes',
    'X-Amz-Optional-Object-Attributes',
  ]) {
    it(`makes one list of several lines of ${name}, in their order`, () => {
      const headers = foldHeaders([name, 'b', 'Accept', '*/*', name.toLowerCase(), 'a']);
      assert.equal(headers.get(name.toLowerCase()), 'b,a');
    });
  }

  it('takes the framing out of a list of encodings in two lines, and each attribute of a list', () => {
    const encoded = put('Content-Encoding', 'gzip', 'Content-Encoding', 'aws-chunked', ...CHUNKED);
    assert.deepEqual(storedHeaders(encoded), { 'content-encoding': 'gzip' });
    const lines = ['ETag', 'Checksum', 'ObjectSize'].flatMap((value) => ['x-amz-object-attributes', value]);
    const { headers } = parse('GET', '/reports/k?attributes', ...lines);
    assert.equal(headers.get('x-amz-object-attributes'), 'ETag,Checksum,ObjectSize');
  });

  it('obeys neither of two conditions on a write', () => {
    refused('NotImplemented', () => put('If-None-Match', '*', 'If-None-Match', '*'));
    refused('NotImplemented', () => put('If-Match', '"a"', 'If-Match', '"b"'));
  });

  for (const value of ['a\r\nx: y', 'a\nb', 'a\0', '\x7f', '\x1b[31m', '\u0100']) {
    it(`refuses the value ${JSON.stringify(value)}`, () => {
      refused('BadRequest', () => foldHeaders(['x-amz-meta-a', value]));
    });
  }

  for (const name of ['', 'a b', 'a:b', 'a\n', 'ä']) {
    it(`refuses the name ${JSON.stringify(name)}`, () => {
      refused('BadRequest', () => foldHeaders([name, 'v']));
    });
  }

  it('takes 200 fields and 32 KiB, and no more', () => {
    const fields = (count: number): string[] => Array.from({ length: count }, (_, i) => [`x-${i}`, 'v']).flat();
    assert.equal(foldHeaders(fields(200)).size, 200);
    refused('HeadersTooLarge', () => foldHeaders(fields(201)));
    assert.equal(foldHeaders(['x', 'v'.repeat(32_763)]).size, 1);
    refused('HeadersTooLarge', () => foldHeaders(['x', 'v'.repeat(32_764)]));
  });
});
