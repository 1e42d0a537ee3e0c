import assert from 'node:assert/strict';
import { createHash, createSecretKey } from 'node:crypto';
import type { KeptChecksum } from '../../../../src/contracts/object-cipher.ts';
import { objectContext } from '../../../../src/core/cipher/object-context.ts';
import { createObjectCipher } from '../../../../src/core/cipher/object-cipher.ts';
import { createLocalKeyring } from '../../../../src/core/keyring/local-keyring.ts';
import { derive } from '../../../../src/core/cipher/derived-keys.ts';
import { segmentKey, SegmentSealer } from '../../../../src/core/cipher/segment.ts';
import { MAX_SINGLE_PLAIN_BYTES } from '../../../../src/contracts/object-format.ts';
import { kekFromSeed } from '../../../../src/core/keyring/kek.ts';
import type { ChecksumAlgorithm } from '../../../../src/s3/body/checksums.ts';
import { releaseSent } from '../../../../src/s3/body/release-memory.ts';
import type { ByteRange } from '../../../../src/s3/request/request.ts';
import {
  ADDRESS,
  CELL,
  chunks,
  cipherOf,
  cipherOfVector,
  collect,
  pattern,
  plan,
  read,
  readerOf,
  SEED,
  SEGMENT,
  SIZES,
  slice,
  store,
  vectors,
  type Wanted,
} from './object-store.ts';

interface SingleVector {
  name: string;
  seed: string;
  kekVersion: number;
  bucketId: string;
  key: string;
  dataKey: string;
  salts: string;
  plainSize: number;
  checksum: { algorithm: ChecksumAlgorithm; value: string } | null;
  envelope: string;
  storedSize: number;
  storedSha256: string;
}

interface Construction {
  dataKey: string;
  kek: string;
  kekVersion: number;
  bucketId: string;
  key: string;
  salts: string;
  plaintext: string;
  context: string;
  wrapped: string;
  segmentKey: string;
  segment: string;
  trailer: string;
  part: { role: 2; number: number; salt: string; segment: string };
}

const hex = (text: string): Buffer<ArrayBuffer> => Buffer.from(text, 'hex');

async function* broken(bytes: Buffer): AsyncGenerator<Buffer, void, undefined> {
  yield* chunks(bytes);
  throw new Error('the checksum does not hold');
}

describe('object cipher: vectors', () => {
  const known = vectors('construction') as Construction;
  const address = { bucketId: known.bucketId, key: known.key };

  it('derives and seals the first vector of the construction', async () => {
    const dataKey = createSecretKey(known.dataKey, 'hex');
    const salt = hex(known.salts).subarray(0, 12);
    assert.equal(objectContext(address, 's').toString('hex'), known.context);
    const key = segmentKey(dataKey, salt, { role: 0, number: 0, plainSizeBytes: 5 }, derive);
    assert.equal(key.export().toString('hex'), known.segmentKey);
    const cipher = cipherOfVector(hex(known.kek), known.kekVersion, hex(known.dataKey), hex(known.salts));
    const sealed = await cipher.seal(address, 5, undefined);
    assert.equal(sealed.envelope, `1;1;s;1;${hex(known.wrapped).toString('base64url')}`);
    assert.equal(sealed.whole(Buffer.from(known.plaintext)).toString('hex'), known.segment + known.trailer);
  });

  it('seals the segment of a final part of the construction', () => {
    const { role, number, salt, segment } = known.part;
    const key = segmentKey(
      createSecretKey(known.dataKey, 'hex'),
      hex(salt),
      { role, number, plainSizeBytes: 5 },
      derive,
    );
    const cell = Buffer.alloc(33);
    const sealer = new SegmentSealer(key, hex(salt), { index: 0, isLast: true }, cell);
    sealer.update(Buffer.from(known.plaintext));
    sealer.finish();
    assert.equal(cell.toString('hex'), segment);
  });

  for (const vector of vectors('single') as SingleVector[]) {
    it(`seals and opens the object of the reference: ${vector.name}`, async () => {
      const kek = kekFromSeed(hex(vector.seed), vector.kekVersion).export();
      const cipher = cipherOfVector(kek, vector.kekVersion, hex(vector.dataKey), hex(vector.salts));
      const kept = vector.checksum;
      const checksum: KeptChecksum | undefined =
        kept === null ? undefined : { algorithm: kept.algorithm, value: () => hex(kept.value) };
      const address = { bucketId: vector.bucketId, key: vector.key };
      const stored = await store(cipher, pattern(vector.plainSize), address, checksum);
      assert.equal(stored.envelope, vector.envelope);
      assert.equal(stored.body.length, vector.storedSize);
      assert.equal(createHash('sha256').update(stored.body).digest('hex'), vector.storedSha256);
      const { received, error } = await read(cipherOf(hex(vector.seed), vector.kekVersion), stored, { address });
      assert.equal(error, undefined);
      assert.ok(received.equals(pattern(vector.plainSize)));
    });
  }
});

