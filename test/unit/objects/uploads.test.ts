import assert from 'node:assert/strict';
import type { ErrorCode } from '../../../src/errors/codes.ts';
import { GatewayError } from '../../../src/errors/gateway-error.ts';
import { createUploads } from '../../../src/objects/uploads.ts';
import { cipherOf, pattern } from '../core/cipher/object-store.ts';
import { KEY, MIN, MultipartStore, putPart, readBack } from './multipart-store.ts';

const cipher = cipherOf();
/** Two processes that share nothing but the keys. */
const [uploads, others] = [createUploads({ cipher, clock: Date }), createUploads({ cipher: cipherOf(), clock: Date })];
const ADDRESS = { bucketId: 'reports', key: KEY };
const ANY = { sizeBytes: undefined, conditions: {} };

const refused = (code: ErrorCode) => (error: unknown) => error instanceof GatewayError && error.code === code;

async function begin(store = new MultipartStore()) {
  const session = store.session();
  const { uploadId } = await uploads.create(session, KEY, { 'x-amz-meta-a': 'b' });
  const upload = { key: KEY, uploadId };
  const put = (number: number, plain: Buffer, by = uploads) => putPart(by, session, uploadId, number, plain);
  return { store, session, upload, uploadId, put };
}

/** Parts whose last one is ordinary, of lengths for which the object needs a layout part. */
async function irregular() {
  const created = await begin();
  const plain = [pattern(MIN + 70_000), pattern(MIN + 1)];
  const named = [await created.put(1, plain[0]!), await created.put(2, plain[1]!)];
  return { ...created, plain: Buffer.concat(plain), named };
}

