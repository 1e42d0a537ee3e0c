/** What a store's operator, or a client with another client's bytes, could do to an object that was uploaded in parts. */
import assert from 'node:assert/strict';
import type { ByteRange } from '../../../../src/s3/request/request.ts';
import {
  ADDRESS,
  CELL,
  cipherOf,
  pattern,
  read,
  SEGMENT,
  store,
  type StoredObject,
  type Wanted,
} from './object-store.ts';
import { MIN, uploaded, UploadInMemory } from './upload-store.ts';

const cipher = cipherOf();

interface Target {
  readonly what: string;
  readonly parts: readonly (readonly [number: number, size: number])[];
}

/** One of each kind of layout: what tells it is the size, a trailing layout part, or an inserted one. */
const TARGETS: readonly Target[] = [
  {
    what: 'regular',
    parts: [
      [1, MIN],
      [2, MIN],
      [3, 70_000],
    ],
  },
  {
    what: 'ending in a layout part',
    parts: [
      [1, MIN],
      [2, MIN],
    ],
  },
  {
    what: 'with an inserted layout part',
    parts: [
      [1, MIN + 5],
      [4, MIN + 70_000],
      [6, 70_000],
    ],
  },
  { what: 'with a list of runs', parts: [1, 2, 3, 4, 5].map((n) => [n, MIN + n] as const) },
];

interface Pieces {
  readonly stored: StoredObject;
  readonly plain: Buffer;
  /** Stored bytes of each part; the layout part, where there is one, apart. */
  readonly parts: readonly Buffer[];
  readonly layout: Buffer;
  readonly isInserted: boolean;
  readonly upload: UploadInMemory;
}

async function piecesOf({ parts: sizes }: Target, address = ADDRESS): Promise<Pieces> {
  const { stored, plain, completion, upload } = await uploaded(cipher, sizes, address);
  const parts = completion.parts.map(({ slot }) => upload.slots.get(slot)!);
  const last = parts.at(-1)!;
  const isInserted = stored.body.subarray(-last.length).equals(last) && completion.layoutPart !== undefined;
  const length = completion.layoutPart?.storedSizeBytes ?? 0;
  const end = isInserted ? stored.body.length - last.length : stored.body.length;
  return { stored, plain, parts, layout: stored.body.subarray(end - length, end), isInserted, upload };
}

function join({ layout, isInserted }: Pieces, parts: readonly Buffer[], other: Buffer = layout): Buffer {
  return Buffer.concat(isInserted ? [...parts.slice(0, -1), other, ...parts.slice(-1)] : [...parts, other]);
}

/** Every byte that is given is one of the genuine plaintext at its place, and the read does not end cleanly. */
async function assertRefused(genuine: Pieces, stored: StoredObject, wanted?: Wanted, address = ADDRESS): Promise<void> {
  const options = wanted === undefined ? {} : 'part' in wanted ? { part: wanted.part } : { range: wanted };
  const { received, error } = await read(cipher, stored, { ...options, address });
  assert.equal(error?.code, 'IntegrityFailure');
  const first = wanted !== undefined && 'first' in wanted ? wanted.first : 0;
  if (received.length > 0) assert.ok(genuine.plain.subarray(first, first + received.length).equals(received));
  assert.ok(received.length < genuine.plain.length - first);
}

