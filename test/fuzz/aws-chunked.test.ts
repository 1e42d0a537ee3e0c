/** Properties of the aws-chunked decoder: what is framed comes back, however it is cut; nothing else ever crashes it. */
import assert from 'node:assert/strict';
import { createHmac, createSecretKey } from 'node:crypto';
import fc from 'fast-check';
import { GatewayError } from '../../src/errors/gateway-error.ts';
import { decodeChunked, type ChunkedBody, type ChunkSignatures } from '../../src/s3/body/aws-chunked.ts';
import { createChunkSignatures } from '../../src/sigv4/chunk-signatures.ts';
import type { SignatureClaims } from '../../src/sigv4/parse-signature.ts';
import { signedChunks } from '../support/http/raw-wire.ts';

async function* cut(body: Buffer, cuts: readonly number[]): AsyncGenerator<Buffer> {
  let start = 0;
  for (const end of [...new Set(cuts.map((at) => at % (body.length + 1)))].sort((a, b) => a - b)) {
    yield await Promise.resolve(body.subarray(start, end));
    start = end;
  }
  yield body.subarray(start);
}

interface Outcome {
  readonly data: Buffer;
  readonly checksum: string | undefined;
  readonly code: string | undefined;
}

async function decode(body: Buffer, cuts: readonly number[], options: ChunkedBody): Promise<Outcome> {
  const parts: Buffer[] = [];
  let checksum: string | undefined;
  let code: string | undefined;
  try {
    for await (const data of decodeChunked(cut(body, cuts), options, (value) => (checksum = value.toString('hex')))) {
      parts.push(data);
    }
  } catch (error) {
    assert.ok(error instanceof GatewayError, String(error));
    ({ code } = error);
  }
  return { data: Buffer.concat(parts), checksum, code };
}

function frame(chunks: readonly Uint8Array[], tail: string): Buffer {
  const filled = chunks.filter((chunk) => chunk.length > 0);
  return Buffer.concat([
    ...filled.flatMap((chunk) => [Buffer.from(`${chunk.length.toString(16)}\r\n`), chunk, Buffer.from('\r\n')]),
    Buffer.from(`0\r\n${tail}\r\n`),
  ]);
}

const cuts = fc.array(fc.nat(), { maxLength: 12 });
const chunks = fc.array(fc.uint8Array({ maxLength: 300 }), { maxLength: 8 });
const TAIL = 'x-amz-checksum-crc32:NhCmhg==\r\n';

const hmac = (key: Buffer, text: string): Buffer => createHmac('sha256', key).update(text).digest();

/** Bytes that look like framing more often than chance would have it. */
const hostile = fc
  .array(
    fc.oneof(
      fc.constantFrom('0', '\r\n', '\n', '\r', '5', 'ff', ';', ':', ';chunk-signature=', 'x-amz-checksum-crc32', TAIL),
      fc.string({ unit: 'binary', maxLength: 8 }),
    ),
    { maxLength: 30 },
  )
  .map((parts) => Buffer.from(parts.join('')));

/** What is framed, of which at most one byte is another, or the length is off by one. */
const nearlyRight = fc
  .record({
    inputs: fc.array(fc.uint8Array({ maxLength: 20 }), { maxLength: 3 }),
    hasTrailer: fc.boolean(),
    spoiled: fc.option(fc.record({ at: fc.nat(), byte: fc.nat({ max: 255 }) }), { freq: 2 }),
    off: fc.constantFrom(0, 0, 0, -1, 1),
  })
  .map(({ inputs, hasTrailer, spoiled, off }) => {
    const body = frame(inputs, hasTrailer ? TAIL : '');
    if (spoiled !== null) body[spoiled.at % body.length] = spoiled.byte;
    return { body, hasTrailer, sizeBytes: Math.max(0, Buffer.concat(inputs).length + off) };
  });

