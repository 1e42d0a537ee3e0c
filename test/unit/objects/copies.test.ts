import assert from 'node:assert/strict';
import { crc32 } from 'node:zlib';
import type { CopyEnds, ObjectCopy, PartCopy } from '../../../src/contracts/stored-objects.ts';
import type { ErrorCode } from '../../../src/errors/codes.ts';
import { GatewayError } from '../../../src/errors/gateway-error.ts';
import { createCopies } from '../../../src/objects/copies.ts';
import { createObjectReader } from '../../../src/objects/object-reader.ts';
import { createUploads } from '../../../src/objects/uploads.ts';
import type { Encryption } from '../../../src/s3/encryption.ts';
import { cipherOf, collect, pattern } from '../core/cipher/object-store.ts';
import { CopyingStore, type Kept } from './copying-store.ts';

const ENVELOPE = 'x-amz-meta-sallyport';
const FROM = 'a/source';
const TO = 'b/target';
/** Over what is opened in memory, and more than one segment. */
const BODY = pattern(150_000);
const META = { 'content-type': 'text/csv', 'x-amz-meta-owner': 'finance' };

const cipher = cipherOf();

function world(source: Encryption, target: Encryption) {
  const store = new CopyingStore();
  const reader = createObjectReader({ cipher, smallBodyBytes: 1000 });
  const uploads = createUploads({ cipher, clock: Date });
  const copies = createCopies({ cipher, reader, uploads, clock: { now: () => 0 } });
  const ends: CopyEnds = { from: store.session('from', source), to: store.session('to', target) };
  return { store, reader, uploads, copies, ends };
}

type World = ReturnType<typeof world>;

const copyOf = (copy: Partial<ObjectCopy> = {}): ObjectCopy => ({
  origin: { key: FROM, versionId: undefined, conditions: {} },
  ...{ key: TO, headers: {}, conditions: {}, kept: undefined, tags: undefined, checksum: undefined },
  ...copy,
});

async function putSealed(
  { store, ends: { from } }: World,
  body = BODY,
  {
    headers = META,
    tags = '',
    name = from.bucket.name,
    key = FROM,
  }: Partial<Record<'name' | 'key' | 'tags', string>> & { headers?: Readonly<Record<string, string>> } = {},
): Promise<Kept> {
  const checksum = Buffer.alloc(4);
  checksum.writeUInt32BE(crc32(body));
  const address = { bucketId: `id-of-${name}`, key };
  const sealed = await cipher.seal(address, body.length, { algorithm: 'CRC32', value: () => checksum });
  return store.put(name, key, sealed.whole(body), { ...headers, [ENVELOPE]: sealed.envelope }, tags);
}

async function put(the: World, source: Encryption, body = BODY, tags = ''): Promise<Kept> {
  return source === 'required' ? putSealed(the, body, { tags }) : the.store.put('from', FROM, body, META, tags);
}

/** What a client of the target reads. */
async function read({ store, reader, ends: { to } }: World, key = TO): Promise<Buffer> {
  const query = {
    ...{ key, versionId: undefined, range: undefined, partNumber: undefined },
    wantsChecksum: true,
    conditions: {},
  };
  store.before = () => undefined;
  const { body } = await reader.read(to, query);
  return Buffer.isBuffer(body) ? body : collect(body);
}

const fails = (code: ErrorCode, work: Promise<unknown>): Promise<void> =>
  assert.rejects(work, (error) => error instanceof GatewayError && error.code === code);

const MIXES: readonly (readonly [Encryption, Encryption])[] = [
  ['required', 'required'],
  ['required', 'off'],
  ['off', 'required'],
  ['migrating', 'required'],
  ['migrating', 'off'],
  ['off', 'migrating'],
  ['migrating', 'migrating'],
];

