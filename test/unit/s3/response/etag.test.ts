import assert from 'node:assert/strict';
import { clientEtag, storeEtag } from '../../../../src/s3/response/etag.ts';

const HEX = '0123456789abcdef0123456789abcdef';
const DIGITS = '0'.repeat(32);

describe('ETags of encrypted objects', () => {
  it('have one suffix, with the number of parts, whatever the store’s are', () => {
    assert.equal(clientEtag(`"${HEX}"`), `"${HEX}-1"`);
    assert.equal(clientEtag(`"${HEX}-7"`), `"${HEX}-7"`);
    assert.equal(clientEtag(`"${HEX}-1"`), `"${HEX.toUpperCase()}-1"`);
    for (const stored of [HEX, `${HEX}-1`, `${HEX}-2`, `${HEX}-11`, `${HEX}-10000`]) {
      assert.match(clientEtag(stored), /^[0-9a-f]{32}-\d+$/i);
    }
  });

  it('lead back to the store’s, and no two of the store’s are shown alike', () => {
    const stored = [
      HEX,
      `${HEX}-1`,
      `${HEX}-2`,
      `${HEX}-11`,
      `${HEX}-21`,
      DIGITS,
      `${DIGITS}-1`,
      `${DIGITS}-2`,
      HEX.toUpperCase(),
    ];
    const others = ['x', 'x-1', 'x-1-1', 'x-2', '', '-1', 'abc', 'ABC-1'];
    const all = [...stored, ...others].flatMap((etag) => [etag, `"${etag}"`]);
    for (const etag of all) assert.equal(storeEtag(clientEtag(etag)), etag);
    assert.equal(new Set(all.map(clientEtag)).size, all.length);
  });

  it('that an earlier release showed still lead there', () => {
    assert.equal(storeEtag(`"${HEX}-1-1"`), `"${HEX}-1"`);
  });
});
