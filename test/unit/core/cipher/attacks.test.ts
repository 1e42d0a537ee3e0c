import assert from 'node:assert/strict';
import type { ObjectAddress, StoredExtent } from '../../../../src/contracts/object-cipher.ts';
import type { ByteRange } from '../../../../src/s3/request/request.ts';
import {
  ADDRESS,
  CELL,
  chunks,
  cipherOf,
  collect,
  extentOf,
  pattern,
  plan,
  read,
  SEGMENT,
  SIZES,
  slice,
  store,
  type StoredObject,
} from './object-store.ts';

const cipher = cipherOf();
const PLAIN = pattern(3 * SEGMENT + 1000);
const SEGMENTS_END = 3 * CELL + 1028;

/** The reads that reach the last segment or the end of the object; each must notice. */
const READS: Record<string, ByteRange | undefined> = {
  'a full read': undefined,
  'a range to the end': { kind: 'open', first: SEGMENT + 10 },
  'a range of the last segment': { kind: 'closed', first: 3 * SEGMENT, last: PLAIN.length - 1 },
  'a suffix': { kind: 'suffix', length: 100 },
};

/** Fails if the read ends cleanly, with another code, or with any byte that was not stored at this place. */
async function assertRefused(
  stored: StoredObject,
  {
    plain = PLAIN,
    range,
    address = ADDRESS,
  }: { plain?: Buffer; range?: ByteRange | undefined; address?: ObjectAddress } = {},
): Promise<void> {
  const { received, error } = await read(cipher, stored, { address, ...(range === undefined ? {} : { range }) });
  assert.equal(error?.code, 'IntegrityFailure');
  const start = range === undefined || range.kind === 'suffix' ? 0 : range.first;
  const genuine = plain.subarray(start);
  assert.ok(received.length === 0 || received.length < genuine.length);
  assert.ok(received.equals(genuine.subarray(0, received.length)));
}

function flipped(bytes: Buffer, at: number, mask = 1): Buffer {
  const copy = Buffer.from(bytes);
  copy.writeUInt8(copy.readUInt8(at) ^ mask, at);
  return copy;
}

