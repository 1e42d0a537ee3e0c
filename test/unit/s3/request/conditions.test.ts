import assert from 'node:assert/strict';
import { sourceConditions, storeConditions } from '../../../../src/s3/request/conditions.ts';
import { clientEtag, storeEtag } from '../../../../src/s3/response/etag.ts';
import { parse, put, refused } from '../fixture.ts';

const MD5 = '9e107d9d372bb6826bd81d3542a419d6';
const DATE = 'Sat, 21 Nov 2026 00:00:00 GMT';

const get = (...headers: string[]): Record<string, string> =>
  storeConditions(parse('GET', '/reports/k', ...headers), true);

describe('s3/etag', () => {
  it('never shows a bare MD5', () => {
    assert.equal(clientEtag(`"${MD5}"`), `"${MD5}-1"`);
    assert.equal(clientEtag(MD5), `${MD5}-1`);
    assert.equal(clientEtag(`W/"${MD5}"`), `W/"${MD5}-1"`);
  });

  it('keeps an ETag that says how many parts it has', () => {
    assert.equal(clientEtag(`"${MD5}-2"`), `"${MD5}-2"`);
    assert.equal(clientEtag(`"${MD5}-11"`), `"${MD5}-11"`);
  });

  it('shows different ETags for different ETags: a genuine -1 does not collide with an appended one', () => {
    assert.notEqual(clientEtag(`"${MD5}-1"`), clientEtag(`"${MD5}"`));
  });

  it('finds its way back', () => {
    for (const etag of [`"${MD5}"`, `"${MD5}-1"`, `"${MD5}-21"`, `"${MD5}-1-1"`, MD5, '"a-b"', '""', `W/"${MD5}"`]) {
      assert.equal(storeEtag(clientEtag(etag)), etag);
    }
  });
});

describe('s3/conditions', () => {
  it('maps entity tags of a sealed object back to those of the store', () => {
    assert.deepEqual(get('If-Match', `"${MD5}-1"`), { 'if-match': `"${MD5}"` });
    assert.deepEqual(get('If-None-Match', `"${MD5}-1", W/"b-1","c-7"`), {
      'if-none-match': `"${MD5}", W/"b","c-7"`,
    });
    assert.deepEqual(get('If-Match', `${MD5}-1`), { 'if-match': MD5 });
    assert.deepEqual(get('If-None-Match', '*'), { 'if-none-match': '*' });
  });

  it('leaves the entity tags of a plain object alone', () => {
    assert.deepEqual(storeConditions(parse('GET', '/reports/k', 'If-Match', '"a-1"'), false), { 'if-match': '"a-1"' });
  });

  it('passes dates on with reads', () => {
    assert.deepEqual(get('If-Modified-Since', DATE, 'If-Unmodified-Since', DATE), {
      'if-modified-since': DATE,
      'if-unmodified-since': DATE,
    });
  });

  it('leaves out a date that an entity tag goes before, of reads and of sources of copies', () => {
    assert.deepEqual(get('If-Match', '"a-1"', 'If-Unmodified-Since', DATE), { 'if-match': '"a"' });
    const headers = new Map([
      ['x-amz-copy-source-if-match', '"a-1"'],
      ['x-amz-copy-source-if-unmodified-since', DATE],
    ]);
    assert.deepEqual(sourceConditions({ headers }, true), { 'if-match': '"a"' });
    headers.set('x-amz-copy-source-if-unmodified-since', '<script>');
    refused('InvalidArgument', () => sourceConditions({ headers }, true));
  });

  for (const value of ['', '"a', 'a"', '"a" "b"', '"a",', '"a", *', 'a, b', '"\xfc"', 'a b', 'W/', 'w/"a"']) {
    it(`refuses the entity tag ${JSON.stringify(value)}`, () => {
      refused('InvalidArgument', () => get('If-Match', value));
    });
  }

  it('refuses a date that cannot be one', () => {
    refused('InvalidArgument', () => get('If-Modified-Since', '<script>'));
  });

  it('gives writes the two conditions that S3 has for them', () => {
    assert.deepEqual(storeConditions(put('If-None-Match', '*'), true), { 'if-none-match': '*' });
    for (const shown of [`"${MD5}-1"`, `${MD5}-1`]) {
      assert.deepEqual(storeConditions(put('If-Match', shown), true), { 'if-match': MD5 });
    }
  });

  it('refuses all other conditions of writes rather than dropping them', () => {
    refused('NotImplemented', () => put('If-None-Match', '"a"'));
    refused('NotImplemented', () => put('If-Match', '*'));
    refused('NotImplemented', () => put('If-Match', '"a", "b"'));
    refused('NotImplemented', () => put('If-Unmodified-Since', DATE));
  });
});
