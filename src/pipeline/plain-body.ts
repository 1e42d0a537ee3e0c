/**
 * Enters: the client's body as it arrives. Leaves: its plain bytes, without framing, counted, as a stream or in one piece. It
 * fails where anything that was claimed or signed of the body does not hold, and it does so before it ends: whoever stores a
 * stream keeps its last bytes back until it has ended.
 */
import type { KeptChecksum } from '../contracts/object-cipher.ts';
import { GatewayError } from '../errors/gateway-error.ts';
import { ChunkDecoder, decodeChunked } from '../s3/body/aws-chunked.ts';
import {
  createBodyVerifier,
  passingChecksum,
  type BodyVerifier,
  type PassingChecksum,
} from '../s3/body/body-verifier.ts';
import type { Authenticated } from './contexts.ts';
import type { Meter } from './meter.ts';

export interface PlainBody {
  /** The body as it arrives; reading it begins with the first chunk that is requested. */
  readonly chunks: () => AsyncGenerator<Buffer, void, undefined>;
  /** All of it in memory, instead of `chunks`. @throws as `chunks`; GatewayError IncompleteBody */
  readonly whole: () => Promise<Buffer>;
  /** The checksum that the client claims, in its head or behind the body, or has us make; asked for when the body has ended. */
  readonly checksum: KeptChecksum | undefined;
}

/** Opens the body of a request, of `sizeBytes` as announced. Reads nothing yet; it can be read once. */
export function plainBody(context: Authenticated, sizeBytes: number): PlainBody {
  const { exchange, file, request, meter, chunkSignatures: signatures } = context;
  const { claims, payload } = request;
  const { chunked } = payload;
  const { checksum: inHead, wanted } = claims;
  const made = wanted && passingChecksum(wanted);
  const known = inHead === undefined ? made : { algorithm: inHead.algorithm, value: () => inHead.value };
  let trailing: Buffer | undefined;
  const value = (): Buffer => {
    if (trailing === undefined) throw new GatewayError('MalformedTrailer', { detail: 'no checksum came' });
    return trailing;
  };
  const onTrailer = (found: Buffer): void => {
    trailing = found;
  };
  const inTrailer = chunked?.trailer && { algorithm: chunked.trailer, value };
  const framing = chunked && { sizeBytes, trailer: chunked.trailer, signatures };
  const check = new BodyCheck(meter, createBodyVerifier(claims, inTrailer), made);
  return {
    chunks: () => checked(check, framing ? decodeChunked(exchange.body, framing, onTrailer) : (file ?? exchange.body)),
    whole: () => {
      const body = new WholeBody(sizeBytes);
      const decoder = framing && new ChunkDecoder(framing, onTrailer);
      const take = (piece: Buffer): void => {
        const chunk = decoder === undefined ? piece : decoder.take(piece);
        if (chunk === undefined) return;
        check.update(chunk);
        body.add(chunk);
      };
      const read = file === undefined ? exchange.read(take) : readAll(file, take);
      return read.then(() => {
        decoder?.end();
        check.end();
        return body.end();
      });
    },
    checksum: inTrailer ?? known,
  };
}

async function readAll(file: AsyncIterable<Buffer>, take: (piece: Buffer) => void): Promise<void> {
  for await (const piece of file) take(piece);
}

/** What is done with each chunk of a body, and at its end. */
class BodyCheck {
  readonly #meter: Meter;
  readonly #verifier: BodyVerifier | undefined;
  readonly #made: PassingChecksum | undefined;

  constructor(meter: Meter, verifier: BodyVerifier | undefined, made: PassingChecksum | undefined) {
    this.#meter = meter;
    this.#verifier = verifier;
    this.#made = made;
  }

  update(chunk: Buffer): void {
    this.#meter.received(chunk.length);
    this.#verifier?.update(chunk);
    this.#made?.update(chunk);
  }

  /** @throws GatewayError BadDigest, ContentSha256Mismatch */
  end(): void {
    this.#verifier?.verify();
  }
}

async function* checked(check: BodyCheck, source: AsyncIterable<Buffer>): AsyncGenerator<Buffer, void, undefined> {
  for await (const chunk of source) {
    check.update(chunk);
    yield chunk;
  }
  check.end();
}

/** A body of exactly `sizeBytes`, gathered in memory. */
export class WholeBody {
  readonly #sizeBytes: number;
  #content: Buffer | undefined;
  #length = 0;

  constructor(sizeBytes: number) {
    this.#sizeBytes = sizeBytes;
  }

  /** @throws GatewayError IncompleteBody (it is longer) */
  add(chunk: Buffer): void {
    const start = this.#length;
    this.#length += chunk.length;
    if (this.#length > this.#sizeBytes) throw incomplete(this.#length, this.#sizeBytes);
    // Most bodies come in one piece. Of one that comes byte by byte, the pieces would take two hundred times its size.
    if (start === 0 && this.#length === this.#sizeBytes) this.#content = chunk;
    else chunk.copy((this.#content ??= Buffer.allocUnsafe(this.#sizeBytes)), start);
  }

  /** Gives it. @throws GatewayError IncompleteBody (it is shorter) */
  end(): Buffer {
    if (this.#length !== this.#sizeBytes) throw incomplete(this.#length, this.#sizeBytes);
    return this.#content ?? Buffer.alloc(0);
  }
}

export function incomplete(got: number, expected: number): GatewayError {
  return new GatewayError('IncompleteBody', { detail: `${got} of ${expected} bytes` });
}
