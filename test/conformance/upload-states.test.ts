/**
 * Uploads in progress, through two whole gateways that take turns: one id for everything, whoever gave it, and nothing of what
 * the gateway keeps beside them in sight of any client.
 */
import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { crc32 } from 'node:zlib';
import type { Answer } from '../support/client/client.ts';
import { decryptStored } from '../support/core/decrypt-tool.ts';
import { field, ObjectCalls, partQuery, type PartOf } from '../support/store/object-calls.ts';
import { hasPython } from '../support/python-programs.ts';
import { sharedKind } from '../support/stack/stack.ts';
import { startTwinGateways, type TwinGateways } from '../support/stack/twin-gateways.ts';

const MIN = 5 * 1024 ** 2;
const FOLDER = '.sallyport/';

const BUCKETS = {
  reports: { prefixes: { 'moving/': 'migrating', 'plain/': 'off' } },
  artifacts: { encryption: 'off' },
};

describe('uploads in progress', function () {
  this.timeout(240_000);
  let twins: TwinGateways;
  let token: string;
  let turn = 0;
  const via = () => twins.clients[(turn += 1) % 2 === 0 ? 0 : 1];
  const at = (key: string, bucket = 'reports'): ObjectCalls => new ObjectCalls(via, token, bucket, key);
  const list = (query: string, bucket = 'reports'): Promise<Answer> =>
    via().call({ method: 'GET', target: `/${bucket}?${query}`, token });
  const kept = async (bucket = 'reports'): Promise<string> =>
    (await twins.raw({ method: 'GET', bucket, query: { prefix: FOLDER } })).body.toString();
  const newKey = (): string => `2026/u-${randomBytes(4).toString('hex')}`;

  before(async () => {
    twins = await startTwinGateways(BUCKETS, { kind: sharedKind() });
    token = await twins.token('alice');
  });
  after(() => twins.stop());

  it('are found by listing, and go on under the id that is listed', async () => {
    const calls = at(newKey());
    const created = await calls.create();
    const listed = await list(`uploads&prefix=${encodeURIComponent(calls.key)}`);
    const id = field(listed, 'UploadId');
    assert.equal(id, created);
    const plain = [randomBytes(MIN), randomBytes(1000)];
    const parts = [await calls.uploadPart(id, 1, plain[0]!), await calls.uploadPart(id, 2, plain[1]!)];
    assert.deepEqual(
      (await calls.listParts(id)).map(({ number, sizeBytes }) => [number, sizeBytes]),
      [
        [1, MIN],
        [2, 1000],
      ],
    );
    assert.equal((await calls.complete(id, parts)).code, undefined);
    const read = await calls.must('GET');
    assert.ok(read.body.equals(Buffer.concat(plain)));
    assert.equal((await calls.complete(id, parts)).code, undefined);
  });

  it('show nothing of what is kept of them in any listing, and give it to nobody', async () => {
    const calls = at(newKey());
    const before = await kept();
    const id = await calls.create();
    const names = [...(await kept()).matchAll(/<Key>(\.sallyport[^<]*)</g)].map(([, key = '']) => key);
    const name = names.find((key) => !before.includes(key)) ?? '';
    assert.match(name, /^\.sallyport\/uploads\/[\w-]{43}\/state$/);
    for (const query of [
      '',
      'list-type=2',
      'versions',
      'list-type=2&delimiter=/',
      'uploads',
      'list-type=2&max-keys=1',
    ]) {
      const answer = await list(query);
      assert.equal(answer.status, 200);
      assert.equal(answer.body.includes('.sallyport/u'), false, query);
    }
    assert.match((await list(`list-type=2&prefix=${FOLDER}`)).body.toString(), /<KeyCount>0</);
    for (const spelling of [name, name.replace('.', '%2E').replaceAll('/', '%2F')]) {
      const read = await via().call({ method: 'GET', target: `/reports/${spelling}`, token });
      assert.equal(read.status, 403);
    }
    await calls.must('DELETE', `uploadId=${encodeURIComponent(id)}`);
    for (let tries = 0; (await kept()).includes(name); tries += 1) {
      assert.ok(tries < 100, 'what is kept goes when the upload is aborted');
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
  });

  for (const [bucket, prefix] of [
    ['reports', '2026/'],
    ['reports', 'moving/'],
    ['reports', 'plain/'],
    ['artifacts', '2026/'],
  ] as const) {
    it(`hold a condition of their beginning at their end, in ${bucket}/${prefix}`, async () => {
      const calls = at(`${prefix}u-${randomBytes(4).toString('hex')}`, bucket);
      const id = await calls.create({ 'if-none-match': '*' });
      const free = await calls.create();
      const part = await calls.uploadPart(id, 1, Buffer.from('late'));
      await calls.must('PUT', '', {}, Buffer.from('first'));
      const created = await calls.call('POST', 'uploads', { 'if-none-match': '*' });
      assert.equal(created.status, 412);
      // At either gateway.
      for (let tries = 0; tries < 2; tries += 1) {
        assert.equal((await calls.complete(id, [part])).code, 'PreconditionFailed');
        assert.equal((await calls.must('GET')).body.toString(), 'first');
      }
      // Another upload of the same key said nothing of the kind.
      const other = await calls.uploadPart(free, 1, Buffer.from('second'));
      assert.equal((await calls.complete(free, [other])).code, undefined);
      assert.equal((await calls.must('GET')).body.toString(), 'second');
      await calls.must('DELETE');
      assert.equal((await calls.complete(id, [part])).code, undefined);
      assert.equal((await calls.must('GET')).body.toString(), 'late');
    });
  }

  it('keep beside themselves, where they are plain, a condition alone, hidden, until they are aborted', async () => {
    const calls = at(newKey(), 'artifacts');
    const before = await kept('artifacts');
    const free = await calls.create();
    assert.equal(await kept('artifacts'), before);
    const id = await calls.create({ 'if-none-match': '*' });
    const names = [...(await kept('artifacts')).matchAll(/<Key>(\.sallyport[^<]*)</g)].map(([, key = '']) => key);
    const name = names.find((key) => !before.includes(key)) ?? '';
    assert.match(name, /^\.sallyport\/uploads\/[\w-]{43}\/only-if-none$/);
    for (const query of ['list-type=2', 'versions']) {
      assert.equal((await list(query, 'artifacts')).body.includes('.sallyport/u'), false, query);
    }
    for (const method of ['GET', 'DELETE']) {
      assert.equal((await via().call({ method, target: `/artifacts/${name}`, token })).status, 403);
    }
    for (const uploadId of [id, free]) await calls.must('DELETE', `uploadId=${encodeURIComponent(uploadId)}`);
    for (let tries = 0; (await kept('artifacts')).includes(name); tries += 1) {
      assert.ok(tries < 100, 'what is kept goes when the upload is aborted');
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
  });

  it('have a checksum of the whole that every operation tells, and its copy too; a wrong one completes nothing', async () => {
    const plain = [randomBytes(MIN), randomBytes(MIN), randomBytes(100_000)];
    const of = (bytes: Buffer): string => {
      const value = Buffer.alloc(4);
      value.writeUInt32BE(crc32(bytes));
      return value.toString('base64');
    };
    const whole = of(Buffer.concat(plain));
    const calls = at(newKey());
    const begin = { 'x-amz-checksum-algorithm': 'CRC32', 'x-amz-checksum-type': 'FULL_OBJECT' };
    const id = await calls.create(begin);
    const parts: PartOf[] = [];
    for (const [index, piece] of plain.entries()) {
      const answer = await calls.must('PUT', partQuery(id, index + 1), { 'x-amz-checksum-crc32': of(piece) }, piece);
      parts.push({ number: index + 1, etag: String(answer.headers.etag) });
    }
    const again = await calls.must('PUT', partQuery(id, 3), { 'x-amz-checksum-crc32': of(plain[2]!) }, plain[2]);
    assert.notEqual(again.headers.etag, parts[2]?.etag);
    const listed = await calls.must('GET', `uploadId=${encodeURIComponent(id)}`);
    const reported = [...listed.body.toString().matchAll(/<ChecksumCRC32>([^<]*)</g)].map(([, value]) => value);
    assert.deepEqual(reported, plain.map(of));
    assert.equal((await calls.complete(id, parts, { 'x-amz-checksum-crc32': 'AAAAAA==' })).code, 'BadDigest');
    assert.equal((await calls.call('HEAD')).status, 404);
    const done = await calls.complete(id, parts, { 'x-amz-checksum-crc32': whole });
    assert.equal(field(done, 'ChecksumCRC32'), whole);
    // The reference reads what is stored, and holds the checksum of an object in parts against its plaintext where it can.
    if (hasPython()) {
      const stored = await twins.raw({ method: 'GET', bucket: 'reports', key: calls.key });
      const envelope = String(stored.headers['x-amz-meta-sallyport']);
      const address = { bucketId: 'reports', key: calls.key, seedFile: twins.seedFile };
      assert.ok((await decryptStored({ ...address, envelope, body: stored.body })).equals(Buffer.concat(plain)));
    }
    const copy = at(newKey());
    await copy.must('PUT', '', { 'x-amz-copy-source': `reports/${calls.key}` });
    for (const object of [calls, copy]) {
      const head = await object.must('HEAD', '', { 'x-amz-checksum-mode': 'ENABLED' });
      assert.equal(head.headers['x-amz-checksum-crc32'], whole);
      assert.equal(head.headers['x-amz-checksum-type'], 'FULL_OBJECT');
      const attributes = await object.must('GET', 'attributes', { 'x-amz-object-attributes': 'Checksum,ObjectSize' });
      assert.equal(field(attributes, 'ChecksumCRC32'), whole);
      const read = await object.must('GET');
      assert.ok(read.body.equals(Buffer.concat(plain)));
      assert.equal((await object.listed('v2')).sizeBytes, 2 * MIN + 100_000);
    }
  });
});