describe('uploads in sealed parts', () => {
  it('begins an upload with the headers to keep and its envelope, under an id that is not the store’s', async () => {
    const { store, uploadId } = await begin();
    const [request] = store.requested;
    assert.deepEqual(request?.query, [['uploads', '']]);
    assert.equal(request.headers['x-amz-meta-a'], 'b');
    assert.match(request.headers['x-amz-meta-sallyport'] ?? '', /^1;1;m;1;/);
    assert.doesNotMatch(Buffer.from(uploadId, 'base64url').toString('latin1'), /^store-upload/);
  });

  it('puts together what two processes took in turns, small last part first', async () => {
    const { store, session, upload, put } = await begin();
    const plain = [pattern(MIN), pattern(MIN).reverse(), Buffer.from('the end')];
    const last = await put(3, plain[2]!, others);
    const first = await put(1, plain[0]!);
    await put(2, Buffer.alloc(MIN), others);
    const second = await put(2, plain[1]!, others);
    const { etag, versionId, keyId } = await others.complete(session, upload, [first, second, last], {
      sizeBytes: 2 * MIN + 7,
      conditions: {},
    });
    assert.equal(versionId, 'v1');
    assert.equal(keyId, 'local:1');
    const object = store.objects.get(KEY)!;
    assert.equal(etag.replaceAll('"', ''), object.etag);
    assert.deepEqual(await readBack(cipher, ADDRESS, object), Buffer.concat(plain));
    for (const text of ['the end', plain[0]!.subarray(0, 64)]) assert.equal(object.body.includes(text), false);
  });

  it('completes again with the same answer as long as the object is there, and not when another took its place', async () => {
    const { store, session, upload, named } = await irregular();
    const first = await uploads.complete(session, upload, named, ANY);
    const again = await others.complete(session, upload, named, ANY);
    assert.equal(again.etag.replaceAll('"', ''), first.etag.replaceAll('"', ''));
    const other = await begin(store);
    const small = await other.put(1, Buffer.from('x'));
    await uploads.complete(session, other.upload, [small], ANY);
    await assert.rejects(uploads.complete(session, upload, named, ANY), refused('NoSuchUpload'));
    store.objects.clear();
    await assert.rejects(uploads.complete(session, upload, named, ANY), refused('NoSuchUpload'));
  });

  it('completes, again too, at a store that tells no ETag and calls the key gone where the upload is', async () => {
    const { store, session, upload, named } = await irregular();
    store.isCeph = true;
    const first = await uploads.complete(session, upload, named, ANY);
    assert.equal(first.etag, `"${store.objects.get(KEY)!.etag}"`);
    assert.deepEqual(await uploads.complete(session, upload, named, ANY), { ...first, versionId: undefined });
    store.objects.clear();
    await assert.rejects(uploads.complete(session, upload, named, ANY), refused('NoSuchUpload'));
    await assert.rejects(uploads.parts(session, upload), refused('NoSuchUpload'));
    await assert.rejects(uploads.abort(session, upload), refused('NoSuchUpload'));
  });

  it('does not call an upload gone when it cannot ask for the object', async () => {
    const { store, session, upload, named } = await irregular();
    await uploads.complete(session, upload, named, ANY);
    store.fault = (_, { method }) => (method === 'HEAD' ? 'refused' : undefined);
    await assert.rejects(uploads.complete(session, upload, named, ANY), refused('ServiceUnavailable'));
  });

  for (const fault of ['refused', 'answer lost'] as const) {
    it(`leaves no other object than the whole one when any request of a Complete is ${fault}, and completes when repeated`, async () => {
      for (let nth = 0; nth < 3; nth += 1) {
        const { store, session, upload, plain, named } = await irregular();
        const before = store.requested.length;
        store.fault = (index) => (index === before + nth ? fault : undefined);
        await assert.rejects(uploads.complete(session, upload, named, ANY), refused('ServiceUnavailable'));
        assert.equal(store.objects.size, nth === 2 && fault === 'answer lost' ? 1 : 0);
        await others.complete(session, upload, named, ANY);
        assert.deepEqual(await readBack(cipher, ADDRESS, store.objects.get(KEY)!), plain);
      }
    });
  }

  it('takes an error inside an answer of 200 for the failure that it is', async () => {
    const { store, session, upload, named } = await irregular();
    for (const [storeCode, code] of [
      ['InternalError', 'ServiceUnavailable'],
      ['SlowDown', 'SlowDown'],
      ['NoSuchUpload', 'NoSuchUpload'],
    ] as const) {
      store.completeAnswer = () => `   <Error><Code>${storeCode}</Code></Error>`;
      await assert.rejects(uploads.complete(session, upload, named, ANY), refused(code));
    }
    store.completeAnswer = undefined;
    await uploads.complete(session, upload, named, ANY);
  });

  it('passes conditions on, and fails where they do', async () => {
    const { store, session, upload, named } = await irregular();
    store.objects.set(KEY, { headers: {}, etag: 'e', body: Buffer.alloc(0) });
    const conditions = { 'if-none-match': '*' };
    await assert.rejects(
      uploads.complete(session, upload, named, { ...ANY, conditions }),
      refused('PreconditionFailed'),
    );
    await uploads.complete(session, upload, named, ANY);
  });

  it('refuses a size of the whole that is not that of the plaintext, and asks the store for nothing', async () => {
    const { store, session, upload, plain, named } = await irregular();
    const stored = plain.length + 28;
    const puts = store.requested.length;
    await assert.rejects(
      uploads.complete(session, upload, named, { sizeBytes: stored, conditions: {} }),
      refused('InvalidRequest'),
    );
    assert.deepEqual(
      store.requested.slice(puts).map(({ method }) => method),
      ['GET'],
    );
    await uploads.complete(session, upload, named, { sizeBytes: plain.length, conditions: {} });
    assert.equal(store.requested.at(-1)?.headers['x-amz-mp-object-size'], undefined);
  });

  it('refuses parts that are not there, not with this ETag, or too small in the middle', async () => {
    const { session, upload, put, named } = await irregular();
    const [first, second] = named;
    const small = await put(1, Buffer.from('small'));
    const complete = (...parts: readonly { number: number; etag: string }[]) =>
      uploads.complete(session, upload, parts, ANY);
    await assert.rejects(complete(first!, { number: 7, etag: second!.etag }), refused('InvalidPart'));
    await assert.rejects(complete(first!, { number: 2, etag: first!.etag }), refused('InvalidPart'));
    await assert.rejects(complete(small, second!), refused('EntityTooSmall'));
  });

  it('knows no upload by an id that is tampered with, of another key or bucket', async () => {
    const { store, session, uploadId, named } = await irregular();
    const stolen = uploadId.slice(0, 20) + (uploadId[20] === 'A' ? 'B' : 'A') + uploadId.slice(21);
    const attempts = [
      { session, upload: { key: KEY, uploadId: stolen } },
      { session, upload: { key: `${KEY}x`, uploadId } },
      { session: store.session('archive'), upload: { key: KEY, uploadId } },
    ];
    const requested = store.requested.length;
    for (const attempt of attempts) {
      const part = { number: 1, sizeBytes: 1, checksum: undefined };
      await assert.rejects(uploads.sealPart(attempt.session, attempt.upload, part), refused('NoSuchUpload'));
      await assert.rejects(uploads.complete(attempt.session, attempt.upload, named, ANY), refused('NoSuchUpload'));
      await assert.rejects(uploads.abort(attempt.session, attempt.upload), refused('NoSuchUpload'));
      await assert.rejects(uploads.parts(attempt.session, attempt.upload), refused('NoSuchUpload'));
    }
    assert.equal(store.requested.length, requested);
  });

  it('lists parts in the client’s numbers and sizes, over as many pages as the store makes', async () => {
    const { store, session, upload, put } = await begin();
    const sizes = [MIN, MIN + 165, 9];
    for (const [index, size] of sizes.entries()) await put(index + 1, pattern(size));
    store.pageSize = 1;
    const { parts, storageClass } = await uploads.parts(session, upload);
    assert.deepEqual(
      parts.map(({ number, plainSizeBytes }) => [number, plainSizeBytes]),
      sizes.map((size, index) => [index + 1, size]),
    );
    assert.equal(storageClass, 'GLACIER');
    assert.equal(parts[2]?.lastModified, '1970-01-01T00:00:03.000Z');
    assert.equal(store.requested.filter(({ method }) => method === 'GET').length, 3);
  });

  it('shows every part after a Complete that failed behind its layout part', async () => {
    for (const lengths of [
      [MIN, MIN],
      [MIN + 70_000, MIN + 161],
      [MIN, MIN + 65_536 + 3, 100],
    ]) {
      const { store, session, upload, put } = await begin();
      const named = [];
      for (const [index, length] of lengths.entries()) named.push(await put(index + 1, pattern(length)));
      store.completeAnswer = () => '<Error><Code>InternalError</Code></Error>';
      await assert.rejects(uploads.complete(session, upload, named, ANY), refused('ServiceUnavailable'));
      store.completeAnswer = undefined;
      const { parts } = await uploads.parts(session, upload);
      assert.deepEqual(
        parts.map(({ number, stored }) => ({ number, etag: stored.etag.replaceAll('"', '') })),
        named,
      );
      await uploads.complete(session, upload, named, ANY);
      assert.deepEqual(
        await readBack(cipher, ADDRESS, store.objects.get(KEY)!),
        Buffer.concat(lengths.map((length) => pattern(length))),
      );
    }
  });

  it('shows of a part that was uploaded again in another slot the last one, and none where the store’s clock cannot tell', async () => {
    for (const [first, second] of [
      [MIN, 9],
      [9, MIN],
    ] as const) {
      const { store, session, upload, put } = await begin();
      await put(1, pattern(MIN));
      await put(2, pattern(first));
      await put(2, pattern(second));
      const { parts } = await uploads.parts(session, upload);
      assert.deepEqual(
        parts.map((part) => part.plainSizeBytes),
        [MIN, second],
      );
      for (const { parts: stored } of store.uploads.values()) {
        for (const [slot, part] of stored) stored.set(slot, { ...part, modified: 7 });
      }
      assert.equal((await uploads.parts(session, upload)).parts.length, 1);
    }
  });

  for (const kept of ['with', 'without'] as const) {
    it(`completes with the attempt whose ETag is named at a store that lists every one, and shows the last (${kept} records)`, async () => {
      for (const chosen of [0, 1]) {
        const store = new MultipartStore();
        store.keepsAttempts = true;
        const session = kept === 'with' ? store.serving() : store.session();
        const { uploadId } = await uploads.create(session, KEY, {});
        const upload = { key: KEY, uploadId };
        const bodies = [pattern(MIN), pattern(MIN).reverse()];
        const attempts = [];
        for (const body of bodies) attempts.push(await putPart(uploads, session, uploadId, 1, body));
        const end = Buffer.from('the end');
        await putPart(uploads, session, uploadId, 2, Buffer.from('not this'));
        const last = await putPart(uploads, session, uploadId, 2, end);
        const { parts } = await uploads.parts(session, upload);
        assert.deepEqual(
          parts.map(({ number, stored }) => [number, stored.etag.replaceAll('"', '')]),
          [attempts[1], last].map((part) => [part?.number, part?.etag]),
        );
        await uploads.complete(session, upload, [attempts[chosen]!, last], ANY);
        assert.deepEqual(
          await readBack(cipher, ADDRESS, store.objects.get(KEY)!),
          Buffer.concat([bodies[chosen]!, end]),
        );
      }
    });
  }

  it('completes an upload whose parts the store lists in the order of text', async () => {
    const store = new MultipartStore();
    store.listsByText = true;
    const { session, upload, put } = await begin(store);
    const bodies = Array.from({ length: 11 }, (_, at) => pattern(MIN).fill(at, 0, 9));
    const named = [];
    for (const [at, body] of bodies.entries()) named.push(await put(at + 1, body));
    const { parts } = await uploads.parts(session, upload);
    assert.deepEqual(
      parts.map(({ number }) => number),
      bodies.map((_, at) => at + 1),
    );
    await uploads.complete(session, upload, named, ANY);
    assert.deepEqual(await readBack(cipher, ADDRESS, store.objects.get(KEY)!), Buffer.concat(bodies));
  });

  it('takes no page of parts that goes nowhere, or is out of order where another follows', async () => {
    const store = new MultipartStore();
    const part = (number: number) =>
      `<Part><PartNumber>${number}</PartNumber><LastModified>d</LastModified><ETag>e</ETag><Size>5</Size></Part>`;
    const page = (inner: string) => `<ListPartsResult><IsTruncated>true</IsTruncated>${inner}</ListPartsResult>`;
    for (const document of [
      page(''),
      page(part(2) + part(1)),
      page(part(1)),
      page(part(10_001)),
      '<ListPartsResult><IsTruncated>maybe</IsTruncated></ListPartsResult>',
      '<ListPartsResult>',
    ]) {
      const { session, upload } = await begin(store);
      let requested = 0;
      const lying = {
        ...session,
        send: async () => {
          requested += 1;
          const answer = await store
            .session()
            .send({ method: 'POST', key: KEY, query: [['uploads', '']], headers: {} });
          return { ...answer, body: [Buffer.from(document)] as unknown as AsyncIterable<Buffer> };
        },
      };
      await assert.rejects(uploads.parts(lying, upload), refused('InternalError'));
      assert.ok(requested <= 2);
    }
  });
});
