/**
 * Checksums end to end: a gateway before the embedded store, which verifies them by code of its own. `box` is in a store that
 * keeps all of them, `old` in one that is said to keep those in the head of a PutObject alone.
 */
import assert from 'node:assert/strict';
import { createHash, randomBytes } from 'node:crypto';
import { createDigest } from '../../src/s3/body/body-verifier.ts';
import { CHECKSUM_ALGORITHMS, checksumHeader, type ChecksumAlgorithm } from '../../src/s3/body/checksums.ts';
import { startSingleGateway, type SingleGateway } from '../support/stack/single-gateway.ts';

const MIB = 1_048_576;
const SMALL = randomBytes(1000);
const LARGE = randomBytes(300_001);

const POLICY = `
id: team
description: The team works in both.
subjects: [{ issuer: test, group: team }]
rules:
  - { id: box, allow: [GET, PUT, LIST], bucket: box, everything: true }
  - { id: old, allow: [GET, PUT, LIST], bucket: old, everything: true }
`;

type Headers = Readonly<Record<string, string>>;

function digest(algorithm: ChecksumAlgorithm, ...bodies: readonly Buffer[]): string {
  const running = createDigest(algorithm);
  for (const body of bodies) running.update(body);
  return running.digest().toString('base64');
}

/** A body in the framing of SDKs, with its checksum behind it. */
function trailed(body: Buffer, algorithm: ChecksumAlgorithm, value = digest(algorithm, body)) {
  const name = checksumHeader(algorithm);
  return {
    headers: {
      'content-encoding': 'aws-chunked',
      'x-amz-content-sha256': 'STREAMING-UNSIGNED-PAYLOAD-TRAILER',
      'x-amz-decoded-content-length': String(body.length),
      'x-amz-trailer': name,
    },
    body: Buffer.concat([
      Buffer.from(`${body.length.toString(16)}\r\n`),
      body,
      Buffer.from(`\r\n0\r\n${name}:${value}\r\n\r\n`),
    ]),
  };
}

const field = (document: string, name: string): string | undefined =>
  new RegExp(`<${name}>([^<]*)<`).exec(document)?.[1]?.replaceAll('&quot;', '"');

