import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { crc32 } from 'node:zlib';
import type { AuditEntry } from '../../../src/contracts/audit-sink.ts';
import { createUploads } from '../../../src/objects/uploads.ts';
import { createPipeline } from '../../../src/pipeline/pipeline.ts';
import { cipherOf, pattern } from '../core/cipher/object-store.ts';
import { KEY, MIN, MultipartStore, readBack } from '../objects/multipart-store.ts';
import { chunks, client, world } from './world.ts';

const cipher = cipherOf();
const XML = ['content-type', 'application/xml'];

/** A gateway before a store in memory; `safe` is sealed, `box` is plain. */
function gateway() {
  const store = new MultipartStore();
  const made = world();
  const pipeline = createPipeline({
    ...made.parts,
    cipher,
    uploads: createUploads({ cipher }),
    sessions: { open: ({ bucket }) => Promise.resolve({ ...store.session(bucket.id), bucket }) },
    limits: { ...made.parts.limits, objectBytes: 2 * MIN, smallBodyBytes: 1024 },
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
  return { store, call, entries: made.entries as AuditEntry[] };
}

const field = (document: string, name: string): string => new RegExp(`<${name}>([^<]*)<`).exec(document)?.[1] ?? '';

async function begin() {
  const made = gateway();
  const begun = await made.call('POST', `/safe/${KEY}?uploads`, undefined, ['x-amz-meta-a', 'b']);
  return { ...made, begun, target: `/safe/${KEY}?uploadId=${field(begun.text, 'UploadId')}` };
}

const naming = (...parts: readonly (readonly [number: number, etag: string | undefined])[]) =>
  `<CompleteMultipartUpload>${parts
    .map(([number, etag]) => `<Part><PartNumber>${number}</PartNumber><ETag>${etag ?? ''}</ETag></Part>`)
    .join('')}</CompleteMultipartUpload>`;

describe('uploads in an encrypted bucket', () => {
  it('are begun, sent, listed and completed in the client’s ids, numbers, sizes and ETags', async () => {
    const { store, call, entries, begun, target } = await begin();
    assert.equal(begun.status, 200);
    assert.equal(field(begun.text, 'Key'), KEY);
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
    assert.equal(store.asked.at(-1)?.headers['x-amz-checksum-sha256'], undefined);
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
    const layout = await cipher.lookUp({ bucketId: 'safe', key: KEY }, stored, ({ first, last }) =>
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
    assert.equal((await complete(...whole)).status, 501);
    assert.equal(store.objects.size, 0);
    assert.equal((await complete('x-amz-checksum-crc32', 'AAAAAA==-1')).status, 200);
  });

  it('are listed under ids that abort them, and that hold as markers', async () => {
    const { store, call } = await begin();
    const listed = await call('GET', '/safe?uploads');
    const id = field(listed.text, 'UploadId');
    assert.equal(id, `0.${[...store.uploads.keys()][0]}`);
    assert.equal(field(listed.text, 'NextUploadIdMarker'), id);
    const marker = encodeURIComponent(id);
    const next = await call('GET', `/safe?uploads&key-marker=${KEY}&upload-id-marker=${marker}`);
    assert.equal(next.status, 200);
    assert.doesNotMatch(next.text, /<Upload>/);
    assert.equal(new Map(store.asked.at(-1)?.query).get('upload-id-marker'), id.slice(2));
    const bad = await call('GET', `/safe?uploads&key-marker=${KEY}&upload-id-marker=x`);
    assert.equal(field(bad.text, 'Code'), 'InvalidArgument');
    const aborted = await call('DELETE', `/safe/${KEY}?uploadId=${marker}`);
    assert.equal(aborted.status, 204);
    assert.equal(store.uploads.size, 0);
    const again = await call('DELETE', `/safe/${KEY}?uploadId=${marker}`);
    assert.equal(field(again.text, 'Code'), 'NoSuchUpload');
  });

  it('take nothing under an id of the store or of another key, and send it nothing', async () => {
    const { store, call, target } = await begin();
    const [stored = ''] = store.uploads.keys();
    const asked = store.asked.length;
    for (const id of [`/safe/${KEY}?uploadId=${encodeURIComponent(stored)}`, target.replace(KEY, 'other')]) {
      for (const attempt of [
        () => call('PUT', `${id}&partNumber=1`, 'secret'),
        () => call('POST', id, naming([1, 'e']), XML),
        () => call('DELETE', id),
        () => call('GET', id),
      ]) {
        assert.equal(field((await attempt()).text, 'Code'), 'NoSuchUpload');
      }
    }
    assert.equal(store.asked.length, asked);
  });
});

describe('uploads in a plain bucket', () => {
  it('keep the store’s ids and ETags, and pass on what the client says of the whole', async () => {
    const { store, call } = gateway();
    const begun = await call('POST', `/box/${KEY}?uploads`);
    const id = field(begun.text, 'UploadId');
    assert.ok(store.uploads.has(id));
    const target = `/box/${KEY}?uploadId=${encodeURIComponent(id)}`;
    const part = await call('PUT', `${target}&partNumber=1`, 'part');
    assert.match(part.headers['etag'] ?? '', /^"[0-9a-f]{32}"$/);
    const listed = await call('GET', '/box?uploads');
    assert.equal(field(listed.text, 'UploadId'), id);
    const done = await call('POST', target, naming([1, part.headers['etag']]), [...XML, 'x-amz-mp-object-size', '4']);
    assert.equal(done.status, 200);
    assert.equal(store.asked.at(-1)?.headers['x-amz-mp-object-size'], '4');
    assert.equal(store.objects.get(KEY)?.body.toString(), 'part');
  });
});
