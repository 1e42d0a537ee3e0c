import assert from 'node:assert/strict';
import fc from 'fast-check';
import { encodeEnvelope, parseEnvelope } from '../../src/core/cipher/envelope.ts';
import { ExactReader } from '../../src/core/cipher/exact-reader.ts';
import { objectContext } from '../../src/core/cipher/object-context.ts';
import { MAX_SINGLE_PLAIN_BYTES, SEGMENT_BYTES } from '../../src/contracts/object-format.ts';
import {
  listedPlainSize,
  MIN_PART_BYTES,
  ordinaryPlainSize,
  ordinaryStoredSize,
  singlePlainSize,
  singleStoredSize,
  sizeMark,
} from '../../src/core/cipher/sizes.ts';
import { parseTrailerFields } from '../../src/core/cipher/trailer-fields.ts';
import { GatewayError } from '../../src/errors/gateway-error.ts';
import type { ByteRange } from '../../src/s3/request/request.ts';
import { ADDRESS, cipherOf, collect, extentOf, pattern, plan, read, slice } from '../unit/core/cipher/object-store.ts';

const cipher = cipherOf();
const FEW = { numRuns: 60 };

/** Sizes of objects, most of them near a boundary of segments. */
const size = fc.oneof(
  fc.nat(2000),
  fc.tuple(fc.nat(3), fc.integer({ min: -40, max: 40 })).map(([k, off]) => Math.max(0, k * SEGMENT_BYTES + off)),
);
/** Sizes of chunks; used in turn, over and over. */
const cuts = fc
  .array(fc.oneof(fc.nat(40), fc.nat(70_000)), { minLength: 1, maxLength: 8 })
  .map((list) => [...list, 997]);
const range: fc.Arbitrary<ByteRange> = fc.oneof(
  fc
    .tuple(fc.nat(200_000), fc.nat(200_000))
    .map(([a, b]) => ({ kind: 'closed' as const, first: Math.min(a, b), last: Math.max(a, b) })),
  fc.nat(200_000).map((first) => ({ kind: 'open' as const, first })),
  fc.nat(200_000).map((length) => ({ kind: 'suffix' as const, length })),
);

async function* cut(bytes: Buffer, sizes: readonly number[]): AsyncGenerator<Buffer, void, undefined> {
  await Promise.resolve();
  for (let at = 0, turn = 0; at < bytes.length; turn += 1) {
    const chunkBytes = sizes[turn % sizes.length] ?? 1;
    // The cipher takes over the memory of chunks.
    yield Buffer.from(bytes.subarray(at, at + chunkBytes));
    at += chunkBytes;
  }
}

describe('object cipher, properties', () => {
  it('opens what it sealed, however both are cut into chunks', async () => {
    await fc.assert(
      fc.asyncProperty(size, cuts, cuts, async (plainSize, plainCuts, storedCuts) => {
        const plain = pattern(plainSize);
        const sealed = await cipher.seal(ADDRESS, plainSize, undefined);
        const body = await collect(sealed.body(cut(plain, plainCuts)));
        assert.equal(body.length, sealed.storedSizeBytes);
        const planned = await plan(cipher, { envelope: sealed.envelope, body });
        assert.ok((await collect(planned.body(cut(body, storedCuts), planned.extent))).equals(plain));
      }),
      FEW,
    );
  });

  it('gives exactly the asked range, or says that there is none', async () => {
    await fc.assert(
      fc.asyncProperty(size, range, cuts, async (plainSize, requested, storedCuts) => {
        const plain = pattern(plainSize);
        const sealed = await cipher.seal(ADDRESS, plainSize, undefined);
        const body = sealed.whole(plain);
        const expected =
          requested.kind === 'suffix'
            ? plain.subarray(Math.max(0, plainSize - requested.length))
            : plain.subarray(requested.first, requested.kind === 'open' ? undefined : requested.last + 1);
        const stored = { envelope: sealed.envelope, body };
        if (expected.length === 0) {
          await assert.rejects(plan(cipher, stored, requested), { code: 'InvalidRange' });
          return;
        }
        const answer = slice(body, cipher.storedRange(requested));
        const planned = await plan(cipher, stored, requested);
        const opened = planned.body(cut(answer.bytes, storedCuts), extentOf(answer));
        assert.ok((await collect(opened)).equals(expected));
        assert.equal(planned.last - planned.first + 1, expected.length);
      }),
      { numRuns: 200 },
    );
  });

  it('never gives a byte that was not sealed, whatever is done to the stored body', async () => {
    const edit = fc.record({
      at: fc.nat(),
      remove: fc.oneof(fc.constant(1), fc.nat(70_000)),
      put: fc.uint8Array({ maxLength: 40 }),
    });
    await fc.assert(
      fc.asyncProperty(
        size,
        edit,
        fc.option(range, { nil: undefined }),
        async (plainSize, { at, remove, put }, requested) => {
          const plain = pattern(plainSize);
          const sealed = await cipher.seal(ADDRESS, plainSize, undefined);
          const genuine = sealed.whole(plain);
          const start = at % genuine.length;
          const body = Buffer.concat([genuine.subarray(0, start), put, genuine.subarray(start + remove)]);
          const { received, error } = await read(
            cipher,
            { envelope: sealed.envelope, body },
            requested === undefined ? {} : { range: requested },
          );
          if (requested === undefined && !body.equals(genuine)) assert.equal(error?.code, 'IntegrityFailure');
          assert.ok(received.length === 0 || plain.includes(received));
        },
      ),
      { numRuns: 200 },
    );
  });

  it('binds every place to another context', () => {
    const address = fc.record({ bucketId: fc.string(), key: fc.string({ unit: 'grapheme' }) });
    const kind = fc.constantFrom('s' as const, 'm' as const);
    fc.assert(
      fc.property(address, kind, address, kind, (a, kindA, b, kindB) => {
        const same = a.bucketId === b.bucketId && a.key === b.key && kindA === kindB;
        assert.equal(objectContext(a, kindA).equals(objectContext(b, kindB)), same);
      }),
    );
    const split = fc.tuple(fc.string({ minLength: 1 }), fc.nat(), fc.nat());
    fc.assert(
      fc.property(split, ([text, i, j]) => {
        const at = (cutAt: number) => ({ bucketId: text.slice(0, cutAt), key: text.slice(cutAt) });
        const [a, b] = [i % (text.length + 1), j % (text.length + 1)];
        assert.equal(objectContext(at(a), 's').equals(objectContext(at(b), 's')), a === b);
      }),
    );
  });
});

