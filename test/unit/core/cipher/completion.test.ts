import assert from 'node:assert/strict';
import type { Completion, SealedUpload, StoredPart } from '../../../../src/contracts/object-cipher.ts';
import { ADDRESS, cipherOf } from './object-store.ts';
import { MIN } from './upload-store.ts';

const cipher = cipherOf();
const f = (p: number): number => p + 28 * Math.ceil(p / 65_536) + 160;
const g = (p: number): number => p + 28 * Math.floor(p / 65_536);
const mark = (c: number): number => (c - 160) % 65_564;

type Sizes = readonly (readonly [number: number, size: number])[];

describe('slots', () => {
  let upload: SealedUpload;
  before(async () => {
    const { sealedId } = await cipher.newUpload(ADDRESS);
    upload = await cipher.openSealedId(ADDRESS, sealedId('id'));
  });
  const slot = (number: number, size: number): number => upload.sealPart(number, size, undefined).slot;
  const listed = (...parts: [slot: number, sizeBytes: number][]): [number, number][] =>
    cipher
      .clientParts(parts.map(([at, sizeBytes]) => ({ slot: at, etag: '"e"', sizeBytes })))
      .map(({ number, plainSizeBytes }) => [number, plainSizeBytes]);

  it('leave room for a layout part before a final part that is not the first', () => {
    assert.deepEqual([slot(1, MIN), slot(7, MIN), slot(9999, MIN)], [1, 7, 9999]);
    assert.deepEqual(
      [slot(1, 0), slot(1, MIN - 161), slot(2, 0), slot(7, MIN - 1), slot(9999, 5)],
      [1, 1, 3, 8, 10_000],
    );
    assert.deepEqual([slot(10_000, 0), slot(10_000, MIN), slot(10_000, 2 * MIN)], [10_000, 10_000, 10_000]);
  });

  it('keep a first part apart whose stored size is that of an ordinary one', () => {
    assert.equal(f(MIN - 160), g(MIN));
    assert.deepEqual([slot(1, MIN - 161), slot(1, MIN - 160), slot(1, MIN - 1)], [1, 2, 2]);
  });

  it('are shown in the numbers, sizes and order of the client', () => {
    assert.deepEqual(listed([10_000, f(MIN + 9)], [4, f(70_000)], [1, g(MIN)], [2, g(MIN + 65_000)]), [
      [1, MIN],
      [2, MIN + 65_000],
      [3, 70_000],
      [10_000, MIN + 9],
    ]);
    assert.deepEqual(listed([1, f(0)]), [[1, 0]]);
    assert.deepEqual(listed([1, f(0)], [3, f(1)]), [
      [1, 0],
      [2, 1],
    ]);
  });

  it('leave out a part that may be one of two', () => {
    assert.deepEqual(listed([5, g(MIN)]), []);
    assert.deepEqual(listed([5, g(MIN) + 159]), []);
    assert.deepEqual(listed([5, g(MIN) + 160]), [[5, MIN + 160]]);
    // A longer part before it may be an older part 4, which was sent again just under 5 MiB.
    assert.deepEqual(listed([4, g(2 * MIN)], [5, g(MIN) + 159]), []);
    assert.deepEqual(listed([4, g(MIN)], [5, g(MIN)]), [[5, MIN]]);
    assert.deepEqual(listed([1, g(MIN)]), [[1, MIN]]);
  });

  it('leave out a number that stands in two slots: it was sent with both roles', () => {
    assert.deepEqual(listed([2, g(3 * MIN)], [3, f(70_000)]), []);
    assert.deepEqual(listed([1, g(3 * MIN)], [2, f(MIN - 1)]), []);
  });

  it('leave out what no part of the client can be', () => {
    assert.deepEqual(listed([3, 159], [4, 161], [5, 188]), []);
    // A layout part that an interrupted Complete left behind one part.
    assert.deepEqual(listed([1, g(MIN)], [2, 160]), [[1, MIN]]);
    assert.deepEqual(listed([9, 80 * 65_564 + 65_537]), []);
  });
});

