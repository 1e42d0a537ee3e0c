import assert from 'node:assert/strict';
import { isTried } from '../../../support/chance.ts';
import type { ByteRange } from '../../../../src/s3/request/request.ts';
import { ADDRESS, CELL, chunks, cipherOf, collect, pattern, plan, read, readerOf, SEGMENT } from './object-store.ts';
import { cipherOfMultipart, MIN, MULTIPART_VECTORS, sha256, uploaded, UploadInMemory } from './upload-store.ts';

const cipher = cipherOf();

describe('multipart: vectors', function () {
  this.timeout(180_000);

  for (const vector of MULTIPART_VECTORS) {
    it(`seals, looks up and opens the upload of the reference: ${vector.name}`, async () => {
      const address = { bucketId: vector.bucketId, key: vector.key };
      const parts = vector.parts.map(({ number, plainSize }) => [number, plainSize] as const);
      const sealing = cipherOfMultipart(vector);
      const { stored, plain, completion } = await uploaded(sealing, parts, address);
      assert.equal(stored.envelope, vector.envelope);
      assert.equal(stored.body.length, vector.storedSize);
      assert.equal(sha256(stored.body), vector.storedSha256);
      assert.equal(completion.layoutPart?.storedSizeBytes ?? 0, vector.layoutPartSize);
      assert.equal(sealing.plainSize(vector.storedSize) ?? null, vector.listedSize);

      const reader = readerOf(stored.body);
      const sizeBytes = stored.body.length;
      const layout = await sealing.lookup(address, { envelope: stored.envelope, sizeBytes }, reader);
      assert.equal(layout.plainSizeBytes, vector.plainSize);
      assert.ok(reader.reads.length <= 3);
      assert.deepEqual(
        layout.runs.flatMap(({ firstNumber, count, plainSizeBytes }) =>
          Array.from({ length: count }, (_, index) => [firstNumber + index, plainSizeBytes]),
        ),
        parts,
      );
      const { received, error } = await read(sealing, stored, { address });
      assert.equal(error, undefined);
      assert.equal(sha256(received), vector.plainSha256);

      let at = 0;
      for (const [index, [number, size]] of parts.entries()) {
        const edges: ByteRange[] = [
          { kind: 'closed', first: Math.max(0, at - 1), last: at },
          { kind: 'closed', first: at, last: at + size - 1 },
          { kind: 'closed', first: at + size - 1, last: at + size },
          { kind: 'closed', first: at + Math.max(0, size - SEGMENT), last: at + size - 1 },
          { kind: 'open', first: at },
          { kind: 'suffix', length: plain.length - at },
        ];
        for (const [edge, range] of edges.entries()) {
          if (!isTried(index + edge)) continue;
          const first = range.kind === 'suffix' ? plain.length - range.length : range.first;
          const expected = plain.subarray(first, range.kind === 'closed' ? range.last + 1 : undefined);
          if (expected.length === 0 || first < 0) continue;
          const answer = await read(sealing, stored, { address, range });
          assert.ok(
            answer.error === undefined && answer.received.equals(expected),
            `${number} ${JSON.stringify(range)}`,
          );
        }
        const part = await read(sealing, stored, { address, part: number });
        assert.ok(part.error === undefined && part.received.equals(plain.subarray(at, at + size)), `part ${number}`);
        at += size;
      }
      for (const part of [0, 4, 10_001].filter((number) => parts.every(([known]) => known !== number))) {
        const nothing = await read(sealing, stored, { address, part });
        assert.equal(nothing.error?.code, 'InvalidPartNumber');
      }
    });
  }
});

