/**
 * Puts a body into the framing of aws-chunked, for a store that takes the checksum behind it. Enters: a body of a known
 * length, and its checksum, which is requested when the body has ended. Leaves: the framed body with its exact length, and
 * the headers that announce it. The end of the framing goes out only behind the checksum: a body that fails is never whole.
 * @see Amazon S3 API Reference, "Signature calculations for trailing checksums"
 */
import { CHECKSUM_HEADERS, checksumHeader, type ChecksumAlgorithm } from './checksums.ts';

/** The chunks are not signed, as they are not where the body goes without a checksum. */
export const UNSIGNED_TRAILER = 'STREAMING-UNSIGNED-PAYLOAD-TRAILER';

/** What SDKs send; S3 wants 8 KiB at least. */
const CHUNK_BYTES = 65_536;

export interface FramedBody {
  readonly headers: Readonly<Record<string, string>>;
  readonly body: {
    readonly sizeBytes: number;
    readonly content: Buffer | AsyncIterable<Buffer>;
    readonly payloadHash?: typeof UNSIGNED_TRAILER;
  };
}

export interface SentChecksum {
  readonly algorithm: ChecksumAlgorithm;
  /** Of a body that is in memory at once; else when it has ended. */
  readonly value: () => Buffer;
}

/** Puts a checksum to the store with its body: before it where it is known, else behind it. */
export function withChecksum(
  { headers, body }: FramedBody,
  checksum: SentChecksum,
  { isKnown }: { readonly isKnown: boolean },
): FramedBody {
  const { content, sizeBytes } = body;
  // As SDKs do. Ceph 20 neither verifies nor keeps a checksum that is not announced so.
  const announced = { ...headers, 'x-amz-sdk-checksum-algorithm': checksum.algorithm };
  if (isKnown || Buffer.isBuffer(content)) {
    const value = checksum.value().toString('base64');
    return { headers: { ...announced, [checksumHeader(checksum.algorithm)]: value }, body };
  }
  const framed = frameChunked({ sizeBytes, content }, checksum, headers['content-encoding']);
  return { headers: { ...announced, ...framed.headers }, body: framed.body };
}

/** Frames a body of exactly `sizeBytes`; `contentEncoding`: what is kept beside the object. */
export function frameChunked(
  { sizeBytes, content }: { readonly sizeBytes: number; readonly content: AsyncIterable<Buffer> },
  checksum: SentChecksum,
  contentEncoding: string | undefined,
): FramedBody {
  const name = checksumHeader(checksum.algorithm);
  return {
    headers: {
      'content-encoding': contentEncoding === undefined ? 'aws-chunked' : `${contentEncoding},aws-chunked`,
      'x-amz-decoded-content-length': String(sizeBytes),
      'x-amz-trailer': name,
    },
    body: {
      sizeBytes: framedSize(sizeBytes, name),
      content: framed(content, sizeBytes, () => endOf(name, checksum.value().toString('base64'))),
      payloadHash: UNSIGNED_TRAILER,
    },
  };
}

async function* framed(
  content: AsyncIterable<Buffer>,
  sizeBytes: number,
  end: () => string,
): AsyncGenerator<Buffer, void, undefined> {
  let left = sizeBytes;
  let leftOfChunk = 0;
  for await (const piece of content) {
    for (let at = 0; at < piece.length;) {
      if (leftOfChunk === 0) {
        leftOfChunk = Math.min(CHUNK_BYTES, left);
        yield Buffer.from(`${leftOfChunk.toString(16)}\r\n`);
      }
      const data = piece.subarray(at, at + leftOfChunk);
      yield data;
      at += data.length;
      left -= data.length;
      leftOfChunk -= data.length;
      if (leftOfChunk === 0) yield CRLF;
    }
  }
  yield Buffer.from(end());
}

const CRLF = Buffer.from('\r\n');

function endOf(name: string, value: string): string {
  return `0\r\n${name}:${value}\r\n\r\n`;
}

function framedSize(sizeBytes: number, name: string): number {
  const last = sizeBytes % CHUNK_BYTES;
  const full = (sizeBytes - last) / CHUNK_BYTES;
  const lines = full * frameOf(CHUNK_BYTES) + (last === 0 ? 0 : frameOf(last));
  const valueBytes = CHECKSUM_HEADERS.get(name)?.sizeBytes ?? 0;
  return sizeBytes + lines + endOf(name, '').length + 4 * Math.ceil(valueBytes / 3);
}

/** The line before a chunk, and the end behind it. */
function frameOf(chunkBytes: number): number {
  return chunkBytes.toString(16).length + 2 + CRLF.length;
}
