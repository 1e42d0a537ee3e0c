/**
 * Random layouts of uploads, through the whole gateway: two processes take turns, a proxy counts what they ask of the store.
 * SALLYPORT_TEST_LAYOUTS says how many, SALLYPORT_TEST_SEED repeats a run.
 */
import assert from 'node:assert/strict';
import { createHash, randomBytes } from 'node:crypto';
import type { Client } from '../support/client/client.ts';
import { fixedSeed, triesOf } from '../support/chance.ts';
import { decryptStored } from '../support/core/decrypt-tool.ts';
import { unquoted, ObjectCalls, type PartOf, type Shown } from '../support/store/object-calls.ts';
import { hasPython } from '../support/python-programs.ts';
import {
  Dice,
  edgesOf,
  MIN_PART_BYTES,
  randomLayout,
  readBound,
  SEGMENT_BYTES,
  type PlannedPart,
  type RandomLayout,
} from '../support/core/random-layouts.ts';
import { sharedKind } from '../support/stack/stack.ts';
import type { StoreCall } from '../support/store/store-proxy.ts';
import { startTwinGateways, type TwinGateways } from '../support/stack/twin-gateways.ts';

const kind = sharedKind();
const LAYOUTS = Number(process.env['SALLYPORT_TEST_LAYOUTS'] ?? (kind === 'ceph' ? 8 : triesOf(12)));
const SEED = fixedSeed ?? Math.floor(Math.random() * 2 ** 31);
const AT_ONCE = 2;
const MOST_PARTS = 4;
/** Small reads that find the layout of an object that its size does not tell. */
const MAX_LOOKUPS = 3;
/** The longest of them is a list of 10,000 runs of parts. */
const MAX_LOOKUP_BYTES = 120_000;
const MOST_RANGE_BYTES = 300_000;
const SEGMENT_EDGES = 4;
/** One layout part before a final one: 5 MiB, and what makes its mark. */
const LAYOUT_PART_BYTES = 5 * 1024 ** 2 + 70_000;
const BUCKETS = { reports: {}, artifacts: {} };

const sha256 = (data: Buffer): string => createHash('sha256').update(data).digest('hex');

describe('uploads of any layout', function () {
  this.timeout(30_000 + LAYOUTS * 20_000);
  let twins: TwinGateways;
  let token: string;

  before(async () => {
    const decrypts = hasPython();
    assert.ok(decrypts || process.env['CI'] !== 'true', 'CI needs python3 with the package cryptography');
    twins = await startTwinGateways(BUCKETS, { kind });
    token = await twins.token('alice');
    const versioning = '<VersioningConfiguration><Status>Enabled</Status></VersioningConfiguration>';
    const answer = await twins.raw({ method: 'PUT', bucket: 'artifacts', query: { versioning: '' }, body: versioning });
    assert.equal(answer.status, 200);
  });
  after(() => twins.stop());

  it(`read back, agree in every operation and cost what they may: ${LAYOUTS} by chance, seed ${SEED}`, async () => {
    let next = 0;
    const one = async (): Promise<void> => {
      while (next < LAYOUTS) {
        const index = next;
        next += 1;
        const dice = new Dice(SEED + index);
        const layout = randomLayout(dice, MOST_PARTS);
        try {
          await tryLayout(twins, token, dice, layout, index);
        } catch (error) {
          const parts = layout.uploads.map(({ number, sizeBytes }) => `${number}:${sizeBytes}`).join(' ');
          const what = `layout ${index} of seed ${SEED} (${layout.name}; ${parts}; names ${layout.named.join()})`;
          throw new Error(`${what}: ${error instanceof Error ? error.message : String(error)}`, { cause: error });
        }
      }
    };
    const all = await Promise.allSettled(Array.from({ length: AT_ONCE }, one));
    for (const settled of all) if (settled.status === 'rejected') throw settled.reason;
  });

  it('are listed a thousand at a time with one request to the store, uploads of equal parts among them', async () => {
    const prefix = `2026/thousand-${randomBytes(4).toString('hex')}/`;
    const at = (name: string): ObjectCalls => new ObjectCalls(() => twins.clients[1], token, 'reports', prefix + name);
    const sizes = new Map<string, number>();
    const put = async (index: number): Promise<void> => {
      const name = String(index).padStart(4, '0');
      sizes.set(prefix + name, index);
      await at(name).must('PUT', '', {}, Buffer.alloc(index, 'x'));
    };
    for (let index = 0; index < 999; index += 9) {
      await Promise.all(Array.from({ length: 9 }, (_, offset) => put(index + offset)));
    }
    const upload = at('upload');
    const uploadId = await upload.create();
    const contents = [Buffer.alloc(MIN_PART_BYTES, 'a'), Buffer.alloc(MIN_PART_BYTES, 'b'), Buffer.alloc(777, 'c')];
    const parts: PartOf[] = [];
    for (const [index, content] of contents.entries())
      parts.push(await upload.uploadPart(uploadId, index + 1, content));
    assert.equal((await upload.complete(uploadId, parts)).status, 200);
    sizes.set(upload.key, 2 * MIN_PART_BYTES + 777);
    for (const mode of ['list-type=2', 'versions=', 'delimiter=']) {
      if (kind === 'ceph' && mode === 'versions=') continue;
      const since = twins.proxy.calls.length;
      const query = `${mode}&max-keys=1000&prefix=${encodeURIComponent(prefix)}`;
      const answer = await twins.clients[1].call({ method: 'GET', target: `/reports?${query}`, token });
      const entries = [...answer.body.toString().matchAll(/<Key>([^<]+)<.*?<Size>(\d+)</gs)];
      assert.deepEqual(
        new Map(entries.map(([, key = '', size]) => [key, Number(size)])),
        new Map([...sizes].toSorted()),
      );
      assert.deepEqual(operations(twins.proxy.calls.slice(since)), [
        mode === 'versions=' ? 'ListObjectVersions' : 'ListObjects',
      ]);
    }
  });
});

