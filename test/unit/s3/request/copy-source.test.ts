import assert from 'node:assert/strict';
import { copySourceHeader, parseCopySource } from '../../../../src/s3/request/copy-source.ts';
import { parse, refused } from '../fixture.ts';

describe('s3/copy-source', () => {
  for (const [header, bucket, key, versionId] of [
    ['b01/k', 'b01', 'k', undefined],
    ['/b01/k', 'b01', 'k', undefined],
    ['b01/a//b/../c', 'b01', 'a//b/../c', undefined],
    ['b01%2Fa%2Fb', 'b01', 'a/b', undefined],
    ['b01/a+b%20c%2Bd%2525', 'b01', 'a b c+d%25', undefined],
    ['b01%2Fa+b', 'b01', 'a b', undefined],
    ['/b01/k?versionId=null', 'b01', 'k', 'null'],
    ['b01/k%3FversionId=x?versionId=v', 'b01', 'k?versionId=x', 'v'],
    ['b01//k', 'b01', '/k', undefined],
    // Go's SDK leaves it to its user to escape.
    ['b01/{a}/file #1 [2].txt', 'b01', '{a}/file #1 [2].txt', undefined],
  ] as const) {
    it(`reads ${header}`, () => assert.deepEqual(parseCopySource(header), { bucket, key, versionId }));
  }

  for (const header of [
    '',
    '/',
    'b01',
    'b01/',
    '/b01',
    'b01/k?x=y',
    'b01/k?versionId=',
    'b01/k?versionId=a b',
    'b01/a  b',
    'b01/a ',
    'b01/a\tb',
    'b01/k?versionId=a&x=y',
  ]) {
    it(`refuses ${JSON.stringify(header)}`, () => {
      refused('InvalidArgument', () => parseCopySource(header));
    });
  }

  it('refuses what names no bucket', () => {
    for (const header of ['//b01/k', 'B01/k', '-/k', '../b01/k', 'arn:aws:s3:::b01/k', 'b%3001/k']) {
      refused('InvalidBucketName', () => parseCopySource(header));
    }
    refused('InvalidURI', () => parseCopySource('b01/%zz'));
    refused('InvalidURI', () => parseCopySource('b01/%00'));
    refused('KeyTooLong', () => parseCopySource(`b01/${'k'.repeat(1025)}`));
  });

  it('finds its way to the store under another name', () => {
    assert.equal(copySourceHeader(parseCopySource('b01/a+b%2B%3F'), 'stored'), '/stored/a%20b%2B%3F');
  });

  it('makes a copy of an upload, and of nothing else', () => {
    assert.equal(parse('PUT', '/reports/k', 'x-amz-copy-source', 'b01/k').operation, 'CopyObject');
    const part = parse('PUT', '/reports/k?partNumber=1&uploadId=u', 'x-amz-copy-source', 'b01/k');
    assert.equal(part.operation, 'UploadPartCopy');
    refused('NotImplemented', () => parse('GET', '/reports/k', 'x-amz-copy-source', 'b01/k'));
    refused('NotImplemented', () => parse('PUT', '/reports', 'x-amz-copy-source', 'b01/k'));
    refused('NotImplemented', () =>
      parse('PUT', '/reports/k?tagging', 'x-amz-copy-source', 'b01/k', 'Content-Length', '1'),
    );
  });

  it('takes no body with a copy, and no repeated source', () => {
    const source = ['x-amz-copy-source', 'b01/k'] as const;
    refused('InvalidRequest', () => parse('PUT', '/reports/k', ...source, 'Content-Length', '1'));
    refused('InvalidRequest', () => parse('PUT', '/reports/k', ...source, ...source));
  });

  it('refuses a copy of an object to itself that changes nothing, however its source is written', () => {
    for (const source of ['b01/k', '/b01/k', 'b01%2Fk', '/b01/%6B']) {
      refused('InvalidRequest', () => parse('PUT', '/b01/k', 'x-amz-copy-source', source));
      const copies = ['x-amz-copy-source', source, 'x-amz-metadata-directive'];
      refused('InvalidRequest', () => parse('PUT', '/b01/k', ...copies, 'COPY'));
      assert.equal(parse('PUT', '/b01/k', ...copies, 'REPLACE').operation, 'CopyObject');
    }
    assert.equal(parse('PUT', '/b01/k', 'x-amz-copy-source', 'b01/k?versionId=v').operation, 'CopyObject');
  });
});
