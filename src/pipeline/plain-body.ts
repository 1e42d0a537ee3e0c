/**
 * Enters: the client's body as it arrives. Leaves: its plain bytes, without framing, counted. The stream fails where
 * anything that was claimed or signed of the body does not hold, and it does so before it ends: whoever stores it keeps
 * its last bytes back until it has ended.
 */
import type { KeptChecksum } from '../contracts/object-cipher.ts';
import { GatewayError } from '../errors/gateway-error.ts';
import { decodeChunked } from '../s3/body/aws-chunked.ts';
import { createBodyVerifier, passingChecksum, type PassingChecksum } from '../s3/body/body-verifier.ts';
import type { Authenticated } from './contexts.ts';

export interface PlainBody {
  readonly chunks: AsyncGenerator<Buffer, void, undefined>;
  /** The checksum that the client claims, in its head or behind the body, or has us make; asked for when the body has ended. */
  readonly checksum: KeptChecksum | undefined;
}

/** Opens the body of a request; reading it begins with the first chunk that is requested. */
export function plainBody(context: Authenticated, sizeBytes: number): PlainBody {
  const { exchange, file, request, chunkSignatures: signatures } = context;
  const { claims, payload } = request;
  const { chunked } = payload;
  const { checksum: inHead, wanted } = claims;
  const made = wanted && passingChecksum(wanted);
  const known = inHead === undefined ? made : { algorithm: inHead.algorithm, value: () => inHead.value };
  if (chunked === undefined) return { chunks: verified(context, file ?? exchange.body, { made }), checksum: known };
  let trailing: Buffer | undefined;
  const value = (): Buffer => {
    if (trailing === undefined) throw new GatewayError('MalformedTrailer', { detail: 'no checksum came' });
    return trailing;
  };
  const inTrailer = chunked.trailer && { algorithm: chunked.trailer, value };
  const source = decodeChunked(exchange.body, { sizeBytes, trailer: chunked.trailer, signatures }, (found) => {
    trailing = found;
  });
  return { chunks: verified(context, source, { inTrailer, made }), checksum: inTrailer ?? known };
}

async function* verified(
  { request, meter }: Authenticated,
  source: AsyncIterable<Buffer>,
  { inTrailer, made }: { readonly inTrailer?: KeptChecksum | undefined; readonly made: PassingChecksum | undefined },
): AsyncGenerator<Buffer, void, undefined> {
  const verifier = createBodyVerifier(request.claims, inTrailer);
  for await (const chunk of source) {
    meter.received(chunk.length);
    verifier?.update(chunk);
    made?.update(chunk);
    yield chunk;
  }
  verifier?.verify();
}

/** Reads a body of exactly `sizeBytes` into memory. @throws GatewayError IncompleteBody */
export async function collect(plain: AsyncIterable<Buffer>, sizeBytes: number): Promise<Buffer> {
  let content: Buffer | undefined;
  let length = 0;
  for await (const chunk of plain) {
    const start = length;
    length += chunk.length;
    if (length > sizeBytes) break;
    // Most bodies come in one piece. Of one that comes byte by byte, the pieces would take two hundred times its size.
    if (start === 0 && length === sizeBytes) content = chunk;
    else chunk.copy((content ??= Buffer.allocUnsafe(sizeBytes)), start);
  }
  if (length !== sizeBytes) throw incomplete(length, sizeBytes);
  return content ?? Buffer.alloc(0);
}

export function incomplete(got: number, expected: number): GatewayError {
  return new GatewayError('IncompleteBody', { detail: `${got} of ${expected} bytes` });
}