describe('multipart: sealing parts', function () {
  this.timeout(180_000);

  it('streams an ordinary part in segments, and gives its last bytes when the plaintext has ended', async () => {
    const { upload } = await UploadInMemory.begin(cipher);
    const plain = pattern(MIN + SEGMENT - 1);
    const part = upload.sealPart(3, plain.length, undefined);
    const sizes: number[] = [];
    let ended = false;
    async function* source(): AsyncGenerator<Buffer> {
      yield* chunks(plain, 10_000);
      ended = true;
    }
    for await (const chunk of part.body(source())) {
      sizes.push(chunk.length);
      assert.equal(ended, sizes.length === 80);
    }
    assert.deepEqual(sizes, [...Array.from({ length: 79 }, () => CELL), 2 * SEGMENT - 1 + 28]);
  });

  it('gives nothing that completes a part when the plaintext ends badly, too early or too late', async () => {
    const { upload } = await UploadInMemory.begin(cipher);
    for (const size of [0, 1, SEGMENT, MIN - 1, MIN, MIN + 70_000]) {
      const part = upload.sealPart(2, size, undefined);
      const plain = pattern(size + 1);
      async function* broken(): AsyncGenerator<Buffer> {
        yield* chunks(plain.subarray(0, size));
        throw new Error('the checksum does not hold');
      }
      for (const [source, expected] of [
        [broken(), /the checksum does not hold/],
        [chunks(plain), { code: 'IncompleteBody' }],
        ...(size > 0 ? [[chunks(plain.subarray(0, size - 1)), { code: 'IncompleteBody' }] as const] : []),
      ] as const) {
        let received = 0;
        await assert.rejects(async () => {
          for await (const chunk of part.body(source)) received += chunk.length;
        }, expected);
        assert.ok(received < part.storedSizeBytes - Math.min(size, SEGMENT));
      }
    }
  });

  it('keeps the checksum of a final part, asked for at the end, and none of an ordinary one', async () => {
    const { upload } = await UploadInMemory.begin(cipher);
    let requested = 0;
    const value = () => {
      requested += 1;
      return Buffer.alloc(4, 1);
    };
    await collect(upload.sealPart(1, MIN, { algorithm: 'CRC32', value }).body(chunks(pattern(MIN))));
    assert.equal(requested, 0);
    await collect(upload.sealPart(2, 5, { algorithm: 'CRC32', value }).body(chunks(pattern(5))));
    assert.equal(requested, 1);
    const wrong = upload.sealPart(2, 5, { algorithm: 'CRC32', value: () => Buffer.alloc(5) });
    assert.throws(() => wrong.whole(pattern(5)), { code: 'InvalidDigest' });
  });

  it('refuses numbers that S3 does not have, and sizes that a part of the store cannot hold', async () => {
    const { upload } = await UploadInMemory.begin(cipher);
    for (const number of [0, -1, 10_001, 1.5, Number.NaN]) {
      assert.throws(() => upload.sealPart(number, 5, undefined), { code: 'InvalidArgument' });
    }
    const gib5 = 5 * 2 ** 30;
    assert.equal(upload.sealPart(1, 5_366_416_340, undefined).storedSizeBytes, gib5);
    assert.equal(upload.sealPart(10_000, 5_366_416_152, undefined).storedSizeBytes, gib5);
    for (const [number, size] of [
      [1, 5_366_416_341],
      [10_000, 5_366_416_153],
      [1, -1],
      [1, Number.NaN],
    ] as const) {
      assert.throws(() => upload.sealPart(number, size, undefined), { code: 'EntityTooLarge' });
    }
  });

  it('never repeats a key with a nonce: a part that is sent again with other bytes, or sealed twice, has another salt', async () => {
    const upload = await UploadInMemory.begin(cipher);
    for (const [number, size] of [
      [1, MIN],
      [2, 9],
      [10_000, MIN + 5],
    ] as const) {
      const salts = new Set<string>();
      const trailerSalts = new Set<string>();
      const again = upload.upload.sealPart(number, size, undefined);
      for (const fill of [1, 2, 3]) {
        const bodies = [await upload.put(number, Buffer.alloc(size, fill)), again.whole(Buffer.alloc(size, fill + 10))];
        for (const body of bodies) {
          salts.add(body.toString('hex', 0, 12));
          if (number !== 1) trailerSalts.add(body.toString('hex', body.length - 160, body.length - 148));
        }
      }
      assert.equal(salts.size, 6);
      if (number !== 1) assert.equal(trailerSalts.size, 6);
    }
    const completion = upload.upload.complete([{ ...upload.named.get(1)! }], upload.list());
    const layouts = await Promise.all([1, 2].map(() => collect(completion.layoutPart!.body())));
    assert.equal(new Set(layouts.map((body) => body.toString('hex', body.length - 160, body.length - 148))).size, 2);
  });
});