describe('object cipher: sealing', () => {
  const cipher = cipherOf();

  for (const size of SIZES) {
    it(`gives the announced stored size and opens again: ${size} bytes`, async () => {
      const plain = pattern(size);
      const sealed = await cipher.seal(ADDRESS, size, undefined);
      assert.equal(sealed.keyId, 'local:1');
      assert.equal(cipher.plainSize(sealed.storedSizeBytes), size);
      for (const body of [await collect(sealed.body(chunks(plain, 10_000))), sealed.whole(plain)]) {
        assert.equal(body.length, sealed.storedSizeBytes);
        const { received, error } = await read(cipher, { envelope: sealed.envelope, body });
        assert.equal(error, undefined);
        assert.ok(received.equals(plain));
      }
    });

    it(`gives the same bytes from a stream and from memory: ${size} bytes`, async () => {
      const fixed = cipherOfVector(Buffer.alloc(32, 1), 1, Buffer.alloc(32, 2), pattern(24));
      const checksum: KeptChecksum = { algorithm: 'CRC32', value: () => Buffer.from('crc.') };
      const sealed = await fixed.seal(ADDRESS, size, checksum);
      const streamed = await collect(sealed.body(chunks(pattern(size), 10_007)));
      assert.ok(sealed.whole(pattern(size)).equals(streamed));
    });

    it(`asks for the checksum when the plaintext has ended, and not before: ${size} bytes`, async () => {
      let ended = false;
      async function* plain(): AsyncGenerator<Buffer> {
        yield* chunks(pattern(size), 10_000);
        ended = true;
      }
      const requested: boolean[] = [];
      const value = () => {
        requested.push(ended);
        return Buffer.alloc(4);
      };
      const sealed = await cipher.seal(ADDRESS, size, { algorithm: 'CRC32', value });
      await collect(sealed.body(plain()));
      assert.deepEqual(requested, [true]);
    });

    it(`gives nothing that completes the object when the plaintext ends badly: ${size} bytes`, async () => {
      const sealed = await cipher.seal(ADDRESS, size, undefined);
      let received = 0;
      await assert.rejects(async () => {
        for await (const chunk of sealed.body(broken(pattern(size)))) received += chunk.length;
      }, /the checksum does not hold/);
      assert.ok(received <= Math.max(0, Math.ceil(size / SEGMENT) - 1) * CELL);
    });

    it(`refuses a body that is shorter or longer than announced: ${size} bytes`, async () => {
      const sealed = await cipher.seal(ADDRESS, size, undefined);
      for (const plain of [pattern(size + 1), ...(size > 0 ? [pattern(size - 1)] : [])]) {
        let received = 0;
        await assert.rejects(
          async () => {
            for await (const chunk of sealed.body(chunks(plain))) received += chunk.length;
          },
          { code: 'IncompleteBody' },
        );
        assert.ok(received <= Math.max(0, Math.ceil(size / SEGMENT) - 1) * CELL);
        assert.throws(() => sealed.whole(plain), { code: 'IncompleteBody' });
      }
    });
  }

  it('takes chunks of one byte, and empty ones between them', async () => {
    const plain = pattern(700);
    const sealed = await cipher.seal(ADDRESS, plain.length, undefined);
    async function* drops(): AsyncGenerator<Buffer, void, undefined> {
      for await (const chunk of chunks(plain, 1)) {
        yield chunk;
        yield Buffer.alloc(0);
      }
    }
    const body = await collect(sealed.body(drops()));
    assert.ok((await read(cipher, { envelope: sealed.envelope, body }, { chunkBytes: 1 })).received.equals(plain));
  });

  it('gives segments before the plaintext has ended', async () => {
    const sealed = await cipher.seal(ADDRESS, 3 * SEGMENT, undefined);
    async function* ending(): AsyncGenerator<Buffer, void, undefined> {
      yield pattern(SEGMENT);
      await Promise.resolve();
      assert.fail('the next chunk was requested first');
    }
    for await (const first of sealed.body(ending())) {
      assert.equal(first.length, CELL);
      return;
    }
    assert.fail('nothing was given');
  });

  it('draws fresh salts for every body, so that one plan sealed twice repeats no nonce', async () => {
    const sealed = await cipher.seal(ADDRESS, 5, undefined);
    const [a, b] = [sealed.whole(Buffer.from('hello')), sealed.whole(Buffer.from('hello'))];
    assert.notDeepEqual(a.subarray(0, 12), b.subarray(0, 12));
    assert.notDeepEqual(a.subarray(33, 45), b.subarray(33, 45));
  });

  it('stores neither plaintext nor key name nor checksum in the clear', async () => {
    const value = createHash('sha256').update(pattern(300)).digest();
    const stored = await store(cipher, pattern(300), ADDRESS, { algorithm: 'SHA256', value: () => value });
    assert.equal(stored.body.includes(pattern(16)), false);
    assert.equal(stored.body.includes(value), false);
    assert.equal(stored.envelope.includes(ADDRESS.key), false);
  });

  it('refuses what one PUT cannot hold, before a key is made', async () => {
    assert.equal((await cipher.seal(ADDRESS, MAX_SINGLE_PLAIN_BYTES, undefined)).storedSizeBytes, 5 * 2 ** 30);
    for (const size of [MAX_SINGLE_PLAIN_BYTES + 1, -1, Number.NaN]) {
      await assert.rejects(async () => cipher.seal(ADDRESS, size, undefined), { code: 'EntityTooLarge' });
    }
  });

  it('gives the source up when the store stops reading', async () => {
    let closed = false;
    async function* source(): AsyncGenerator<Buffer, void, undefined> {
      try {
        yield* chunks(pattern(4 * SEGMENT));
      } finally {
        closed = true;
      }
    }
    const sealed = await cipher.seal(ADDRESS, 4 * SEGMENT, undefined);
    for await (const chunk of sealed.body(source())) if (chunk.length > 0) break;
    assert.ok(closed);
  });
});

