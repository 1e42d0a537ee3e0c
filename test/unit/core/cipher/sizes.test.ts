import assert from 'node:assert/strict';
import { MAX_SINGLE_PLAIN_BYTES } from '../../../../src/contracts/object-format.ts';
import {
  listedPlainSize,
  LOOKUP_FROM_BYTES,
  ordinaryPlainSize,
  ordinaryStoredSize,
  singlePlainSize,
  singleStoredSize,
  sizeMark,
} from '../../../../src/core/cipher/sizes.ts';
import { vectors } from './object-store.ts';

interface SizeVectors {
  single: [number, number][];
  ordinary: [number, number][];
  notSingle: number[];
  notOrdinary: number[];
  layoutMark: number[];
  corrupt: number[];
  lookupFrom: number;
}

describe('sizes', () => {
  const sizes = vectors('sizes') as SizeVectors;

  it('maps the plaintext size of a single PUT to its stored size and back', () => {
    for (const [plain, stored] of sizes.single) {
      assert.equal(singleStoredSize(plain), stored);
      assert.equal(singlePlainSize(stored), plain);
    }
  });

  it('maps the plaintext size of an ordinary part to its stored size and back', () => {
    for (const [plain, stored] of sizes.ordinary) {
      assert.equal(ordinaryStoredSize(plain), stored);
      assert.equal(ordinaryPlainSize(stored), plain);
    }
  });

  it('gives no plaintext size for a stored size that no writer produces', () => {
    for (const stored of sizes.notSingle) assert.equal(singlePlainSize(stored), undefined, String(stored));
    for (const stored of sizes.notOrdinary) assert.equal(ordinaryPlainSize(stored), undefined, String(stored));
  });

  it('tells a regular size from a layout mark and from a corrupt one', () => {
    for (const [, stored] of sizes.single) assert.equal(sizeMark(stored), 'regular');
    for (const stored of sizes.layoutMark) assert.equal(sizeMark(stored), 'layout');
    for (const stored of sizes.corrupt) assert.equal(sizeMark(stored), 'corrupt');
  });

  it('lists no plaintext size for what has to be looked at', () => {
    assert.equal(LOOKUP_FROM_BYTES, sizes.lookupFrom);
    assert.notEqual(listedPlainSize(sizes.lookupFrom - 1), undefined);
    assert.equal(listedPlainSize(sizes.lookupFrom), undefined);
    for (const stored of [...sizes.layoutMark, ...sizes.corrupt]) assert.equal(listedPlainSize(stored), undefined);
  });

  it('lets the largest single PUT fill the 5 GiB of the store exactly', () => {
    assert.equal(singleStoredSize(MAX_SINGLE_PLAIN_BYTES), 5 * 2 ** 30);
  });
});
