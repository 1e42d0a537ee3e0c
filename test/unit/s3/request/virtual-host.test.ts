import assert from 'node:assert/strict';
import { parseRequest } from '../../../../src/s3/request/parse-request.ts';
import { bucketOfHost } from '../../../../src/s3/request/virtual-host.ts';
import { refused } from '../fixture.ts';

const HOSTS = ['s3.example.com', 'example.com:8443', '192.0.2.7'];

function address(host: string, target: string): string[] {
  const { bucket, key } = parseRequest(
    { method: 'GET', target, rawHeaders: ['Host', host] },
    { requestId: 'r', receivedAtMs: 0, clientAddress: '::1', publicHosts: HOSTS },
  );
  return [bucket, key];
}

describe('s3/virtual-host', () => {
  it('takes the label before a public host for the bucket, and the whole path for the key', () => {
    assert.deepEqual(address('reports.s3.example.com', '/a/b'), ['reports', 'a/b']);
    assert.deepEqual(address('reports.s3.example.com:9000', '/a'), ['reports', 'a']);
    assert.deepEqual(address('reports.S3.Example.com', '/a'), ['reports', 'a']);
    assert.deepEqual(address('a.b.s3.example.com', '/'), ['a.b', '']);
    assert.deepEqual(address('reports.s3.example.com', '//a/../b'), ['reports', '/a/../b']);
  });

  it('keeps the URL by which the client addresses the bucket, and a path where its host or scheme is not known', () => {
    const url = (scheme: 'https' | 'http' | undefined, host: string, target: string) =>
      parseRequest(
        { method: 'GET', target, rawHeaders: ['Host', host] },
        { requestId: 'r', receivedAtMs: 0, clientAddress: '::1', scheme, publicHosts: HOSTS },
      ).bucketUrl;
    assert.equal(url('https', 's3.example.com', '/reports/a/b'), 'https://s3.example.com/reports');
    assert.equal(url('http', 'localhost:9000', '/reports/a'), 'http://localhost:9000/reports');
    assert.equal(url('https', '[::1]:8443', '/reports/a'), 'https://[::1]:8443/reports');
    assert.equal(url('https', 'reports.s3.example.com', '/a'), 'https://reports.s3.example.com');
    assert.equal(url(undefined, 's3.example.com', '/reports/a'), '/reports');
    for (const host of ['a b', 'user@host', 'host/path', ''])
      assert.equal(url('https', host, '/reports/a'), '/reports');
  });

  it('takes every other host for path-style', () => {
    for (const host of [
      's3.example.com',
      's3.example.com:443',
      'localhost:9000',
      'reports.other.com',
      'xs3.example.com',
    ]) {
      assert.deepEqual(address(host, '/reports/k'), ['reports', 'k'], host);
    }
  });

  it('takes no bucket from an address', () => {
    for (const host of ['192.0.2.7', '192.0.2.7:80', 'a.192.0.2.7', '[::1]:80']) {
      assert.equal(bucketOfHost(host, HOSTS), undefined, host);
    }
  });

  it('meets a public host with a port by that port only', () => {
    assert.equal(bucketOfHost('reports.example.com:8443', HOSTS), 'reports');
    assert.equal(bucketOfHost('reports.example.com', HOSTS), undefined);
  });

  it('means the longer one of two public hosts that end alike', () => {
    assert.equal(bucketOfHost('reports.s3.example.com', ['example.com', 's3.example.com']), 'reports');
    assert.equal(bucketOfHost('s3.example.com', ['example.com', 's3.example.com']), undefined);
  });

  it('refuses a label that is no bucket instead of reading the path another way', () => {
    for (const host of ['-.s3.example.com', '.s3.example.com', 'Reports.s3.example.com', 'a_b.s3.example.com']) {
      refused('InvalidBucketName', () => address(host, '/reports/k'));
    }
  });
});
