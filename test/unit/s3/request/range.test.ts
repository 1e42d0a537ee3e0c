import assert from 'node:assert/strict';
import { parseContentRange, parseRange } from '../../../../src/s3/request/range.ts';

describe('s3/range', () => {
  it('reads closed, open and suffix ranges', () => {
    assert.deepEqual(parseRange('bytes=0-0'), { kind: 'closed', first: 0, last: 0 });
    assert.deepEqual(parseRange('Bytes=007-9'), { kind: 'closed', first: 7, last: 9 });
    assert.deepEqual(parseRange('bytes=5-'), { kind: 'open', first: 5 });
    assert.deepEqual(parseRange('bytes=-5'), { kind: 'suffix', length: 5 });
  });

  it('keeps a suffix of no bytes, which nothing satisfies', () => {
    assert.deepEqual(parseRange('bytes=-0'), { kind: 'suffix', length: 0 });
  });

  for (const header of [
    'bytes=0-1,3-4',
    'bytes=2-1',
    'bytes=-',
    'bytes=',
    'bytes=a-b',
    'bytes=0x1-2',
    'bytes= 0-1',
    'bytes=1--2',
    'bytes=1.0-2',
    'lines=0-1',
    '0-1',
    'bytes=0-1\n',
    '',
  ]) {
    it(`takes ${JSON.stringify(header)} for no range`, () => assert.equal(parseRange(header), undefined));
  }

  it('bounds offsets so that arithmetic on them stays exact', () => {
    const range = parseRange(`bytes=0-${'9'.repeat(400)}`);
    assert.ok(range?.kind === 'closed');
    assert.ok(Number.isSafeInteger((range.last / 65_536 + 1) * 65_564));
    assert.deepEqual(parseRange('bytes=18446744073709551615-'), { kind: 'open', first: 2 ** 48 });
  });

  it('reads a Content-Range of known size, and takes nothing inconsistent', () => {
    assert.deepEqual(parseContentRange('bytes 0-9/100'), { first: 0, last: 9, sizeBytes: 100 });
    for (const header of [
      undefined,
      '',
      'bytes 0-9/*',
      'bytes */100',
      'bytes 9-0/100',
      'bytes 0-100/100',
      'bytes 0-9/1e3',
      `bytes 0-9/${'9'.repeat(16)}`,
    ]) {
      assert.equal(parseContentRange(header), undefined, String(header));
    }
  });
});