describe('checksums', function () {
  this.timeout(60_000);
  let gateway: SingleGateway;
  let token: string;

  async function call(method: string, path: string, headers: Headers = {}, body?: Buffer | string) {
    const sent = body === undefined ? {} : { body: typeof body === 'string' ? body : new Uint8Array(body) };
    const answer = await fetch(`${gateway.origin}/${path}`, {
      method,
      headers: { authorization: `Bearer ${token}`, ...headers },
      ...sent,
    });
    const bytes = Buffer.from(await answer.arrayBuffer());
    return { status: answer.status, headers: answer.headers, bytes, text: bytes.toString() };
  }

  async function must(...request: Parameters<typeof call>) {
    const answer = await call(...request);
    assert.ok(answer.status >= 200 && answer.status < 300, `${request[0]} ${request[1]}: ${answer.text}`);
    return answer;
  }

  /** What the store itself tells of an object's checksum. */
  async function keptAtStore(path: string, algorithm: ChecksumAlgorithm) {
    const requested = { 'x-amz-checksum-mode': 'ENABLED' };
    const { headers } = await gateway.atStore({ method: 'HEAD', bucket: 'box', key: path, headers: requested });
    return headers[checksumHeader(algorithm)];
  }

  async function shown(path: string, algorithm: ChecksumAlgorithm) {
    const { headers } = await must('HEAD', path, { 'x-amz-checksum-mode': 'ENABLED' });
    return [headers.get(checksumHeader(algorithm)), headers.get('x-amz-checksum-type')];
  }

  before(async () => {
    gateway = await startSingleGateway({
      stores: { main: { checksums: 'all' }, other: {} },
      buckets: {
        box: { store: 'main', prefixes: { 'plain/': 'off' } },
        old: { store: 'other', encryption: 'off' },
      },
      policies: { 'team.yaml': POLICY },
    });
    token = gateway.token('team');
  });
  after(() => gateway.stop());

  for (const [size, body] of [
    ['small', SMALL],
    ['large', LARGE],
  ] as const) {
    it(`in the trailer of a ${size} PUT reach the store of a plain prefix, and are told again`, async () => {
      for (const algorithm of CHECKSUM_ALGORITHMS) {
        const path = `plain/trailer-${size}-${algorithm}`;
        const sent = trailed(body, algorithm);
        const put = await must('PUT', `box/${path}`, sent.headers, sent.body);
        const expected = digest(algorithm, body);
        assert.equal(put.headers.get(checksumHeader(algorithm)), expected);
        assert.equal(await keptAtStore(path, algorithm), expected);
        assert.deepEqual(await shown(`box/${path}`, algorithm), [expected, 'FULL_OBJECT']);
        const got = await must('GET', `box/${path}`);
        assert.ok(got.bytes.equals(body));
        assert.equal(got.headers.get('content-encoding'), null);
      }
    });

    it(`in a trailer that is of another body leave nothing of a ${size} PUT behind`, async () => {
      for (const path of [`box/plain/wrong-${size}`, `box/wrong-${size}`, `old/wrong-${size}`]) {
        const sent = trailed(body, 'CRC32', digest('CRC32', Buffer.from('another')));
        const put = await call('PUT', path, sent.headers, sent.body);
        assert.deepEqual([put.status, field(put.text, 'Code')], [400, 'BadDigest']);
        assert.equal((await call('HEAD', path)).status, 404);
      }
    });

    it(`that a ${size} PUT names without a value are made, kept and told`, async () => {
      for (const path of [`plain/made-${size}`, `made-${size}`]) {
        const put = await must('PUT', `box/${path}`, { 'x-amz-checksum-algorithm': 'CRC32C' }, body);
        assert.equal(put.headers.get('x-amz-checksum-crc32c'), digest('CRC32C', body));
        assert.deepEqual(await shown(`box/${path}`, 'CRC32C'), [digest('CRC32C', body), 'FULL_OBJECT']);
      }
    });
  }

  it('are kept with a Content-Encoding of the object, which loses nothing but the framing', async () => {
    const sent = trailed(LARGE, 'CRC64NVME');
    const headers = { ...sent.headers, 'content-encoding': 'gzip,aws-chunked' };
    await must('PUT', 'box/plain/encoded', headers, sent.body);
    const head = await must('HEAD', 'box/plain/encoded', { 'x-amz-checksum-mode': 'ENABLED' });
    assert.equal(head.headers.get('content-encoding'), 'gzip');
    assert.equal(head.headers.get('x-amz-checksum-crc64nvme'), digest('CRC64NVME', LARGE));
  });

  it('are taken with algorithm, type and value at once', async () => {
    for (const path of ['box/plain/all', 'box/all', 'old/all']) {
      const value = digest('SHA256', SMALL);
      const named = { 'x-amz-checksum-algorithm': 'SHA256', 'x-amz-checksum-type': 'FULL_OBJECT' };
      await must('PUT', path, { ...named, 'x-amz-checksum-sha256': value }, SMALL);
      assert.deepEqual(await shown(path, 'SHA256'), [value, 'FULL_OBJECT']);
    }
  });

  it('are shown of whole reads alone: no range carries that of the whole', async () => {
    for (const path of ['box/plain/ranged', 'box/ranged']) {
      await must('PUT', path, { 'x-amz-checksum-sha256': digest('SHA256', SMALL) }, SMALL);
      const requested = { 'x-amz-checksum-mode': 'ENABLED' };
      const range = await must('GET', path, { ...requested, range: 'bytes=0-9' });
      assert.equal(range.status, 206);
      assert.deepEqual(
        [...range.headers.keys()].filter((name) => name.startsWith('x-amz-checksum-')),
        [],
      );
      const whole = await must('GET', path, requested);
      assert.equal(whole.headers.get('x-amz-checksum-sha256'), digest('SHA256', SMALL));
      assert.equal(whole.headers.get('x-amz-checksum-type'), 'FULL_OBJECT');
    }
  });

  describe('of copies', () => {
    const PREFIXES = ['plain/', ''];
    for (const from of PREFIXES) {
      for (const to of PREFIXES) {
        it(`are made anew where they are requested: ${from}key to ${to}key`, async () => {
          for (const [name, body] of Object.entries({ small: SMALL, large: LARGE })) {
            await must('PUT', `box/${from}source-${name}`, { 'x-amz-checksum-crc32': digest('CRC32', body) }, body);
            const path = `box/${to}copy-of-${from.replace('/', '-')}${name}`;
            const source = { 'x-amz-copy-source': `box/${from}source-${name}` };
            const made = await must('PUT', path, { ...source, 'x-amz-checksum-algorithm': 'SHA256' });
            assert.equal(field(made.text, 'ChecksumSHA256'), digest('SHA256', body));
            assert.equal(field(made.text, 'ChecksumType'), 'FULL_OBJECT');
            assert.deepEqual(await shown(path, 'SHA256'), [digest('SHA256', body), 'FULL_OBJECT']);
            // Without the header the copy has the kind that its source has.
            await must('PUT', path, source);
            assert.deepEqual(await shown(path, 'CRC32'), [digest('CRC32', body), 'FULL_OBJECT']);
          }
        });
      }
    }

    it('are refused where the copy could not keep them', async () => {
      await must('PUT', 'old/source', {}, SMALL);
      const copy = { 'x-amz-copy-source': 'old/source', 'x-amz-checksum-algorithm': 'SHA256' };
      assert.equal((await call('PUT', 'old/copy', copy)).status, 501);
      await must('PUT', 'box/source512', {}, SMALL);
      const sealed = { 'x-amz-copy-source': 'box/source512', 'x-amz-checksum-algorithm': 'SHA512' };
      assert.equal((await call('PUT', 'box/copy512', sealed)).status, 501);
    });
  });

  describe('of uploads in parts of a plain prefix', () => {
    const PARTS = [randomBytes(5 * MIB), randomBytes(70_000)];

    async function upload(path: string, named: Headers, algorithm: ChecksumAlgorithm, sends: 'trailer' | 'header') {
      const created = await must('POST', `${path}?uploads`, named);
      const target = `${path}?uploadId=${field(created.text, 'UploadId')}`;
      const parts: string[] = [];
      for (const [index, part] of PARTS.entries()) {
        const value = digest(algorithm, part);
        const sent =
          sends === 'trailer'
            ? trailed(part, algorithm)
            : { headers: { [checksumHeader(algorithm)]: value }, body: part };
        const put = await must('PUT', `${target}&partNumber=${index + 1}`, sent.headers, sent.body);
        assert.equal(put.headers.get(checksumHeader(algorithm)), value);
        assert.equal(put.headers.get('x-amz-checksum-type'), null);
        const etag = put.headers.get('etag') ?? '';
        parts.push(
          `<Part><PartNumber>${index + 1}</PartNumber><ETag>${etag}</ETag><Checksum${algorithm}>${value}</Checksum${algorithm}></Part>`,
        );
      }
      const document = `<CompleteMultipartUpload>${parts.join('')}</CompleteMultipartUpload>`;
      return { created, target, document };
    }

    for (const [algorithm, type, sends] of [
      ['CRC32', 'FULL_OBJECT', 'trailer'],
      ['CRC64NVME', 'full_object', 'header'],
      ['CRC32C', 'COMPOSITE', 'trailer'],
      ['SHA256', undefined, 'header'],
    ] as const) {
      it(`are kept and told from Create to attributes: ${algorithm}, ${type ?? 'no type'}, by ${sends}`, async () => {
        const path = `box/plain/upload-${algorithm}`;
        const named = { 'x-amz-checksum-algorithm': algorithm, ...(type && { 'x-amz-checksum-type': type }) };
        const { created, target, document } = await upload(path, named, algorithm, sends);
        const kept = type?.toUpperCase() ?? 'COMPOSITE';
        assert.equal(created.headers.get('x-amz-checksum-algorithm'), algorithm);
        assert.equal(created.headers.get('x-amz-checksum-type'), kept);
        const listed = await must('GET', target);
        assert.deepEqual(
          [field(listed.text, 'ChecksumAlgorithm'), field(listed.text, 'ChecksumType')],
          [algorithm, kept],
        );
        assert.equal(field(listed.text, `Checksum${algorithm}`), digest(algorithm, PARTS[0]!));
        const whole =
          kept === 'FULL_OBJECT'
            ? digest(algorithm, ...PARTS)
            : `${digest(algorithm, ...PARTS.map((part) => Buffer.from(digest(algorithm, part), 'base64')))}-2`;
        const claimed = { [checksumHeader(algorithm)]: whole, 'x-amz-checksum-type': kept };
        const done = await must('POST', target, claimed, document);
        assert.deepEqual([field(done.text, `Checksum${algorithm}`), field(done.text, 'ChecksumType')], [whole, kept]);
        assert.deepEqual(await shown(path, algorithm), [whole, kept]);
        const requested = { 'x-amz-object-attributes': 'Checksum,ObjectParts' };
        const attributes = await must('GET', `${path}?attributes`, requested);
        assert.equal(field(attributes.text, `Checksum${algorithm}`), whole);
        assert.equal(attributes.text.split(`<Checksum${algorithm}>`).length, 4);
      });
    }

    it('complete nothing where the claim of the whole is wrong, with its type or without, or its type alone', async () => {
      for (const [index, claim] of [
        { 'x-amz-checksum-crc32': digest('CRC32', SMALL) },
        { 'x-amz-checksum-crc32': digest('CRC32', SMALL), 'x-amz-checksum-type': 'FULL_OBJECT' },
        { 'x-amz-checksum-sha256': digest('SHA256', ...PARTS) },
        { 'x-amz-checksum-type': 'COMPOSITE' },
      ].entries()) {
        const path = `box/plain/claimed-${index}`;
        const named = { 'x-amz-checksum-algorithm': 'CRC32', 'x-amz-checksum-type': 'FULL_OBJECT' };
        const { target, document } = await upload(path, named, 'CRC32', 'header');
        const done = await call('POST', target, claim, document);
        assert.equal(done.status, 400, done.text);
        assert.equal((await call('HEAD', path)).status, 404);
        await must('DELETE', target);
      }
    });

    it('are taken of a part that is copied out of an encrypted prefix, and told', async () => {
      const body = PARTS[1]!;
      await must('PUT', 'box/sealed-source', {}, body);
      const created = await must('POST', 'box/plain/of-sealed?uploads', { 'x-amz-checksum-algorithm': 'CRC32' });
      const target = `box/plain/of-sealed?uploadId=${field(created.text, 'UploadId')}`;
      const made = await must('PUT', `${target}&partNumber=1`, { 'x-amz-copy-source': 'box/sealed-source' });
      assert.equal(field(made.text, 'ChecksumCRC32'), digest('CRC32', body));
      await must('DELETE', target);
    });

    it('are refused at Create where the store keeps none and one of the whole is requested, and verified by part else', async () => {
      const named = { 'x-amz-checksum-algorithm': 'CRC32' };
      const requested = { ...named, 'x-amz-checksum-type': 'FULL_OBJECT' };
      assert.equal((await call('POST', 'old/upload?uploads', requested)).status, 501);
      const { created, target, document } = await upload('old/upload', named, 'CRC32', 'trailer');
      assert.equal(created.headers.get('x-amz-checksum-algorithm'), null);
      const wrong = trailed(SMALL, 'CRC32', digest('CRC32', LARGE));
      assert.equal((await call('PUT', `${target}&partNumber=3`, wrong.headers, wrong.body)).status, 400);
      const claim = { 'x-amz-checksum-crc32': digest('CRC32', ...PARTS) };
      assert.equal((await call('POST', target, claim, document)).status, 501);
      await must('POST', target, {}, document);
      const whole = createHash('sha256').update(Buffer.concat(PARTS)).digest('hex');
      const got = await must('GET', 'old/upload');
      assert.equal(createHash('sha256').update(got.bytes).digest('hex'), whole);
    });
  });
});
