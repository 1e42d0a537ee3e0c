import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { crc32 } from 'node:zlib';
import { createUploads } from '../../../src/objects/uploads.ts';
import { createPipeline } from '../../../src/pipeline/pipeline.ts';
import { cipherOf, pattern } from '../core/cipher/object-store.ts';
import { KEY, MIN, MultipartStore, readBack } from '../objects/multipart-store.ts';
import { chunks, client, world } from './world.ts';

const cipher = cipherOf();
const ADDRESS = { bucketId: 'safe', key: KEY };

/** Two gateways that take turns before one store. */
function gateways(store = new MultipartStore()) {
  const made = world();
  const pipelines = [0, 1].map(() =>
    createPipeline({
      ...made.dependencies,
      cipher,
      uploads: createUploads({ cipher: cipherOf(), clock: Date }),
      sessions: { open: ({ bucket }) => Promise.resolve({ ...store.session(bucket.id), bucket }) },
      limits: { ...made.dependencies.limits, objectBytes: 2 * MIN, smallBodyBytes: 1024 },
    }),
  );
  let turn = 0;
  const call = async (method: string, target: string, body?: Buffer | string, headers: readonly string[] = []) => {
    const text = body ?? '';
    const length = body === undefined ? [] : ['content-length', String(Buffer.byteLength(text))];
    const content = async function* () {
      yield* chunks();
      if (text.length > 0) yield Buffer.from(text);
    };
    const exchange = client(method, target, [...length, ...headers], [], content());
    await pipelines[(turn += 1) % 2]!(exchange);
    return { status: exchange.status(), headers: exchange.answerHeaders, text: exchange.sent.join('') };
  };
  return { store, call };
}

const field = (document: string, name: string): string => new RegExp(`<${name}>([^<]*)<`).exec(document)?.[1] ?? '';
const crc = (plain: Buffer): string => {
  const value = Buffer.alloc(4);
  value.writeUInt32BE(crc32(plain));
  return value.toString('base64');
};
const sha256 = (plain: Buffer): string => createHash('sha256').update(plain).digest('base64');
const composite = (...values: readonly string[]): string =>
  createHash('sha256')
    .update(Buffer.concat(values.map((value) => Buffer.from(value, 'base64'))))
    .digest('base64');

interface Part {
  readonly number: number;
  readonly etag: string;
  readonly checksum?: readonly [element: string, value: string];
}

const naming = (...parts: readonly Part[]): string =>
  `<CompleteMultipartUpload>${parts
    .map(({ number, etag, checksum }) => {
      const shown = checksum === undefined ? '' : `<${checksum[0]}>${checksum[1]}</${checksum[0]}>`;
      return `<Part><PartNumber>${number}</PartNumber><ETag>${etag}</ETag>${shown}</Part>`;
    })
    .join('')}</CompleteMultipartUpload>`;

async function begin(headers: readonly string[], made = gateways()) {
  const created = await made.call('POST', `/safe/${KEY}?uploads`, undefined, headers);
  const target = `/safe/${KEY}?uploadId=${encodeURIComponent(field(created.text, 'UploadId'))}`;
  const put = async (number: number, plain: Buffer, more: readonly string[] = []): Promise<Part> => {
    const answer = await made.call('PUT', `${target}&partNumber=${number}`, plain, more);
    assert.equal(answer.status, 200, answer.text);
    assert.match(answer.headers['etag'] ?? '', /^"[0-9a-f]{32}-1"$/);
    return { number, etag: answer.headers['etag']! };
  };
  const complete = (parts: readonly Part[], more: readonly string[] = []) =>
    made.call('POST', target, naming(...parts), ['content-type', 'application/xml', ...more]);
  return { ...made, created, target, put, complete };
}

const CRC_WHOLE = ['x-amz-checksum-algorithm', 'CRC32', 'x-amz-checksum-type', 'full_object'];
const withCrc = (plain: Buffer): readonly string[] => ['x-amz-checksum-crc32', crc(plain)];

async function kept(store: MultipartStore) {
  const { headers, body } = store.objects.get(KEY)!;
  const stored = { envelope: headers['x-amz-meta-sallyport']!, sizeBytes: body.length };
  const layout = await cipher.lookup(ADDRESS, stored, ({ first, last }) =>
    Promise.resolve(body.subarray(first, last + 1)),
  );
  return layout.checksum && { ...layout.checksum, value: layout.checksum.value.toString('base64') };
}