describe('object cipher: ranges', () => {
  const cipher = cipherOf();

  for (const size of SIZES.filter((bytes) => bytes > 0)) {
    it(`gives exactly the bytes of every range at every edge: ${size} bytes`, async () => {
      const plain = pattern(size);
      const stored = await store(cipher, plain);
      const edges = [
        0,
        1,
        SEGMENT - 1,
        SEGMENT,
        SEGMENT + 1,
        size - 2,
        size - 1,
        size,
        2 * SEGMENT,
        10 * SEGMENT,
        2 ** 52,
      ];
      for (const first of edges.filter((edge) => edge >= 0 && edge < size)) {
        for (const last of edges.filter((edge) => edge >= first)) {
          const range: ByteRange = { kind: 'closed', first, last };
          const { received, error } = await read(cipher, stored, { range });
          assert.equal(error, undefined);
          assert.ok(received.equals(plain.subarray(first, last + 1)), `${first}-${last}`);
        }
        const open = await read(cipher, stored, { range: { kind: 'open', first } });
        assert.ok(open.error === undefined && open.received.equals(plain.subarray(first)), `${first}-`);
      }
      for (const length of edges.filter((edge) => edge > 0)) {
        const { received, error } = await read(cipher, stored, { range: { kind: 'suffix', length } });
        assert.ok(error === undefined && received.equals(plain.subarray(-length)), `-${length}`);
      }
    });
  }

  it('asks the store only for the segments that cover the range', () => {
    assert.equal(
      cipher.storedRange({ kind: 'closed', first: SEGMENT, last: 2 * SEGMENT - 1 }),
      `bytes=${CELL}-${2 * CELL - 1}`,
    );
    assert.equal(cipher.storedRange({ kind: 'closed', first: SEGMENT - 1, last: SEGMENT }), `bytes=0-${2 * CELL - 1}`);
    assert.equal(cipher.storedRange({ kind: 'open', first: 3 * SEGMENT + 5 }), `bytes=${3 * CELL}-`);
    assert.equal(cipher.storedRange({ kind: 'suffix', length: 1 }), `bytes=-${CELL + 160}`);
  });

  it('asks for exact offsets however large the range is', () => {
    for (const range of [
      { kind: 'closed', first: 0, last: Number.MAX_SAFE_INTEGER },
      { kind: 'open', first: Number.MAX_SAFE_INTEGER },
      { kind: 'suffix', length: Number.MAX_SAFE_INTEGER },
    ] as const) {
      assert.match(cipher.storedRange(range), /^bytes=(0-|-)?[0-9]{13,14}-?$/);
    }
  });

  it('says what range was given', async () => {
    const stored = await store(cipher, pattern(100));
    const range = await plan(cipher, stored, { kind: 'suffix', length: 30 });
    assert.deepEqual([range.plainSizeBytes, range.first, range.last, range.keyId], [100, 70, 99, 'local:1']);
    const whole = await plan(cipher, stored);
    assert.deepEqual([whole.plainSizeBytes, whole.first, whole.last], [100, 0, 99]);
  });

  it('has a last byte of -1 in an empty object', async () => {
    const stored = await store(cipher, pattern(0));
    const { first, last, extent } = await plan(cipher, stored);
    assert.deepEqual([first, last, extent], [0, -1, { first: 0, last: 159 }]);
  });

  it('answers a range without a byte in the object with its plaintext size', async () => {
    for (const [size, ranges] of [
      [
        0,
        [
          { kind: 'closed', first: 0, last: 0 },
          { kind: 'open', first: 0 },
          { kind: 'suffix', length: 5 },
        ],
      ],
      [
        10,
        [
          { kind: 'closed', first: 10, last: 20 },
          { kind: 'open', first: 10 },
          { kind: 'suffix', length: 0 },
        ],
      ],
    ] as const) {
      const stored = await store(cipher, pattern(size));
      for (const range of ranges) {
        const { received, error } = await read(cipher, stored, { range });
        assert.equal(received.length, 0);
        assert.equal(error?.code, 'InvalidRange');
        assert.deepEqual(error.clientHeaders, { 'content-range': `bytes */${size}` });
      }
    }
  });

  it('gives the source up when the client stops reading', async () => {
    let closed = false;
    const stored = await store(cipher, pattern(3 * SEGMENT));
    async function* source(): AsyncGenerator<Buffer, void, undefined> {
      try {
        yield* chunks(stored.body);
      } finally {
        closed = true;
      }
    }
    const planned = await plan(cipher, stored);
    for await (const chunk of planned.body(source(), planned.extent)) if (chunk.length > 0) break;
    assert.ok(closed);
  });

  it('needs one request for a suffix: the store is requested less than a segment too much', () => {
    for (const length of [1, SEGMENT - 1, SEGMENT, SEGMENT + 1]) {
      const body = Buffer.alloc(10 * CELL + 160);
      const { bytes } = slice(body, cipher.storedRange({ kind: 'suffix', length }));
      assert.ok(bytes.length - length < CELL + 28 * 2 + 160);
    }
  });
});