/** Content that is another in every segment of every attempt. */
function contentOf({ sizeBytes }: PlannedPart): Buffer {
  return Buffer.alloc(sizeBytes, randomBytes(65_521));
}

async function tryLayout(
  twins: TwinGateways,
  token: string,
  dice: Dice,
  layout: RandomLayout,
  index: number,
): Promise<void> {
  const turns = (): Client => dice.pick(twins.clients);
  const name = `layout-${index}-${randomBytes(4).toString('hex')}`;
  const object = new ObjectCalls(turns, token, dice.pick(Object.keys(BUCKETS)), `2026/${name}`);
  const callsOf = async <Value>(run: () => Promise<Value>): Promise<{ value: Value; calls: readonly StoreCall[] }> => {
    const since = twins.proxy.calls.length;
    const value = await run();
    return { value, calls: twins.proxy.calls.slice(since).filter(({ target }) => target.includes(name)) };
  };

  const uploadId = await object.create({ 'x-amz-meta-layout': String(index) });
  const latest = new Map<number, { part: PartOf; content: Buffer }>();
  const upload = async (planned: PlannedPart): Promise<void> => {
    const content = contentOf(planned);
    const part = await object.uploadPart(uploadId, planned.number, content);
    latest.set(planned.number, { part, content });
  };
  if (layout.parallel) await Promise.all(layout.uploads.map(upload));
  else for (const planned of layout.uploads) await upload(planned);

  const listed = await object.listParts(uploadId, dice.pick([1, 2, 1000]));
  const expected = [...latest.values()]
    .map(({ part, content }) => ({ ...part, sizeBytes: content.length }))
    .toSorted((a, b) => a.number - b.number);
  const isSure = ({ number }: PartOf): boolean => !layout.ambiguous.has(number);
  assert.deepEqual(listed.filter(isSure), expected.filter(isSure), 'ListParts');

  const chosen = layout.named.map((number) => {
    const found = latest.get(number);
    assert.ok(found !== undefined);
    return found;
  });
  const body = Buffer.concat(chosen.map(({ content }) => content));
  const named = chosen.map(({ part }) => part);
  const sizeHeader = { 'x-amz-mp-object-size': String(body.length) };
  const { value: completed, calls: completing } = await callsOf(() =>
    object.complete(uploadId, named, dice.chance(0.5) ? sizeHeader : {}),
  );
  // Ceph 16 completes an upload only by all parts that it holds; a layout part may have taken the place of one too many.
  const isCephs = twins.kind === 'ceph' && layout.leavesParts && completed.code === 'InvalidPart';
  if (layout.refusal !== undefined || isCephs) {
    assert.equal(completed.code, layout.refusal ?? 'InvalidPart');
    assert.equal((await object.call('HEAD')).status, 404);
    assert.equal((await object.abort(uploadId)).status, 204);
    return;
  }
  assert.equal(completed.status, 200, completed.body.toString());
  // Its parts are listed, a layout part is added where one is needed, and it is completed.
  const atMost = ['ListParts', 'UploadPart', 'CompleteMultipartUpload'];
  assert.deepEqual(
    operations(completing),
    atMost.filter((operation) => operations(completing).includes(operation)),
  );

  const etag = unquoted(/<ETag>([^<]*)</.exec(completed.body.toString())?.[1]?.replaceAll('&quot;', '') ?? '');
  const again = await object.complete(uploadId, named);
  assert.equal(again.status, 200, `a repeated Complete: ${again.body.toString()}`);

  for (const client of twins.clients) {
    const read = await new ObjectCalls(() => client, token, object.bucket, object.key).must('GET');
    assert.equal(read.body.length, body.length);
    assert.equal(sha256(read.body), sha256(body), 'sha256 of the body');
    assert.equal(unquoted(String(read.headers.etag)), etag);
    assert.equal(read.headers['x-amz-meta-layout'], String(index));
    assert.equal(read.headers['x-amz-meta-sallyport'], undefined);
  }

  const shown: Record<string, Shown> = { head: await object.head() };
  for (const listing of twins.kind === 'ceph' ? (['v1', 'v2'] as const) : (['v1', 'v2', 'versions'] as const)) {
    const { value, calls } = await callsOf(() => object.listed(listing));
    shown[listing] = value;
    assert.equal(calls.filter(({ operation }) => operation.startsWith('List')).length, 1, listing);
    const lookups = calls.length - 1;
    assert.ok(lookups <= (layout.isRegular ? 0 : MAX_LOOKUPS), `${lookups} looks for ${listing}`);
    for (const { operation, receivedBytes } of calls.slice(1)) {
      assert.ok(operation === 'GetObject' || operation === 'HeadObject', operation);
      assert.ok(receivedBytes <= MAX_LOOKUP_BYTES, `${receivedBytes} bytes to look at an object`);
    }
  }
  if (twins.kind !== 'ceph') {
    const { parts, ...rest } = await object.attributes();
    shown['attributes'] = rest;
    assert.equal(parts ?? named.length, named.length);
  }
  for (const [operation, one] of Object.entries(shown)) {
    assert.deepEqual(one, { sizeBytes: body.length, etag }, operation);
  }

  const edges = edgesOf(chosen.map(({ content }) => content.length));
  for (const [first, last] of rangesOf(dice, body.length, edges)) {
    const { value: read, calls } = await callsOf(() => object.range(`bytes=${first}-${last}`));
    const clipped = body.subarray(first, last + 1);
    assert.equal(read.status, 206, `bytes=${first}-${last}: ${read.body.toString('utf8', 0, 300)}`);
    assert.equal(read.headers['content-range'], `bytes ${first}-${first + clipped.length - 1}/${body.length}`);
    assert.ok(read.body.equals(clipped), `bytes=${first}-${last}`);
    const bytes = calls.reduce((sum, { receivedBytes }) => sum + receivedBytes, 0);
    const inserted = layoutBytes(
      chosen.map(({ content }) => content),
      first,
      last,
    );
    // The last segment of a part of odd length is up to twice as long as any other.
    const isOdd = chosen.some(({ content }) => content.length % SEGMENT_BYTES > 0);
    const segments = readBound(clipped.length) + (isOdd ? 2 * SEGMENT_BYTES : 0);
    const bound = segments + (layout.isRegular ? 0 : MAX_LOOKUPS * MAX_LOOKUP_BYTES + inserted);
    assert.ok(bytes <= bound, `${bytes} bytes upstream for ${clipped.length}: ${reported(calls)}`);
  }
  if (body.length > 0) {
    const read = await object.range('bytes=-70000');
    assert.ok(read.body.equals(body.subarray(Math.max(0, body.length - 70_000))), 'the last 70,000 bytes');
  }
  assert.equal((await object.range(`bytes=${body.length}-`)).code, 'InvalidRange');

  const { part, content } = dice.pick(chosen);
  const ofPart = await object.must('GET', `partNumber=${part.number}`);
  assert.ok(ofPart.body.equals(content), `part ${part.number}`);
  assert.equal(ofPart.headers['x-amz-mp-parts-count'], String(named.length));

  const stored = await twins.raw({ method: 'GET', bucket: object.bucket, key: object.key });
  assert.equal(holdsAny(stored.body, body), false, 'plaintext is stored');
  if (index % 5 === 0 && hasPython()) {
    const envelope = String(stored.headers['x-amz-meta-sallyport']);
    const address = { bucketId: object.bucket, key: object.key };
    const plain = await decryptStored({ ...address, envelope, body: stored.body, seedFile: twins.seedFile });
    assert.equal(sha256(plain), sha256(body), 'tools/decrypt.py');
  }
  await object.must('DELETE');
}