describe('checksums of uploads in an encrypted bucket', function () {
  this.timeout(30_000);

  /** By the role of the last part and whether the layout needs a part of its own. */
  const layouts: Readonly<Record<string, readonly Buffer[]>> = {
    'a small last part': [pattern(MIN), Buffer.from('the end')],
    'one small part': [Buffer.from('all of it')],
    'an empty part': [Buffer.alloc(0)],
    'a large last part': [pattern(MIN), pattern(MIN + 1)],
    'parts of several lengths, the last one small': [pattern(MIN + 5), pattern(MIN), Buffer.from('z')],
  };

  for (const [name, plain] of Object.entries(layouts)) {
    it(`are told from the beginning to the end, and kept of the whole: CRC32 of ${name}`, async () => {
      const whole = Buffer.concat(plain);
      const { store, call, created, target, put, complete } = await begin(CRC_WHOLE);
      assert.equal(created.headers['x-amz-checksum-algorithm'], 'CRC32');
      assert.equal(created.headers['x-amz-checksum-type'], 'FULL_OBJECT');
      const parts: Part[] = [];
      for (const [at, piece] of plain.entries()) {
        parts.push({ ...(await put(at + 1, piece, withCrc(piece))), checksum: ['ChecksumCRC32', crc(piece)] });
      }
      const listed = await call('GET', target);
      assert.equal(field(listed.text, 'ChecksumAlgorithm'), 'CRC32');
      assert.equal(field(listed.text, 'ChecksumType'), 'FULL_OBJECT');
      assert.deepEqual(
        [
          ...listed.text.matchAll(
            /<PartNumber>(\d+)<.*?<ETag>&quot;(.*?)&quot;<.*?<Size>(\d+)<.*?<ChecksumCRC32>([^<]*)</g,
          ),
        ].map(([, number, etag, size, checksum]) => [Number(number), `"${etag}"`, Number(size), checksum]),
        parts.map(({ number, etag }, at) => [number, etag, plain[at]!.length, crc(plain[at]!)]),
      );
      const done = await complete(parts, ['x-amz-checksum-crc32', crc(whole), 'x-amz-checksum-type', 'FULL_OBJECT']);
      assert.equal(done.status, 200, done.text);
      assert.deepEqual(
        [field(done.text, 'ChecksumCRC32'), field(done.text, 'ChecksumType')],
        [crc(whole), 'FULL_OBJECT'],
      );
      assert.deepEqual(await readBack(cipher, ADDRESS, store.objects.get(KEY)!), whole);
      assert.deepEqual(await kept(store), { algorithm: 'CRC32', value: crc(whole), type: 'FULL_OBJECT' });
    });

    it(`are hashes of hashes where they are COMPOSITE: SHA256 of ${name}`, async () => {
      const { store, put, complete } = await begin(['x-amz-checksum-algorithm', 'SHA256']);
      const parts: Part[] = [];
      for (const [at, piece] of plain.entries()) {
        parts.push(await put(at + 1, piece, ['x-amz-checksum-sha256', sha256(piece)]));
      }
      const value = composite(...plain.map(sha256));
      const done = await complete(parts, ['x-amz-checksum-sha256', `${value}-${plain.length}`]);
      assert.equal(field(done.text, 'ChecksumSHA256'), `${value}-${plain.length}`, done.text);
      assert.deepEqual(await readBack(cipher, ADDRESS, store.objects.get(KEY)!), Buffer.concat(plain));
      assert.deepEqual(await kept(store), { algorithm: 'SHA256', value, type: 'COMPOSITE' });
    });
  }

  it('are refused where what is claimed of the whole or of a part does not hold, and nothing is completed', async () => {
    const plain = [pattern(MIN), Buffer.from('the end')];
    const { store, put, complete } = await begin(CRC_WHOLE);
    const parts = [await put(1, plain[0]!, withCrc(plain[0]!)), await put(2, plain[1]!, withCrc(plain[1]!))];
    const codeOf = async (named: readonly Part[], headers: readonly string[] = []) =>
      field((await complete(named, headers)).text, 'Code');
    assert.equal(await codeOf(parts, ['x-amz-checksum-crc32', 'AAAAAA==']), 'BadDigest');
    assert.equal(await codeOf(parts, ['x-amz-checksum-sha256', sha256(Buffer.concat(plain))]), 'BadDigest');
    assert.equal(await codeOf(parts, ['x-amz-checksum-crc32', `${crc(Buffer.concat(plain))}-2`]), 'InvalidRequest');
    for (const headers of [[], withCrc(Buffer.concat(plain))]) {
      assert.equal(await codeOf(parts, [...headers, 'x-amz-checksum-type', 'COMPOSITE']), 'InvalidRequest');
    }
    const wrong = { ...parts[0]!, checksum: ['ChecksumCRC32', 'AAAAAA=='] } as const;
    assert.equal(await codeOf([wrong, parts[1]!]), 'InvalidPart');
    const other = { ...parts[0]!, checksum: ['ChecksumSHA256', sha256(plain[0]!)] } as const;
    assert.equal(await codeOf([other, parts[1]!]), 'InvalidPart');
    assert.equal(store.objects.size, 0);
    assert.equal((await complete(parts)).status, 200);
    assert.equal((await kept(store))?.value, crc(Buffer.concat(plain)));
  });

  it('are requested of every part: one of another kind is refused at once, one without at the end', async () => {
    const { store, call, target, put, complete } = await begin(CRC_WHOLE);
    const requested = store.requested.length;
    const other = await call('PUT', `${target}&partNumber=1`, 'x', ['x-amz-checksum-sha256', sha256(Buffer.from('x'))]);
    assert.equal(field(other.text, 'Code'), 'InvalidRequest');
    assert.ok(store.requested.slice(requested).every(({ method }) => method === 'GET'));
    const part = await put(1, Buffer.from('x'));
    assert.equal(field((await complete([part])).text, 'Code'), 'InvalidRequest');
    assert.equal(store.objects.size, 0);
  });

  it('are refused when the upload begins where they could not be kept', async () => {
    for (const headers of [
      ['x-amz-checksum-algorithm', 'SHA256', 'x-amz-checksum-type', 'FULL_OBJECT'],
      ['x-amz-checksum-algorithm', 'CRC64NVME', 'x-amz-checksum-type', 'COMPOSITE'],
      ['x-amz-checksum-algorithm', 'SHA512'],
      ['x-amz-checksum-type', 'FULL_OBJECT'],
    ]) {
      const { store, created } = await begin(headers);
      assert.ok([400, 501].includes(created.status ?? 0));
      assert.equal(store.uploads.size, 0);
    }
  });

  it('of parts that no upload asked for are verified at the end all the same', async () => {
    const { store, put, complete } = await begin([]);
    const part = await put(1, Buffer.from('x'), withCrc(Buffer.from('x')));
    const right = ['ChecksumCRC32', crc(Buffer.from('x'))] as const;
    assert.equal(
      field((await complete([{ ...part, checksum: ['ChecksumCRC32', 'AAAAAA=='] }])).text, 'Code'),
      'InvalidPart',
    );
    assert.equal(field((await complete([part], ['x-amz-checksum-crc32', 'AAAAAA=='])).text, 'Code'), 'BadDigest');
    assert.equal(store.objects.size, 0);
    assert.equal((await complete([{ ...part, checksum: right }], ['x-amz-checksum-crc32', right[1]])).status, 200);
  });

  it('are of the last attempt of a part, whose every attempt of the same bytes may be named', async () => {
    for (const headers of [[], CRC_WHOLE]) {
      for (const piece of [Buffer.from('the end'), pattern(MIN)]) {
        const { store, put, complete } = await begin(headers);
        const first = await put(1, piece, withCrc(piece));
        const second = await put(1, piece, withCrc(piece));
        assert.notEqual(first.etag, second.etag);
        const changed = Buffer.from(piece).fill(1, 0, 1);
        assert.equal((await complete([first])).status, 200);
        assert.deepEqual(await readBack(cipher, ADDRESS, store.objects.get(KEY)!), piece);

        const other = await begin(headers);
        const old = await other.put(1, piece, withCrc(piece));
        const now = await other.put(1, changed, withCrc(changed));
        assert.equal(field((await other.complete([old])).text, 'Code'), 'InvalidPart');
        assert.equal(other.store.objects.size, 0);
        assert.equal((await other.complete([now])).status, 200);
        assert.deepEqual(await readBack(cipher, ADDRESS, other.store.objects.get(KEY)!), changed);
      }
    }
  });

  it('are not what the store says they are: records that are forged, swapped, taken away or repeated make no wrong object', async () => {
    const plain = [pattern(MIN), Buffer.from('the end')];
    const start = async () => {
      const made = await begin(CRC_WHOLE);
      const parts = [
        await made.put(1, plain[0]!, withCrc(plain[0]!)),
        await made.put(2, plain[1]!, withCrc(plain[1]!)),
      ];
      const records = [...made.store.kept.keys()].filter((key) => key.includes('/parts/'));
      assert.equal(records.length, 2);
      return { ...made, parts, records };
    };
    const foreign = await start();
    const isRefused = async (made: Awaited<ReturnType<typeof start>>): Promise<void> => {
      const done = await made.complete(made.parts, ['x-amz-checksum-crc32', crc(Buffer.concat(plain))]);
      assert.ok((done.status ?? 0) >= 400, done.text);
      assert.equal(made.store.objects.size, 0);
    };
    const attacks: Readonly<Record<string, (made: Awaited<ReturnType<typeof start>>) => void>> = {
      'one is taken away': ({ store, records }) => void store.kept.delete(records[0]!),
      'all are taken away': ({ store, records }) => records.forEach((key) => store.kept.delete(key)),
      'those of another upload stand there instead': ({ store, records }) => {
        const [folder = ''] = records[0]!.split('parts/');
        records.forEach((key) => store.kept.delete(key));
        for (const key of foreign.records) store.kept.set(folder + key.slice(key.indexOf('parts/')), Buffer.alloc(0));
      },
      'one is altered': ({ store, records }) => {
        const key = records[1]!;
        store.kept.delete(key);
        store.kept.set(key.slice(0, -30) + (key.at(-30) === 'A' ? 'B' : 'A') + key.slice(-29), Buffer.alloc(0));
      },
      'what is deferred is gone': ({ store }) => {
        for (const key of store.kept.keys()) if (key.endsWith('last/2')) store.kept.delete(key);
      },
      'what is deferred is replaced': ({ store }) => {
        for (const key of store.kept.keys()) if (key.endsWith('last/2')) store.kept.set(key, Buffer.alloc(195));
      },
    };
    for (const [name, attack] of Object.entries(attacks)) {
      const made = await start();
      attack(made);
      await isRefused(made).catch((error: unknown) => {
        throw new Error(name, { cause: error });
      });
    }
    const repeated = await start();
    for (const key of repeated.records) repeated.store.kept.set(`${key}A`, Buffer.alloc(0));
    for (const key of foreign.records) repeated.store.kept.set(key, Buffer.alloc(0));
    assert.equal((await repeated.complete(repeated.parts)).status, 200);
    assert.deepEqual(await readBack(cipher, ADDRESS, repeated.store.objects.get(KEY)!), Buffer.concat(plain));
  });

  it('leave no object and no wrong answer when any request of a Complete is refused or its answer lost', async () => {
    const plain = [pattern(MIN), Buffer.from('the end')];
    for (const fault of ['refused', 'answer lost'] as const) {
      for (let nth = 0; nth < 6; nth += 1) {
        const { store, put, complete } = await begin(CRC_WHOLE);
        const parts = [await put(1, plain[0]!, withCrc(plain[0]!)), await put(2, plain[1]!, withCrc(plain[1]!))];
        const before = store.requested.length;
        store.fault = (index) => (index === before + nth ? fault : undefined);
        await complete(parts);
        store.fault = () => undefined;
        assert.equal((await complete(parts)).status, 200, `${fault} ${nth}`);
        assert.deepEqual(await readBack(cipher, ADDRESS, store.objects.get(KEY)!), Buffer.concat(plain));
        assert.equal((await kept(store))?.value, crc(Buffer.concat(plain)));
      }
    }
  });

  it('are told of no part whose record could not be kept: its client sends it again', async () => {
    const { store, call, target, put, complete } = await begin(CRC_WHOLE);
    const piece = Buffer.from('x');
    store.fault = (_, { key }) => (key.includes('/parts/') ? 'refused' : undefined);
    const failed = await call('PUT', `${target}&partNumber=1`, piece, withCrc(piece));
    assert.equal(failed.status, 503);
    assert.doesNotMatch((await call('GET', target)).text, /<Part>/);
    store.fault = () => undefined;
    assert.equal((await complete([await put(1, piece, withCrc(piece))])).status, 200);
  });
});
