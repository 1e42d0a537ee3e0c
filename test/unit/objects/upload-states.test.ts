import assert from 'node:assert/strict';
import type { StoreSession } from '../../../src/contracts/store-session.ts';
import type { ErrorCode } from '../../../src/errors/codes.ts';
import { GatewayError } from '../../../src/errors/gateway-error.ts';
import { createUploads } from '../../../src/objects/uploads.ts';
import { cipherOf, pattern } from '../core/cipher/object-store.ts';
import { KEY, MIN, MultipartStore, putPart, readBack } from './multipart-store.ts';

const cipher = cipherOf();
const process = () => createUploads({ cipher: cipherOf(), clock: Date });
const ADDRESS = { bucketId: 'reports', key: KEY };
const ANY = { sizeBytes: undefined, conditions: {} };
const PART = { number: 1, sizeBytes: 1, checksum: undefined };

const refused = (code: ErrorCode) => (error: unknown) => error instanceof GatewayError && error.code === code;

async function begin(store = new MultipartStore(), uploads = process(), key = KEY) {
  const session = store.serving();
  const { uploadId } = await uploads.create(session, key, {});
  return { store, session, uploads, upload: { key, uploadId }, uploadId };
}

const stateKeys = (store: MultipartStore): string[] => [...store.kept.keys()].filter((key) => key.endsWith('/state'));

describe('state of uploads in progress', () => {
  it('lets every process take every request of an upload by the store’s own id', async () => {
    const { store, session, uploadId, upload } = await begin();
    assert.ok(store.uploads.has(uploadId));
    const plain = [pattern(MIN), Buffer.from('the end')];
    const named = [
      await putPart(process(), session, uploadId, 1, plain[0]!),
      await putPart(process(), session, uploadId, 2, plain[1]!),
    ];
    assert.equal((await process().parts(session, upload)).parts.length, 2);
    await process().complete(session, upload, named, ANY);
    assert.deepEqual(await readBack(cipher, ADDRESS, store.objects.get(KEY)!), Buffer.concat(plain));
  });

  it('is read once by a process, whatever the number of parts', async () => {
    const { store, session, uploadId } = await begin();
    const other = process();
    for (const number of [1, 2, 3]) await putPart(other, session, uploadId, number, Buffer.from('x'));
    const reads = store.requested.filter(({ method, key }) => method === 'GET' && key.endsWith('/state'));
    assert.equal(reads.length, 1);
  });

  it('tells nothing of key or data key to who reads it', async () => {
    const { store, uploadId } = await begin();
    for (const [key, bytes] of store.kept) {
      for (const text of [KEY, '2026', uploadId]) assert.equal(key.includes(text) || bytes.includes(text), false);
    }
  });

  it('opens for no other upload, key or bucket: swapped, altered in any byte, cut or forged, it is NoSuchUpload', async () => {
    const store = new MultipartStore();
    const mine = await begin(store);
    const [own = ''] = stateKeys(store);
    const genuine = store.kept.get(own)!;
    const others = [
      await begin(store),
      await begin(store, process(), 'other'),
      await (async () => {
        const session = store.serving('archive');
        const { uploadId } = await process().create(session, KEY, {});
        return { uploadId };
      })(),
    ];
    assert.equal(others.length, 3);
    const replaced = stateKeys(store)
      .filter((key) => key !== own)
      .map((key) => store.kept.get(key)!);
    assert.equal(replaced.length, 3);
    const altered = Array.from(genuine, (byte, at) => {
      const bytes = Buffer.from(genuine);
      bytes[at] = byte ^ 1;
      return bytes;
    });
    const cut = [0, 1, 5, genuine.length - 1].map((length) => genuine.subarray(0, length));
    for (const bytes of [
      ...replaced,
      ...altered,
      ...cut,
      Buffer.concat([genuine, Buffer.of(0)]),
      Buffer.alloc(5000, 1),
    ]) {
      store.kept.set(own, bytes);
      await assert.rejects(process().sealPart(mine.session, mine.upload, PART), (error: unknown) =>
        // A version of the key or of the format that nobody has is no reason to call the upload lost.
        ['NoSuchUpload', 'ServiceUnavailable', 'NotImplemented'].includes((error as GatewayError).code),
      );
    }
    store.kept.set(own, genuine);
    await process().sealPart(mine.session, mine.upload, PART);
  });

  it('is NoSuchUpload where it is gone, and for an id that is of another place', async () => {
    const { store, session, upload, uploadId } = await begin();
    for (const [where, what] of [
      [session, { key: 'other', uploadId }],
      [store.serving('archive'), upload],
      [store.session(), upload],
    ] as const) {
      await assert.rejects(process().sealPart(where, what, PART), refused('NoSuchUpload'));
      await assert.rejects(process().complete(where, what, [], ANY), refused('NoSuchUpload'));
    }
    store.kept.clear();
    await assert.rejects(process().sealPart(session, upload, PART), refused('NoSuchUpload'));
    await process().abort(session, upload);
    assert.equal(store.uploads.size, 0);
  });

  it('is not taken for gone when the store cannot be asked', async () => {
    const { store, session, upload } = await begin();
    store.fault = (_, { key }) => (key.endsWith('/state') ? 'refused' : undefined);
    await assert.rejects(process().sealPart(session, upload, PART), refused('ServiceUnavailable'));
  });

  it('leaves no upload behind that nobody could go on with, when it cannot be kept', async () => {
    for (const fault of ['refused', 'answer lost'] as const) {
      const store = new MultipartStore();
      store.fault = (_, { method, key }) => (method === 'PUT' && key.endsWith('/state') ? fault : undefined);
      await assert.rejects(process().create(store.serving(), KEY, {}), refused('ServiceUnavailable'));
      assert.equal(store.uploads.size, 0);
    }
  });

  it('outlives the end of its upload for those who ask again, and is gone when its process ends', async () => {
    for (const isCeph of [false, true]) {
      const { store, session, uploads, upload, uploadId } = await begin();
      store.isCeph = isCeph;
      const named = [await putPart(uploads, session, uploadId, 1, Buffer.from('x'))];
      const first = await uploads.complete(session, upload, named, ANY);
      const again = await process().complete(session, upload, named, ANY);
      assert.equal(again.etag.replaceAll('"', ''), first.etag.replaceAll('"', ''));
      await uploads.close();
      assert.deepEqual([...store.kept.keys()], []);
    }
  });

  it('goes with an upload that is aborted, and does not fail what it cannot follow', async () => {
    const { store, session, uploads, upload } = await begin();
    await uploads.abort(session, upload);
    await uploads.close();
    assert.equal(store.kept.size, 0);
    const other = await begin(store);
    store.fault = (_, { query }) => (query.some(([name]) => name === 'versions') ? 'refused' : undefined);
    await other.uploads.abort(other.session, other.upload);
    await other.uploads.close();
    assert.equal(store.uploads.size, 0);
  });

  it('is not touched after the time of its session', async () => {
    const { store, session, uploads, upload, uploadId } = await begin();
    const states: StoreSession['states'] = async () => ({
      ...(await session.states!()),
      notAfterMs: Date.now() + 5_000,
    });
    const named = [await putPart(uploads, session, uploadId, 1, Buffer.from('x'))];
    await uploads.complete({ ...session, states }, upload, named, ANY);
    await new Promise((resolve) => setTimeout(resolve, 50));
    await uploads.close();
    assert.equal(store.kept.size, 0);
  });
});
