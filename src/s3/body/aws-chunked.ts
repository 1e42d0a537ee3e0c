/**
 * Enters: an aws-chunked body as it arrives. Leaves: its data, without framing. aws-chunked is the framing in which
 * clients send a body whose checksum or signatures come with it. Buffers no chunk: a chunk's data goes on before its
 * signature is known, so whoever stores it must withhold the end until the generator has ended.
 * @see Amazon S3 API Reference, "Signature Calculations for the Authorization Header: Transferring Payload in Multiple Chunks"
 */
import { createHash, type Hash } from 'node:crypto';
import { GatewayError } from '../../errors/gateway-error.ts';
import type { ErrorCode } from '../../errors/codes.ts';
import { parseTrailer } from './chunked-trailer.ts';
import type { ChecksumAlgorithm } from './checksums.ts';

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

/** Of signed chunks: nothing is known of a chunk before its end, and each but the last costs a signature. */
const MAX_SIGNED_CHUNK_BYTES = 16 * 1024 * 1024;
const MIN_SIGNED_CHUNK_BYTES = 8192;

/** A size in hex and a signature have 98 characters; there is nothing else that a chunk's line could hold. */
const MAX_LINE_LENGTH = 128;
const MAX_TRAILER_LENGTH = 4096;

const CHUNK_LINE = /^([0-9a-fA-F]{1,16})(?:;chunk-signature=([0-9a-fA-F]{64}))?\r$/;
const CR = 0x0d;
const LF = 0x0a;

/**
 * Takes the framing off a body, and gives its data as it arrives; `onTrailer` is called before the end, when a trailer
 * was declared. Nothing is verified before the generator has ended.
 * @throws GatewayError IncompleteBody, InvalidChunkSize, MalformedTrailer, SignatureDoesNotMatch, InvalidRequest
 */
export async function* decodeChunked(
  source: AsyncIterable<Buffer>,
  options: ChunkedBody,
  onTrailer: (checksum: Buffer) => void,
): AsyncGenerator<Buffer, void, undefined> {
  const decoder = new ChunkDecoder(options, onTrailer);
  for await (const piece of source) {
    const data = decoder.take(piece);
    if (data !== undefined) yield data;
  }
  decoder.end();
}

/** The same for whoever has the pieces in hand: gives each to `take`, in order, and calls `end` behind the last. */
export class ChunkDecoder {
  readonly #onTrailer: (checksum: Buffer) => void;
  readonly #signatures: ChunkSignatures | undefined;
  readonly #trailer: ChecksumAlgorithm | undefined;
  readonly #sizeBytes: number;
  #expected: 'line' | 'data' | 'cr' | 'lf' | 'trailer' = 'line';
  /** A line or trailer of which more is to come. */
  #text = '';
  #bytesLeftOfChunk = 0;
  #bytesLeft: number;
  #wasSmall = false;
  #hash: Hash | undefined;
  #signature = '';

  constructor({ sizeBytes, trailer, signatures }: ChunkedBody, onTrailer: (checksum: Buffer) => void) {
    this.#onTrailer = onTrailer;
    this.#sizeBytes = sizeBytes;
    this.#bytesLeft = sizeBytes;
    this.#trailer = trailer;
    this.#signatures = signatures;
  }

  /** Gives the data of a piece as one buffer: a million tiny chunks cost a line each, never a turn of the event loop. */
  take(piece: Buffer): Buffer | undefined {
    const slices: Buffer[] = [];
    let offset = 0;
    while (offset < piece.length) {
      switch (this.#expected) {
        case 'line':
          offset = this.#takeLine(piece, offset);
          break;
        case 'data': {
          const data = piece.subarray(offset, offset + this.#bytesLeftOfChunk);
          slices.push(data);
          offset += data.length;
          this.#takeData(data);
          break;
        }
        case 'cr':
          if (piece[offset] !== CR) throw refuse('InvalidRequest', 'a chunk does not end where it should');
          this.#expected = 'lf';
          offset += 1;
          break;
        case 'lf':
          if (piece[offset] !== LF) throw refuse('InvalidRequest', 'a chunk does not end where it should');
          this.#expected = 'line';
          offset += 1;
          break;
        case 'trailer':
          if (this.#text.length + piece.length - offset > MAX_TRAILER_LENGTH) throw refuse('MalformedTrailer', 'long');
          this.#text += piece.toString('latin1', offset);
          offset = piece.length;
          break;
      }
    }
    return slices.length > 1 ? Buffer.concat(slices) : slices[0];
  }

  /** Reads the trailer. */
  end(): void {
    if (this.#expected !== 'trailer')
      throw refuse('IncompleteBody', `${this.#bytesLeft} bytes and the end are missing`);
    const signatures = this.#signatures;
    const checksum = parseTrailer(this.#text, this.#trailer, signatures?.trailer);
    if (checksum !== undefined) this.#onTrailer(checksum);
  }

  #takeLine(piece: Buffer, offset: number): number {
    const end = piece.indexOf(LF, offset);
    const length = (end < 0 ? piece.length : end) - offset;
    if (this.#text.length + length > MAX_LINE_LENGTH) throw refuse('InvalidRequest', 'the line of a chunk is too long');
    this.#text += piece.toString('latin1', offset, offset + length);
    if (end < 0) return piece.length;
    const match = CHUNK_LINE.exec(this.#text);
    this.#text = '';
    if (match === null) throw refuse('InvalidRequest', 'the line of a chunk is malformed');
    this.#beginChunk(Number.parseInt(match[1] ?? '', 16), match[2]);
    return end + 1;
  }

  #beginChunk(sizeBytes: number, signature: string | undefined): void {
    if ((signature !== undefined) !== (this.#signatures !== undefined)) {
      throw refuse('InvalidRequest', 'the signature of a chunk is missing, or there should be none');
    }
    if (sizeBytes > this.#bytesLeft) throw refuse('IncompleteBody', `more than ${this.#sizeBytes} bytes`);
    if (sizeBytes === 0 && this.#bytesLeft > 0) throw refuse('IncompleteBody', `${this.#bytesLeft} bytes are missing`);
    this.#bytesLeft -= sizeBytes;
    this.#bytesLeftOfChunk = sizeBytes;
    if (signature !== undefined) {
      if (sizeBytes > MAX_SIGNED_CHUNK_BYTES) throw refuse('InvalidChunkSize', `${sizeBytes} bytes`);
      // Small is no error in itself: it may turn out to be the last one.
      if (sizeBytes > 0 && this.#wasSmall) throw refuse('InvalidChunkSize', 'a small chunk is not the last one');
      this.#wasSmall = sizeBytes < MIN_SIGNED_CHUNK_BYTES;
      this.#signature = signature;
      this.#hash = createHash('sha256');
    }
    if (sizeBytes > 0) this.#expected = 'data';
    else {
      this.#verifyChunk();
      this.#expected = 'trailer';
    }
  }

  #takeData(data: Buffer): void {
    this.#hash?.update(data);
    this.#bytesLeftOfChunk -= data.length;
    if (this.#bytesLeftOfChunk > 0) return;
    this.#verifyChunk();
    this.#expected = 'cr';
  }

  #verifyChunk(): void {
    if (this.#hash !== undefined) this.#signatures?.chunk(this.#hash.digest(), this.#signature);
  }
}

function refuse(code: ErrorCode, detail: string): GatewayError {
  return new GatewayError(code, { detail });
}