describe('a copy without tags of a plain object', () => {
  it('is made by the store, with metadata said anew, so that no tag goes along', async () => {
    const the = world('off', 'off');
    await put(the, 'off', BODY, 'secret=1');
    const copied = await the.copies.copyUntagged(the.ends, copyOf({ tags: '' }));
    assert.ok(copied !== undefined);
    const kept = the.store.objects.get('stored-to/b/target') ?? assert.fail();
    assert.equal(kept.tags, '');
    assert.ok(kept.body.equals(BODY));
    for (const [name, value] of Object.entries(META)) assert.equal(kept.headers[name], value);
    assert.deepEqual(the.store.steps, ['HEAD', 'PUT copy']);
  });

  it('is left to the store where there is none to leave behind', async () => {
    const the = world('off', 'off');
    await put(the, 'off');
    assert.equal(await the.copies.copyUntagged(the.ends, copyOf({ tags: '' })), undefined);
    assert.deepEqual(the.store.steps, ['HEAD']);
  });
});

describe('a sealed copy at a store that has no tags and refuses their directive', () => {
  const withoutTags = async () => {
    const the = world('required', 'required');
    await put(the, 'required');
    the.store.before = ({ headers }) => {
      if ('x-amz-tagging-directive' in headers) throw new GatewayError('NotImplemented');
    };
    return the;
  };

  it('is made by the store', async () => {
    const the = await withoutTags();
    await the.copies.copyObject(the.ends, copyOf());
    assert.deepEqual(the.store.steps, ['HEAD', 'PUT copy']);
    assert.deepEqual(await read(the), BODY);
  });

  it('is made by the store, pinned, where it refuses the second spelling of the pin too', async () => {
    const the = await withoutTags();
    the.store.before = ({ headers }) => {
      if ('x-amz-copy-if-match' in headers) throw new GatewayError('NotImplemented');
    };
    for (let round = 0; round < 2; round += 1) {
      await the.copies.copyObject(the.ends, copyOf());
      const copy = the.store.requested.at(-1);
      assert.ok(copy !== undefined && 'x-amz-copy-source-if-match' in copy.headers);
    }
    assert.deepEqual(the.store.steps, ['HEAD', 'PUT copy', 'HEAD', 'PUT copy']);
    assert.deepEqual(await read(the), BODY);
  });

  it('passes through the gateway where no tag may go along', async () => {
    const the = await withoutTags();
    await the.copies.copyObject(the.ends, copyOf({ tags: '' }));
    assert.deepEqual(await read(the), BODY);
  });
});