describe('multipart: reading', function () {
  this.timeout(180_000);

  it('reads an upload whose parts came in any order, again, and of which a subset was completed', async () => {
    const upload = await UploadInMemory.begin(cipher);
    const [a, b, c] = [pattern(MIN + 1), Buffer.alloc(MIN + 40_000, 7), Buffer.from('the small last one')];
    await upload.put(9, c, true);
    await upload.put(5, Buffer.alloc(MIN, 1));
    await upload.put(2, a, true);
    await upload.put(7, Buffer.alloc(MIN, 3));
    await upload.put(5, b, true);
    const { received, error } = await read(cipher, await upload.complete([2, 5, 9]));
    assert.equal(error, undefined);
    assert.ok(received.equals(Buffer.concat([a, b, c])));
  });

  it('asks for no more than the segments that a range covers, and not for layout parts around them', async () => {
    const { stored } = await uploaded(cipher, [
      [1, MIN + 10],
      [2, MIN + 70_000],
      [3, 100],
    ]);
    const partBytes = MIN + 10 + 80 * 28;
    assert.deepEqual((await plan(cipher, stored, { kind: 'closed', first: MIN, last: MIN })).extent, {
      first: 79 * CELL,
      last: partBytes - 1,
    });
    assert.deepEqual((await plan(cipher, stored, { kind: 'closed', first: MIN + 10, last: MIN + 10 })).extent, {
      first: partBytes,
      last: partBytes + CELL - 1,
    });
    const end = stored.body.length - 1;
    assert.deepEqual((await plan(cipher, stored, { kind: 'suffix', length: 1 })).extent, {
      first: end - 287,
      last: end,
    });
    assert.deepEqual((await plan(cipher, stored, { part: 3 })).extent, { first: end - 287, last: end - 160 });
    assert.deepEqual((await plan(cipher, stored)).extent, { first: 0, last: end });
  });

  it('reads one part of 9,999 different ones by two small looks and the bytes of that part', async () => {
    const { envelope, sealedId } = await cipher.newUpload(ADDRESS);
    const upload = await cipher.openSealedId(ADDRESS, sealedId('id'));
    const parts = Array.from({ length: 9999 }, (_, index) => ({ number: index + 1, size: MIN + index }));
    const stored = parts.map(({ number, size }) => {
      const { slot, storedSizeBytes } = upload.sealPart(number, size, undefined);
      return { slot, sizeBytes: storedSizeBytes, etag: String(number) };
    });
    const completion = upload.complete(
      parts.map(({ number }) => ({ number, etag: String(number) })),
      stored,
    );
    const tail = await collect(completion.layoutPart!.body());
    const view = { envelope, sizeBytes: completion.storedSizeBytes };
    let reads = 0;
    const layout = await cipher.lookup(ADDRESS, view, ({ first, last }) => {
      reads += 1;
      const at = first - (view.sizeBytes - tail.length);
      return Promise.resolve(tail.subarray(at, at + last - first + 1));
    });
    assert.deepEqual([reads, layout.runs.length, layout.plainSizeBytes], [2, 9999, completion.plainSizeBytes]);

    const { size } = parts[4999]!;
    const body = upload.sealPart(5000, size, undefined).whole(pattern(size));
    const planned = await cipher.plan(ADDRESS, view, layout, { part: 5000 });
    const before = stored.slice(0, 4999).reduce((sum, { sizeBytes }) => sum + sizeBytes, 0);
    assert.deepEqual(planned.extent, { first: before, last: before + body.length - 1 });
    assert.ok(planned.whole(body, planned.extent).equals(pattern(size)));
  });

  it('reads an empty upload and an empty last part', async () => {
    const empty = await uploaded(cipher, [[4, 0]]);
    assert.equal((await plan(cipher, empty.stored)).last, -1);
    assert.deepEqual((await read(cipher, empty.stored)).received, Buffer.alloc(0));
    assert.equal((await read(cipher, empty.stored, { range: { kind: 'open', first: 0 } })).error?.code, 'InvalidRange');
    const part = await plan(cipher, empty.stored, { part: 4 });
    assert.equal(part.extent.last, part.extent.first - 1);
    assert.deepEqual(part.whole(Buffer.alloc(0), part.extent), Buffer.alloc(0));
    assert.deepEqual(await collect(part.body(chunks(Buffer.alloc(0)), part.extent)), Buffer.alloc(0));
  });

  it('passes over a layout part without gathering it', async () => {
    const { stored, plain } = await uploaded(cipher, [
      [3, MIN],
      [9, 5],
    ]);
    const planned = await plan(cipher, stored);
    const received = await collect(planned.body(chunks(stored.body, 5000), planned.extent));
    assert.ok(received.equals(plain));
  });

  it('moves with a new envelope: the body of an upload stays as it is', async () => {
    const { stored, plain } = await uploaded(cipher, [
      [1, MIN],
      [2, 5],
    ]);
    const address = { bucketId: 'archive', key: 'copy' };
    const { envelope } = await cipher.rewrap(ADDRESS, stored.envelope, address);
    assert.ok((await read(cipher, { ...stored, envelope }, { address })).received.equals(plain));
    assert.equal((await read(cipher, { ...stored, envelope })).error?.code, 'IntegrityFailure');
  });
});
