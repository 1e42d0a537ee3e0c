/** aws-chunked: the framing in which clients send a body whose checksum or signatures come with it. */
import { GatewayError } from '../errors/gateway-error.ts';
import type { ChecksumAlgorithm } from './request.ts';

/**
 * The signatures of an aws-chunked body, each over the one before. Stateful: call in wire order, once per chunk.
 * @see AWS Signature Version 4, "Signature calculations: transferring payload in multiple chunks"
 */
export interface ChunkSignatures {
  /** `sha256` is of the chunk's data, `signature` as it stands in the chunk's line. @throws GatewayError SignatureDoesNotMatch */
  readonly chunk: (sha256: Buffer, signature: string) => void;
  /** `trailer` is `name:value\n` of every trailing header, in order. @throws GatewayError SignatureDoesNotMatch */
  readonly trailer: (trailer: string, signature: string) => void;
}

export interface ChunkedBody {
  /** Length of the body without framing, as declared. */
  readonly sizeBytes: number;
  /** The checksum that the trailer must carry. */
  readonly trailer: ChecksumAlgorithm | undefined;
  /** Absent: the chunks are not signed. */
  readonly signatures: ChunkSignatures | undefined;
}

/**
 * Takes the framing off a body, and gives its data as it arrives; `onTrailer` is called before the end, when a trailer
 * was declared. Nothing is verified before the generator has ended.
 * @throws GatewayError IncompleteBody, InvalidChunkSize, MalformedTrailer, SignatureDoesNotMatch, InvalidRequest
 */
// eslint-disable-next-line @typescript-eslint/require-await, require-yield
export async function* decodeChunked(
  source: AsyncIterable<Buffer>,
  options: ChunkedBody,
  onTrailer: (checksum: Buffer) => void,
): AsyncGenerator<Buffer, void, undefined> {
  throw new GatewayError('NotImplemented', 'seal', { detail: typeof source + typeof options + typeof onTrailer });
}
