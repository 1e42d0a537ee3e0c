import assert from 'node:assert/strict';
import { parseTarget } from '../../../../src/s3/request/request-target.ts';
import { refused } from '../fixture.ts';

const keyOf = (target: string): string => parseTarget(target).key;

describe('s3/request-target', () => {
  it('tells service, bucket and object level apart', () => {
    assert.deepEqual([parseTarget('/').bucket, keyOf('/')], ['', '']);
    assert.deepEqual([parseTarget('/reports').bucket, keyOf('/reports')], ['reports', '']);
    assert.deepEqual([parseTarget('/reports/').bucket, keyOf('/reports/')], ['reports', '']);
    assert.deepEqual([parseTarget('/reports/k').bucket, keyOf('/reports/k')], ['reports', 'k']);
  });

  const keys: readonly (readonly [string, string, string])[] = [
    ['/b01//a', '/a', 'a leading slash'],
    ['/b01/a//b/', 'a//b/', 'empty segments'],
    ['/b01/../c/./d', '../c/./d', 'dot segments'],
    ['/b01/%2e%2e/x', '../x', 'encoded dot segments'],
    ['/b01/a+b', 'a+b', 'a plus'],
    ['/b01/a%2Bb%20c', 'a+b c', 'an encoded plus and a space'],
    ['/b01/a%2Fb', 'a/b', 'an encoded slash'],
    ['/b01/a%252Fb', 'a%2Fb', 'an encoded percent sign, decoded once only'],
    ['/b01/%C3%BC%F0%9F%98%80', 'ü😀', 'UTF-8'],
    ['/b01/%EF%BB%BFx', '\uFEFFx', 'a byte order mark'],
    ['/b01/%0A%01', '\n\u0001', 'control characters'],
    ['/b01/a?x=%3F/%2F', 'a', 'a slash in the query'],
    ['/b01/a%3Fb', 'a?b', 'an encoded question mark'],
  ];
  for (const [target, key, what] of keys) {
    it(`keeps ${what}`, () => assert.equal(keyOf(target), key));
  }

  for (const target of [
    'http://evil/b01/k',
    '*',
    '',
    'b01/k',
    '/b01/k#f',
    '/b01/a b',
    '/b01/a\tb',
    '/b01/a\u0000',
    '/b01/\u00fc',
    '/b01/%',
    '/b01/%4',
    '/b01/%zz',
    '/b01/%00',
    '/b01/%FF',
    '/b01/%C0%AF',
    '/b01/%ED%A0%80',
    '/b01/%E2%82',
    '/b01?prefix=%ff',
    '/b01?=x',
    '/b01?a&&b',
    `/b01/${'a'.repeat(17_000)}`,
  ]) {
    it(`refuses the target ${JSON.stringify(target.slice(0, 24))}`, () => {
      refused('InvalidURI', () => parseTarget(target));
    });
  }

  for (const target of [
    '//k',
    '//',
    '/-/healthz',
    '/-',
    '/Reports/k',
    '/a_b/k',
    '/ab/k',
    '/192.168.0.1/k',
    '/a..b/k',
    '/-ab/k',
    '/ab-/k',
    '/%72eports/k',
    '/reports%2Fk',
    '/../reports/k',
    `/${'a'.repeat(64)}/k`,
    '/__proto__/k',
  ]) {
    it(`refuses the bucket of ${target.slice(0, 20)}`, () => {
      refused('InvalidBucketName', () => parseTarget(target));
    });
  }

  it('takes keys of up to 1,024 bytes, counted decoded', () => {
    assert.equal(Buffer.byteLength(keyOf(`/b01/${'%C3%BC'.repeat(512)}`)), 1024);
    refused('KeyTooLong', () => parseTarget(`/b01/${'%C3%BC'.repeat(512)}a`));
    refused('KeyTooLong', () => parseTarget(`/b01/${'a'.repeat(1025)}`));
  });

  it('decodes the query once, a plus as a space', () => {
    const { query } = parseTarget('/b01?prefix=a+b%2Bc%2520&flag&empty=&%64=e=f');
    assert.deepEqual(
      [...query],
      [
        ['prefix', 'a b+c%20'],
        ['flag', ''],
        ['empty', ''],
        ['d', 'e=f'],
      ],
    );
  });

  it('refuses a repeated query name, however it is spelled', () => {
    refused('InvalidRequest', () => parseTarget('/b01?prefix=a&prefix=b'));
    refused('InvalidRequest', () => parseTarget('/b01?prefix=a&%70refix=a'));
  });
});