describe('object cipher: a single PUT', () => {
  const cipher = cipherOf();

  it('needs the trailer for a read to the end, and for a closed range only the segments that cover it', async () => {
    const stored = await store(cipher, pattern(3 * SEGMENT + 5));
    const end = stored.body.length - 1;
    const extents: [Wanted, number, number][] = [
      [undefined, 0, end],
      [{ part: 1 }, 0, end],
      [{ kind: 'open', first: SEGMENT }, CELL, end],
      [{ kind: 'suffix', length: 6 }, 2 * CELL, end],
      [{ kind: 'closed', first: SEGMENT - 1, last: SEGMENT }, 0, 2 * CELL - 1],
      [{ kind: 'closed', first: 3 * SEGMENT, last: 9 * SEGMENT }, 3 * CELL, end - 160],
    ];
    for (const [wanted, first, last] of extents) {
      assert.deepEqual((await plan(cipher, stored, wanted)).extent, { first, last }, JSON.stringify(wanted));
    }
  });

  it('is one part, and has no other', async () => {
    const stored = await store(cipher, pattern(70_000));
    assert.ok((await read(cipher, stored, { part: 1 })).received.equals(pattern(70_000)));
    for (const part of [0, 2, 10_000]) {
      assert.equal((await read(cipher, stored, { part })).error?.code, 'InvalidPartNumber');
    }
  });

  it('tells its checksum to one small read', async () => {
    const value = createHash('sha256').update(pattern(300)).digest();
    const stored = await store(cipher, pattern(300), ADDRESS, { algorithm: 'SHA256', value: () => value });
    const reader = readerOf(stored.body);
    const layout = await cipher.lookup(ADDRESS, { envelope: stored.envelope, sizeBytes: stored.body.length }, reader);
    assert.deepEqual(layout.checksum, { algorithm: 'SHA256', value, type: 'FULL_OBJECT' });
    assert.deepEqual(reader.reads, [{ first: stored.body.length - 160, last: stored.body.length - 1 }]);
    assert.deepEqual(
      { ...layout, checksum: undefined },
      { ...cipher.singleLayout(stored.body.length), checksum: undefined },
    );
  });

  it('is the same body under a new envelope at another place and by another KEK version', async () => {
    const seeds = new Map([
      [1, SEED],
      [2, Buffer.alloc(32, 7)],
    ]);
    const newer = createObjectCipher(createLocalKeyring({ current: 2, versions: seeds }));
    const stored = await store(cipher, pattern(70_000));
    const address = { bucketId: 'archive', key: 'moved' };
    const { envelope, keyId } = await newer.rewrap(ADDRESS, stored.envelope, address);
    assert.equal(keyId, 'local:2');
    assert.deepEqual(newer.describe(envelope), { kind: 's', keyId });
    assert.ok((await read(newer, { ...stored, envelope }, { address })).received.equals(pattern(70_000)));
    assert.equal((await read(newer, { ...stored, envelope })).error?.code, 'IntegrityFailure');
    await assert.rejects(newer.rewrap(address, stored.envelope, ADDRESS), { code: 'IntegrityFailure' });
  });
});

