import assert from 'node:assert/strict';
import fc from 'fast-check';
import { decodeChunked } from '../../../../src/s3/body/aws-chunked.ts';
import { passingChecksum } from '../../../../src/s3/body/body-verifier.ts';
import { CHECKSUM_ALGORITHMS, type ChecksumAlgorithm } from '../../../../src/s3/body/checksums.ts';
import { frameChunked, withChecksum } from '../../../../src/s3/body/frame-chunked.ts';

// eslint-disable-next-line @typescript-eslint/require-await -- bodies are streams to those that send them
async function* pieces(...input: readonly Buffer[]): AsyncGenerator<Buffer> {
  yield* input;
}

function frame(algorithm: ChecksumAlgorithm, ...input: readonly Buffer[]) {
  const checksum = passingChecksum(algorithm);
  for (const piece of input) checksum.update(piece);
  const sizeBytes = input.reduce((sum, { length }) => sum + length, 0);
  return { checksum, sizeBytes, ...frameChunked({ sizeBytes, content: pieces(...input) }, checksum, undefined) };
}

async function all(content: Buffer | AsyncIterable<Buffer>): Promise<Buffer> {
  if (Buffer.isBuffer(content)) return content;
  const received: Buffer[] = [];
  for await (const piece of content) received.push(Buffer.from(piece));
  return Buffer.concat(received);
}

describe('s3/frame-chunked', () => {
  it('gives a body, however it came, that decodes to itself with its checksum, and is as long as it was announced', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.nat({ max: 140_000 }), { maxLength: 4 }),
        fc.constantFrom(...CHECKSUM_ALGORITHMS),
        async (sizes, algorithm) => {
          const received = sizes.map((size, at) => Buffer.alloc(size, at + 1));
          const { body, headers, sizeBytes, checksum } = frame(algorithm, ...received);
          const framed = await all(body.content);
          assert.equal(framed.length, body.sizeBytes);
          assert.equal(headers['x-amz-decoded-content-length'], String(sizeBytes));
          let trailer: Buffer | undefined;
          const options = { sizeBytes, trailer: algorithm, signatures: undefined };
          const decoded = await all(decodeChunked(pieces(framed), options, (found) => (trailer = found)));
          assert.ok(decoded.equals(Buffer.concat(received)));
          assert.deepEqual(trailer, checksum.value());
        },
      ),
      { numRuns: 40 },
    );
  });

  it('sends chunks of 64 KiB at most, as SDKs do', async () => {
    const framed = await all(frame('CRC32', Buffer.alloc(200_000)).body.content);
    assert.ok(framed.subarray(0, 7).equals(Buffer.from('10000\r\n')));
    assert.ok(framed.subarray(7 + 65_536, 7 + 65_536 + 9).equals(Buffer.from('\r\n10000\r\n')));
  });

  it('never ends a body that fails, even after its last byte', async () => {
    async function* failing(): AsyncGenerator<Buffer> {
      yield* pieces(Buffer.alloc(100_000));
      throw new Error('the checksum does not hold');
    }
    const { body } = frameChunked({ sizeBytes: 100_000, content: failing() }, passingChecksum('CRC32'), undefined);
    let sentBytes = 0;
    await assert.rejects(async () => {
      for await (const piece of body.content as AsyncIterable<Buffer>) sentBytes += piece.length;
    }, /does not hold/);
    assert.ok(sentBytes < body.sizeBytes);
  });

  it('puts a checksum that is known in the head, and frames nothing', () => {
    const body = { sizeBytes: 3, content: Buffer.from('abc') };
    const checksum = passingChecksum('SHA1');
    checksum.update(body.content);
    const sent = withChecksum({ headers: { 'content-encoding': 'gzip' }, body }, checksum, { isKnown: false });
    assert.deepEqual(sent, {
      headers: {
        'content-encoding': 'gzip',
        'x-amz-checksum-sha1': checksum.value().toString('base64'),
        'x-amz-sdk-checksum-algorithm': 'SHA1',
      },
      body,
    });
  });
});
