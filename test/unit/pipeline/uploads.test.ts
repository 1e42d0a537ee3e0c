import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { crc32 } from 'node:zlib';
import type { AuditEntry } from '../../../src/contracts/audit-sink.ts';
import { GatewayError } from '../../../src/errors/gateway-error.ts';
import { createUploads } from '../../../src/objects/uploads.ts';
import { createPipeline } from '../../../src/pipeline/pipeline.ts';
import { cipherOf, pattern } from '../core/cipher/object-store.ts';
import { KEY, MIN, MultipartStore, readBack } from '../objects/multipart-store.ts';
import { chunks, client, world } from './world.ts';

const cipher = cipherOf();
const XML = ['content-type', 'application/xml'];

/** A gateway before a store in memory; `safe` is sealed, `box` is plain. */
function gateway(store = new MultipartStore()) {
  const made = world();
  const opened: string[] = [];
  const uploads = createUploads({ cipher, clock: Date });
  const pipeline = createPipeline({
    ...made.dependencies,
    cipher,
    uploads,
    sessions: {
      open: ({ bucket, planned: { plan } }) => {
        opened.push(plan.sessionKey);
        return Promise.resolve({ ...store.session(bucket.id), bucket });
      },
    },
    limits: { ...made.dependencies.limits, objectBytes: 2 * MIN, smallBodyBytes: 1024 },
  });
  const call = async (method: string, target: string, body?: Buffer | string, headers: readonly string[] = []) => {
    const text = body ?? '';
    const length = body === undefined ? [] : ['content-length', String(Buffer.byteLength(text))];
    const content = async function* () {
      yield* chunks();
      if (text.length > 0) yield Buffer.from(text);
    };
    const exchange = client(method, target, [...length, ...headers], [], content());
    await pipeline(exchange);
    return { status: exchange.status(), headers: exchange.answerHeaders, text: exchange.sent.join('') };
  };
  return { store, uploads, call, entries: made.entries as AuditEntry[], planned: made.planned, opened };
}

const field = (document: string, name: string): string => new RegExp(`<${name}>([^<]*)<`).exec(document)?.[1] ?? '';

async function begin() {
  const made = gateway();
  const created = await made.call('POST', `/safe/${KEY}?uploads`, undefined, ['x-amz-meta-a', 'b']);
  return { ...made, created, target: `/safe/${KEY}?uploadId=${encodeURIComponent(field(created.text, 'UploadId'))}` };
}

const naming = (...parts: readonly (readonly [number: number, etag: string | undefined])[]) =>
  `<CompleteMultipartUpload>${parts
    .map(([number, etag]) => `<Part><PartNumber>${number}</PartNumber><ETag>${etag ?? ''}</ETag></Part>`)
    .join('')}</CompleteMultipartUpload>`;