describe('object cipher: what it cannot read', () => {
  it('calls an object of another keyring or of an unknown KEK version unavailable, not lost', async () => {
    const stored = await store(cipherOf(), pattern(5));
    const other = await read(cipherOf(), { ...stored, envelope: `${stored.envelope};transit` });
    assert.equal(other.error?.code, 'ServiceUnavailable');
    const version = await read(cipherOf(undefined, 2), stored);
    assert.equal(version.error?.code, 'ServiceUnavailable');
  });

  it('says of whose key an envelope is without having it', () => {
    const key = Buffer.alloc(40).toString('base64url');
    assert.deepEqual(cipherOf().describe(`1;1;m;7;${key};transit`), { kind: 'm', keyId: 'transit:7' });
    assert.throws(() => cipherOf().describe('1;1;x'), { code: 'IntegrityFailure' });
    assert.throws(() => cipherOf().describe(`2;1;m;7;${key}`), { code: 'NotImplemented' });
  });

  it('takes over the memory of the chunks that it seals, and gives away that of segments', async () => {
    const plain = [Buffer.alloc(SEGMENT, 'a'), Buffer.alloc(SEGMENT, 'b'), Buffer.alloc(7, 'c')];
    const sealed = await cipherOf().seal(ADDRESS, 2 * SEGMENT + 7, undefined);
    const given: Buffer[] = [];
    // eslint-disable-next-line @typescript-eslint/require-await -- a body is asynchronous
    const body = async function* (): AsyncGenerator<Buffer> {
      yield* plain;
    };
    for await (const cell of sealed.body(body())) given.push(cell);
    const lengths = (buffers: readonly Buffer[]): number[] => buffers.map(({ length }) => length);
    assert.deepEqual(lengths(plain).slice(0, 2), [0, 0]);
    assert.deepEqual(lengths(given).slice(0, 2), [CELL, CELL]);
    for (const cell of given) releaseSent(cell);
    // The last one goes out once, with nothing behind it.
    assert.deepEqual(lengths(given).slice(0, 2), [0, 0]);
  });
});