describe('objects/copies: CopyObject', () => {
  for (const [source, target] of MIXES) {
    for (const size of [0, 1, 65_536, 150_000]) {
      it(`copies ${size} bytes from ${source} to ${target}, with what is kept beside them`, async () => {
        const the = world(source, target);
        const body = pattern(size);
        const from = await put(the, source, body);
        const copied = await the.copies.copyObject(the.ends, copyOf());
        assert.deepEqual(await read(the), body);
        const kept = the.store.get('to', TO)!;
        const { [ENVELOPE]: envelope, ...rest } = kept.headers;
        assert.deepEqual(rest, META);
        assert.equal(envelope === undefined, target === 'off');
        assert.notEqual(envelope ?? '', from.headers[ENVELOPE]);
        assert.equal(copied.etag.replaceAll('"', ''), kept.etag);
        assert.equal(copied.lastModified, '2026-11-21T12:00:00.000Z');
        assert.equal(copied.versionId, kept.versionId);
        assert.equal(copied.sourceVersionId, from.versionId);
        if (target !== 'off') {
          assert.equal(copied.keyId, 'local:1');
          if (size > 1) assert.equal(kept.body.includes(body), false);
        }
      });
    }
  }

  it('lets the store copy between encrypted prefixes, in two requests and without touching the body', async () => {
    const the = world('required', 'migrating');
    const from = await putSealed(the);
    await the.copies.copyObject(the.ends, copyOf());
    assert.deepEqual(the.store.steps, ['HEAD', 'PUT copy']);
    assert.deepEqual(the.store.get('to', TO)!.body, from.body);
    const { headers } = the.store.requested[1]!;
    assert.equal(headers['x-amz-copy-source-if-match'], `"${from.etag}"`);
    assert.equal(headers['x-amz-copy-if-match'], `"${from.etag}"`);
    assert.equal(headers['x-amz-metadata-directive'], 'REPLACE');
  });

  for (const [host, directive] of [
    ['s3.eu-central-1.amazonaws.com', 'EXCLUDE'],
    ['store.invalid', undefined],
  ] as const) {
    it(`says of annotations to ${host}: ${directive ?? 'nothing'}`, async () => {
      const the = world('required', 'required');
      await putSealed(the);
      const { bucket } = the.ends.to;
      const store = { ...bucket.store, endpoint: `https://${host}` };
      const to = { ...the.ends.to, bucket: { ...bucket, store } };
      await the.copies.copyObject({ ...the.ends, to }, copyOf());
      assert.equal(the.store.requested[1]?.headers['x-amz-object-annotation-directive'], directive);
    });
  }

  it('writes anew what a store may pass over in a copy: conditions on what is replaced, a lock, its own encryption', async () => {
    const requested: readonly Partial<ObjectCopy>[] = [
      { conditions: { 'if-none-match': '*' } },
      { headers: { 'x-amz-object-lock-mode': 'GOVERNANCE' } },
      { headers: { 'x-amz-object-lock-legal-hold': 'ON' } },
      { headers: { 'x-amz-server-side-encryption': 'AES256' } },
    ];
    for (const writes of ['all', 'puts'] as const) {
      for (const copy of requested) {
        const the = world('required', 'required');
        the.store.writes = writes;
        await putSealed(the);
        const ends = { from: the.store.session('from', 'required'), to: the.store.session('to', 'required') };
        await the.copies.copyObject(ends, copyOf(copy));
        assert.equal(the.store.steps.includes('PUT copy'), writes === 'all', `${writes} ${JSON.stringify(copy)}`);
        assert.deepEqual(await read(the), BODY);
      }
    }
  });

  it('re-wraps in place where an object is copied onto itself with other metadata', async () => {
    const the = world('required', 'required');
    await putSealed(the);
    const kept = { 'content-type': 'text/html' };
    await the.copies.copyObject({ from: the.ends.from, to: the.ends.from }, copyOf({ key: FROM, kept }));
    const { [ENVELOPE]: envelope, ...rest } = the.store.get('from', FROM)!.headers;
    assert.deepEqual(rest, kept);
    assert.ok(envelope);
    assert.deepEqual(await read({ ...the, ends: { ...the.ends, to: the.ends.from } }, FROM), BODY);
  });

  for (const [source, target] of MIXES) {
    it(`replaces what is kept beside the object where the client says so: ${source} to ${target}`, async () => {
      const the = world(source, target);
      await put(the, source, BODY, 'a=b');
      const kept = { 'content-type': 'text/html', 'x-amz-meta-new': '1' };
      await the.copies.copyObject(the.ends, copyOf({ kept, tags: 'c=d', headers: { 'x-amz-storage-class': 'COLD' } }));
      const { headers, tags } = the.store.get('to', TO)!;
      const rest = Object.fromEntries(Object.entries(headers).filter(([name]) => name !== ENVELOPE));
      assert.deepEqual(rest, { ...kept, 'x-amz-storage-class': 'COLD' });
      assert.equal(tags, 'c=d');
      assert.deepEqual(await read(the), BODY);
    });

    it(`carries tags along, or leaves them: ${source} to ${target}`, async () => {
      for (const dropsTags of [false, true]) {
        const the = world(source, target);
        the.store.dropsTags = dropsTags;
        await put(the, source, BODY, 'a=b&c=d');
        await the.copies.copyObject(the.ends, copyOf());
        assert.equal(the.store.get('to', TO)!.tags, 'a=b&c=d');
        await the.copies.copyObject(the.ends, copyOf({ tags: '' }));
        assert.equal(the.store.get('to', TO)!.tags, '');
      }
    });

    it(`copies no object whose tags the caller may not read: ${source} to ${target}`, async () => {
      const the = world(source, target);
      await put(the, source, BODY, 'a=b');
      the.store.mayReadTags = false;
      await fails('AccessDeniedByStore', the.copies.copyObject(the.ends, copyOf()));
      assert.equal(the.store.get('to', TO), undefined);
    });

    it(`holds both ends to the client's conditions: ${source} to ${target}`, async () => {
      const the = world(source, target);
      const { etag } = await put(the, source);
      const origin = { key: FROM, versionId: undefined };
      const of = (conditions: Record<string, string>) => copyOf({ origin: { ...origin, conditions } });
      await fails('PreconditionFailed', the.copies.copyObject(the.ends, of({ 'if-match': '"other"' })));
      // A source that was not modified is no success of a copy.
      await fails('PreconditionFailed', the.copies.copyObject(the.ends, of({ 'if-none-match': `"${etag}"` })));
      assert.equal(the.store.get('to', TO), undefined);
      await the.copies.copyObject(the.ends, of({ 'if-match': `"${etag}"` }));
      const there = the.store.get('to', TO)!;
      const onto = (conditions: Record<string, string>) => the.copies.copyObject(the.ends, copyOf({ conditions }));
      await fails('PreconditionFailed', onto({ 'if-none-match': '*' }));
      await fails('PreconditionFailed', onto({ 'if-match': 'other' }));
      assert.equal(the.store.get('to', TO), there);
      await onto({ 'if-match': there.etag });
    });

    it(`leaves nothing where any request fails: ${source} to ${target}`, async () => {
      for (const tags of ['', 'a=b']) {
        const counted = world(source, target);
        await put(counted, source, BODY, tags);
        await counted.copies.copyObject(counted.ends, copyOf());
        for (let failing = 0; failing < counted.store.requested.length; failing += 1) {
          const the = world(source, target);
          await put(the, source, BODY, tags);
          the.store.before = (_, nth) => {
            if (nth === failing) throw new GatewayError('ServiceUnavailable');
          };
          await fails('ServiceUnavailable', the.copies.copyObject(the.ends, copyOf()));
          assert.equal(the.store.get('to', TO), undefined);
        }
      }
    });
  }

  it('names the version that the client named, and no other', async () => {
    for (const [source, target] of MIXES) {
      const the = world(source, target);
      await put(the, source);
      const origin = { key: FROM, versionId: 'v 7', conditions: {} };
      await the.copies.copyObject(the.ends, copyOf({ origin }));
      for (const { query, headers } of the.store.requested) {
        const named = new Map(query).get('versionId') ?? headers['x-amz-copy-source']?.split('?versionId=')[1];
        if (headers['x-amz-copy-source'] !== undefined) assert.equal(named, 'v%207');
        else if (named !== undefined) assert.equal(named, 'v 7');
      }
      assert.equal(new Map(the.store.requested[0]!.query).get('versionId'), 'v 7');
    }
  });

  it('keeps a checksum of the kind that the origin has, and makes another one where it is requested', async () => {
    for (const [checksum, expected] of [
      [undefined, 'CRC32'],
      ['SHA256', 'SHA256'],
    ] as const) {
      for (const source of ['sealed', 'sealed, with tags', 'plain']) {
        const the = world(source === 'plain' ? 'off' : 'required', 'required');
        if (source === 'plain') the.store.put('from', FROM, BODY, { ...META, 'x-amz-checksum-crc32': 'AAAAAA==' });
        else await putSealed(the, BODY, source === 'sealed' ? {} : { tags: 'a=b' });
        await the.copies.copyObject(the.ends, copyOf({ checksum }));
        const query = {
          ...{ key: TO, versionId: undefined, range: undefined, partNumber: undefined },
          wantsChecksum: true,
          conditions: {},
        };
        const view = await the.reader.head(the.ends.to, query);
        assert.equal(view.checksum?.algorithm, expected);
        // That of the bytes, whatever the store said.
        if (expected === 'CRC32') assert.equal(view.checksum.value.readUInt32BE(), crc32(BODY));
      }
    }
  });

  it('refuses what it cannot give: a new checksum of what becomes plain, and metadata that no request can carry', async () => {
    const the = world('required', 'off');
    await putSealed(the);
    await fails('NotImplemented', the.copies.copyObject(the.ends, copyOf({ checksum: 'SHA256' })));
    for (const headers of [{ 'x-amz-meta-name': 'caf\xe9' }, { 'x-amz-missing-meta': '1' }] as Record<
      string,
      string
    >[]) {
      await putSealed(the, BODY, { headers });
      await fails('InvalidRequest', the.copies.copyObject(the.ends, copyOf()));
    }
    assert.equal(the.store.get('to', TO), undefined);
  });

  it('copies nothing over 5 GiB in one request, and reads nothing of it', async () => {
    for (const [source, target] of MIXES) {
      const the = world(source, target);
      await put(the, source);
      const session = the.ends.from;
      const from = {
        ...session,
        send: async (request: Parameters<typeof session.send>[0]) => {
          const response = await session.send(request);
          const length = String(6 * 1024 ** 3);
          return { ...response, headers: new Map([...response.headers, ['content-length', length]]) };
        },
      };
      // Of a sealed object that grew, the trailer says that it did not.
      const code =
        source === 'required' && target === 'off'
          ? /InvalidRequest|IntegrityFailure|ServiceUnavailable/
          : /InvalidRequest/;
      await assert.rejects(
        the.copies.copyObject({ ...the.ends, from }, copyOf()),
        (error) => error instanceof GatewayError && code.test(error.code),
      );
      assert.equal(the.store.get('to', TO), undefined);
    }
  });
});

