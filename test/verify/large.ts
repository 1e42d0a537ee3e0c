/**
 * `npm run verify:large [-- --gib N]`: large objects through HAProxy, byte for byte. A pipe of 1 GiB by the AWS CLI, and 5 GiB
 * in 8 parts at once, with ranges across every edge of a part and many of segments. Content is generated and compared as it
 * streams; only the store's own files, which are ciphertext, lie on disk for the time of the run.
 */
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { createCipheriv, randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { request } from 'node:https';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { ObjectCalls, partQuery, type PartOf } from '../support/store/object-calls.ts';
import { readBound, SEGMENT_BYTES } from '../support/core/random-layouts.ts';
import { startTwinGateways, type TwinGateways } from '../support/stack/twin-gateways.ts';

const MIB = 1024 ** 2;
const at = process.argv.indexOf('--gib');
const GIB = at === -1 ? 5 : Number(process.argv[at + 1]);
const PARTS = 8;
const PART_BYTES = (GIB * 1024 * MIB) / PARTS;
const SIZE_BYTES = PARTS * PART_BYTES;
const PIPED_BYTES = Math.min(1024, 205 * GIB) * MIB + 12_345;
const SEGMENT_EDGES = 200;
const CHUNK_BYTES = 64 * 1024;

/** Bytes that can be had anywhere in them: a keystream of AES-256-CTR. */
class Content {
  readonly #key = randomBytes(32);

  range(first: number, sizeBytes: number): Buffer {
    const counter = Buffer.alloc(16);
    counter.writeBigUInt64BE(BigInt(Math.floor(first / 16)), 8);
    const cipher = createCipheriv('aes-256-ctr', this.#key, counter);
    return cipher.update(Buffer.alloc((first % 16) + sizeBytes)).subarray(first % 16);
  }

  *chunks(first: number, sizeBytes: number): Generator<Buffer, void, undefined> {
    for (let received = 0; received < sizeBytes; received += CHUNK_BYTES) {
      yield this.range(first + received, Math.min(CHUNK_BYTES, sizeBytes - received));
    }
  }

  /** @throws AssertionError unless the stream is exactly these bytes */
  async assertStream(stream: AsyncIterable<Buffer>, sizeBytes: number): Promise<void> {
    let seen = 0;
    for await (const chunk of stream) {
      assert.ok(chunk.equals(this.range(seen, chunk.length)), `differs in the chunk at ${seen}`);
      seen += chunk.length;
    }
    assert.equal(seen, sizeBytes);
  }
}

async function pipedByAwsCli(twins: TwinGateways, token: string): Promise<void> {
  const keys = await sessionKeys(twins, token);
  const aws = (...args: readonly string[]) =>
    spawn('aws', ['--endpoint-url', twins.frontUrl, 's3', 'cp', ...args], {
      env: {
        PATH: process.env['PATH'],
        HOME: twins.folder,
        AWS_CA_BUNDLE: twins.caFile,
        AWS_REGION: 'us-east-1',
        AWS_EC2_METADATA_DISABLED: 'true',
        ...keys,
      },
      stdio: ['pipe', 'pipe', 'inherit'],
    });
  const content = new Content();
  const url = 's3://reports/2026/large/piped';
  const upload = aws('-', url, '--expected-size', String(PIPED_BYTES));
  const uploaded = once(upload, 'exit');
  await pipeline(Readable.from(content.chunks(0, PIPED_BYTES)), upload.stdin);
  assert.deepEqual((await uploaded)[0], 0, 'aws s3 cp to the gateway');
  const object = new ObjectCalls(() => twins.clients[0], token, 'reports', '2026/large/piped');
  assert.equal((await object.listed('v2')).sizeBytes, PIPED_BYTES);
  const download = aws(url, '-');
  const downloaded = once(download, 'exit');
  download.stdin.end();
  await content.assertStream(download.stdout as AsyncIterable<Buffer>, PIPED_BYTES);
  assert.deepEqual((await downloaded)[0], 0, 'aws s3 cp from the gateway');
  await object.must('DELETE');
  done(`aws s3 cp of ${(PIPED_BYTES / MIB).toFixed(0)} MiB from a pipe and back into one`);
}

async function sessionKeys(twins: TwinGateways, token: string): Promise<Record<string, string>> {
  const form = new URLSearchParams({
    Action: 'AssumeRoleWithWebIdentity',
    Version: '2011-06-15',
    RoleArn: 'arn:aws:iam::000000000000:role/sallyport',
    RoleSessionName: 'large',
    WebIdentityToken: token,
  });
  const headers = { 'content-type': 'application/x-www-form-urlencoded' };
  const answer = await twins.clients[0].call({ method: 'POST', target: '/', headers, body: form.toString() });
  const field = (name: string): string => new RegExp(`<${name}>([^<]+)<`).exec(answer.body.toString())?.[1] ?? '';
  return {
    AWS_ACCESS_KEY_ID: field('AccessKeyId'),
    AWS_SECRET_ACCESS_KEY: field('SecretAccessKey'),
    AWS_SESSION_TOKEN: field('SessionToken'),
  };
}

async function inParts(twins: TwinGateways, token: string): Promise<void> {
  const content = new Content();
  const object = new ObjectCalls(() => twins.clients[0], token, 'reports', '2026/large/parts');
  const uploadId = await object.create();
  const started = performance.now();
  const parts = await Promise.all(
    Array.from({ length: PARTS }, (_, index) => uploadPart(twins, token, object, content, uploadId, index)),
  );
  const completed = await object.complete(uploadId, parts, { 'x-amz-mp-object-size': String(SIZE_BYTES) });
  assert.equal(completed.status, 200, completed.body.toString());
  const seconds = (performance.now() - started) / 1000;
  for (const shown of [await object.head(), await object.listed('v2'), await object.attributes()]) {
    assert.equal(shown.sizeBytes, SIZE_BYTES);
  }
  done(`${GIB} GiB in ${PARTS} parts at once, in ${seconds.toFixed(0)} s; HEAD, List and GetObjectAttributes agree`);

  const edges = new Set<number>();
  for (let part = 1; part < PARTS; part += 1) edges.add(part * PART_BYTES);
  for (let count = 0; count < SEGMENT_EDGES; count += 1) {
    edges.add(SEGMENT_BYTES * (1 + Math.floor(Math.random() * (SIZE_BYTES / SEGMENT_BYTES - 1))));
  }
  for (const edge of edges) {
    const read = await object.range(`bytes=${edge - 3}-${edge + 4}`);
    assert.ok(read.body.equals(content.range(edge - 3, 8)), `across byte ${edge}`);
  }
  done(`ranges across ${edges.size} edges of parts and segments`);

  let most = 0;
  for (let count = 0; count < 30; count += 1) {
    const first = Math.floor(Math.random() * (SIZE_BYTES - MIB));
    const calls = twins.proxy.calls.length;
    const read = await object.range(`bytes=${first}-${first + MIB - 1}`);
    assert.ok(read.body.equals(content.range(first, MIB)), `1 MiB from byte ${first}`);
    const bytes = twins.proxy.calls.slice(calls).reduce((sum, call) => sum + call.receivedBytes, 0);
    most = Math.max(most, bytes);
    assert.ok(bytes <= readBound(MIB), `${bytes} bytes upstream for 1 MiB`);
  }
  done(`ranges of 1 MiB cost at most ${most} bytes upstream (bound ${readBound(MIB)})`);

  const samples = Array.from({ length: 20 }, () => Math.floor(Math.random() * (SIZE_BYTES - MIB)));
  for (const first of samples) {
    const headers = { range: `bytes=${first}-${first + MIB - 1}` };
    const stored = await twins.raw({ method: 'GET', bucket: 'reports', key: object.key, headers });
    for (let offset = 0; offset < MIB; offset += 4096) {
      assert.ok(!stored.body.includes(content.range(first + offset, 16)), `plaintext of byte ${first + offset}`);
    }
  }
  done('what the store holds is ciphertext wherever it was looked at');

  const whole = await open(twins, token, object);
  await content.assertStream(whole, SIZE_BYTES);
  done(`${GIB} GiB read back`);
  await object.must('DELETE');
}

async function uploadPart(
  twins: TwinGateways,
  token: string,
  { bucket, key }: ObjectCalls,
  content: Content,
  uploadId: string,
  index: number,
): Promise<PartOf> {
  const number = index + 1;
  const outgoing = request({
    ...twins.clients[0].options({
      method: 'PUT',
      target: `/${bucket}/${key}?${partQuery(uploadId, number)}`,
      token,
      headers: { 'content-length': String(PART_BYTES) },
    }),
    agent: false,
  });
  const answered = once(outgoing, 'response');
  await pipeline(Readable.from(content.chunks(index * PART_BYTES, PART_BYTES)), outgoing);
  const [response] = (await answered) as [{ statusCode?: number; headers: { etag?: string }; resume: () => void }];
  response.resume();
  assert.equal(response.statusCode, 200, `part ${number}`);
  return { number, etag: String(response.headers.etag) };
}

async function open(twins: TwinGateways, token: string, { bucket, key }: ObjectCalls): Promise<AsyncIterable<Buffer>> {
  const outgoing = request({
    ...twins.clients[0].options({ method: 'GET', target: `/${bucket}/${key}`, token }),
    agent: false,
  });
  outgoing.end();
  const [response] = (await once(outgoing, 'response')) as [AsyncIterable<Buffer> & { statusCode?: number }];
  assert.equal(response.statusCode, 200);
  return response;
}

function done(line: string): void {
  console.log(`ok  ${line}`);
}

const twins = await startTwinGateways({ reports: {}, artifacts: {} });
try {
  const token = await twins.token('alice');
  await pipedByAwsCli(twins, token);
  await inParts(twins, token);
  console.log('verify:large: all true');
} finally {
  await twins.stop();
}