describe('uploads in an encrypted bucket', () => {
  it('are begun, sent, listed and completed in the client’s ids, numbers, sizes and ETags', async () => {
    const { store, call, entries, created, target } = await begin();
    assert.equal(created.status, 200);
    assert.equal(field(created.text, 'Key'), KEY);
    const plain = [pattern(MIN), Buffer.from('the end')];
    const last = await call('PUT', `${target}&partNumber=2`, plain[1]);
    const first = await call('PUT', `${target}&partNumber=1`, plain[0]);
    assert.match(first.headers['etag'] ?? '', /^"[0-9a-f]{32}-1"$/);

    const listed = await call('GET', target);
    assert.deepEqual(
      [...listed.text.matchAll(/<PartNumber>(\d+)<.*?<ETag>&quot;(.*?)&quot;<\/ETag><Size>(\d+)</g)].map(
        ([, number, etag, size]) => [number, `"${etag}"`, size],
      ),
      [
        ['1', first.headers['etag'], String(MIN)],
        ['2', last.headers['etag'], '7'],
      ],
    );
    assert.equal(field(listed.text, 'StorageClass'), 'GLACIER');

    const named = naming([1, first.headers['etag']], [2, last.headers['etag']]);
    const done = await call('POST', target, named, [...XML, 'x-amz-mp-object-size', String(MIN + 7)]);
    assert.equal(done.status, 200);
    assert.match(field(done.text, 'ETag'), /^[0-9a-f]{32}-2$/);
    assert.equal(done.headers['x-amz-version-id'], 'v1');
    const object = store.objects.get(KEY)!;
    assert.equal(object.headers['x-amz-meta-a'], 'b');
    assert.deepEqual(await readBack(cipher, { bucketId: 'safe', key: KEY }, object), Buffer.concat(plain));
    const ends = entries.flatMap((entry) => (entry.entry === 'outcome' ? entry.keyId : []));
    assert.deepEqual(ends, ['local:1', 'local:1', 'local:1', undefined, 'local:1']);
  });

  it('shows pages of parts by number, not by the store’s slots', async () => {
    const { call, target } = await begin();
    for (const number of [1, 2]) await call('PUT', `${target}&partNumber=${number}`, pattern(MIN));
    await call('PUT', `${target}&partNumber=3`, 'x');
    const page = await call('GET', `${target}&max-parts=1&part-number-marker=1`);
    assert.deepEqual(
      [...page.text.matchAll(/<PartNumber>(\d+)</g)].map(([, number]) => number),
      ['2'],
    );
    assert.equal(field(page.text, 'IsTruncated'), 'true');
    const rest = await call('GET', `${target}&part-number-marker=2`);
    assert.equal(field(rest.text, 'IsTruncated'), 'false');
    assert.equal(field(rest.text, 'NextPartNumberMarker'), '3');
  });

  it('gives back the checksum that was verified of a part, and stores none that is not', async () => {
    const { store, call, target } = await begin();
    const checksum = createHash('sha256').update('part').digest('base64');
    const part = await call('PUT', `${target}&partNumber=1`, 'part', ['x-amz-checksum-sha256', checksum]);
    assert.equal(part.headers['x-amz-checksum-sha256'], checksum);
    assert.equal(store.requested.at(-1)?.headers['x-amz-checksum-sha256'], undefined);
    const refused = await call('PUT', `${target}&partNumber=2`, 'other', ['x-amz-checksum-sha256', checksum]);
    assert.equal(field(refused.text, 'Code'), 'BadDigest');
    assert.deepEqual([...[...store.uploads.values()][0]!.parts.keys()], [1]);
  });

  it('keeps the checksum of a last part, known only behind its body, in its trailer', async () => {
    const { store, call, target } = await begin();
    const value = Buffer.alloc(4);
    value.writeUInt32BE(crc32('part'));
    const framed = `4\r\npart\r\n0\r\nx-amz-checksum-crc32:${value.toString('base64')}\r\n\r\n`;
    const part = await call('PUT', `${target}&partNumber=1`, framed, [
      ...['x-amz-content-sha256', 'STREAMING-UNSIGNED-PAYLOAD-TRAILER', 'x-amz-trailer', 'x-amz-checksum-crc32'],
      ...['content-encoding', 'aws-chunked', 'x-amz-decoded-content-length', '4'],
    ]);
    assert.equal(part.headers['x-amz-checksum-crc32'], value.toString('base64'));
    await call('POST', target, naming([1, part.headers['etag']]), XML);
    const { headers, body } = store.objects.get(KEY)!;
    const stored = { envelope: headers['x-amz-meta-sallyport']!, sizeBytes: body.length };
    const layout = await cipher.lookup({ bucketId: 'safe', key: KEY }, stored, ({ first, last }) =>
      Promise.resolve(body.subarray(first, last + 1)),
    );
    assert.equal(layout.plainSizeBytes, 4);
  });

  it('refuses to complete with conditions that do not hold, sizes that are wrong, and checksums that nobody can verify', async () => {
    const { store, call, target } = await begin();
    const part = await call('PUT', `${target}&partNumber=1`, 'part');
    const named = naming([1, part.headers['etag']]);
    const complete = (...headers: readonly string[]) => call('POST', target, named, [...XML, ...headers]);
    store.objects.set(KEY, { headers: {}, etag: 'e', body: Buffer.alloc(0) });
    assert.equal((await complete('if-none-match', '*')).status, 412);
    store.objects.clear();
    assert.equal((await complete('x-amz-mp-object-size', '164')).status, 400);
    const whole = ['x-amz-checksum-crc32', 'AAAAAA==', 'x-amz-checksum-type', 'FULL_OBJECT'];
    assert.equal(field((await complete(...whole)).text, 'Code'), 'BadDigest');
    assert.equal(field((await complete('x-amz-checksum-crc32', 'AAAAAA==-1')).text, 'Code'), 'BadDigest');
    assert.equal(store.objects.size, 0);
    assert.equal((await complete()).status, 200);
  });

  it('are listed under the ids that they were begun with, which take parts, complete, abort, and hold as markers', async () => {
    const { store, call, created, target } = await begin();
    const id = field(created.text, 'UploadId');
    const listed = await call('GET', '/safe?uploads');
    assert.equal(field(listed.text, 'UploadId'), id);
    assert.ok(store.uploads.has(id));
    assert.equal(field(listed.text, 'NextUploadIdMarker'), id);
    const marker = encodeURIComponent(id);
    const next = await call('GET', `/safe?uploads&key-marker=${KEY}&upload-id-marker=${marker}`);
    assert.equal(next.status, 200);
    assert.doesNotMatch(next.text, /<Upload>/);
    assert.equal(new Map(store.requested.at(-1)?.query).get('upload-id-marker'), id);
    assert.equal((await call('PUT', `${target}&partNumber=1`, 'x')).status, 200);
    assert.equal((await call('DELETE', target)).status, 204);
    assert.equal(store.uploads.size, 0);
    assert.equal(field((await call('DELETE', target)).text, 'Code'), 'NoSuchUpload');
  });

  it('take nothing under an id of another key or of nothing, and store nothing of it', async () => {
    const { store, call, target } = await begin();
    const other = await call('POST', '/safe/other?uploads');
    const parts = () => [...store.uploads.values()].map(({ parts: { size } }) => size);
    const before = [parts(), store.objects.size, store.kept.size];
    for (const id of [
      target.replace(KEY, 'other'),
      `/safe/${KEY}?uploadId=${encodeURIComponent(field(other.text, 'UploadId'))}`,
      `/safe/${KEY}?uploadId=nothing`,
    ]) {
      for (const attempt of [
        () => call('PUT', `${id}&partNumber=1`, 'secret'),
        () => call('POST', id, naming([1, 'e']), XML),
        () => call('DELETE', id),
        () => call('GET', id),
      ]) {
        assert.equal(field((await attempt()).text, 'Code'), 'NoSuchUpload');
      }
    }
    assert.deepEqual([parts(), store.objects.size, store.kept.size], before);
  });

  it('keep their state under a prefix of its own, by a session that reaches nothing else', async () => {
    const { store, planned } = await begin();
    assert.match([...store.kept.keys()].join(), /^\.sallyport\/uploads\/[\w-]{43}\/state$/);
    const [own, states] = planned;
    assert.ok(
      own?.every(({ grants }) => grants.every(({ scope }) => !('prefix' in scope) || scope.prefix !== '.sallyport/')),
    );
    assert.deepEqual(
      states?.flatMap(({ grants }) => grants.map(({ effect, scope }) => [effect, scope])),
      [['allow', { prefix: '.sallyport/' }]],
    );
  });

  it('remember `If-None-Match: *` of their beginning until their end', async () => {
    const { store, call } = gateway();
    const create = () => call('POST', `/safe/${KEY}?uploads`, undefined, ['if-none-match', '*']);
    const created = await create();
    const target = `/safe/${KEY}?uploadId=${encodeURIComponent(field(created.text, 'UploadId'))}`;
    assert.equal(store.requested.find(({ query }) => query[0]?.[0] === 'uploads')?.headers['if-none-match'], undefined);
    const part = await call('PUT', `${target}&partNumber=1`, 'part');
    store.objects.set(KEY, { headers: {}, etag: 'e', body: Buffer.alloc(0) });
    const late = await create();
    assert.deepEqual([late.status, field(late.text, 'Condition')], [412, 'If-None-Match']);
    assert.equal(store.uploads.size, 1);
    assert.equal((await call('POST', target, naming([1, part.headers['etag']]), XML)).status, 412);
    assert.equal(store.objects.get(KEY)?.etag, 'e');
    store.objects.clear();
    assert.equal((await call('POST', target, naming([1, part.headers['etag']]), XML)).status, 200);
  });
});