for (const target of TARGETS) {
  describe(`attacks on an upload ${target.what}`, function () {
    this.timeout(30_000);
    let genuine: Pieces;
    let firstPart: ByteRange & { kind: 'closed' };
    const rebuilt = (body: Buffer): StoredObject => ({ envelope: genuine.stored.envelope, body });
    /** Reads each of these with one bit changed, in place: a copy of so large a body for each would cost more than the reads. */
    const assertFlipRefused = async (at: number, ...wanted: readonly (Wanted | undefined)[]): Promise<void> => {
      const { body } = genuine.stored;
      const flip = (): number => body.writeUInt8(body.readUInt8(at) ^ 1, at);
      flip();
      try {
        for (const one of wanted) await assertRefused(genuine, rebuilt(body), one);
      } finally {
        flip();
      }
    };

    before(async () => {
      genuine = await piecesOf(target);
      firstPart = { kind: 'closed', first: 0, last: target.parts[0]![1] - 1 };
    });

    it('opens when it is left alone', async () => {
      for (const range of [undefined, firstPart]) {
        const { received, error } = await read(cipher, genuine.stored, range && { range });
        assert.equal(error, undefined);
        assert.ok(received.equals(range === undefined ? genuine.plain : genuine.plain.subarray(0, range.last + 1)));
      }
    });

    it('a flipped bit in salt, ciphertext or tag of a segment, of the last one of a part, and of the trailer', async () => {
      const { length } = genuine.parts[0]!;
      for (const at of [
        0,
        11,
        12,
        500,
        CELL - 1,
        40 * CELL,
        40 * CELL + 11,
        length - CELL + 100,
        length - 17,
        length - 1,
      ]) {
        await assertFlipRefused(at, undefined, firstPart, { part: 1 });
      }
      const end = genuine.stored.body.length;
      const last = end - genuine.parts.at(-1)!.length - (genuine.isInserted ? 0 : genuine.layout.length);
      await assertFlipRefused(last + 11, undefined);
      for (const at of [0, 11, 12, 43, 44, 143, 144, 159]) {
        await assertFlipRefused(end - 160 + at, undefined, firstPart);
      }
    });

    it('parts reordered', async () => {
      const [a, b, ...rest] = genuine.parts as [Buffer, Buffer, ...Buffer[]];
      await assertRefused(genuine, rebuilt(join(genuine, [b, a, ...rest])));
      await assertRefused(genuine, rebuilt(join(genuine, [b, a, ...rest])), { kind: 'closed', first: 0, last: 9 });
    });

    it('segments reordered and repeated in a part, and swapped between parts', async () => {
      const { body } = genuine.stored;
      const at = (index: number): Buffer => body.subarray(index * CELL, (index + 1) * CELL);
      const second = genuine.parts[0]!.length;
      const range = { kind: 'closed', first: SEGMENT, last: 2 * SEGMENT } as const;
      for (const [one, two] of [
        [at(2), at(1)],
        [at(1), at(1)],
        [at(1), body.subarray(second + 2 * CELL, second + 3 * CELL)],
        [body.subarray(second + CELL, second + 2 * CELL), at(2)],
      ] as const) {
        const spliced = Buffer.concat([at(0), one, two, body.subarray(3 * CELL)]);
        await assertRefused(genuine, rebuilt(spliced));
        await assertRefused(genuine, rebuilt(spliced), range);
      }
    });

    it('a part repeated or left out', async () => {
      const [a, b, ...rest] = genuine.parts as [Buffer, Buffer, ...Buffer[]];
      for (const parts of [
        [a, a, b, ...rest],
        [a, ...rest],
        [b, ...rest],
        [a, b, ...rest, ...rest.slice(-1)],
      ]) {
        if (parts.length === genuine.parts.length) continue;
        const body = join(genuine, parts);
        await assertRefused(genuine, rebuilt(body));
        await assertRefused(genuine, rebuilt(body), { kind: 'closed', first: 0, last: SEGMENT });
        await assertRefused(genuine, rebuilt(body), { kind: 'suffix', length: 5 });
      }
    });

    it('truncation, also at the boundary of segments and of parts', async () => {
      const { body } = genuine.stored;
      let start = 0;
      const boundaries = genuine.parts.map(({ length }) => (start += length));
      for (const end of [
        0,
        159,
        160,
        CELL,
        CELL + 160,
        ...boundaries,
        body.length - 161,
        body.length - 160,
        body.length - 1,
      ]) {
        if (end >= body.length) continue;
        await assertRefused(genuine, rebuilt(body.subarray(0, end)));
        await assertRefused(genuine, rebuilt(body.subarray(0, end)), { kind: 'closed', first: 0, last: 5 });
        // The genuine end put behind what is left.
        const ended = Buffer.concat([body.subarray(0, Math.min(end, body.length - 170)), body.subarray(-160)]);
        await assertRefused(genuine, rebuilt(ended));
        await assertRefused(genuine, rebuilt(ended), { kind: 'closed', first: 0, last: 5 });
      }
    });

    it('extension before and behind, also by genuine parts and segments', async () => {
      const { body } = genuine.stored;
      const more = [
        Buffer.alloc(1),
        Buffer.alloc(160),
        body.subarray(0, CELL),
        genuine.parts[0]!,
        body.subarray(-160),
        body,
      ];
      for (const piece of more) {
        await assertRefused(genuine, rebuilt(Buffer.concat([body, piece])));
        await assertRefused(genuine, rebuilt(Buffer.concat([body, piece])), { kind: 'closed', first: 0, last: 5 });
        await assertRefused(genuine, rebuilt(Buffer.concat([piece, body])));
        await assertRefused(genuine, rebuilt(Buffer.concat([piece, body])), { kind: 'closed', first: 0, last: 5 });
      }
    });

    it('moved to another key or bucket', async () => {
      for (const address of [
        { ...ADDRESS, key: 'other' },
        { ...ADDRESS, bucketId: 'other' },
      ]) {
        await assertRefused(genuine, genuine.stored, undefined, address);
        await assertRefused(genuine, genuine.stored, { kind: 'closed', first: 0, last: 5 }, address);
      }
    });

    it('parts, segments, layout and envelope of another upload of the same place and sizes', async () => {
      const other = await piecesOf(target);
      const [a, ...rest] = genuine.parts as [Buffer, ...Buffer[]];
      const [otherA] = other.parts as [Buffer];
      const mixed = Buffer.concat([a.subarray(0, CELL), otherA.subarray(CELL, 2 * CELL), a.subarray(2 * CELL)]);
      await assertRefused(genuine, rebuilt(join(genuine, [otherA, ...rest])));
      await assertRefused(genuine, rebuilt(join(genuine, [otherA, ...rest])), firstPart);
      await assertRefused(genuine, rebuilt(join(genuine, [mixed, ...rest])));
      await assertRefused(genuine, rebuilt(join(genuine, [...genuine.parts.slice(0, -1), other.parts.at(-1)!])));
      await assertRefused(genuine, { envelope: other.stored.envelope, body: genuine.stored.body });
      if (genuine.layout.length > 0) {
        await assertRefused(genuine, rebuilt(join(genuine, genuine.parts, other.layout)));
        await assertRefused(genuine, rebuilt(join(genuine, genuine.parts, other.layout)), firstPart);
      }
    });

    it('segments of an earlier upload of the same part, with its salt or with the new one', async () => {
      const { upload } = genuine;
      const [number, size] = target.parts[0]!;
      const [, ...rest] = genuine.parts as [Buffer, ...Buffer[]];
      const a = genuine.parts[0]!;
      const again = upload.upload.sealPart(number, size, undefined).whole(pattern(size));
      const spliced = Buffer.concat([a.subarray(0, CELL), again.subarray(CELL, 2 * CELL), a.subarray(2 * CELL)]);
      await assertRefused(genuine, rebuilt(join(genuine, [spliced, ...rest])));
      await assertRefused(genuine, rebuilt(join(genuine, [spliced, ...rest])), {
        kind: 'closed',
        first: 0,
        last: SEGMENT,
      });
      a.copy(spliced, CELL, 0, 12);
      await assertRefused(genuine, rebuilt(join(genuine, [spliced, ...rest])));
      // Named in the specification as what is not detected: the earlier upload as a whole, of the same length.
      const whole = await read(cipher, rebuilt(join(genuine, [again, ...rest])));
      assert.equal(whole.error, undefined);
    });

    it('a part under another number, and a final one in the place of an ordinary one', async () => {
      const { upload } = genuine.upload;
      const [number, size] = target.parts[0]!;
      const [, ...rest] = genuine.parts as [Buffer, ...Buffer[]];
      const renumbered = upload.sealPart(number + 1, size, undefined).whole(pattern(size));
      await assertRefused(genuine, rebuilt(join(genuine, [renumbered, ...rest])));
      const [lastNumber, lastSize] = target.parts.at(-1)!;
      const last = upload.sealPart(lastNumber - 1, lastSize, undefined).whole(genuine.plain.subarray(-lastSize));
      await assertRefused(genuine, rebuilt(join(genuine, [...genuine.parts.slice(0, -1), last])));
    });

    it('a single PUT in its place, and it in the place of a single PUT', async () => {
      const single = await store(cipher, pattern(100));
      await assertRefused(genuine, { envelope: genuine.stored.envelope, body: single.body });
      await assertRefused(genuine, { envelope: single.envelope, body: genuine.stored.body });
      const renamed = genuine.stored.envelope.replace(';m;', ';s;');
      await assertRefused(genuine, { envelope: renamed, body: genuine.stored.body });
      await assertRefused(genuine, { envelope: single.envelope.replace(';s;', ';m;'), body: single.body });
    });
  });
}