function operations(calls: readonly StoreCall[]): string[] {
  return calls.map(({ operation }) => operation);
}

/** Across every edge of a part, across some edges of segments, and anywhere. */
function* rangesOf(dice: Dice, sizeBytes: number, edges: ReturnType<typeof edgesOf>): Generator<[number, number]> {
  if (sizeBytes === 0) return;
  const some = dice.shuffled(edges.segments).slice(0, SEGMENT_EDGES);
  for (const edge of [...edges.parts, ...some]) {
    if (edge > 0 && edge < sizeBytes) yield [edge - 1, edge];
  }
  for (let count = 0; count < 4; count += 1) {
    const first = dice.below(sizeBytes);
    yield [first, first + dice.below(MOST_RANGE_BYTES)];
  }
}

/** Of the layout part, where a range goes across it: it lies before a final part. */
function layoutBytes(parts: readonly Buffer[], first: number, last: number): number {
  const finalStart = parts.slice(0, -1).reduce((sum, { length }) => sum + length, 0);
  return first < finalStart && last >= finalStart ? LAYOUT_PART_BYTES : 0;
}

/** Whether any 64 bytes of the plaintext that start at a segment or in its midst stand in what is stored. */
function holdsAny(stored: Buffer, plain: Buffer): boolean {
  for (let at = 0; at < Math.min(plain.length, 10 * 65_536); at += 32_768) {
    const sample = plain.subarray(at, at + 64);
    if (sample.length >= 16 && stored.includes(sample)) return true;
  }
  return false;
}

function reported(calls: readonly StoreCall[]): string {
  return calls.map(({ operation, range, receivedBytes }) => `${operation} ${range ?? ''}: ${receivedBytes}`).join(', ');
}
