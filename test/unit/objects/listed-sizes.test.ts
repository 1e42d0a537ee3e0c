import assert from 'node:assert/strict';
import { Readable } from 'node:stream';
import type { StoreSession } from '../../../src/contracts/store-session.ts';
import type { ObjectReader, StoredEntry } from '../../../src/contracts/stored-objects.ts';
import { GatewayError } from '../../../src/errors/gateway-error.ts';
import { createObjectReader } from '../../../src/objects/object-reader.ts';
import { cipherOf, pattern, SIZES } from '../core/cipher/object-store.ts';
import { MIN } from '../core/cipher/upload-store.ts';
import { query, StoreInMemory } from './object-store.ts';

const cipher = cipherOf();
const IRREGULAR = [
  [1, MIN + 7],
  [5, 12_345],
] as const;

describe('objects/sizes of a listing', () => {
  let store: StoreInMemory;
  let reader: ObjectReader;
  let lookups: string[];
  const sizes = async (entries: readonly StoredEntry[]) => reader.sizes(store.session(), entries);

  beforeEach(() => {
    store = new StoreInMemory();
    lookups = [];
    reader = createObjectReader({ cipher, smallBodyBytes: 1000, observer: { lookup: (why) => lookups.push(why) } });
  });
  afterEach(() => assert.equal(store.open, 0, 'a body was left open'));

  it('asks nothing of a store for regular objects and for those that are kept plain', async () => {
    const entries: StoredEntry[] = [];
    for (const size of SIZES) {
      await store.single(cipher, `k${size}`, pattern(size));
      entries.push(store.entry(`k${size}`));
    }
    store.put('off/k', pattern(77));
    entries.push(store.entry('off/k'));
    assert.deepEqual(
      await sizes(entries),
      [...SIZES, 77].map((sizeBytes) => ({ sizeBytes })),
    );
    assert.deepEqual(store.requested, []);
  });

  it('looks once at each that its size does not tell, agrees with HEAD, and remembers', async () => {
    const { plain } = await store.multipart(cipher, 'k', IRREGULAR);
    assert.deepEqual(await sizes([store.entry('k')]), [{ sizeBytes: plain.length }]);
    assert.ok(store.requested.length <= 2, store.requested.join());
    assert.ok(lookups.every((why) => why === 'list'));
    store.reset();
    assert.deepEqual(await sizes([store.entry('k')]), [{ sizeBytes: plain.length }]);
    assert.deepEqual(store.requested, []);
    assert.equal((await reader.head(store.session(), query('k'))).sizeBytes, plain.length);
  });

  it('takes an object for empty of which a store gives a part without a byte, beside all the others', async () => {
    store.lies = { omitsEmptyBody: true };
    store.put('folder/', Buffer.alloc(0));
    const { plain } = await store.multipart(cipher, 'k', IRREGULAR);
    const entries = [store.entry('folder/'), store.entry('k')];
    assert.deepEqual(await sizes(entries), [{ sizeBytes: 0 }, { sizeBytes: plain.length }]);
  });

  it('asks one HEAD of each entry of a migrating prefix, and is right for all that lies there', async () => {
    await store.single(cipher, 'migrating/sealed', pattern(100));
    store.put('migrating/plain', pattern(288));
    store.put('migrating/empty', Buffer.alloc(0));
    const entries = ['migrating/sealed', 'migrating/plain', 'migrating/empty'].map((key) => store.entry(key));
    assert.deepEqual(await sizes(entries), [{ sizeBytes: 100 }, { sizeBytes: 288 }, { sizeBytes: 0 }]);
    assert.deepEqual(store.requested, ['HEAD', 'HEAD', 'HEAD']);
    await sizes(entries);
    assert.equal(store.requested.length, 3);
  });

  it('never has more than sixteen looks in progress at once', async () => {
    const entries: StoredEntry[] = [];
    for (let i = 0; i < 100; i += 1) {
      store.put(`migrating/${i}`, pattern(i));
      entries.push(store.entry(`migrating/${i}`));
    }
    let [now, most] = [0, 0];
    const session = store.session();
    const received = await reader.sizes(
      {
        ...session,
        send: async (request) => {
          now += 1;
          most = Math.max(most, now);
          await new Promise((resolve) => setImmediate(resolve));
          const answer = await session.send(request);
          now -= 1;
          return answer;
        },
      },
      entries,
    );
    assert.deepEqual(
      received,
      entries.map((_, sizeBytes) => ({ sizeBytes })),
    );
    assert.equal(most, 16);
  });

  describe('at once in several listings', () => {
    const ENTRIES = 200;
    let entries: StoredEntry[];
    beforeEach(() => {
      entries = Array.from({ length: ENTRIES }, (_, index) => {
        store.put(`migrating/${index}`, pattern(index));
        return store.entry(`migrating/${index}`);
      });
    });
    /** A session whose store takes a turn to answer, as stores do. */
    const slow = (refuse?: () => GatewayError | undefined): StoreSession => {
      const session = store.session();
      return {
        ...session,
        send: async (request) => {
          await new Promise((resolve) => setImmediate(resolve));
          const refused = refuse?.();
          if (refused !== undefined) throw refused;
          return session.send(request);
        },
      };
    };
    const expected = Array.from({ length: ENTRIES }, (_, sizeBytes) => ({ sizeBytes }));

    it('are looked at once for all of them', async () => {
      const pages = await Promise.all(Array.from({ length: 12 }, () => reader.sizes(slow(), entries)));
      for (const page of pages) assert.deepEqual(page, expected);
      assert.equal(store.requested.length, ENTRIES);
    });

    it("are not refused to one because of another's session, nor aborted because another's client went away", async () => {
      for (const code of ['AccessDeniedByStore', 'RequestTimeout', 'ServiceUnavailable'] as const) {
        const other = createObjectReader({ cipher, smallBodyBytes: 1000 });
        const failing = other.sizes(
          slow(() => new GatewayError(code)),
          entries,
        );
        const [failed, good] = await Promise.allSettled([failing, other.sizes(slow(), entries)]);
        assert.ok(failed.status === 'rejected' && (failed.reason as GatewayError).code === code);
        assert.ok(good.status === 'fulfilled');
        assert.deepEqual(good.value, expected);
      }
    });

    it('begin when they are admitted, which is asked once and only where there is something to look at', async () => {
      const requested: number[] = [];
      const gate = Promise.withResolvers<undefined>();
      const admit = async (lookups: number): Promise<void> => {
        requested.push(lookups);
        await gate.promise;
      };
      const page = reader.sizes(slow(), entries, admit);
      await new Promise((resolve) => setImmediate(resolve));
      assert.deepEqual([requested, store.requested], [[ENTRIES], []]);
      gate.resolve(undefined);
      assert.deepEqual(await page, expected);
      await reader.sizes(slow(), entries, admit);
      assert.deepEqual(requested, [ENTRIES]);
    });
  });

  it('shows an object that was replaced meanwhile with facts of its own only, and leaves out one that is gone', async () => {
    await store.multipart(cipher, 'replaced', IRREGULAR);
    await store.multipart(cipher, 'gone', IRREGULAR);
    const entries = [store.entry('replaced'), store.entry('gone')];
    store.objects.delete('gone');
    const { etag } = await store.single(cipher, 'replaced', pattern(5));
    const lastModified = '2026-11-21T10:00:00.000Z';
    assert.deepEqual(await sizes(entries), [{ sizeBytes: 5, instead: { etag, lastModified } }, undefined]);
    const [again] = await sizes(entries);
    assert.deepEqual(again, { sizeBytes: 5, instead: { etag, lastModified } });
  });

  it('shows the stored size of what is not served: no envelope, or a trailer that does not open', async () => {
    const { body, envelope } = await store.multipart(cipher, 'k', IRREGULAR);
    store.put('planted', body);
    store.put('altered', Buffer.concat([body.subarray(0, -1), Buffer.alloc(1)]), { envelope: envelope ?? '' });
    store.put('short', pattern(159));
    store.put('nothing', Buffer.alloc(0));
    const entries = ['planted', 'altered', 'short', 'nothing'].map((key) => store.entry(key));
    assert.deepEqual(
      await sizes(entries),
      [body.length, body.length, 159, 0].map((sizeBytes) => ({ sizeBytes })),
    );
  });

  it('lists an object of another gateway by what its format says, and one that cannot be read by what is stored', async () => {
    const recognise = (_: string, headers: ReadonlyMap<string, string>) => {
      if (headers.has('x-amz-meta-unknown')) throw new GatewayError('ServiceUnavailable');
      if (!headers.has('x-amz-meta-isec')) return undefined;
      const plainSize = (size: number) => (size < 28 ? undefined : size - 28);
      return { format: 'test', plainSize, headers: [], open: (stored: Buffer) => Promise.resolve(stored) };
    };
    reader = createObjectReader({ cipher, smallBodyBytes: 1000, legacy: { maxStoredBytes: 1000, recognise } });
    const isec = { 'x-amz-meta-isec': 'x' };
    store.put('migrating/legacy', pattern(128), { headers: isec });
    store.put('migrating/cut', pattern(27), { headers: isec });
    store.put('migrating/unknown', pattern(128), { headers: { 'x-amz-meta-unknown': 'x' } });
    const entries = ['legacy', 'cut', 'unknown'].map((name) => store.entry(`migrating/${name}`));
    assert.deepEqual(
      await sizes(entries),
      [100, 27, 128].map((sizeBytes) => ({ sizeBytes })),
    );
  });

  it('fails when the key of a lookup is not to be had: never a guess', async () => {
    await store.multipart(cipher, 'k', IRREGULAR);
    const otherReader = createObjectReader({ cipher: cipherOf(undefined, 2), smallBodyBytes: 1000 });
    await assert.rejects(otherReader.sizes(store.session(), [store.entry('k')]), { code: 'ServiceUnavailable' });
  });

  it('fails, and stops asking, when the store refuses a lookup', async () => {
    await store.multipart(cipher, 'k', IRREGULAR);
    const refusal = Object.assign(new Error('refused'), { code: 'AccessDeniedByStore' });
    let requested = 0;
    const session = {
      ...store.session(),
      send: () => {
        requested += 1;
        return Promise.reject(refusal);
      },
    };
    const entries = Array.from({ length: 500 }, (_, i) => ({ ...store.entry('k'), key: `k${i}` }));
    await assert.rejects(reader.sizes(session, entries), { code: 'AccessDeniedByStore' });
    assert.ok(requested <= 16);
  });

  describe('of objects that the store will not speak of', () => {
    const page = (...keys: readonly string[]): string =>
      '<ListBucketResult><Name>reports</Name><IsTruncated>false</IsTruncated>' +
      keys
        .map(
          (key) =>
            `<Contents><Key>${key}</Key><LastModified>2026-11-20T00:00:00.000Z</LastModified><ETag>"e"</ETag>` +
            '<Size>5</Size><StorageClass>STANDARD</StorageClass></Contents>',
        )
        .join('') +
      '</ListBucketResult>';
    /** AWS says "not allowed" of what is not there to whoever may list below a prefix only. */
    const bounded = (listed: () => string): StoreSession => ({
      ...store.session(),
      send: async (request) => {
        if (request.key === '') {
          const body = Buffer.from(listed());
          const nothing = () => Promise.resolve();
          const stream = Readable.from([body]) as AsyncIterable<Buffer>;
          return {
            status: 200,
            headers: new Map(),
            body: stream,
            whole: () => Promise.resolve(body),
            discard: nothing,
          };
        }
        if (!store.objects.has(request.key)) throw new GatewayError('AccessDeniedByStore');
        return store.session().send(request);
      },
    });

    beforeEach(() => store.put('migrating/here', pattern(7)));
    const entries = () => [store.entry('migrating/here'), { key: 'migrating/gone', etag: '"e"', sizeBytes: 5 }];

    it('leaves out what a listing shows no more, though another key begins as it did', async () => {
      const session = bounded(() => page('migrating/gone-not'));
      assert.deepEqual(await reader.sizes(session, entries()), [{ sizeBytes: 7 }, undefined]);
    });

    it('fails where it is listed still, or where no listing is to be had: never is an object left out that is there', async () => {
      const still = bounded(() => page('migrating/gone'));
      await assert.rejects(reader.sizes(still, entries()), { code: 'AccessDeniedByStore' });
      const refused = bounded(() => {
        throw new GatewayError('AccessDeniedByStore');
      });
      await assert.rejects(reader.sizes(refused, entries()), { code: 'AccessDeniedByStore' });
      const versioned = [{ key: 'migrating/gone', versionId: 'v', etag: '"e"', sizeBytes: 5 }];
      await assert.rejects(
        reader.sizes(
          bounded(() => page()),
          versioned,
        ),
        { code: 'AccessDeniedByStore' },
      );
    });
  });
});
