import assert from 'node:assert/strict';
import type { StoreSession } from '../../../src/contracts/store-session.ts';
import type { ErrorCode } from '../../../src/errors/codes.ts';
import { GatewayError } from '../../../src/errors/gateway-error.ts';
import { createObjectCipher } from '../../../src/core/cipher/object-cipher.ts';
import { createLocalKeyring } from '../../../src/core/keyring/local-keyring.ts';
import { createReplacements } from '../../../src/objects/replacements.ts';
import { createObjectReader } from '../../../src/objects/object-reader.ts';
import { cipherOf, collect, pattern, SEED } from '../core/cipher/object-store.ts';
import { CopyingStore, type Kept } from './copying-store.ts';

const ENVELOPE = 'x-amz-meta-sallyport';
const KEY = 'a/b';
const ADDRESS = { bucketId: 'id-of-box', key: KEY };
const BODY = pattern(150_000);
const HEADERS = { 'content-type': 'text/csv', 'x-amz-meta-owner': 'finance', 'x-amz-storage-class': 'COLD' };
const OTHER_SEED = Buffer.from('another seed for tests, of as many bytes');
const GIB = 1024 ** 3;

const versions = new Map([
  [1, SEED],
  [2, OTHER_SEED],
]);
const before = cipherOf();
const rotated = createObjectCipher(createLocalKeyring({ current: 2, versions }));
const after = createObjectCipher(createLocalKeyring({ current: 2, versions: new Map([[2, OTHER_SEED]]) }));

const fails = (code: ErrorCode, work: Promise<unknown>): Promise<void> =>
  assert.rejects(work, (error) => error instanceof GatewayError && error.code === code);

async function world(tags = '') {
  const store = new CopyingStore();
  const session = store.session('box', 'required');
  const kept = await putSealed(store, BODY, tags);
  return { store, session, kept, ...createReplacements(rotated) };
}

async function putSealed(store: CopyingStore, body: Buffer, tags = ''): Promise<Kept> {
  const sealed = await before.seal(ADDRESS, body.length, undefined);
  return store.put('box', KEY, sealed.whole(body), { ...HEADERS, [ENVELOPE]: sealed.envelope }, tags);
}

/** Reads as a process does that knows the new version only. */
async function read(session: StoreSession, cipher = after): Promise<Buffer> {
  const reader = createObjectReader({ cipher, smallBodyBytes: 1000 });
  const query = { key: KEY, versionId: undefined, range: undefined, partNumber: undefined, conditions: {} };
  const { body } = await reader.read(session, { ...query, wantsChecksum: false });
  return Buffer.isBuffer(body) ? body : collect(body);
}

/** The same store, of an object that is so large. */
function enlarged(session: StoreSession, sizeBytes: number): StoreSession {
  return {
    ...session,
    send: async (request) => {
      const response = await session.send(request);
      if (request.method !== 'HEAD') return response;
      return { ...response, headers: new Map([...response.headers, ['content-length', String(sizeBytes)]]) };
    },
  };
}

