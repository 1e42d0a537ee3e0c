import assert from 'node:assert/strict';
import { bearerToken } from '../../../src/s3/bearer-token.ts';

describe('s3/bearer-token', () => {
  it('gives what stands behind the scheme, in any case and after any number of spaces', () => {
    for (const scheme of ['Bearer ', 'bearer   ', 'BEARER ']) assert.equal(bearerToken(`${scheme}a.b.c`), 'a.b.c');
  });

  it('takes the scheme alone, or before what is no space, for a bearer without a good token', () => {
    assert.equal(bearerToken('Bearer'), '');
    assert.equal(bearerToken('Bearer \ta'), '\ta');
    assert.equal(bearerToken('Bearer\ta'), '\ta');
  });

  it('knows no other scheme, and no header that is not there', () => {
    for (const header of [
      undefined,
      '',
      'Basic YQ==',
      'Bearers a',
      'Bearer=a',
      ' Bearer a',
      'AWS4-HMAC-SHA256 Credential=x',
    ])
      assert.equal(bearerToken(header), undefined, header);
  });
});
