/**
 * Where encryption is required no plaintext reaches the store or a disk, whatever fails: every request to the store that
 * an operation makes is refused, cut and left unanswered in turn, clients go away and send what they did not announce.
 * All bodies are one unit over and over, so that any 23 bytes of plaintext hold the eight that are looked for.
 */
import assert from 'node:assert/strict';
import { createHash, randomBytes } from 'node:crypto';
import { readdir, readFile } from 'node:fs/promises';
import { request } from 'node:https';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { crc32 } from 'node:zlib';
import { isTried } from '../support/chance.ts';
import { ObjectCalls, partQuery, type PartOf } from '../support/store/object-calls.ts';
import type { Answer, Client } from '../support/client/client.ts';
import { sharedKind } from '../support/stack/stack.ts';
import type { StoreFault } from '../support/store/store-proxy.ts';
import { startTwinGateways, type TwinGateways } from '../support/stack/twin-gateways.ts';

/** What a client makes of a connection that ends while it still sends: nothing was acknowledged. */
function brokenConnection(error: NodeJS.ErrnoException): { status: 0; code: undefined; complete: false } {
  assert.ok(['ECONNRESET', 'EPIPE'].includes(error.code ?? ''), error.message);
  return { status: 0, code: undefined, complete: false };
}

const FAULTS: readonly StoreFault[] = ['refuse', 'cut', 'cut body', 'cut answer', 'lose answer'];
const PART_BYTES = 5 * 1024 ** 2;
const UNIT = randomBytes(16);
/** What lies in plaintext buckets: it may be stored there, and nowhere else. */
const PLAIN_UNIT = randomBytes(16);
const SEEN_BYTES = 8;

const bodyOf = (sizeBytes: number, unit = UNIT): Buffer => Buffer.alloc(sizeBytes, unit);
const small = bodyOf(1000);
const medium = bodyOf(300_001);
const part = bodyOf(PART_BYTES + 1);

/** An operation whose requests to the store are spoilt: what comes before it is not. */
interface Tampered {
  readonly name: string;
  /** Gives what is run under the fault; `object` is new each time. */
  readonly prepare: (object: ObjectCalls) => Promise<() => Promise<Answer>>;
  /** What must be at the key after a success; `undefined`: nothing. */
  readonly leaves: Buffer | undefined;
}

