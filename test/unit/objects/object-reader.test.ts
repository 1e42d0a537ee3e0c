import assert from 'node:assert/strict';
import { setTimeout as sleep } from 'node:timers/promises';
import type { LegacyObjects } from '../../../src/contracts/legacy-objects.ts';
import type { ObjectReader, OpenedObject } from '../../../src/contracts/stored-objects.ts';
import { createObjectReader } from '../../../src/objects/object-reader.ts';
import { CELL, cipherOf, pattern, SEGMENT, SIZES } from '../core/cipher/object-store.ts';
import { MIN, sha256 } from '../core/cipher/upload-store.ts';
import { bodyOf, query, StoreInMemory } from './object-store.ts';

const cipher = cipherOf();
const SMALL = 16_384;
const closed = (first: number, last: number) => ({ kind: 'closed', first, last }) as const;
const TRAILER = 160;

describe('objects/reader', () => {
  let store: StoreInMemory;
  let reader: ObjectReader;
  let lookups: string[];

  beforeEach(() => {
    store = new StoreInMemory();
    lookups = [];
    reader = createObjectReader({ cipher, smallBodyBytes: SMALL, observer: { lookup: (why) => lookups.push(why) } });
  });
  afterEach(() => assert.equal(store.open, 0, 'a body was left open'));

  describe('of an object of one PUT', () => {
    it('reads every size and every edge of a segment, in one request each', async () => {
      for (const size of SIZES) {
        const plain = pattern(size);
        await store.single(cipher, 'k', plain);
        store.reset();
        const whole = await reader.read(store.session(), query('k'));
        assert.deepEqual(await bodyOf(whole), plain);
        assert.deepEqual([whole.sizeBytes, whole.first, whole.last, whole.partial], [size, 0, size - 1, false]);
        const [first, last] = [Math.floor(size / 2), size - 1];
        if (size > 0) {
          const part = await reader.read(store.session(), query('k', { range: closed(first, last + 9) }));
          assert.deepEqual(await bodyOf(part), plain.subarray(first));
          assert.deepEqual([part.sizeBytes, part.first, part.last, part.partial], [size, first, last, true]);
        }
        assert.equal(store.requested.length, size > 0 ? 2 : 1);
        assert.deepEqual(lookups, []);
      }
    });

    it('opens small answers in memory, and larger ones as a stream', async () => {
      await store.single(cipher, 'small', pattern(100));
      await store.single(cipher, 'large', pattern(SMALL));
      assert.ok(Buffer.isBuffer((await reader.read(store.session(), query('small'))).body));
      const large = await reader.read(store.session(), query('large'));
      assert.equal(Buffer.isBuffer(large.body), false);
      await large.discard();
    });

    it('gives the checksum only where it is requested of the whole: of a small object in one request', async () => {
      const checksum = { algorithm: 'CRC32', value: () => Buffer.from('01020304', 'hex') } as const;
      for (const [size, reads] of [
        [100, 1],
        [3 * SEGMENT, 2],
      ] as const) {
        await store.single(cipher, `k${size}`, pattern(size), checksum);
        store.reset();
        const key = `k${size}`;
        const whole = await reader.read(store.session(), query(key, { wantsChecksum: true }));
        assert.deepEqual(await bodyOf(whole), pattern(size));
        assert.deepEqual(whole.checksum, {
          ...{ algorithm: 'CRC32', value: Buffer.from('01020304', 'hex'), type: 'FULL_OBJECT', partsCount: 0 },
        });
        assert.equal(store.requested.length, reads);
        const range = await reader.read(store.session(), query(key, { wantsChecksum: true, range: closed(0, 9) }));
        assert.equal(range.checksum, undefined);
        await range.discard();
        const unrequested = await reader.read(store.session(), query(key));
        assert.equal(unrequested.checksum, undefined);
        await unrequested.discard();
        assert.deepEqual(
          (await reader.head(store.session(), query(key, { wantsChecksum: true }))).checksum,
          whole.checksum,
        );
      }
    });

    it('is all of its first part, and has no other', async () => {
      await store.single(cipher, 'k', pattern(100));
      const part = await reader.read(store.session(), query('k', { partNumber: 1 }));
      assert.deepEqual(await bodyOf(part), pattern(100));
      assert.deepEqual([part.partial, part.partsCount, part.last], [true, undefined, 99]);
      await assert.rejects(reader.read(store.session(), query('k', { partNumber: 2 })), { code: 'InvalidPartNumber' });
      await assert.rejects(reader.head(store.session(), query('k', { partNumber: 2 })), { code: 'InvalidPartNumber' });
    });

    it('tells by HEAD what GET gives, in one request', async () => {
      await store.single(cipher, 'k', pattern(SEGMENT + 1));
      const whole = await reader.head(store.session(), query('k'));
      assert.deepEqual([whole.sizeBytes, whole.partial, whole.keyId], [SEGMENT + 1, false, 'local:1']);
      const range = await reader.head(store.session(), query('k', { range: { kind: 'suffix', length: 5 } }));
      assert.deepEqual([range.first, range.last, range.partial], [SEGMENT - 4, SEGMENT, true]);
      assert.deepEqual(store.requested, ['HEAD', 'HEAD']);
    });

    it('refuses a range behind the end with the size of the plaintext', async () => {
      await store.single(cipher, 'k', pattern(100));
      for (const first of [100, 10 * SEGMENT]) {
        const range = { kind: 'open', first } as const;
        await assert.rejects(reader.read(store.session(), query('k', { range })), (error: Error) => {
          assert.equal((error as { code?: string }).code, 'InvalidRange');
          const headers = (error as unknown as { clientHeaders: Record<string, string> }).clientHeaders;
          assert.match(Object.values(headers).join(), /^bytes \*\/100$/);
          return true;
        });
      }
    });
  });

  describe('of an object in parts', () => {
    const REGULAR = [
      [1, MIN],
      [2, MIN],
      [3, 100_000],
    ] as const;
    const IRREGULAR = [
      [1, MIN + 7],
      [3, MIN + 70_000],
      [4, 12_345],
    ] as const;

    it('reads all of it by a request and its looks, and each later range in one of no more bytes than it needs', async () => {
      for (const [key, parts] of [
        ['regular', REGULAR],
        ['irregular', IRREGULAR],
      ] as const) {
        const { plain } = await store.multipart(cipher, key, parts);
        store.reset();
        const whole = await reader.read(store.session(), query(key));
        assert.equal(sha256(await bodyOf(whole)), sha256(plain));
        // The trailers, and of a regular object the segment that says how long its parts are.
        assert.equal(store.requested.length, 3);
        const [, size] = parts[0];
        for (const first of [0, 1, size - 1, size, plain.length - 12_345, plain.length - 1]) {
          for (const length of [1, SEGMENT, 1_048_576]) {
            store.reset();
            const range = closed(first, first + length - 1);
            const opened = await reader.read(store.session(), query(key, { range }));
            assert.deepEqual(await bodyOf(opened), plain.subarray(first, first + length));
            assert.equal(store.requested.length, 1);
            assert.ok(
              store.transferredBytes <= length + 2 * CELL + 28 * 32 + TRAILER,
              `${store.transferredBytes} for ${length}`,
            );
          }
        }
      }
    });

    it('reads a first range of a regular object by a request and its looks, of little more than its bytes', async () => {
      const { plain } = await store.multipart(cipher, 'k', REGULAR);
      const range = closed(MIN + 5, MIN + 5 + 1_048_575);
      const opened = await reader.read(store.session(), query('k', { range }));
      assert.deepEqual(await bodyOf(opened), plain.subarray(MIN + 5, MIN + 5 + 1_048_576));
      assert.equal(store.requested.length, 3);
      assert.ok(store.transferredBytes <= 1_048_576 + 2 * CELL + TRAILER + 28 * 18);
      assert.deepEqual(lookups, ['read', 'read']);
    });

    it('reads every kind of range of every layout as the plaintext has it, without anything remembered', async () => {
      for (const parts of [REGULAR, IRREGULAR]) {
        const { plain } = await store.multipart(cipher, 'k', parts);
        const ranges = [
          closed(MIN - 1, MIN + 1),
          closed(plain.length - 5, plain.length + 5),
          { kind: 'open', first: plain.length - 70_000 },
          { kind: 'suffix', length: 3 },
          { kind: 'suffix', length: 2 * plain.length },
          { kind: 'suffix', length: 100_001 },
        ] as const;
        for (const range of ranges) {
          const fresh = createObjectReader({ cipher, smallBodyBytes: SMALL });
          const opened = await fresh.read(store.session(), query('k', { range }));
          const body = await bodyOf(opened);
          assert.deepEqual(body, plain.subarray(opened.first, opened.last + 1), JSON.stringify(range));
          assert.equal(opened.sizeBytes, plain.length);
          if (range.kind === 'suffix') assert.equal(body.length, Math.min(range.length, plain.length));
        }
      }
    });

    it('gives each of its parts with their number, and refuses one that it has not', async () => {
      const { plain } = await store.multipart(cipher, 'k', IRREGULAR);
      let at = 0;
      for (const [partNumber, size] of IRREGULAR) {
        const part = await reader.read(store.session(), query('k', { partNumber }));
        assert.deepEqual(await bodyOf(part), plain.subarray(at, at + size));
        assert.deepEqual([part.first, part.last, part.partial, part.partsCount], [at, at + size - 1, true, 3]);
        const head = await reader.head(store.session(), query('k', { partNumber }));
        assert.deepEqual([head.first, head.last, head.partsCount], [at, at + size - 1, 3]);
        at += size;
      }
      await assert.rejects(reader.read(store.session(), query('k', { partNumber: 2 })), { code: 'InvalidPartNumber' });
    });

    it('agrees by HEAD and by description, and looks only where the size does not tell', async () => {
      const regular = await store.multipart(cipher, 'regular', REGULAR);
      const irregular = await store.multipart(cipher, 'irregular', IRREGULAR);
      assert.equal((await reader.head(store.session(), query('regular'))).sizeBytes, regular.plain.length);
      assert.deepEqual(lookups, []);
      assert.equal((await reader.head(store.session(), query('irregular'))).sizeBytes, irregular.plain.length);
      assert.ok(lookups.length >= 1 && lookups.length <= 3);
      const { layout, sizeBytes } = await reader.describe(store.session(), query('irregular'));
      assert.equal(sizeBytes, irregular.plain.length);
      assert.deepEqual(
        layout?.runs.map(({ firstNumber, count, plainSizeBytes }) => [firstNumber, count, plainSizeBytes]),
        IRREGULAR.map(([number, size]) => [number, 1, size]),
      );
    });

    it('forgets a layout when the object is replaced, and reads the new one', async () => {
      await store.multipart(cipher, 'k', REGULAR);
      await (await reader.read(store.session(), query('k', { range: closed(0, 9) }))).discard();
      const { plain } = await store.multipart(cipher, 'k', IRREGULAR);
      const opened = await reader.read(store.session(), query('k', { range: closed(MIN, MIN + 99) }));
      assert.deepEqual(await bodyOf(opened), plain.subarray(MIN, MIN + 100));
      await store.single(cipher, 'k', pattern(5));
      assert.deepEqual(
        await bodyOf(await reader.read(store.session(), query('k', { range: closed(1, 3) }))),
        pattern(5).subarray(1, 4),
      );
    });
  });

  describe('under conditions', () => {
    it('puts them to the store in its first request, and answers by what it says', async () => {
      const { etag } = await store.multipart(cipher, 'k', [[1, MIN]]);
      const read = (conditions: Record<string, string>) => reader.read(store.session(), query('k', { conditions }));
      await assert.rejects(read({ 'if-match': '"other"' }), { code: 'PreconditionFailed' });
      await assert.rejects(read({ 'if-none-match': etag }), { code: 'NotModified' });
      await (await read({ 'if-match': etag })).discard();
      store.reset();
      await (await read({ 'if-match': etag })).discard();
      assert.equal(store.requested.length, 1);
      await assert.rejects(read({ 'if-match': '"other"' }), { code: 'PreconditionFailed' });
      await assert.rejects(read({ 'if-none-match': etag }), { code: 'NotModified' });
    });

    it('takes no 304 for an answer before If-Match and If-Unmodified-Since are decided', async () => {
      const { etag } = await store.single(cipher, 'k', pattern(100));
      store.put('off/k', pattern(100));
      const [before, then] = ['Fri, 20 Nov 2026 10:00:00 GMT', 'Sat, 21 Nov 2026 10:00:00 GMT'];
      for (const checksModifiedFirst of [false, true]) {
        store.lies = { checksModifiedFirst };
        for (const key of ['k', 'off/k']) {
          for (const method of ['read', 'head'] as const) {
            const read = (conditions: Record<string, string>) =>
              reader[method](store.session(), query(key, { conditions: { 'if-modified-since': then, ...conditions } }));
            await assert.rejects(read({ 'if-match': '"other"' }), { code: 'PreconditionFailed' });
            await assert.rejects(read({ 'if-unmodified-since': before }), { code: 'PreconditionFailed' });
            await assert.rejects(read({ 'if-unmodified-since': then }), { code: 'NotModified' });
            if (key === 'k') await assert.rejects(read({ 'if-match': etag }), { code: 'NotModified' });
          }
        }
      }
      store.reset();
      await assert.rejects(reader.head(store.session(), query('k', { conditions: { 'if-modified-since': then } })), {
        code: 'NotModified',
      });
      assert.equal(store.requested.length, 1, 'a 304 without doubt is requested once');
    });

    it('never hides If-Unmodified-Since behind an If-Match of its own', async () => {
      await store.multipart(cipher, 'k', [[1, MIN]]);
      await (await reader.read(store.session(), query('k'))).discard();
      store.reset();
      const conditions = { 'if-unmodified-since': 'Sat, 21 Nov 2026 10:00:00 GMT' };
      await (await reader.read(store.session(), query('k', { conditions }))).discard();
      assert.equal(store.requests[0]?.headers['if-match'], undefined);
      assert.equal(store.requests[0]?.headers['if-unmodified-since'], conditions['if-unmodified-since']);
    });
  });

  describe('of places that are kept plain, or migrate', () => {
    it('hands on what is kept plain as the store has it, ranges, parts and checksum mode included', async () => {
      store.put('off/k', pattern(1000));
      const opened = await reader.read(store.session(), query('off/k', { range: { kind: 'suffix', length: 10 } }));
      assert.deepEqual(await bodyOf(opened), pattern(1000).subarray(990));
      assert.deepEqual([opened.form, opened.first, opened.sizeBytes, opened.partial], ['none', 990, 1000, true]);
      await (await reader.read(store.session(), query('off/k', { partNumber: 1, versionId: 'v' }))).discard();
      await reader.head(store.session(), query('off/k', { wantsChecksum: true }));
      assert.deepEqual(store.requested, ['GET bytes=-10', 'GET', 'HEAD']);
      assert.deepEqual(store.requests[1]?.query, [
        ['partNumber', '1'],
        ['versionId', 'v'],
      ]);
      assert.equal(store.requests[2]?.headers['x-amz-checksum-mode'], 'ENABLED');
    });

    it('takes the whole of a plain object for no part of it but the first', async () => {
      store.put('off/k', pattern(1000));
      for (const read of [reader.read, reader.head]) {
        await assert.rejects(read(store.session(), query('off/k', { partNumber: 2 })), { code: 'NotImplemented' });
      }
    });

    it('reads plaintext of a migrating prefix, its ranges requested again on the same entity', async () => {
      const { etag } = store.put('migrating/k', pattern(200_000));
      for (const range of [
        undefined,
        closed(70_000, 70_009),
        { kind: 'suffix', length: 7 } as const,
        closed(199_990, 300_000),
      ]) {
        store.reset();
        const opened = await reader.read(store.session(), query('migrating/k', { range }));
        assert.deepEqual(await bodyOf(opened), pattern(200_000).subarray(opened.first, opened.last + 1));
        assert.equal(opened.form, 'none');
        if (range === undefined) assert.equal(store.requested.length, 1);
        else assert.equal(store.requests.at(-1)?.headers['if-match'], etag);
      }
      // The offset of its segment, were it sealed, lies behind its end.
      const [first, last] = [199_999, 199_999];
      const opened = await reader.read(store.session(), query('migrating/k', { range: closed(first, last) }));
      assert.deepEqual(await bodyOf(opened), pattern(200_000).subarray(first));
      const head = await reader.head(store.session(), query('migrating/k', { range: closed(5, 9) }));
      assert.deepEqual([head.sizeBytes, head.first, head.last, head.form], [200_000, 5, 9, 'none']);
    });

    it('reads sealed objects of a migrating prefix like any other', async () => {
      await store.single(cipher, 'migrating/s', pattern(100_000));
      const opened = await reader.read(store.session(), query('migrating/s', { range: closed(99_990, 99_999) }));
      assert.deepEqual(await bodyOf(opened), pattern(100_000).subarray(99_990));
      assert.equal(opened.form, 'sealed');
    });

    it('opens what another gateway encrypted as a whole, without its headers, up to a size', async () => {
      const legacy: LegacyObjects = {
        maxStoredBytes: 1000,
        recognise: (bucket, headers) =>
          bucket === 'reports' && headers.has('x-amz-meta-isec')
            ? {
                format: 'test',
                plainSize: (stored) => stored - 28,
                headers: ['x-amz-meta-isec'],
                open: (stored) => Promise.resolve(stored.subarray(28)),
              }
            : undefined,
      };
      reader = createObjectReader({ cipher, smallBodyBytes: SMALL, legacy });
      store.put('migrating/k', pattern(128), { headers: { 'x-amz-meta-isec': 'x', 'x-amz-meta-own': 'y' } });
      const whole = await reader.read(store.session(), query('migrating/k'));
      assert.deepEqual(await bodyOf(whole), pattern(128).subarray(28));
      assert.deepEqual([whole.form, whole.sizeBytes], ['legacy', 100]);
      assert.equal(whole.headers.has('x-amz-meta-isec'), false);
      assert.equal(whole.headers.get('x-amz-meta-own'), 'y');
      const part = await reader.read(store.session(), query('migrating/k', { range: closed(90, 200) }));
      assert.deepEqual(await bodyOf(part), pattern(128).subarray(118));
      assert.equal((await reader.head(store.session(), query('migrating/k'))).sizeBytes, 100);
      store.put('migrating/large', pattern(1001), { headers: { 'x-amz-meta-isec': 'x' } });
      await assert.rejects(reader.read(store.session(), query('migrating/large')), { code: 'NotImplemented' });
      store.put('required', pattern(128), { headers: { 'x-amz-meta-isec': 'x' } });
      await assert.rejects(reader.read(store.session(), query('required')), { code: 'ObjectNotEncrypted' });
    });

    it('has no more of what opens only as a whole in memory than four times its bound, and lets the others wait', async () => {
      const size = 200_000;
      const legacy: LegacyObjects = {
        maxStoredBytes: size,
        recognise: () => ({
          ...{ format: 'test', headers: [], plainSize: (stored) => stored - 28 },
          open: (stored) => Promise.resolve(stored.subarray(28)),
        }),
      };
      reader = createObjectReader({ cipher, smallBodyBytes: SMALL, legacy });
      store.put('migrating/k', pattern(size));
      const done: OpenedObject[] = [];
      const reads = Array.from({ length: 7 }, async () => {
        const opened = await reader.read(store.session(), query('migrating/k'));
        done.push(opened);
        return opened;
      });
      await sleep(20);
      assert.equal(done.length, 4);
      assert.equal(store.open, 0);
      // One that is read to its end, one that is aborted, one whose reader goes away half-way.
      const [first, second, third] = done;
      assert.deepEqual(await bodyOf(first!), pattern(size).subarray(28));
      await second!.discard();
      await second!.discard();
      const pieces = (third!.body as AsyncIterable<Buffer>)[Symbol.asyncIterator]();
      await pieces.next();
      await pieces.return?.();
      for (const read of reads) assert.equal((await read).sizeBytes, size - 28);
      for (const opened of done) await opened.discard();
      // What is small holds nothing, and neither does what cannot be opened.
      for (let i = 0; i < 5; i += 1) await reader.read(store.session(), query('migrating/k', { range: closed(5, 9) }));
      for (let i = 0; i < 5; i += 1) {
        const beyond = query('migrating/k', { range: closed(size, size) });
        await assert.rejects(reader.read(store.session(), beyond), { code: 'InvalidRange' });
      }
      assert.deepEqual(
        await bodyOf(await reader.read(store.session(), query('migrating/k'))),
        pattern(size).subarray(28),
      );
    });
  });
});
