/** What the store is told of encryption at rest, and what clients are told of it, in encrypted prefixes and in plain ones. */
import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import type { Answer } from '../support/client/client.ts';
import { field, ObjectCalls, partQuery } from '../support/store/object-calls.ts';
import { startSmallGateway, type SmallGateway } from '../support/stack/small-gateway.ts';

const ALGORITHM = 'x-amz-server-side-encryption';
const KEY_ID = `${ALGORITHM}-aws-kms-key-id`;
const AES256 = { [ALGORITHM]: 'AES256' };
const BODY = Buffer.from('a body of some bytes');

/** How SDKs that hold the ETag of a write for an MD5 are told that it is none. */
const saysNoMd5 = ({ headers }: Answer): boolean =>
  headers[ALGORITHM] === 'aws:kms' || headers[`${ALGORITHM}-customer-algorithm`] !== undefined;

describe('encryption at rest', function () {
  this.timeout(60_000);
  let world: SmallGateway;
  let token: string;
  const run = randomBytes(4).toString('hex');

  before(async function () {
    world = await startSmallGateway({
      buckets: {
        reports: { encryption: 'required', prefixes: { 'plain/': 'off' } },
        artifacts: { encryption: 'required', prefixes: { 'plain/': 'off' }, serverSideEncryption: {} },
      },
    });
    // Ceph takes it over TLS only, and keeps no word of it.
    if (world.kind === 'ceph') this.skip();
    token = world.token('analysts');
  });
  after(() => world.stop());

  const at = (key: string, bucket = 'reports') => new ObjectCalls(() => world.client, token, bucket, `${key}-${run}`);
  const storedAt = ({ bucket, key }: ObjectCalls) => world.store?.files.find(bucket, key)?.encryption;

  /** Every way to write an object, with these headers where S3 takes them; gives the answers. */
  async function writeByEveryMethod(
    prefix: string,
    headers: Readonly<Record<string, string>>,
    bucket?: string,
  ): Promise<{ readonly answers: readonly Answer[]; readonly written: readonly ObjectCalls[] }> {
    const [single, copied, uploaded] = [
      at(`${prefix}single`, bucket),
      at(`${prefix}copied`, bucket),
      at(`${prefix}parts`, bucket),
    ];
    const source = { 'x-amz-copy-source': `${single.bucket}/${single.key}` };
    const put = await single.must('PUT', '', headers, BODY);
    const copy = await copied.must('PUT', '', { ...headers, ...source });
    const created = await uploaded.must('POST', 'uploads', headers);
    const uploadId = field(created, 'UploadId');
    const part = await uploaded.must('PUT', partQuery(uploadId, 1), {}, BODY);
    const copiedPart = await uploaded.must('PUT', partQuery(uploadId, 1), source);
    const etag = field(copiedPart, 'ETag').replaceAll('&quot;', '"');
    const completed = await uploaded.complete(uploadId, [{ number: 1, etag }]);
    assert.equal(completed.status, 200, completed.body.toString());
    return { answers: [put, copy, created, part, copiedPart, completed], written: [single, copied, uploaded] };
  }

  it('is passed on from PutObject, CopyObject and CreateMultipartUpload, however the key is kept', async () => {
    for (const prefix of ['asked/', 'plain/asked/']) {
      const { written } = await writeByEveryMethod(prefix, AES256);
      for (const object of written) assert.deepEqual(storedAt(object), AES256, object.key);
    }
    const kms = { [ALGORITHM]: 'aws:kms', [KEY_ID]: 'key/1' };
    const { written } = await writeByEveryMethod('kms/', kms);
    for (const object of written) assert.deepEqual(storedAt(object), kms, object.key);
  });

  it('is added where configuration says so and the request does not ask, to copies and parts of an upload too', async () => {
    for (const prefix of ['added/', 'plain/added/']) {
      const { written } = await writeByEveryMethod(prefix, {}, 'artifacts');
      for (const object of written) assert.deepEqual(storedAt(object), AES256, object.key);
    }
    const { written } = await writeByEveryMethod('chosen/', { [ALGORITHM]: 'aws:kms' }, 'artifacts');
    for (const object of written) assert.deepEqual(storedAt(object), { [ALGORITHM]: 'aws:kms' }, object.key);
    const { written: without } = await writeByEveryMethod('silent/', {});
    for (const object of without) assert.deepEqual(storedAt(object), {}, object.key);
  });

  it("says in every answer to a write of a sealed object that its ETag is no MD5, without a key's id", async () => {
    for (const requested of [{}, AES256, { [ALGORITHM]: 'aws:kms' }]) {
      const { answers } = await writeByEveryMethod('told/', requested);
      for (const [index, answer] of answers.entries()) {
        assert.ok(saysNoMd5(answer), `answer ${index} to ${JSON.stringify(requested)}`);
        assert.equal(answer.headers[KEY_ID], undefined);
      }
    }
  });

  it('says AES256 to whoever asked for it, and looks at the answer or at the object', async () => {
    for (const prefix of ['checked/', 'plain/checked/']) {
      const { answers, written } = await writeByEveryMethod(prefix, AES256);
      const [put, copy, created] = answers;
      for (const answer of [put, copy, created]) assert.equal(answer?.headers[ALGORITHM], 'AES256', prefix);
      for (const object of written) {
        for (const method of ['HEAD', 'GET']) {
          const { headers } = await object.must(method);
          assert.equal(headers[ALGORITHM], 'AES256', `${method} ${object.key}`);
          // A client that repeats what it reads would send a key that it does not have.
          assert.equal(headers[`${ALGORITHM}-customer-algorithm`], undefined);
        }
      }
    }
  });

  it("tells of a plain object what the store says, its key's id too, and nothing where it says nothing", async () => {
    const kms = { [ALGORITHM]: 'aws:kms', [KEY_ID]: 'key/1' };
    const { answers, written } = await writeByEveryMethod('plain/kms/', kms);
    const reads = await Promise.all(written.map((object) => object.must('HEAD')));
    for (const { headers } of [...answers, ...reads]) {
      assert.deepEqual({ [ALGORITHM]: headers[ALGORITHM], [KEY_ID]: headers[KEY_ID] }, kms);
    }
    const silent = await writeByEveryMethod('plain/silent/', {});
    for (const { headers } of [...silent.answers, await silent.written[0]!.must('HEAD')]) {
      assert.equal(headers[ALGORITHM], undefined);
    }
  });

  it('by a key of the store asks nobody who reads a sealed object for that key again', async () => {
    const { written } = await writeByEveryMethod('kms-read/', { [ALGORITHM]: 'aws:kms', [KEY_ID]: 'key/1' });
    for (const object of written) {
      const { headers } = await object.must('HEAD');
      assert.equal(headers[ALGORITHM], undefined);
      assert.equal(headers[KEY_ID], undefined);
    }
  });
});
