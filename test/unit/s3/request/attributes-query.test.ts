import assert from 'node:assert/strict';
import { attributesOf, pageOfParts } from '../../../../src/s3/request/attributes-query.ts';
import { refused } from '../fixture.ts';

const requested = (names: string, more: Readonly<Record<string, string>> = {}) =>
  attributesOf({ headers: new Map(Object.entries({ 'x-amz-object-attributes': names, ...more })) });

describe('s3/attributes-query', () => {
  it('reads the names, and the page of parts', () => {
    const { names, ...page } = requested('ETag, ObjectParts', {
      'x-amz-max-parts': '7',
      'x-amz-part-number-marker': '3',
    });
    assert.deepEqual([...names], ['ETag', 'ObjectParts']);
    assert.deepEqual(page, { maxParts: 7, partNumberMarker: 3 });
    assert.deepEqual(requested('ObjectSize', { 'x-amz-max-parts': '5000' }).maxParts, 1000);
  });

  it('refuses no name, an unknown one, and counts that are none', () => {
    for (const names of ['', 'etag', 'ETag,Owner', 'ETag,']) refused('InvalidArgument', () => requested(names));
    for (const name of ['x-amz-max-parts', 'x-amz-part-number-marker']) {
      for (const count of ['', '-1', '1.5', '1e3', '12345678901'])
        refused('InvalidArgument', () => requested('ObjectParts', { [name]: count }));
    }
  });

  it('gives each part once, over pages of any size', () => {
    const runs = [
      { firstNumber: 2, count: 3, plainSizeBytes: 10 },
      { firstNumber: 9, count: 1, plainSizeBytes: 4 },
    ];
    for (const maxParts of [1, 2, 3, 4, 1000]) {
      const parts: unknown[] = [];
      for (let marker = 0; ;) {
        const page = pageOfParts(runs, { maxParts, partNumberMarker: marker });
        assert.equal(page.totalCount, 4);
        parts.push(...page.parts.map(({ number, sizeBytes }) => [number, sizeBytes]));
        marker = page.parts.at(-1)?.number ?? 0;
        if (!page.isTruncated) break;
      }
      assert.deepEqual(parts, [
        [2, 10],
        [3, 10],
        [4, 10],
        [9, 4],
      ]);
    }
    assert.deepEqual(pageOfParts(runs, { maxParts: 0, partNumberMarker: 0 }).isTruncated, true);
    assert.deepEqual(pageOfParts(runs, { maxParts: 5, partNumberMarker: 9 }).parts, []);
  });
});
