import assert from 'node:assert/strict';
import { isLoopback } from '../../../../src/platform/loopback.ts';
import { isOrigin, parseAddress, parseUrl } from '../../../../src/config/values/shapes.ts';

describe('config/values/shapes', () => {
  it('reads addresses with names, IPv4 and bracketed IPv6', () => {
    assert.deepEqual(parseAddress('localhost:0'), { host: 'localhost', port: 0 });
    assert.deepEqual(parseAddress('[::1]:65535'), { host: '::1', port: 65535 });
    assert.deepEqual(parseAddress('10.0.0.1:80'), { host: '10.0.0.1', port: 80 });
  });

  it('refuses addresses that are cut, ambiguous or too large', () => {
    for (const text of ['', ':80', 'host', 'host:', 'host:65536', '::1:80', '[::1]', '[host]:80', 'a b:80', 'h:8 0']) {
      assert.equal(parseAddress(text), undefined, text);
    }
  });

  it('refuses URLs that would have to be repaired, or that carry more than a place', () => {
    const wrong = [
      ...['', 'store.example', 'ftp://x', 'https://', 'https:/x', 'HTTPS://x', 'https://x y', 'https://x\n'],
      ...['https://u@x', 'https://u:p@x', 'https://@x', 'https://x/?', 'https://x/#', 'https://x?a', 'https://x\\y@z'],
    ];
    for (const text of wrong) assert.equal(parseUrl(text), undefined, text);
  });

  it('tells an origin from a URL with a path', () => {
    for (const text of ['https://x', 'https://x/', 'http://x:9000']) assert(isOrigin(text), text);
    for (const text of ['https://x/y', 'https://x//', 'x']) assert(!isOrigin(text), text);
  });

  it('takes for loopback only what cannot be elsewhere', () => {
    for (const host of ['localhost', 'LOCALHOST', '127.0.0.1', '127.9.9.9', '::1', '[::1]'])
      assert(isLoopback(host), host);
    for (const host of ['0.0.0.0', '::', '127.0.0.1.example', '127', 'localhost.example', '::ffff:127.0.0.1', '']) {
      assert(!isLoopback(host), host);
    }
  });
});