describe('uploads in a plain bucket', () => {
  const CONDITION = ['if-none-match', '*'];
  const MARK = /^\.sallyport\/uploads\/[\w-]{43}\/only-if-none$/;
  const existing = { headers: {}, etag: 'e', body: Buffer.alloc(0) };
  const targetOf = (created: { readonly text: string }): string =>
    `/box/${KEY}?uploadId=${encodeURIComponent(field(created.text, 'UploadId'))}`;

  /** An upload of one part, begun at a gateway. */
  async function beginPlain(at: ReturnType<typeof gateway>, headers: readonly string[] = CONDITION) {
    const created = await at.call('POST', `/box/${KEY}?uploads`, undefined, headers);
    const target = targetOf(created);
    const part = await at.call('PUT', `${target}&partNumber=1`, 'part');
    return { created, target, named: naming([1, part.headers['etag']]) };
  }

  it('remember `If-None-Match: *` of their beginning until their end, at whatever gateway', async () => {
    const first = gateway();
    const { store } = first;
    const second = gateway(store);
    const { target, named } = await beginPlain(first);
    assert.equal(store.requested.find(({ query }) => query[0]?.[0] === 'uploads')?.headers['if-none-match'], undefined);
    assert.match([...store.kept.keys()].join(), MARK);
    store.objects.set(KEY, existing);
    const late = await second.call('POST', `/box/${KEY}?uploads`, undefined, CONDITION);
    assert.deepEqual([late.status, field(late.text, 'Condition')], [412, 'If-None-Match']);
    assert.equal(store.uploads.size, 1);
    for (const { call } of [first, second]) {
      const ended = await call('POST', target, named, XML);
      assert.deepEqual([ended.status, field(ended.text, 'Code')], [412, 'PreconditionFailed']);
      assert.equal(store.objects.get(KEY), existing);
    }
    store.objects.clear();
    assert.equal((await second.call('POST', target, named, XML)).status, 200);
    assert.equal(store.requested.findLast(({ method }) => method === 'POST')?.headers['if-none-match'], '*');
    assert.equal(store.objects.get(KEY)?.body.toString(), 'part');
    const again = await second.call('POST', target, named, XML);
    assert.equal(field(again.text, 'Code'), 'NoSuchUpload');
    await second.uploads.close();
    assert.equal(store.kept.size, 0);
  });

  it('have their condition decided where the store heeds none at their end', async () => {
    const at = gateway();
    const { target, named } = await beginPlain(at);
    at.store.objects.set(KEY, existing);
    const requested = at.store.requested.length;
    assert.equal((await at.call('POST', target, named, XML)).status, 412);
    const since = at.store.requested.slice(requested).map(({ method, key }) => [method, key === KEY]);
    assert.deepEqual(since, [
      ['GET', false],
      ['HEAD', true],
      ['GET', true],
    ]);
  });

  it('ask nothing more of the store without a condition, and one small question at another gateway', async () => {
    const first = gateway();
    const { store } = first;
    const { target, named } = await beginPlain(first, []);
    assert.equal((await first.call('POST', target, named, XML)).status, 200);
    assert.deepEqual(
      store.requested.map(({ method }) => method),
      ['POST', 'PUT', 'POST'],
    );
    assert.equal(store.kept.size, 0);
    const other = await beginPlain(first, []);
    const requested = store.requested.length;
    assert.equal((await gateway(store).call('POST', other.target, other.named, XML)).status, 200);
    assert.deepEqual(
      store.requested.slice(requested).map(({ method }) => method),
      ['GET', 'POST'],
    );
    assert.equal(store.requested.at(-1)?.headers['if-none-match'], undefined);
  });

  it('are held by no condition of another upload, of the same key or another, in this bucket or another', async () => {
    const first = gateway();
    const { store } = first;
    const free = await beginPlain(first, []);
    await beginPlain(first);
    await first.call('POST', '/box/other?uploads', undefined, CONDITION);
    await first.call('POST', `/safe/${KEY}?uploads`, undefined, CONDITION);
    assert.equal(store.kept.size, 3);
    store.objects.set(KEY, existing);
    assert.equal((await gateway(store).call('POST', free.target, free.named, XML)).status, 200);
    assert.equal(store.objects.get(KEY)?.body.toString(), 'part');
  });

  it('do not become encrypted ones by what is kept of their condition', async () => {
    const at = gateway();
    const { target, named } = await beginPlain(at);
    const sealed = target.replace('/box/', '/safe/');
    assert.equal(field((await at.call('PUT', `${sealed}&partNumber=2`, 'x')).text, 'Code'), 'NoSuchUpload');
    assert.equal(field((await at.call('POST', sealed, named, XML)).text, 'Code'), 'NoSuchUpload');
    assert.equal(at.store.objects.size, 0);
  });

  it('do not begin where their condition cannot be kept or could not be read again, and leave nothing to go on with', async () => {
    for (const method of ['PUT', 'GET'] as const) {
      for (const fault of ['refused', 'answer lost', 'denied'] as const) {
        const { store, call } = gateway();
        store.fault = (_, request) => {
          const isKept = request.key === '' || request.key.startsWith('.sallyport/');
          if (request.method !== method || !isKept) return undefined;
          if (fault === 'denied') throw new GatewayError('AccessDeniedByStore');
          return fault;
        };
        const created = await call('POST', `/box/${KEY}?uploads`, undefined, CONDITION);
        assert.equal(created.status, fault === 'denied' ? 403 : 503, `${method} ${fault}`);
        assert.equal(store.uploads.size, 0);
      }
    }
  });

  it('do not end while nobody can tell whether a condition is kept', async () => {
    const first = gateway();
    const { store } = first;
    const { target, named } = await beginPlain(first, []);
    // A role that lost the right to look must not lose the condition: of what is not there it is told the same.
    for (const [fault, status] of [
      ['refused', 503],
      ['denied', 403],
    ] as const) {
      store.fault = (_, { key }) => {
        if (key !== '' && !key.startsWith('.sallyport/')) return undefined;
        if (fault === 'denied') throw new GatewayError('AccessDeniedByStore');
        return fault;
      };
      assert.equal((await gateway(store).call('POST', target, named, XML)).status, status);
      assert.equal(store.objects.size, 0);
    }
  });

  it('take what is kept of their condition with them when they are aborted', async () => {
    const first = gateway();
    const { target } = await beginPlain(first);
    const second = gateway(first.store);
    assert.equal((await second.call('DELETE', target)).status, 204);
    await second.uploads.close();
    assert.equal(first.store.kept.size, 0);
  });

  it('keep the store’s ids and ETags, and pass on what the client says of the whole', async () => {
    const { store, call } = gateway();
    const created = await call('POST', `/box/${KEY}?uploads`);
    const id = field(created.text, 'UploadId');
    assert.ok(store.uploads.has(id));
    const target = `/box/${KEY}?uploadId=${encodeURIComponent(id)}`;
    const part = await call('PUT', `${target}&partNumber=1`, 'part');
    assert.match(part.headers['etag'] ?? '', /^"[0-9a-f]{32}"$/);
    const listed = await call('GET', '/box?uploads');
    assert.equal(field(listed.text, 'UploadId'), id);
    const done = await call('POST', target, naming([1, part.headers['etag']]), [...XML, 'x-amz-mp-object-size', '4']);
    assert.equal(done.status, 200);
    assert.equal(store.requested.at(-1)?.headers['x-amz-mp-object-size'], '4');
    assert.equal(store.objects.get(KEY)?.body.toString(), 'part');
  });
});
