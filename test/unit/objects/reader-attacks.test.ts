import assert from 'node:assert/strict';
import type { ObjectReader } from '../../../src/contracts/stored-objects.ts';
import { createObjectReader } from '../../../src/objects/object-reader.ts';
import { CELL, cipherOf, pattern, SEGMENT } from '../core/cipher/object-store.ts';
import { MIN } from '../core/cipher/upload-store.ts';
import { bodyOf, BUCKET, query, StoreInMemory } from './object-store.ts';

const cipher = cipherOf();
const range = { kind: 'closed', first: 70_000, last: 70_099 } as const;
const PARTS = [
  [1, MIN + 7],
  [2, MIN],
  [3, 12_345],
] as const;

describe('objects/reader against a store that is not to be trusted', () => {
  let store: StoreInMemory;
  let reader: ObjectReader;
  const read = async (key: string, more: Parameters<typeof query>[1] = {}) =>
    bodyOf(await reader.read(store.session(), query(key, more)));

  beforeEach(() => {
    store = new StoreInMemory();
    reader = createObjectReader({ cipher, smallBodyBytes: 1000 });
  });
  afterEach(() => assert.equal(store.open, 0, 'a body was left open'));

  it('never serves plaintext where encryption is required, on any way to it', async () => {
    store.put('k', pattern(200_000));
    for (const more of [{}, { range }, { partNumber: 1 }, { wantsChecksum: true }]) {
      await assert.rejects(read('k', more), { code: 'ObjectNotEncrypted' });
      await assert.rejects(reader.head(store.session(), query('k', more)), { code: 'ObjectNotEncrypted' });
      await assert.rejects(reader.describe(store.session(), query('k', more)), { code: 'ObjectNotEncrypted' });
    }
    store.put('empty', Buffer.alloc(0));
    for (const more of [{}, { range }]) await assert.rejects(read('empty', more), { code: 'ObjectNotEncrypted' });
  });

  it('never serves plaintext that is planted between two requests of one read', async () => {
    await store.multipart(cipher, 'k', PARTS);
    store.meanwhile = (requested) => {
      if (requested === 1) store.put('k', pattern(200_000));
    };
    await assert.rejects(read('k', { range }), { code: 'ObjectNotEncrypted' });
  });

  it('opens nothing under the envelope of another object, another bucket or another kind', async () => {
    const [one, other] = [
      await store.single(cipher, 'k', pattern(100_000)),
      await store.single(cipher, 'o', pattern(5)),
    ];
    const parts = await store.multipart(cipher, 'm', PARTS);
    const swapped = (envelope: string | undefined, body = one.body) => {
      assert.ok(envelope !== undefined);
      store.put('k', body, { envelope });
    };
    swapped(other.envelope);
    await assert.rejects(read('k'), { code: 'IntegrityFailure' });
    swapped(parts.envelope);
    await assert.rejects(read('k'), { code: 'IntegrityFailure' });
    swapped(one.envelope, parts.body);
    await assert.rejects(read('k', { range }), { code: 'IntegrityFailure' });
    for (const [from, to] of [
      ['s', 'm'],
      ['m', 's'],
    ] as const) {
      const kept = from === 's' ? one : parts;
      swapped(kept.envelope?.replace(`;${from};`, `;${to};`), kept.body);
      for (const more of [{}, { range }, { partNumber: 1 }]) {
        await assert.rejects(read('k', more), { code: 'IntegrityFailure' });
      }
    }
    store.put('k', one.body, { envelope: one.envelope ?? '' });
    const elsewhere = store.session({ ...BUCKET, id: 'elsewhere' });
    await assert.rejects(reader.read(elsewhere, query('k')), { code: 'IntegrityFailure' });
  });

  it('begins anew when the object is replaced between the trailer and the range, and never mixes the two', async () => {
    await store.multipart(cipher, 'k', PARTS);
    for (const swapAt of [1, 2, 3, 4]) {
      await store.multipart(cipher, 'k', PARTS);
      reader = createObjectReader({ cipher, smallBodyBytes: 1000 });
      store.reset();
      const next = await store.multipart(cipher, 'next', [
        [1, MIN],
        [2, MIN + 3],
      ]);
      store.meanwhile = (requested) => {
        if (requested === swapAt) store.put('k', next.body, { envelope: next.envelope ?? '' });
      };
      // The envelope is bound to another key: what is read in the end fails, and is never a mixture.
      const outcome = await read('k', { range }).catch((error: unknown) => error);
      if (Buffer.isBuffer(outcome)) assert.deepEqual(outcome, pattern(80_000).subarray(70_000, 70_100));
      else assert.equal((outcome as { code?: string }).code, 'IntegrityFailure');
    }
  });

  it('reads the new object when the old one is replaced under it, whether the store heeds If-Match or not', async () => {
    for (const ignoresIfMatch of [false, true]) {
      for (const swapAt of [1, 2, 3]) {
        store = new StoreInMemory();
        store.lies = { ignoresIfMatch };
        reader = createObjectReader({ cipher, smallBodyBytes: 1000 });
        const next = await store.multipart(cipher, 'k', [
          [1, MIN + 100],
          [2, MIN],
        ]);
        await store.multipart(cipher, 'k', PARTS);
        store.reset();
        store.meanwhile = (requested) => {
          if (requested === swapAt) store.objects.set('k', next);
        };
        const opened = await reader.read(store.session(), query('k', { range: { kind: 'open', first: MIN } }));
        const body = await bodyOf(opened);
        const size = opened.sizeBytes;
        assert.ok(size === next.plain.length || size === 2 * MIN + 7 + 12_345);
        assert.deepEqual(body, pattern(size).subarray(MIN));
        assert.ok(store.requested.length <= 12);
      }
    }
  });

  it('aborts on an object that never stands still', async () => {
    const kept = await store.multipart(cipher, 'k', PARTS);
    store.meanwhile = (requested) =>
      store.put('k', kept.body, { envelope: kept.envelope ?? '', etag: `"${requested}"` });
    await assert.rejects(read('k', { range: { kind: 'open', first: MIN + 8 } }), { code: 'ServiceUnavailable' });
    assert.ok(store.requested.length <= 6);
  });

  it('takes no layout for that of an object with another envelope, though its ETag is the same', async () => {
    const one = await store.multipart(cipher, 'k', PARTS);
    await read('k', { range });
    const { body, envelope } = await store.multipart(cipher, 'k', [
      [1, MIN],
      [2, MIN],
    ]);
    store.put('k', body, { envelope: envelope ?? '', etag: one.etag });
    assert.deepEqual(
      await read('k', { range: { kind: 'closed', first: MIN, last: MIN + 9 } }),
      pattern(MIN + 10).subarray(MIN),
    );
  });

  it('never reads a whole object into memory because a store ignores Range', async () => {
    await store.multipart(cipher, 'k', PARTS);
    store.lies = { ignoresRange: true };
    await assert.rejects(read('k', { range }), { code: 'ServiceUnavailable' });
    await store.single(cipher, 's', pattern(10 * SEGMENT));
    await assert.rejects(read('s', { range: { kind: 'closed', first: 6 * SEGMENT, last: 6 * SEGMENT } }), {
      code: 'ServiceUnavailable',
    });
    assert.equal(store.transferredBytes, 0);
  });

  it('serves no byte of an answer whose extent or length is a lie', async () => {
    await store.single(cipher, 'k', pattern(5 * SEGMENT));
    const middle = { kind: 'closed', first: SEGMENT, last: 2 * SEGMENT - 1 } as const;
    const lies: readonly (readonly [string, string, string])[] = [
      ['content-range', `bytes 0-${CELL - 1}/${5 * CELL + 160}`, 'another segment'],
      ['content-range', `bytes ${CELL}-${2 * CELL - 1}/${4 * CELL + 160}`, 'a shorter object'],
      ['content-range', `bytes ${CELL}-${2 * CELL - 1}/${6 * CELL + 160}`, 'a longer object'],
      ['content-range', `bytes ${CELL}-${2 * CELL}/${5 * CELL + 160}`, 'one byte more'],
      ['content-range', `bytes ${CELL}-${2 * CELL - 2}/${5 * CELL + 160}`, 'one byte less'],
      ['content-range', 'bytes */5', 'nothing'],
      ['content-range', '', 'nothing at all'],
    ];
    for (const [name, value, what] of lies) {
      store.lies = { head: (headers) => headers.set(name, value) };
      const outcome = await read('k', { range: middle }).catch((error: unknown) => error);
      assert.match(String((outcome as { code?: string }).code), /^(?:IntegrityFailure|ServiceUnavailable)$/, what);
    }
    store.lies = { head: (headers) => headers.set('content-length', '12') };
    await assert.rejects(read('k'), { code: /IntegrityFailure|ServiceUnavailable/ });
  });

  it('serves no byte of a body that was altered, cut or extended, in memory or streamed', async () => {
    for (const size of [500, 5 * SEGMENT]) {
      await store.single(cipher, 'k', pattern(size));
      const changes = [
        (bytes: Buffer) => Buffer.concat([bytes.subarray(0, -1), Buffer.from([bytes.at(-1)! ^ 1])]),
        (bytes: Buffer) => bytes.subarray(0, -1),
        (bytes: Buffer) => Buffer.concat([bytes, Buffer.alloc(1)]),
        (bytes: Buffer) => Buffer.alloc(bytes.length),
      ];
      for (const body of changes) {
        store.lies = { body };
        await assert.rejects(read('k'), { code: 'IntegrityFailure' });
      }
      store.lies = {};
    }
  });

  it('names no entity by an ETag that is none, and then asks no second request of it', async () => {
    await store.multipart(cipher, 'k', PARTS);
    for (const etag of ['', 'W/"weak"', '"a", "b"', '*']) {
      store.lies = { head: (headers) => headers.set('etag', etag) };
      await assert.rejects(read('k'), { code: 'ServiceUnavailable' });
    }
  });
});