describe('attacks on regular uploads, by ranges that touch nothing that was changed', function () {
  this.timeout(30_000);

  it('do not shift the final part by parts that are repeated, left out, or of other lengths', async () => {
    const upload = await UploadInMemory.begin(cipher);
    for (const [number, size] of [
      [1, 2 * MIN],
      [2, 2 * MIN],
      [3, 2 * MIN],
      [4, 70_000],
    ] as const) {
      await upload.put(number, pattern(size));
    }
    const { envelope, body } = await upload.complete();
    const [a, b, , d] = [...upload.slots.values()] as [Buffer, Buffer, Buffer, Buffer];
    const half = Buffer.from(a.subarray(0, a.length / 2));
    const segments = Buffer.concat([a, b]).subarray(0, 3 * half.length);
    for (const shifted of [
      [a, a, a, body.subarray(0, -d.length), d],
      [segments, d],
      [b, half, d],
    ]) {
      const stored = { envelope, body: Buffer.concat(shifted) };
      for (const range of [
        { kind: 'suffix', length: 5 },
        { kind: 'open', first: 1 },
      ] as const) {
        const { received, error } = await read(cipher, stored, { range });
        assert.equal(error?.code, 'IntegrityFailure');
        assert.equal(received.length, 0);
      }
    }
  });
});