describe('objects/replacements', () => {
  it('makes an object readable by the new version alone, its body untouched and all else as it was', async () => {
    const { store, session, kept, replaceEnvelope } = await world();
    const { keyId, etag } = await replaceEnvelope(session, KEY, `"${kept.etag}"`);
    assert.equal(keyId, 'local:2');
    const now = store.get('box', KEY)!;
    assert.equal(etag, `"${now.etag}"`);
    assert.deepEqual(now.body, kept.body);
    assert.deepEqual({ ...now.headers, [ENVELOPE]: '' }, { ...kept.headers, [ENVELOPE]: '' });
    assert.deepEqual(await read(session), BODY);
    assert.deepEqual(store.steps.slice(0, 2), ['HEAD', 'PUT copy']);
    const { headers } = store.requested[1]!;
    assert.equal(headers['if-match'], kept.etag);
    assert.equal(headers['x-amz-copy-source-if-match'], `"${kept.etag}"`);
    assert.equal(headers['x-amz-copy-if-match'], `"${kept.etag}"`);
  });

  it('keeps the tags, also on a store that drops them', async () => {
    for (const dropsTags of [false, true]) {
      const { store, session, kept, replaceEnvelope } = await world('a=b&c=d');
      store.dropsTags = dropsTags;
      await replaceEnvelope(session, KEY, `"${kept.etag}"`);
      assert.equal(store.get('box', KEY)!.tags, 'a=b&c=d');
      assert.equal(store.steps.includes('PUT tagging'), dropsTags);
    }
  });

  it('leaves an object alone that is not the one that was meant', async () => {
    const { store, session, kept, replaceEnvelope } = await world();
    await fails('PreconditionFailed', replaceEnvelope(session, KEY, '"other"'));
    const newer = await putSealed(store, pattern(7));
    await fails('PreconditionFailed', replaceEnvelope(session, KEY, `"${kept.etag}"`));
    assert.equal(store.get('box', KEY), newer);
  });

  it('never puts the old envelope beside a body that came in between, whichever condition the store heeds', async () => {
    for (const honoured of ['source', 'alias', 'target'] as const) {
      const { store, session, kept, replaceEnvelope } = await world();
      store.heeds = { source: false, alias: false, parts: false, target: false, [honoured]: true };
      const newer = pattern(70_000);
      store.before = (_, nth) => (nth === 1 ? putSealed(store, newer).then(() => undefined) : undefined);
      await fails('PreconditionFailed', replaceEnvelope(session, KEY, `"${kept.etag}"`));
      store.before = () => undefined;
      assert.deepEqual(await read(session, rotated), newer);
    }
  });

  it('re-wraps nothing that is not sealed, or is sealed for another place', async () => {
    const { store, session, replaceEnvelope } = await world();
    const plain = store.put('box', KEY, BODY, HEADERS);
    await fails('ObjectNotEncrypted', replaceEnvelope(session, KEY, `"${plain.etag}"`));
    const sealed = await before.seal({ ...ADDRESS, key: 'other' }, BODY.length, undefined);
    const moved = store.put('box', KEY, sealed.whole(BODY), { [ENVELOPE]: sealed.envelope });
    await fails('IntegrityFailure', replaceEnvelope(session, KEY, `"${moved.etag}"`));
    assert.equal(store.get('box', KEY), moved);
  });

  it('copies in parts of 5 GiB what is larger, and completes it only on the source that it began with', async () => {
    const { store, session, kept, replaceEnvelope } = await world('a=b');
    await replaceEnvelope(enlarged(session, 12 * GIB + 1), KEY, `"${kept.etag}"`);
    const ranges = store.requested.map(({ headers }) => headers['x-amz-copy-source-range']).filter((range) => range);
    assert.deepEqual(ranges, [
      `bytes=0-${5 * GIB - 1}`,
      `bytes=${5 * GIB}-${10 * GIB - 1}`,
      `bytes=${10 * GIB}-${12 * GIB}`,
    ]);
    assert.deepEqual(
      store.steps.filter((step) => !step.includes('copy')),
      ['HEAD', 'GET tagging', 'POST uploads', 'HEAD', 'POST uploadId', 'GET tagging'],
    );
    const { headers, tags } = store.get('box', KEY)!;
    assert.deepEqual({ ...headers, [ENVELOPE]: '' }, { ...HEADERS, [ENVELOPE]: '' });
    assert.equal(after.describe(headers[ENVELOPE]!).keyId, 'local:2');
    assert.equal(tags, 'a=b');
  });

  it('gives an upload up whose source was replaced while a store that pins no part copied it', async () => {
    const { store, session, kept, replaceEnvelope } = await world();
    store.heeds = { source: true, alias: true, parts: false, target: false };
    let newer: Kept | undefined;
    store.before = async ({ headers }) => {
      if (headers['x-amz-copy-source'] !== undefined) newer ??= await putSealed(store, pattern(9));
    };
    await fails('PreconditionFailed', replaceEnvelope(enlarged(session, 6 * GIB), KEY, `"${kept.etag}"`));
    assert.equal(store.get('box', KEY), newer);
    assert.equal(store.uploads.size, 0);
  });

  it('gives an upload up where any of its requests fails, and leaves the object as it was', async () => {
    const { store: counted, session, kept, replaceEnvelope } = await world();
    await replaceEnvelope(enlarged(session, 6 * GIB), KEY, `"${kept.etag}"`);
    for (let failing = 0; failing < counted.requested.length; failing += 1) {
      const the = await world();
      let failed = false;
      the.store.before = (_, nth) => {
        if (nth !== failing || failed) return;
        failed = true;
        throw new GatewayError('ServiceUnavailable');
      };
      await fails('ServiceUnavailable', the.replaceEnvelope(enlarged(the.session, 6 * GIB), KEY, `"${the.kept.etag}"`));
      assert.equal(the.store.get('box', KEY), the.kept);
      assert.equal(the.store.uploads.size, 0);
    }
  });
});