describe('complete', () => {
  let upload: SealedUpload;
  before(async () => {
    const { sealedId } = await cipher.newUpload(ADDRESS);
    upload = await cipher.openSealedId(ADDRESS, sealedId('id'));
  });

  const put = (number: number, size: number): StoredPart => {
    const { slot, storedSizeBytes } = upload.sealPart(number, size, undefined);
    return { slot, sizeBytes: storedSizeBytes, etag: `"etag of ${number}, ${size}"` };
  };
  const name = (number: number, size: number) => ({ number, etag: `etag of ${number}, ${size}` });
  const complete = (sizes: Sizes, more: readonly StoredPart[] = []): Completion =>
    upload.complete(
      sizes.map(([number, size]) => name(number, size)),
      [...sizes.map(([number, size]) => put(number, size)), ...more],
    );

  function checked(sizes: Sizes): Completion {
    const completion = complete(sizes);
    const plain = sizes.reduce((sum, [, size]) => sum + size, 0);
    const parts = sizes.map(([number, size]) => put(number, size));
    const layout = completion.layoutPart?.storedSizeBytes ?? 0;
    assert.equal(completion.plainSizeBytes, plain);
    assert.equal(
      completion.storedSizeBytes,
      parts.reduce((sum, { sizeBytes }) => sum + sizeBytes, layout),
    );
    assert.deepEqual(
      completion.parts,
      parts.map(({ slot, etag }) => ({ slot, etag })),
    );
    // What a listing shows without a lookup is right.
    const listed = cipher.plainSize(completion.storedSizeBytes);
    assert.ok(listed === undefined || listed === plain);
    return completion;
  }

  it('adds nothing to equal aligned parts with a small last one', () => {
    for (const sizes of [
      [[1, 0]],
      [[1, MIN - 1]],
      [
        [1, MIN],
        [2, 1],
      ],
      [
        [1, 3 * MIN],
        [2, 3 * MIN],
        [3, 0],
      ],
    ] as const) {
      const completion = checked(sizes);
      assert.equal(completion.layoutPart, undefined);
      assert.equal(completion.storedSizeBytes, f(completion.plainSizeBytes));
    }
  });

  it('adds a trailer of 160 bytes behind equal aligned parts with a large last one', () => {
    for (const sizes of [
      [[1, MIN]],
      [
        [1, MIN],
        [2, MIN],
      ],
    ] as const) {
      const completion = checked(sizes);
      assert.deepEqual([completion.layoutPart?.slot, completion.layoutPart?.storedSizeBytes], [sizes.length + 1, 160]);
      assert.equal(completion.storedSizeBytes, f(completion.plainSizeBytes));
    }
  });

  it('fills parts of odd sizes up to the stored size of one PUT, or marks the size', () => {
    const odd = checked([
      [1, MIN + 1],
      [2, MIN + 2],
    ]);
    assert.equal(odd.storedSizeBytes, f(2 * MIN + 3));
    const runs = Array.from({ length: 5 }, (_, index) => [index + 1, MIN + index * 65_536] as const);
    const many = checked(runs);
    assert.equal(mark(many.storedSizeBytes), 1);
    assert.ok(many.layoutPart!.storedSizeBytes >= 160 + 66 && many.layoutPart!.storedSizeBytes < 160 + 66 + 65_564);
  });

  it('puts a layout part before a small last part that does not tell the layout', () => {
    for (const [sizes, slot] of [
      [
        [
          [2, MIN],
          [3, 5],
        ],
        3,
      ],
      [
        [
          [1, MIN],
          [3, 5],
        ],
        3,
      ],
      [
        [
          [1, MIN],
          [2, 2 * MIN],
          [3, 5],
        ],
        3,
      ],
      [
        [
          [1, MIN + 40_000],
          [2, MIN + 40_000],
          [3, 5],
        ],
        3,
      ],
      [
        [
          [1, MIN],
          [9999, 5],
        ],
        9999,
      ],
      [
        [
          [1, MIN],
          [10_000, 5],
        ],
        9999,
      ],
      [[[5, 0]], 5],
    ] as const) {
      const completion = checked(sizes);
      assert.equal(completion.layoutPart?.slot, slot, JSON.stringify(sizes));
      assert.equal(mark(completion.storedSizeBytes), 1);
      assert.ok(completion.layoutPart.storedSizeBytes >= MIN && completion.layoutPart.storedSizeBytes < MIN + 65_564);
    }
  });

  it('has no slot for a layout part between parts 9,999 and 10,000', () => {
    assert.throws(
      () =>
        complete([
          [9999, MIN],
          [10_000, 5],
        ]),
      { code: 'InvalidRequest' },
    );
    // One that was uploaded and is not named makes way.
    const completion = complete(
      [
        [1, MIN],
        [10_000, 5],
      ],
      [put(9999, MIN)],
    );
    assert.equal(completion.layoutPart?.slot, 9999);
  });

  it('takes 10,000 equal parts of any size as they are', () => {
    for (const [size, last] of [
      [MIN, 5],
      [MIN + 12_345, 77],
      [MIN + 12_345, MIN + 12_345],
      [MIN, 2 * MIN],
    ] as const) {
      const sizes = Array.from({ length: 10_000 }, (_, at) => [at + 1, at === 9999 ? last : size] as const);
      const completion = checked(sizes);
      assert.equal(completion.layoutPart, undefined);
      assert.equal(cipher.plainSize(completion.storedSizeBytes), undefined);
    }
  });

  it('refuses parts that were not uploaded, or not with this ETag', () => {
    const stored = [put(1, MIN), put(2, MIN + 160), put(3, 5)];
    for (const named of [
      [name(4, MIN)],
      [name(1, MIN), { number: 2, etag: 'other' }],
      [name(1, MIN), { number: 2, etag: '' }],
      [{ number: 1, etag: name(2, MIN + 160).etag }],
      [name(1, MIN), { number: 4, etag: name(3, 5).etag }],
      [{ number: 3, etag: name(1, MIN).etag }],
    ]) {
      assert.throws(() => upload.complete(named, stored), { code: 'InvalidPart' });
    }
  });

  it('compares ETags without their quotes', () => {
    const stored = [{ ...put(1, MIN), etag: 'plain' }];
    assert.equal(upload.complete([{ number: 1, etag: '"plain"' }], stored).plainSizeBytes, MIN);
  });

  it('takes the role of a part from what is named, where both were uploaded', () => {
    const stored = [put(1, MIN), put(2, MIN), put(2, 77)];
    assert.equal(upload.complete([name(1, MIN), name(2, 77)], stored).plainSizeBytes, MIN + 77);
    assert.equal(upload.complete([name(1, MIN), name(2, MIN)], stored).plainSizeBytes, 2 * MIN);
  });

  it('refuses a small part that is not the last', () => {
    assert.throws(
      () =>
        complete([
          [1, 5],
          [2, MIN],
        ]),
      { code: 'EntityTooSmall' },
    );
    assert.throws(
      () =>
        complete([
          [1, MIN],
          [2, MIN - 1],
          [4, 5],
        ]),
      { code: 'EntityTooSmall' },
    );
  });

  it('refuses nothing named, parts out of order or twice, and more than an object can hold', () => {
    assert.throws(() => upload.complete([], [put(1, MIN)]), { code: 'InvalidRequest' });
    const stored = [put(1, MIN), put(2, MIN)];
    for (const named of [
      [name(2, MIN), name(1, MIN)],
      [name(1, MIN), name(1, MIN)],
      [{ ...name(1, MIN), number: 0 }],
    ]) {
      assert.throws(() => upload.complete(named, stored), { code: 'InvalidPartOrder' });
    }
    const huge = Array.from({ length: 1025 }, (_, at) => [at + 1, 5_366_416_340] as const);
    assert.throws(() => complete(huge), { code: 'EntityTooLarge' });
  });
});
