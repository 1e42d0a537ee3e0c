/** Properties of the aws-chunked decoder: what is framed comes back, however it is cut; nothing else ever crashes it. */
import assert from 'node:assert/strict';
import fc from 'fast-check';
import { GatewayError } from '../../src/errors/gateway-error.ts';
import { decodeChunked, type ChunkedBody } from '../../src/s3/aws-chunked.ts';

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

describe('fuzz: aws-chunked', () => {
  it('gives back what was framed, however it is cut', async () => {
    await fc.assert(
      fc.asyncProperty(chunks, cuts, fc.boolean(), async (given, at, hasTrailer) => {
        const data = Buffer.concat(given);
        const trailer = hasTrailer ? 'CRC32' : undefined;
        const body = frame(given, hasTrailer ? TAIL : '');
        const outcome = await decode(body, at, { sizeBytes: data.length, trailer, signatures: undefined });
        assert.deepEqual(outcome, { data, checksum: hasTrailer ? '3610a686' : undefined, code: undefined });
      }),
      { numRuns: 300 },
    );
  });

  it('fails with an error of its own or not at all, and never gives more than was declared', async () => {
    await fc.assert(
      fc.asyncProperty(hostile, cuts, fc.nat({ max: 40 }), fc.boolean(), async (body, at, sizeBytes, hasTrailer) => {
        const trailer = hasTrailer ? 'CRC32' : undefined;
        const { data, checksum, code } = await decode(body, at, { sizeBytes, trailer, signatures: undefined });
        assert.ok(data.length <= sizeBytes);
        if (code !== undefined) return;
        assert.equal(data.length, sizeBytes);
        assert.equal(checksum !== undefined, hasTrailer);
      }),
      { numRuns: 2000 },
    );
  });

  it('comes to the same end however a body is cut', async () => {
    await fc.assert(
      fc.asyncProperty(chunks, hostile, fc.nat(), cuts, async (given, noise, place, at) => {
        const framed = frame(given, TAIL);
        const split = place % (framed.length + 1);
        const body = Buffer.concat([framed.subarray(0, split), noise, framed.subarray(split)]);
        const options = { sizeBytes: Buffer.concat(given).length, trailer: 'CRC32', signatures: undefined } as const;
        const whole = await decode(body, [], options);
        const pieces = await decode(body, at, options);
        assert.equal(pieces.code, whole.code);
        assert.equal(pieces.checksum, whole.checksum);
      }),
      { numRuns: 500 },
    );
  });
});