describe('objects/copies: a client that leaves', () => {
  /** Sessions that ask nothing for a client that is gone, as those of a gateway; it leaves after so many requests. */
  const leaving = (the: World, afterRequests: number, storedBytes?: number): CopyEnds => {
    let count = 0;
    const of = (session: CopyEnds['from']): CopyEnds['from'] => ({
      ...session,
      send: async (request) => {
        if (count >= afterRequests && request.outlivesClient !== true) {
          throw new GatewayError('RequestTimeout');
        }
        count += 1;
        const response = await session.send(request);
        if (request.method !== 'HEAD' || storedBytes === undefined) return response;
        return { ...response, headers: new Map([...response.headers, ['content-length', String(storedBytes)]]) };
      },
    });
    return { from: of(the.ends.from), to: of(the.ends.to) };
  };

  it('leaves no parts of a copy in parts behind, nor an object, unless its completion was sent', async () => {
    // Its plaintext is just within what one request copies, and what is stored of it just beyond.
    const storedBytes = 5 * 1024 ** 3 + 1000;
    const whole = world('required', 'required');
    await putSealed(whole);
    await whole.copies.copyObject(leaving(whole, Infinity, storedBytes), copyOf());
    const steps = ['HEAD', 'POST uploads', 'PUT uploadId copy', 'PUT uploadId copy', 'HEAD', 'POST uploadId'];
    assert.deepEqual(whole.store.steps.slice(0, steps.length), steps);
    for (let left = 0; left <= steps.length; left += 1) {
      const the = world('required', 'required');
      await putSealed(the);
      const copying = the.copies.copyObject(leaving(the, left, storedBytes), copyOf());
      if (left < steps.length) await fails('RequestTimeout', copying);
      else await copying;
      assert.equal(the.store.uploads.size, 0, `left after ${left} requests`);
      assert.equal(the.store.get('to', TO) !== undefined, left === steps.length);
      // Nothing but the end of its upload is requested one who is gone.
      const further = the.store.steps.slice(left).filter((step) => step !== 'HEAD' || left < steps.length);
      assert.deepEqual(further, left > 1 && left < steps.length ? ['DELETE uploadId'] : []);
    }
  });

  it('has a copy that was made proven, and made good, when the client leaves in the midst of it', async () => {
    const the = world('required', 'required');
    Object.assign(the.store.heeds, { source: false, alias: false });
    await putSealed(the);
    const newer = pattern(70_000);
    the.store.before = (_, nth) => (nth === 1 ? putSealed(the, newer).then(() => undefined) : undefined);
    await the.copies.copyObject(leaving(the, 2), copyOf());
    assert.deepEqual(await read(the), newer);
  });
});