describe('objects/replacements: an object over another one', () => {
  const DEFERRED = 'a/.work/1';
  const abandoned = (store: CopyingStore) => ({
    ...store.session('box', 'required'),
    bucket: { ...store.session('box', 'required').bucket, id: 'id aside' },
  });
  /** A plain object, and its encrypted copy aside, which is bound to another bucket id. */
  const fixture = async (tags = '') => {
    const store = new CopyingStore();
    const old = store.put('box', KEY, BODY, { 'content-type': 'text/csv' }, tags);
    const sealed = await before.seal({ bucketId: 'id aside', key: DEFERRED }, BODY.length, undefined);
    const headers = { [ENVELOPE]: sealed.envelope, 'x-amz-meta-sallyport-work': '1' };
    const kept = store.put('box', DEFERRED, sealed.whole(BODY), headers);
    const session = store.session('box', 'required');
    const replacement = {
      source: {
        ...{ key: DEFERRED, versionId: kept.versionId, etag: `"${kept.etag}"` },
        ...{ sizeBytes: kept.body.length, envelope: sealed.envelope },
      },
      target: { key: KEY, versionId: old.versionId, etag: `"${old.etag}"` },
      headers: { 'content-type': 'text/csv' },
    };
    return { store, session, old, kept, replacement, ...createReplacements(rotated) };
  };
  const ends = (store: CopyingStore, session: StoreSession) => ({ from: abandoned(store), to: session });
  const large = (store: CopyingStore, sizeBytes: number) => ({
    from: enlarged(abandoned(store), sizeBytes),
    to: store.session('box', 'required'),
  });

  it('puts it there with its key bound to that place, what it is given beside it, and the tags of the old one', async () => {
    for (const dropsTags of [false, true]) {
      const { store, session, replacement, replaceObject } = await fixture('team=a&use=b');
      store.dropsTags = dropsTags;
      const { keyId } = await replaceObject(ends(store, session), replacement);
      assert.equal(keyId, 'local:2');
      const { headers, tags } = store.get('box', KEY)!;
      assert.deepEqual({ ...headers, [ENVELOPE]: '' }, { 'content-type': 'text/csv', [ENVELOPE]: '' });
      assert.equal(tags, 'team=a&use=b');
      assert.ok((await read(session)).equals(BODY));
    }
  });

  it('names the version it copies, and is pinned to both ends', async () => {
    const { store, session, old, kept, replacement, replaceObject } = await fixture();
    await replaceObject(ends(store, session), replacement);
    const { headers } = store.requested.find((request) => 'x-amz-copy-source' in request.headers)!;
    assert.equal(headers['x-amz-copy-source'], `/stored-box/${DEFERRED}?versionId=${kept.versionId}`);
    assert.equal(headers['x-amz-copy-source-if-match'], `"${kept.etag}"`);
    assert.equal(headers['if-match'], old.etag);
  });

  it('leaves alone what a client wrote meanwhile, in one request or in parts', async () => {
    for (const sizeBytes of [undefined, 12 * GIB]) {
      const { store, session, replacement, replaceObject } = await fixture();
      const newer = store.put('box', KEY, pattern(9));
      const { source } = replacement;
      const requested = { ...replacement, source: { ...source, sizeBytes: sizeBytes ?? source.sizeBytes } };
      await fails(
        'PreconditionFailed',
        replaceObject(sizeBytes === undefined ? ends(store, session) : large(store, sizeBytes), requested),
      );
      assert.equal(store.get('box', KEY), newer);
      assert.equal(store.uploads.size, 0);
    }
  });

  it('copies in parts what is larger than 5 GiB, each of them pinned, tags and metadata with the upload', async () => {
    const { store, replacement, replaceObject, kept } = await fixture('a=b');
    const source = { ...replacement.source, sizeBytes: 6 * GIB };
    await replaceObject(large(store, 6 * GIB), { ...replacement, source });
    const requests = store.requested.filter(({ headers }) => 'x-amz-copy-source-range' in headers);
    assert.deepEqual(
      requests.map(({ headers }) => [headers['x-amz-copy-source-range'], headers['x-amz-copy-source-if-match']]),
      [
        [`bytes=0-${5 * GIB - 1}`, `"${kept.etag}"`],
        [`bytes=${5 * GIB}-${6 * GIB - 1}`, `"${kept.etag}"`],
      ],
    );
    assert.equal(store.get('box', KEY)?.tags, 'a=b');
    assert.equal(store.get('box', KEY)?.headers['content-type'], 'text/csv');
  });

  it('refuses what is not bound to where it is said to be, and writes nothing', async () => {
    const { store, session, old, replacement, replaceObject } = await fixture();
    await fails('IntegrityFailure', replaceObject({ from: session, to: session }, replacement));
    assert.equal(store.get('box', KEY), old);
  });
});