describe('attacks on a stored object', () => {
  let genuine: StoredObject;
  let cells: Buffer[];
  let trailer: Buffer;
  const rebuilt = (...pieces: Buffer[]): StoredObject => ({ ...genuine, body: Buffer.concat(pieces) });

  before(async () => {
    genuine = await store(cipher, PLAIN);
    cells = [0, 1, 2].map((index) => genuine.body.subarray(index * CELL, (index + 1) * CELL));
    cells.push(genuine.body.subarray(3 * CELL, SEGMENTS_END));
    trailer = genuine.body.subarray(SEGMENTS_END);
  });

  it('opens when it is left alone, by every read', async () => {
    for (const range of Object.values(READS)) {
      const { error } = await read(cipher, genuine, range === undefined ? {} : { range });
      assert.equal(error, undefined);
    }
  });

  for (const [what, range] of Object.entries(READS)) {
    describe(`are refused by ${what}`, () => {
      it('truncated', async () => {
        for (const cut of [1, 28, 159, 160, 161, 200, 1000]) {
          await assertRefused({ ...genuine, body: genuine.body.subarray(0, -cut) }, { range });
        }
      });

      it('truncated at a boundary of segments, with and without the trailer', async () => {
        const [a, b, c] = cells as [Buffer, Buffer, Buffer];
        await assertRefused(rebuilt(a, b, c, trailer), { range: range?.kind === 'closed' ? undefined : range });
        await assertRefused(rebuilt(a, b, c), { range: range?.kind === 'closed' ? undefined : range });
      });

      it('extended behind the end', async () => {
        for (const more of [1, 28, 29, 160, CELL]) {
          await assertRefused(rebuilt(genuine.body, Buffer.alloc(more)), { range });
        }
        await assertRefused(rebuilt(genuine.body, cells[0]!), { range });
        await assertRefused(rebuilt(genuine.body.subarray(0, -160), cells[0]!, trailer), { range });
      });

      it('repeated last segment', async () => {
        await assertRefused(rebuilt(...cells, cells[3]!, trailer), { range });
      });

      it('moved to another key', async () => {
        const address = { ...ADDRESS, key: '2026/q4.csv' };
        await assertRefused(genuine, { range, address });
      });

      it('moved to another bucket', async () => {
        const address = { ...ADDRESS, bucketId: 'report' };
        await assertRefused(genuine, { range, address });
      });

      it('moved across the boundary of bucket and key', async () => {
        const address = { bucketId: `${ADDRESS.bucketId}2`, key: ADDRESS.key.slice(1) };
        await assertRefused(genuine, { range, address });
      });

      it('its body under the envelope of another object of the same size', async () => {
        const other = await store(cipher, PLAIN);
        await assertRefused({ envelope: other.envelope, body: genuine.body }, { range });
      });
    });
  }

  it('reordered segments are refused', async () => {
    const [a, b, c, d] = cells as [Buffer, Buffer, Buffer, Buffer];
    await assertRefused(rebuilt(b, a, c, d, trailer));
    await assertRefused(rebuilt(a, c, b, d, trailer));
    await assertRefused(rebuilt(a, c, b, d, trailer), { range: { kind: 'closed', first: SEGMENT, last: SEGMENT } });
  });

  it('repeated segments are refused', async () => {
    const [a, , c, d] = cells as [Buffer, Buffer, Buffer, Buffer];
    await assertRefused(rebuilt(a, a, c, d, trailer));
    await assertRefused(rebuilt(a, a, c, d, trailer), { range: { kind: 'closed', first: SEGMENT, last: 2 * SEGMENT } });
  });

  it('segments spliced in from another object of the same size are refused', async () => {
    const other = await store(cipher, PLAIN);
    const [a, , c, d] = cells as [Buffer, Buffer, Buffer, Buffer];
    const foreign = other.body.subarray(CELL, 2 * CELL);
    await assertRefused(rebuilt(a, foreign, c, d, trailer));
    await assertRefused(rebuilt(a, foreign, c, d, trailer), {
      range: { kind: 'closed', first: SEGMENT, last: SEGMENT },
    });
  });

  it('segments spliced in from another body under the same data key are refused', async () => {
    const sealed = await cipher.seal(ADDRESS, PLAIN.length, undefined);
    const [one, two] = [sealed.whole(PLAIN), sealed.whole(PLAIN)];
    const body = Buffer.concat([one.subarray(0, CELL), two.subarray(CELL, 2 * CELL), one.subarray(2 * CELL)]);
    await assertRefused({ envelope: sealed.envelope, body });
    await assertRefused(
      { envelope: sealed.envelope, body },
      { range: { kind: 'closed', first: 0, last: 2 * SEGMENT } },
    );
    // With its salt replaced by the genuine one, the ciphertext is still under the other key.
    one.copy(body, CELL, 0, 12);
    await assertRefused({ envelope: sealed.envelope, body });
  });

  it('a swapped trailer is refused by every read that it comes with', async () => {
    const other = await store(cipher, PLAIN);
    const swapped = rebuilt(...cells, other.body.subarray(-160));
    await assertRefused(swapped);
    await assertRefused(swapped, { range: { kind: 'open', first: 3 * SEGMENT } });
    await assertRefused(swapped, { range: { kind: 'closed', first: 3 * SEGMENT, last: 4 * SEGMENT - 1 } });
  });

  it('a trailer of another size under the same data key is refused', async () => {
    // Truncating to nothing leaves a genuine trailer that speaks of another size.
    await assertRefused({ ...genuine, body: trailer });
  });

  it('another seed opens nothing', async () => {
    const { received, error } = await read(cipherOf(Buffer.alloc(32, 9)), genuine);
    assert.equal(error?.code, 'IntegrityFailure');
    assert.equal(received.length, 0);
  });

  it('a flipped bit in salt, ciphertext and tag of every segment and in every field of the trailer is refused', async () => {
    const offsets = [0, 1, 2].flatMap((index) =>
      [0, 11, 12, 40_000, CELL - 17, CELL - 16, CELL - 1].map((at) => index * CELL + at),
    );
    offsets.push(3 * CELL, 3 * CELL + 12, SEGMENTS_END - 17, SEGMENTS_END - 1);
    offsets.push(...[0, 11, 12, 43, 44, 143, 144, 159].map((at) => SEGMENTS_END + at));
    for (const at of offsets) await assertRefused({ ...genuine, body: flipped(genuine.body, at) });
  });

  it('a flipped bit anywhere in a small object is refused', async () => {
    const plain = Buffer.from('hello');
    const small = await store(cipher, plain);
    for (let bit = 0; bit < small.body.length * 8; bit += 1) {
      await assertRefused({ ...small, body: flipped(small.body, bit >> 3, 1 << (bit & 7)) }, { plain });
    }
  });

  it('a flipped bit in an empty object is refused before the stream ends', async () => {
    const empty = await store(cipher, Buffer.alloc(0));
    for (let at = 0; at < empty.body.length; at += 1) {
      await assertRefused({ ...empty, body: flipped(empty.body, at) }, { plain: Buffer.alloc(0) });
    }
  });

  it('a flipped bit in a segment is refused by a range that touches it, and does not reach one that does not', async () => {
    const damaged = { ...genuine, body: flipped(genuine.body, CELL + 500) };
    await assertRefused(damaged, { range: { kind: 'closed', first: SEGMENT - 1, last: SEGMENT } });
    await assertRefused(damaged, { range: { kind: 'closed', first: SEGMENT + 9000, last: SEGMENT + 9001 } });
    const neighbour = await read(cipher, damaged, {
      range: { kind: 'closed', first: 2 * SEGMENT, last: 2 * SEGMENT + 9 },
    });
    assert.ok(neighbour.received.equals(PLAIN.subarray(2 * SEGMENT, 2 * SEGMENT + 10)));
  });

  it('an altered character in the envelope never lets the object open', async () => {
    for (let at = 0; at < genuine.envelope.length; at += 1) {
      for (const other of ['A', 'B', '1', '2', ';', '-', 's', 'm', ' ']) {
        if (genuine.envelope[at] === other) continue;
        const envelope = genuine.envelope.slice(0, at) + other + genuine.envelope.slice(at + 1);
        const { received, error } = await read(cipher, { ...genuine, envelope });
        assert.equal(received.length, 0);
        assert.match(error?.code ?? 'none', /^(IntegrityFailure|NotImplemented|ServiceUnavailable)$/, `${at} ${other}`);
      }
    }
  });

  it('a stored size that no object has is refused before anything is read', async () => {
    for (const sizeBytes of [0, 159, 161, 188, CELL + 161, 5 * 2 ** 30 + 1]) {
      assert.throws(() => cipher.singleLayout(sizeBytes), { code: 'IntegrityFailure' });
      const layout = cipher.lookup(ADDRESS, { envelope: genuine.envelope, sizeBytes }, () =>
        assert.fail('it was read'),
      );
      await assert.rejects(layout, { code: 'IntegrityFailure' });
    }
  });
});