describe('objects/copies: attacks and races', () => {
  it('never takes plaintext for sealed: a plain object in a required place is not copied anywhere', async () => {
    for (const target of ['required', 'off', 'migrating'] as const) {
      const the = world('required', target);
      the.store.put('from', FROM, BODY, META);
      await fails('ObjectNotEncrypted', the.copies.copyObject(the.ends, copyOf()));
      assert.equal(the.store.get('to', TO), undefined);
    }
  });

  it('copies no object under the envelope of another one, moved there by whoever keeps the store', async () => {
    for (const target of ['required', 'off', 'migrating'] as const) {
      const the = world('migrating', target);
      const other = await putSealed(the, BODY, { key: 'other' });
      the.store.put('from', FROM, other.body, other.headers);
      await fails('IntegrityFailure', the.copies.copyObject(the.ends, copyOf()));
      assert.equal(the.store.get('to', TO), undefined);
    }
  });

  it('leaves no object where the source fails its authentication in the middle or at the end', async () => {
    for (const at of [70_000, 131_100, 150_100]) {
      const the = world('required', 'off');
      const from = await putSealed(the);
      const body = Buffer.from(from.body);
      body[at]! ^= 1;
      the.store.put('from', FROM, body, from.headers);
      await fails('IntegrityFailure', the.copies.copyObject(the.ends, copyOf()));
      assert.equal(the.store.get('to', TO), undefined);
    }
  });

  it('begins anew where the source is replaced between the lookup and the copy', async () => {
    for (const heeds of [
      { source: true, alias: true },
      { source: false, alias: true },
      { source: true, alias: false },
    ]) {
      const the = world('required', 'required');
      Object.assign(the.store.heeds, heeds);
      await putSealed(the);
      const newer = pattern(70_000);
      the.store.before = (_, nth) => (nth === 1 ? putSealed(the, newer).then(() => undefined) : undefined);
      await the.copies.copyObject(the.ends, copyOf());
      assert.deepEqual(await read(the), newer);
      assert.deepEqual(the.store.steps.slice(0, 4), ['HEAD', 'PUT copy', 'HEAD', 'PUT copy']);
    }
  });

  it('makes good what a store that heeds no pin copied of another source', async () => {
    for (const conditions of [{}, { 'if-none-match': '*' }] as Record<string, string>[]) {
      const the = world('required', 'required');
      Object.assign(the.store.heeds, { source: false, alias: false });
      await putSealed(the);
      const newer = pattern(70_000);
      the.store.before = (_, nth) => (nth === 1 ? putSealed(the, newer).then(() => undefined) : undefined);
      await the.copies.copyObject(the.ends, copyOf({ conditions }));
      assert.deepEqual(await read(the), newer);
    }
  });

  it('takes the answer of no store that copies under other ETags for a proof: it looks at the source again', async () => {
    const the = world('required', 'required');
    Object.assign(the.store.heeds, { source: false, alias: false });
    the.store.copiedEtag = (etag) => `${etag}-copied`;
    await putSealed(the);
    await the.copies.copyObject(the.ends, copyOf());
    assert.deepEqual(the.store.steps, ['HEAD', 'PUT copy', 'HEAD']);
    assert.deepEqual(await read(the), BODY);
  });

  it('aborts on a source that is replaced again and again', async () => {
    const the = world('required', 'required');
    await putSealed(the);
    let size = 1;
    the.store.before = async ({ headers }) => {
      if (!('x-amz-copy-source' in headers)) return;
      size += 1;
      await putSealed(the, pattern(size));
    };
    await fails('ServiceUnavailable', the.copies.copyObject(the.ends, copyOf()));
    assert.equal(the.store.get('to', TO), undefined);
  });

  it('tells a failed condition on the target as such, and not as a race of the source', async () => {
    const the = world('required', 'required');
    await putSealed(the);
    the.store.put('to', TO, Buffer.from('x'));
    await fails('PreconditionFailed', the.copies.copyObject(the.ends, copyOf({ conditions: { 'if-match': 'e' } })));
    assert.deepEqual(the.store.steps, ['HEAD', 'PUT copy']);
  });
});