describe('sizes, properties', () => {
  const plainSize = fc.integer({ min: 0, max: MAX_SINGLE_PLAIN_BYTES });
  const partSize = fc.integer({ min: MIN_PART_BYTES, max: 2 ** 32 });

  it('inverts both size functions', () => {
    fc.assert(fc.property(plainSize, (p) => assert.equal(singlePlainSize(singleStoredSize(p)), p)));
    fc.assert(fc.property(partSize, (p) => assert.equal(ordinaryPlainSize(ordinaryStoredSize(p)), p)));
  });

  it('lists a size only where exactly that plaintext has that stored size', () => {
    fc.assert(
      fc.property(fc.integer({ min: 0, max: 2 ** 37 }), (stored) => {
        const listed = listedPlainSize(stored);
        if (listed === undefined) assert.ok(stored >= 52_445_954_880 || sizeMark(stored) !== 'regular');
        else assert.equal(singleStoredSize(listed), stored);
      }),
      { numRuns: 2000 },
    );
  });

  it('gives uniform aligned multipart uploads the stored size of a single PUT', () => {
    const segments = fc.integer({ min: 80, max: 2000 });
    fc.assert(
      fc.property(segments, fc.integer({ min: 0, max: 9998 }), fc.nat(MIN_PART_BYTES - 1), (k, count, last) => {
        const body = count * ordinaryStoredSize(k * SEGMENT_BYTES) + singleStoredSize(last);
        assert.equal(body, singleStoredSize(count * k * SEGMENT_BYTES + last));
      }),
    );
  });

  it('leaves room for a layout part behind ordinary parts of any lengths', () => {
    fc.assert(
      fc.property(fc.array(partSize, { minLength: 1, maxLength: 50 }), (lengths) => {
        const body = lengths.reduce((sum, length) => sum + ordinaryStoredSize(length), 0);
        const total = lengths.reduce((sum, length) => sum + length, 0);
        assert.ok(singleStoredSize(total) - body >= 160);
      }),
    );
  });
});

describe('object cipher parsers, properties', () => {
  it('reads an envelope in its one spelling, or refuses it', () => {
    const near = fc
      .tuple(
        fc.constantFrom('1', '01', '2', '', ' 1'),
        fc.constantFrom('s', 'm', 'S'),
        fc.nat(2 ** 33),
        fc.base64String(),
        fc.string(),
      )
      .map(([format, kind, version, key, rest]) => `${format};1;${kind};${version};${key}${rest}`);
    const valid = fc
      .tuple(fc.uint8Array({ minLength: 24, maxLength: 256 }), fc.integer({ min: 1, max: 0xffff_ffff }))
      .map(([key, kekVersion]) => encodeEnvelope({ kind: 's', kekVersion, wrapped: Buffer.from(key) }));
    fc.assert(
      fc.property(fc.oneof(near, valid, fc.string()), (text) => {
        try {
          assert.equal(encodeEnvelope(parseEnvelope(text)), text);
        } catch (error) {
          assert.ok(error instanceof GatewayError, String(error));
        }
      }),
      { numRuns: 1000 },
    );
  });

  it('reads any 100 bytes as trailer fields within bounds, or refuses them', () => {
    const sparse = fc.array(fc.tuple(fc.nat(99), fc.nat(255)), { maxLength: 12 }).map((bytes) => {
      const fields = Buffer.alloc(100);
      fields.writeUInt8(1, 0);
      for (const [at, value] of bytes) fields.writeUInt8(value, at);
      return fields;
    });
    const dense = fc.uint8Array({ minLength: 100, maxLength: 100 }).map((bytes) => Buffer.from(bytes));
    fc.assert(
      fc.property(fc.oneof(sparse, dense), (fields) => {
        try {
          const { lastPartNumber, plainSizeBytes, runs } = parseTrailerFields(fields);
          assert.ok(lastPartNumber <= 10_000 && plainSizeBytes <= 2 ** 43 && runs.length <= 4);
        } catch (error) {
          assert.ok(error instanceof GatewayError, String(error));
        }
      }),
      { numRuns: 1000 },
    );
  });

  it('reads a stream in pieces of any size, and knows where it ends', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.nat(5000),
        cuts,
        fc.array(fc.nat(900), { maxLength: 12 }),
        async (length, streamCuts, pieces) => {
          const bytes = pattern(length);
          const reader = new ExactReader(cut(bytes, streamCuts));
          let at = 0;
          for (const piece of pieces) {
            if (at + piece > length) {
              await assert.rejects(reader.take(piece), { code: 'IntegrityFailure' });
              return;
            }
            assert.ok((await reader.take(piece)).equals(bytes.subarray(at, at + piece)));
            at += piece;
          }
          if (at === length) await reader.end();
          else await assert.rejects(reader.end(), { code: 'IntegrityFailure' });
        },
      ),
      { numRuns: 300 },
    );
  });
});
