import assert from 'node:assert/strict';
import { isSameEntity } from '../../../../src/s3/request/if-range.ts';

const DATE = 'Thu, 05 Nov 2026 06:07:08 GMT';
const LATER = 'Thu, 05 Nov 2026 06:07:09 GMT';
const MD5 = '900150983cd24fb0d6963f7d28e17f72';

function isSame(ifRange: string, etag: string | undefined = `"${MD5}"`, encrypted = false): boolean {
  const headers = new Map([['last-modified', DATE], ...(etag === '' ? [] : [['etag', etag] as const])]);
  return isSameEntity(ifRange, headers, encrypted);
}

describe('s3/if-range', () => {
  it('knows an entity by its ETag, in quotes, without them, and between blanks', () => {
    for (const value of [`"${MD5}"`, MD5, ` "${MD5}" `]) assert.equal(isSame(value), true, value);
    for (const value of [`"${MD5.slice(1)}"`, 'other', '""']) assert.equal(isSame(value), false, value);
  });

  it('knows no entity by a weak ETag, by any at all, or where there is none', () => {
    for (const value of [`W/"${MD5}"`, '*', '', `"${MD5}", "other"`]) assert.equal(isSame(value), false, value);
    assert.equal(isSame(`"${MD5}"`, ''), false);
  });

  it('knows an encrypted entity by the ETag that the client was shown, and not by that of the store', () => {
    assert.equal(isSame(`"${MD5}-1"`, `"${MD5}"`, true), true);
    assert.equal(isSame(`"${MD5}-2"`, `"${MD5}-2"`, true), true);
    assert.equal(isSame(`"${MD5}"`, `"${MD5}"`, true), false);
  });

  it('knows an entity by its very date, and not by a later or an earlier one', () => {
    assert.equal(isSame(DATE), true);
    assert.equal(isSame(LATER), false);
    assert.equal(isSameEntity(DATE, new Map([['last-modified', LATER]]), false), false);
    assert.equal(isSameEntity(DATE, new Map(), false), false);
  });
});