describe('objects/replacements: the probe', () => {
  const PROBE = 'a/.probe';
  const MARK = { 'x-amz-meta-sallyport-work': '1' };

  it('finds out what a store heeds, and leaves nothing behind', async () => {
    for (const source of [true, false]) {
      for (const target of [true, false]) {
        for (const completion of [true, false]) {
          const { store, session, probe } = await world();
          store.heeds = { source, alias: false, parts: true, target, completion };
          assert.deepEqual(await probe(session, PROBE, MARK), { source, target, completion });
          assert.equal(store.get('box', PROBE), undefined);
          assert.equal(store.uploads.size, 0);
        }
      }
    }
  });

  it('takes a condition that the store does not know for one that it holds: it replaces nothing', async () => {
    const { store, session, probe } = await world();
    store.before = ({ headers }) => {
      if ('if-match' in headers) throw new GatewayError('NotImplemented');
    };
    assert.deepEqual(await probe(session, PROBE, MARK), { source: true, target: true, completion: true });
    assert.equal(store.uploads.size, 0);
  });

  it('marks whatever it writes, so that what a killed trial leaves is known for what it is', async () => {
    const { store, session, probe } = await world();
    store.heeds = { source: false, alias: false, parts: false, target: false };
    await probe(session, PROBE, MARK);
    const writes = store.requested.filter(
      ({ method, query }) => (method === 'PUT' || method === 'POST') && !query.some(([name]) => name === 'uploadId'),
    );
    assert.equal(writes.length, 4);
    for (const { headers } of writes) assert.equal(headers['x-amz-meta-sallyport-work'], '1');
  });

  it('touches nothing that is there', async () => {
    const { store, session, probe } = await world();
    const there = store.put('box', PROBE, BODY);
    await fails('PreconditionFailed', probe(session, PROBE, MARK));
    assert.equal(store.get('box', PROBE), there);
  });
});