describe('attacks on layouts', function () {
  this.timeout(30_000);
  const sizeOf = ({ body }: StoredObject): number => body.length;
  const lookup = (stored: StoredObject) =>
    cipher.lookup(ADDRESS, { envelope: stored.envelope, sizeBytes: sizeOf(stored) }, ({ first, last }) =>
      Promise.resolve(stored.body.subarray(first, last + 1)),
    );

  it('a layout part of an earlier completion of the same upload, which named other parts', async () => {
    const upload = await UploadInMemory.begin(cipher);
    const plain = pattern(MIN);
    for (const number of [1, 2, 3]) await upload.put(number, plain);
    const [two, three] = [await upload.complete([1, 2]), await upload.complete([1, 2, 3])];
    const cut = Buffer.concat([three.body.subarray(0, -160), two.body.subarray(-160)]);
    await assert.rejects(lookup({ envelope: upload.envelope, body: cut }), { code: 'IntegrityFailure' });
    // The same stored size with other parts: as genuine as the parts are, each opens only under its own number.
    const other = await upload.complete([1, 3]);
    assert.equal(other.body.length, two.body.length);
    const swapped = Buffer.concat([two.body.subarray(0, -160), other.body.subarray(-160)]);
    const { received, error } = await read(cipher, { envelope: upload.envelope, body: swapped });
    assert.equal(error?.code, 'IntegrityFailure');
    assert.ok(received.equals(plain));
  });

  it('trailer kinds swapped: a final part at the end of ordinary ones, a layout at the end of a final one', async () => {
    const upload = await UploadInMemory.begin(cipher);
    await upload.put(1, pattern(MIN));
    await upload.put(2, pattern(MIN));
    const large = await upload.complete();
    const final = upload.upload.sealPart(2, 0, undefined).whole(Buffer.alloc(0));
    const swapped = Buffer.concat([large.body.subarray(0, -160), final]);
    const used = await read(cipher, { envelope: upload.envelope, body: swapped });
    assert.equal(used.error?.code, 'IntegrityFailure');
    assert.equal(used.received.length, 0);

    await upload.put(3, pattern(70_000));
    const small = await upload.complete();
    const body = Buffer.concat([small.body.subarray(0, -160), large.body.subarray(-160)]);
    await assert.rejects(lookup({ envelope: upload.envelope, body }), { code: 'IntegrityFailure' });
  });

  it('an inserted layout part that is missing, of another final part, or of another size of the object', async () => {
    const build = async (last: number) =>
      (
        await uploaded(cipher, [
          [1, MIN + 5],
          [2, 2 * MIN],
          [3, last],
        ])
      ).stored;
    const [stored, longer] = [await build(70_000), await build(70_001)];
    const final = 70_000 + 56 + 160;
    const start = stored.body.length - final;
    const bodies = [
      // Filled with zeros, so that the stored size still has the mark.
      Buffer.concat([stored.body.subarray(0, start - 160), Buffer.alloc(160), stored.body.subarray(start)]),
      Buffer.concat([
        stored.body.subarray(0, start - 160),
        longer.body.subarray(-final - 161, -final - 1),
        stored.body.subarray(start),
      ]),
      Buffer.concat([stored.body.subarray(0, start), Buffer.alloc(CELL), stored.body.subarray(start)]),
      Buffer.concat([stored.body.subarray(0, start - 160), Buffer.alloc(CELL), stored.body.subarray(start - 160)]),
    ];
    for (const body of bodies) {
      await assert.rejects(lookup({ envelope: stored.envelope, body }), { code: 'IntegrityFailure' });
    }
  });

  it('a list of runs that was changed, or that stands elsewhere', async () => {
    const { stored } = await uploaded(
      cipher,
      [1, 2, 3, 4, 5].map((n) => [n, MIN + n] as const),
    );
    for (const at of [0, 30, 65]) {
      const body = Buffer.from(stored.body);
      const offset = body.length - 160 - 66 + at;
      body.writeUInt8(body.readUInt8(offset) ^ 1, offset);
      await assert.rejects(lookup({ envelope: stored.envelope, body }), { code: 'IntegrityFailure' });
    }
    const moved = Buffer.concat([stored.body.subarray(0, -160), Buffer.alloc(CELL), stored.body.subarray(-160)]);
    await assert.rejects(lookup({ envelope: stored.envelope, body: moved }), { code: 'IntegrityFailure' });
  });

  it('a store that answers a lookup with fewer or more bytes', async () => {
    const { stored } = await uploaded(cipher, [[1, MIN]]);
    const { envelope, body } = stored;
    for (const bytes of [body.subarray(-159), body.subarray(-161), Buffer.alloc(0)]) {
      const layout = cipher.lookup(ADDRESS, { envelope, sizeBytes: body.length }, () => Promise.resolve(bytes));
      await assert.rejects(layout, { code: 'IntegrityFailure' });
    }
  });

  it('a stored size that no object has', async () => {
    const { stored } = await uploaded(cipher, [[1, MIN]]);
    for (const sizeBytes of [0, 159, -1, Number.NaN, 2 ** 43 + 1]) {
      const view = { envelope: stored.envelope, sizeBytes };
      const layout = cipher.lookup(ADDRESS, view, () => assert.fail('it was read'));
      await assert.rejects(layout, { code: 'IntegrityFailure' });
    }
  });

  it('a layout that was remembered of another object is not used', async () => {
    const one = await uploaded(cipher, [[1, MIN]]);
    const single = await store(cipher, pattern(MIN));
    assert.equal(one.stored.body.length, single.body.length);
    const layout = await lookup(one.stored);
    const size = one.stored.body.length;
    for (const [envelope, sizeBytes, known] of [
      [single.envelope, size, layout],
      [one.stored.envelope, size, cipher.singleLayout(size)],
      [one.stored.envelope, size + 1, layout],
    ] as const) {
      await assert.rejects(async () => cipher.plan(ADDRESS, { envelope, sizeBytes }, known, undefined), {
        code: 'IntegrityFailure',
      });
    }
    const two = await uploaded(cipher, [[1, MIN]]);
    const planned = await cipher.plan(ADDRESS, { envelope: two.stored.envelope, sizeBytes: size }, layout, undefined);
    assert.throws(() => planned.whole(one.stored.body, planned.extent), { code: 'IntegrityFailure' });
  });
});
