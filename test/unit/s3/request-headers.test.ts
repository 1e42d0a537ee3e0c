import assert from 'node:assert/strict';
import { foldHeaders } from '../../../src/s3/request-headers.ts';
import { refused } from './fixture.ts';

describe('s3/request-headers', () => {
  for (const name of [
    'Host',
    'Authorization',
    'Content-Length',
    'Transfer-Encoding',
    'Range',
    'Content-MD5',
    'Content-Type',
    'Content-Encoding',
    'If-Match',
    'If-None-Match',
    'If-Modified-Since',
    'X-Amz-Date',
    'X-Amz-Content-SHA256',
    'X-Amz-Security-Token',
    'X-Amz-Checksum-CRC32',
    'X-Amz-Acl',
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
