import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { crc32c } from '@node-rs/crc32';
import type { ChunkSignatures } from '../../../src/contracts/chunk-signatures.ts';
import { decodeChunked } from '../../../src/s3/body/aws-chunked.ts';
import type { RawRequest } from '../../../src/s3/request/request.ts';
import { createChunkSignatures } from '../../../src/sigv4/chunk-signatures.ts';
import { parseSignature } from '../../../src/sigv4/parse-signature.ts';
import { createSigningKeys } from '../../../src/sigv4/signing-key.ts';
import { verifySignature } from '../../../src/sigv4/verify-signature.ts';

interface Example {
  readonly name: string;
  readonly signature: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly chunks: readonly (readonly [number, string])[];
  readonly trailer?: readonly [string, string];
}

interface Vectors {
  readonly accessKeyId: string;
  readonly secretAccessKey: string;
  readonly time: string;
  readonly region: string;
  readonly chunked: readonly Example[];
}

const vectors = JSON.parse(
  readFileSync(new URL('../../vectors/sigv4/aws-s3-chunked.json', import.meta.url), 'utf8'),
) as Vectors;
const SIZE = 66_560;

/** Verifies the request of an example and gives what its chunks are verified with. */
function begin(example: Example): ChunkSignatures {
  const names = Object.keys(example.headers).map((name) => name.toLowerCase());
  const scope = `${vectors.accessKeyId}/20130524/us-east-1/s3/aws4_request`;
  const authorization = `AWS4-HMAC-SHA256 Credential=${scope},SignedHeaders=${names.sort().join(';')},Signature=${example.signature}`;
  const raw: RawRequest = {
    method: 'PUT',
    target: '/examplebucket/chunkObject.txt',
    rawHeaders: [...Object.entries(example.headers).flat(), 'Authorization', authorization],
  };
  const claims = parseSignature(raw);
  assert.ok(claims !== undefined);
  const key = createSigningKeys()({ ...vectors, sessionToken: undefined }, claims);
  const payloadHash = example.headers['x-amz-content-sha256'] ?? '';
  const nowMs = Date.parse(vectors.time);
  verifySignature(claims, { raw, payloadHash, nowMs, service: 's3', regions: [vectors.region] }, key);
  return createChunkSignatures(claims, key);
}

function frame(chunks: Example['chunks'], tail = '\r\n'): Buffer {
  return Buffer.concat([
    ...chunks.flatMap(([size, signature]) => [
      Buffer.from(`${size.toString(16)};chunk-signature=${signature}\r\n`),
      Buffer.alloc(size, 'a'),
      Buffer.from(size === 0 ? '' : '\r\n'),
    ]),
    Buffer.from(tail),
  ]);
}

async function decode(example: Example, body: Buffer, pieceBytes = body.length): Promise<number> {
  async function* pieces(): AsyncGenerator<Buffer> {
    for (let at = 0; at < body.length; at += pieceBytes)
      yield await Promise.resolve(body.subarray(at, at + pieceBytes));
  }
  const trailer = example.trailer === undefined ? undefined : 'CRC32C';
  let length = 0;
  let checksum: Buffer | undefined;
  const received = { sizeBytes: SIZE, trailer, signatures: begin(example) } as const;
  for await (const data of decodeChunked(pieces(), received, (value) => (checksum = value))) length += data.length;
  if (trailer !== undefined) assert.equal(checksum?.readUInt32BE(), crc32c(Buffer.alloc(SIZE, 'a')));
  return length;
}

const MISMATCH = { code: 'SignatureDoesNotMatch' };

describe('sigv4/chunk-signatures', () => {
  for (const example of vectors.chunked) {
    const signed = example.trailer;
    const tail = signed === undefined ? '\r\n' : `${signed[0]}\r\nx-amz-trailer-signature:${signed[1]}\r\n\r\n`;

    describe(`the documented example of ${example.name}`, () => {
      it('is accepted, however it is cut', async () => {
        const body = frame(example.chunks, tail);
        for (const pieceBytes of [body.length, 1000, 37]) assert.equal(await decode(example, body, pieceBytes), SIZE);
      });

      it('is refused with any byte of data or signature changed', async () => {
        const body = frame(example.chunks, tail);
        for (const at of [
          100,
          65_600,
          body.indexOf('chunk-signature=') + 20,
          body.lastIndexOf('chunk-signature=') + 20,
        ]) {
          const changed = Buffer.from(body);
          changed[at] = changed[at] === 0x30 ? 0x31 : 0x30;
          await assert.rejects(decode(example, changed), MISMATCH);
        }
      });

      it('is refused after another seed signature', () => {
        const other = vectors.chunked.find(({ name }) => name !== example.name);
        assert.ok(other !== undefined);
        const [, signature] = example.chunks[0] ?? [0, ''];
        const digest = createHash('sha256').update(Buffer.alloc(65_536, 'a')).digest();
        begin(example).chunk(digest, signature);
        assert.throws(() => begin(other).chunk(digest, signature), MISMATCH);
      });
    });
  }

  const [example] = vectors.chunked;
  const [first, second, last] = example?.chunks ?? [];
  assert.ok(example !== undefined && first !== undefined && second !== undefined && last !== undefined);

  it('refuses a replayed chunk', async () => {
    const halves = { ...example, chunks: [first, first, last] };
    await assert.rejects(decode(halves, frame([[32_768, first[1]], [32_768, first[1]], last])), MISMATCH);
  });

  it('refuses chunks in another order', async () => {
    await assert.rejects(decode(example, frame([[8192, second[1]], [65_536 - 7168, first[1]], last])), MISMATCH);
    const signatures = begin(example);
    const digest = (size: number): Buffer => createHash('sha256').update(Buffer.alloc(size, 'a')).digest();
    assert.throws(() => signatures.chunk(digest(1024), second[1]), MISMATCH);
  });

  it('refuses to leave a chunk out', () => {
    const signatures = begin(example);
    signatures.chunk(createHash('sha256').update(Buffer.alloc(65_536, 'a')).digest(), first[1]);
    assert.throws(() => signatures.chunk(createHash('sha256').digest(), last[1]), MISMATCH);
  });

  it('refuses a trailer under the signature of a chunk', () => {
    const signatures = begin(example);
    assert.throws(() => signatures.trailer('x-amz-checksum-crc32c:sOO8/Q==\n', first[1]), MISMATCH);
  });

  it('refuses what is no signature at all', () => {
    for (const signature of ['', 'zz', first[1].slice(2), `${first[1]}00`]) {
      const digest = createHash('sha256').update(Buffer.alloc(65_536, 'a')).digest();
      assert.throws(() => begin(example).chunk(digest, signature), MISMATCH);
    }
  });
});