describe('plaintext', function () {
  this.timeout(300_000);
  let twins: TwinGateways;
  let token: string;
  let keys = 0;
  let clients: readonly Client[];
  const at = (bucket: string, key: string): ObjectCalls => {
    let turn = keys;
    const next = (): Client => {
      const client = clients[(turn += 1) % clients.length];
      assert.ok(client !== undefined);
      return client;
    };
    return new ObjectCalls(next, token, bucket, key);
  };
  const objectIn = (bucket: string): ObjectCalls => {
    keys += 1;
    return at(bucket, `2026/plain-${keys}`);
  };
  const source = (bucket: string, key: string) => ({ 'x-amz-copy-source': `/${bucket}/${key}` });

  before(async () => {
    const buckets = {
      reports: {},
      artifacts: { encryption: 'off', prefixes: { 'sealed/': 'required' } },
    };
    twins = await startTwinGateways(buckets, { kind: sharedKind() });
    token = await twins.token('alice');
    clients = twins.clients.map((client) => client.withoutKeepAlive());
    const digests = [small, medium, part].flatMap((body) => {
      const crc = Buffer.alloc(4);
      crc.writeUInt32BE(crc32(body));
      const md5 = createHash('md5').update(body);
      return [crc.toString('base64'), ...(['base64', 'hex'] as const).map((form) => md5.copy().digest(form))];
    });
    twins.proxy.forbidden = {
      plaintext: UNIT.subarray(0, SEEN_BYTES),
      'plaintext of another bucket': PLAIN_UNIT.subarray(0, SEEN_BYTES),
      ...Object.fromEntries(digests.map((text) => [`the digest ${text}`, Buffer.from(text)])),
    };
    await objectIn('reports').must('PUT', '', {}, small);
    const planted = bodyOf(PART_BYTES, PLAIN_UNIT);
    const answer = await twins.raw({ method: 'PUT', bucket: 'artifacts', key: 'plain/source', body: planted });
    assert.equal(answer.status, 200);
    await at('reports', 'sources/single').must('PUT', '', {}, medium);
    const multipart = at('reports', 'sources/multipart');
    const parts = await uploaded(multipart);
    assert.equal((await multipart.complete(parts.uploadId, parts.parts)).status, 200);
  });
  after(() => twins.stop());

  /** Odd, with a gap, and with a small last part: it needs a layout part. One that begins with less is never completed. */
  async function uploaded(object: ObjectCalls, first = part): Promise<{ uploadId: string; parts: PartOf[] }> {
    const uploadId = await object.create();
    const parts = [await object.uploadPart(uploadId, 2, first), await object.uploadPart(uploadId, 4, small)];
    return { uploadId, parts };
  }

  const put = (body: Buffer): Tampered => ({
    name: `PutObject of ${body.length} bytes`,
    prepare: (object) => Promise.resolve(() => object.call('PUT', '', {}, body)),
    leaves: body,
  });
  const uploadPart = (body: Buffer): Tampered => ({
    name: `UploadPart of ${body.length} bytes`,
    prepare: async (object) => {
      const uploadId = await object.create();
      return () => object.call('PUT', partQuery(uploadId, 1), {}, body);
    },
    leaves: undefined,
  });
  const copy = (name: string, from: Record<string, string>, leaves: Buffer): Tampered => ({
    name: `CopyObject of ${name}`,
    prepare: (object) => Promise.resolve(() => object.call('PUT', '', from)),
    leaves,
  });
  const partCopy = (name: string, from: Record<string, string>): Tampered => ({
    name: `UploadPartCopy of ${name}`,
    prepare: async (object) => {
      const uploadId = await object.create();
      return () =>
        object.call('PUT', partQuery(uploadId, 1), { ...from, 'x-amz-copy-source-range': 'bytes=10-200000' });
    },
    leaves: undefined,
  });
  const tampered: readonly Tampered[] = [
    put(small),
    put(medium),
    {
      name: 'CreateMultipartUpload',
      prepare: (object) => Promise.resolve(() => object.call('POST', 'uploads')),
      leaves: undefined,
    },
    uploadPart(small),
    uploadPart(part),
    {
      name: 'ListParts',
      prepare: async (object) => {
        const { uploadId } = await uploaded(object, medium);
        return () => object.call('GET', `uploadId=${encodeURIComponent(uploadId)}`);
      },
      leaves: undefined,
    },
    {
      name: 'CompleteMultipartUpload',
      prepare: async (object) => {
        const { uploadId, parts } = await uploaded(object);
        return () => object.complete(uploadId, parts);
      },
      leaves: Buffer.concat([part, small]),
    },
    copy('an encrypted object', source('reports', 'sources/single'), medium),
    copy('an encrypted upload', source('reports', 'sources/multipart'), Buffer.concat([part, small])),
    copy('a plain object', source('artifacts', 'plain/source'), bodyOf(PART_BYTES, PLAIN_UNIT)),
    partCopy('an encrypted upload', source('reports', 'sources/multipart')),
    partCopy('a plain object', source('artifacts', 'plain/source')),
  ];

  for (const [number, { name, prepare, leaves }] of tampered.entries()) {
    it(`stays here, and nothing half is acknowledged or kept, when a request of ${name} is spoilt`, async () => {
      const undisturbed = await prepare(objectIn('reports'));
      twins.proxy.reset();
      const good = await undisturbed();
      assert.equal(good.status, 200, good.body.toString('utf8', 0, 300));
      const requests = twins.proxy.calls.length;
      assert.ok(requests > 0);
      for (let index = 0; index < requests; index += 1) {
        for (const [kind, fault] of FAULTS.entries()) {
          // All faults of a request are tried in three operations or runs.
          if (!isTried(number + index + kind)) continue;
          const object = objectIn('reports');
          const run = await prepare(object);
          twins.proxy.reset();
          twins.proxy.fault = (_call, requested) => (requested === index ? fault : undefined);
          const answer = await run().catch(brokenConnection);
          twins.proxy.fault = () => undefined;
          const found = await object.call('GET');
          const what = `${fault} of request ${index + 1} of ${requests}: ${answer.status} ${answer.code ?? ''}`;
          if (found.status === 200) assert.ok(leaves !== undefined && found.body.equals(leaves), what);
          else {
            assert.equal(found.status, 404, what);
            const isSuccess = answer.status === 200 && answer.code === undefined && answer.complete;
            assert.ok(!isSuccess || leaves === undefined, `${what}, and there is no object`);
          }
          const known = ['ServiceUnavailable', 'SlowDown', 'InternalError', undefined];
          assert.ok(known.includes(answer.code), what);
        }
      }
      assert.deepEqual(twins.proxy.leaks, []);
    });
  }

  it('stays here when a client goes away in the middle of an object or a part', async () => {
    for (const kind of ['object', 'part'] as const) {
      const object = objectIn('reports');
      const query = kind === 'part' ? `?${partQuery(await object.create(), 1)}` : '';
      const outgoing = request({
        ...twins.clients[0].options({
          method: 'PUT',
          target: `/reports/${object.key}${query}`,
          token,
          headers: { 'content-length': String(3 * PART_BYTES) },
        }),
        agent: false,
      });
      outgoing.on('error', () => undefined);
      const recorded = async (isSo: (result: string) => boolean): Promise<void> => {
        for (let attempt = 0; ; attempt += 1) {
          const writes = (await twins.audit()).filter(
            ({ key, operation }) => key === object.key && /^(PutObject|UploadPart)$/.test(operation),
          );
          if (writes.some(({ result }) => isSo(result))) return;
          assert.ok(attempt < 100, `the ${kind} was never put on record, or not as aborted`);
          await sleep(100);
        }
      };
      outgoing.write(part);
      await recorded(() => true);
      await sleep(500);
      outgoing.destroy();
      await recorded((result) => result === 'aborted');
      assert.equal((await object.call('HEAD')).status, 404);
    }
    assert.deepEqual(twins.proxy.leaks, []);
  });

  it('stays here when a body is not what its checksum says, and no part comes of it', async () => {
    const wrong = Buffer.alloc(4).toString('base64');
    for (const body of [small, medium, part]) {
      for (const headers of [
        { 'x-amz-checksum-crc32': wrong },
        { 'content-md5': Buffer.alloc(16).toString('base64') },
      ]) {
        const object = objectIn('reports');
        assert.equal((await object.call('PUT', '', headers, body)).code, 'BadDigest');
        assert.equal((await object.call('HEAD')).status, 404);
        const uploadId = await object.create();
        assert.equal((await object.call('PUT', partQuery(uploadId, 1), headers, body)).code, 'BadDigest');
        assert.deepEqual(await object.listParts(uploadId), []);
      }
    }
    assert.deepEqual(twins.proxy.leaks, []);
  });

  it('is refused where a client would have it stored as it is', async () => {
    for (const headers of [
      { 'x-amz-meta-sallyport': '1;1;s;1;AAAA' },
      { 'x-amz-server-side-encryption-customer-algorithm': 'AES256' },
    ] as Record<string, string>[]) {
      const object = objectIn('reports');
      const answer = await object.call('POST', 'uploads', headers);
      assert.ok(answer.status >= 400 && answer.status < 502, `${answer.status}`);
    }
    const object = objectIn('reports');
    assert.equal((await object.call('PUT', partQuery('0.made-up', 1), {}, small)).code, 'NoSuchUpload');
    assert.deepEqual(twins.proxy.leaks, []);
  });

  it('is in no file of the product or of the store after all of this', async () => {
    const mark = UNIT.subarray(0, SEEN_BYTES);
    let files = 0;
    for (const folder of [twins.folder, twins.storeFolder]) {
      for (const entry of await readdir(folder, { recursive: true, withFileTypes: true })) {
        if (!entry.isFile()) continue;
        const path = join(entry.parentPath, entry.name);
        assert.equal((await readFile(path)).includes(mark), false, path);
        files += 1;
      }
    }
    assert.ok(files > 10);
  });
});