describe("attacks on a store's answer", () => {
  const RANGE = { kind: 'closed', first: SEGMENT, last: 3 * SEGMENT - 1 } as const;

  async function answered(stored: StoredObject, bytes: Buffer, extent: StoredExtent, range?: ByteRange): Promise<void> {
    const planned = await plan(cipher, stored, range);
    let received = 0;
    await assert.rejects(
      async () => {
        for await (const chunk of planned.body(chunks(bytes), extent)) received += chunk.length;
      },
      { code: 'IntegrityFailure' },
    );
    assert.ok(received < PLAIN.length);
    assert.throws(() => planned.whole(bytes, extent), { code: 'IntegrityFailure' });
  }

  it('an answer that is shorter or longer than announced never ends cleanly', async () => {
    for (const size of SIZES) {
      const stored = await store(cipher, pattern(size));
      const all = { first: 0, last: stored.body.length - 1 };
      await answered(stored, stored.body.subarray(0, -1), all);
      await answered(stored, Buffer.alloc(0), all);
      await answered(stored, Buffer.concat([stored.body, Buffer.alloc(1)]), all);
    }
  });

  it('a range that is cut short, continued, or of other bytes never ends cleanly', async () => {
    const stored = await store(cipher, PLAIN);
    const answer = slice(stored.body, cipher.storedRange(RANGE));
    const extent = extentOf(answer);
    await answered(stored, answer.bytes.subarray(0, -1), extent, RANGE);
    await answered(stored, answer.bytes.subarray(0, CELL), extent, RANGE);
    await answered(stored, stored.body.subarray(answer.first), extent, RANGE);
    await answered(stored, stored.body.subarray(0, 2 * CELL), extent, RANGE);
    await answered(stored, answer.bytes, { first: 0, last: 2 * CELL - 1 }, RANGE);
  });

  it('an answer that does not cover what is needed is refused before anything is read', async () => {
    const stored = await store(cipher, PLAIN);
    const end = stored.body.length - 1;
    const suffix = { kind: 'suffix', length: 10 } as const;
    for (const [range, extents] of [
      [
        undefined,
        [
          [1, end],
          [CELL, end],
          [0, end - 1],
          [0, end + 1],
          [Number.NaN, end],
          [0, Number.NaN],
          [-1, end],
        ],
      ],
      [
        RANGE,
        [
          [CELL + 1, end],
          [2 * CELL, end],
          [CELL, 3 * CELL - 2],
        ],
      ],
      [
        suffix,
        [
          [0, end],
          [CELL - 1, end],
          [3 * CELL + 1, end],
          [3 * CELL, end - 1],
        ],
      ],
    ] as const) {
      for (const [first, last] of extents) {
        const planned = await plan(cipher, stored, range);
        async function* untouched(): AsyncGenerator<Buffer> {
          await Promise.resolve();
          yield assert.fail('the answer was read');
        }
        await assert.rejects(collect(planned.body(untouched(), { first, last })), { code: 'IntegrityFailure' });
        assert.throws(() => planned.whole(stored.body, { first, last }), { code: 'IntegrityFailure' });
      }
    }
  });

  it('holds the last segment back until the answer has ended', async () => {
    const stored = await store(cipher, PLAIN);
    const planned = await plan(cipher, stored);
    async function* dying(): AsyncGenerator<Buffer, void, undefined> {
      yield* chunks(stored.body.subarray(0, -1));
      throw new Error('connection reset');
    }
    let received = 0;
    await assert.rejects(async () => {
      for await (const chunk of planned.body(dying(), planned.extent)) received += chunk.length;
    }, /connection reset/);
    assert.equal(received, 3 * SEGMENT);
  });

  it('gives the answer up that it refuses', async () => {
    const stored = await store(cipher, PLAIN);
    const planned = await plan(cipher, stored);
    let closed = false;
    const source = {
      [Symbol.asyncIterator]: () => ({
        next: () => Promise.resolve({ done: false as const, value: stored.body }),
        return: () => {
          closed = true;
          return Promise.resolve({ done: true as const, value: undefined });
        },
      }),
    };
    await assert.rejects(collect(planned.body(source, { first: 5, last: 6 })), { code: 'IntegrityFailure' });
    assert.ok(closed);
  });
});