describe('fuzz: aws-chunked', () => {
  it('gives back what was framed, however it is cut', async () => {
    await fc.assert(
      fc.asyncProperty(chunks, cuts, fc.boolean(), async (inputs, at, hasTrailer) => {
        const data = Buffer.concat(inputs);
        const trailer = hasTrailer ? 'CRC32' : undefined;
        const body = frame(inputs, hasTrailer ? TAIL : '');
        const outcome = await decode(body, at, { sizeBytes: data.length, trailer, signatures: undefined });
        assert.deepEqual(outcome, { data, checksum: hasTrailer ? '3610a686' : undefined, code: undefined });
      }),
      { numRuns: 300 },
    );
  });

  it('fails with an error of its own or not at all, and never gives more than was declared', async () => {
    const wild = fc.record({ body: hostile, sizeBytes: fc.nat({ max: 40 }), hasTrailer: fc.boolean() });
    const seen = { decoded: 0, refused: 0 };
    await fc.assert(
      fc.asyncProperty(fc.oneof(wild, nearlyRight), cuts, async ({ body, sizeBytes, hasTrailer }, at) => {
        const trailer = hasTrailer ? 'CRC32' : undefined;
        const { data, checksum, code } = await decode(body, at, { sizeBytes, trailer, signatures: undefined });
        assert.ok(data.length <= sizeBytes);
        seen[code === undefined ? 'decoded' : 'refused'] += 1;
        if (code !== undefined) return;
        assert.equal(data.length, sizeBytes);
        assert.equal(checksum !== undefined, hasTrailer);
      }),
      { numRuns: 2000 },
    );
    assert.ok(seen.decoded > 150 && seen.refused > 500, JSON.stringify(seen));
  });

  it('comes to the same end however a body is cut', async () => {
    await fc.assert(
      fc.asyncProperty(chunks, hostile, fc.nat(), cuts, async (inputs, noise, offset, at) => {
        const framed = frame(inputs, TAIL);
        const split = offset % (framed.length + 1);
        const body = Buffer.concat([framed.subarray(0, split), noise, framed.subarray(split)]);
        const options = { sizeBytes: Buffer.concat(inputs).length, trailer: 'CRC32', signatures: undefined } as const;
        const whole = await decode(body, [], options);
        const pieces = await decode(body, at, options);
        assert.equal(pieces.code, whole.code);
        assert.equal(pieces.checksum, whole.checksum);
      }),
      { numRuns: 500 },
    );
  });

  it('gives signed chunks as they were signed or not at all, whatever was done to them', async () => {
    const SECRET = 'wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY';
    const date = new Date('2026-11-05T06:07:08Z');
    const scope = '20261105/eu-west-3/s3/aws4_request';
    const seed = 'a'.repeat(64);
    const request = {
      method: 'PUT',
      target: '/b/k',
      lines: [
        ['authorization', `AWS4-HMAC-SHA256 Credential=A/${scope}, SignedHeaders=host, Signature=${seed}`] as const,
      ],
      date,
    };
    const signingKey = createSecretKey(
      scope.split('/').reduce<Buffer>((key, part) => hmac(key, part), Buffer.from(`AWS4${SECRET}`)),
    );
    const claims: SignatureClaims = {
      kind: 'header',
      accessKeyId: 'A',
      date: '20261105',
      region: 'eu-west-3',
      service: 's3',
      signedHeaders: ['host'],
      signature: seed,
      amzDate: '20261105T060708Z',
      signedAtMs: date.getTime(),
      expiresSeconds: undefined,
      sessionToken: undefined,
    };
    const signatures = (): ChunkSignatures => createChunkSignatures(claims, signingKey);
    const change = fc.record({
      kind: fc.constantFrom('none', 'flip', 'drop', 'repeat', 'swap', 'cut', 'insert'),
      offset: fc.nat(),
      bit: fc.nat({ max: 7 }),
    });
    const trailer = fc.constantFrom('x-amz-checksum-crc32:NhCmhg==', undefined);
    let refused = 0;
    await fc.assert(
      fc.asyncProperty(
        fc.nat({ max: 3 }),
        fc.nat({ max: 300 }),
        trailer,
        cuts,
        change,
        async (full, rest, tail, at, done) => {
          const { kind, offset, bit } = done;
          const data = [
            ...Array.from({ length: full }, (_, index) => Buffer.alloc(8192, index)),
            Buffer.alloc(rest, 'r'),
          ];
          const keys = { accessKeyId: 'A', secretAccessKey: SECRET };
          const pieces = signedChunks(
            keys,
            request,
            data.filter(({ length }) => length > 0),
            tail,
          );
          const index = offset % pieces.length;
          const next = (index + 1) % pieces.length;
          const before = Buffer.concat(pieces);
          if (kind === 'drop') pieces.splice(index, 1);
          if (kind === 'repeat') pieces.splice(index, 0, pieces[index]!);
          if (kind === 'swap') [pieces[index], pieces[next]] = [pieces[next]!, pieces[index]!];
          let body = Buffer.concat(pieces);
          const where = offset % body.length;
          if (kind === 'flip') body[where]! ^= 1 << bit;
          if (kind === 'cut') body = body.subarray(0, where);
          if (kind === 'insert')
            body = Buffer.concat([body.subarray(0, where), Buffer.from('0'), body.subarray(where)]);
          const whole = Buffer.concat(data);
          const outcome = await decode(body, at, {
            sizeBytes: whole.length,
            trailer: tail === undefined ? undefined : 'CRC32',
            signatures: signatures(),
          });
          if (body.equals(before)) assert.equal(outcome.code, undefined);
          if (outcome.code === undefined) {
            // A zero before a size, or a digit in upper case, says the same.
            assert.ok(outcome.data.equals(whole));
            assert.equal(outcome.checksum, tail === undefined ? undefined : '3610a686');
          } else refused += 1;
        },
      ),
      { numRuns: 500 },
    );
    assert.ok(refused > 100, `only ${refused} were refused`);
  });
});