describe('objects/copies: UploadPartCopy', () => {
  const part = (uploadId: string, copy: Partial<PartCopy> = {}): PartCopy => ({
    origin: { key: FROM, versionId: undefined, conditions: {} },
    ...{ upload: { key: TO, uploadId }, number: 1, range: undefined },
    ...copy,
  });

  async function created(the: World): Promise<string> {
    const { to } = the.ends;
    if (to.bucket.encryption !== 'off') return (await the.uploads.create(to, TO, {})).uploadId;
    await to.send({ method: 'POST', key: TO, query: [['uploads', '']], headers: {} });
    return [...the.store.uploads.keys()].at(-1)!;
  }

  const parts = (the: World) => [...the.store.uploads.values()].flatMap((upload) => [...upload.parts.values()]);

  for (const [source, target] of MIXES) {
    it(`copies the whole and ranges of it as parts: ${source} to ${target}`, async () => {
      const ranges = [
        undefined,
        { first: 0, last: 0 },
        { first: 65_535, last: 65_536 },
        { first: 100_000, last: 149_999 },
      ];
      for (const range of ranges) {
        const the = world(source, target);
        const from = await put(the, source);
        const uploadId = await created(the);
        const copied = await the.copies.copyPart(the.ends, part(uploadId, { range }));
        const wanted = range === undefined ? BODY : BODY.subarray(range.first, range.last + 1);
        const [only] = parts(the);
        assert.equal(copied.etag, `"${only!.etag}"`);
        assert.equal(copied.sourceVersionId, from.versionId);
        assert.equal(copied.lastModified, '2026-11-21T12:00:00.000Z');
        if (target === 'off') {
          assert.deepEqual(only!.body, wanted);
          continue;
        }
        // A few bytes stand in any ciphertext by chance.
        if (wanted.length > 16) assert.equal(only!.body.includes(wanted), false);
        const shown = await the.uploads.parts(the.ends.to, { key: TO, uploadId }).catch(() => undefined);
        assert.equal(shown?.parts[0]?.plainSizeBytes ?? wanted.length, wanted.length);
      }
    });

    it(`refuses ranges that the source does not have, as S3: ${source} to ${target}`, async () => {
      const the = world(source, target);
      await put(the, source);
      const uploadId = await created(the);
      for (const range of [
        { first: 0, last: 150_000 },
        { first: 150_000, last: 150_000 },
        { first: 1, last: 0 },
        { first: 2 ** 40, last: 2 ** 40 },
      ]) {
        await fails('InvalidArgument', the.copies.copyPart(the.ends, part(uploadId, { range })));
      }
      assert.deepEqual(parts(the), []);
    });
  }

  it('leaves no part where the source fails its authentication', async () => {
    for (const target of ['required', 'off'] as const) {
      const the = world('required', target);
      const from = await putSealed(the);
      const body = Buffer.from(from.body);
      body[131_100]! ^= 1;
      the.store.put('from', FROM, body, from.headers);
      const uploadId = await created(the);
      await fails('IntegrityFailure', the.copies.copyPart(the.ends, part(uploadId)));
      assert.deepEqual(parts(the), []);
    }
  });

  it('holds the source to the conditions of the client', async () => {
    const the = world('required', 'required');
    const { etag } = await putSealed(the);
    const uploadId = await created(the);
    const of = (conditions: Record<string, string>) =>
      the.copies.copyPart(the.ends, part(uploadId, { origin: { key: FROM, versionId: undefined, conditions } }));
    await fails('PreconditionFailed', of({ 'if-match': '"other"' }));
    await fails('PreconditionFailed', of({ 'if-none-match': `"${etag}"` }));
    assert.deepEqual(parts(the), []);
  });

  it('takes no id of an upload of another place', async () => {
    const the = world('off', 'required');
    the.store.put('from', FROM, BODY);
    const { uploadId } = await the.uploads.create(the.ends.to, 'elsewhere', {});
    await fails('NoSuchUpload', the.copies.copyPart(the.ends, part(uploadId)));
    assert.deepEqual(parts(the), []);
  });
});
