/**
 * Enters: the client's body as it arrives. Leaves: its plain bytes, without framing, counted. The stream fails where
 * anything that was claimed or signed of the body does not hold, and it does so before it ends: whoever stores it keeps
 * its last bytes back until it has ended.
 */
import type { KeptChecksum } from '../contracts/object-cipher.ts';
import { GatewayError } from '../errors/gateway-error.ts';
import { decodeChunked } from '../s3/aws-chunked.ts';
import { createBodyVerifier } from '../s3/body-verifier.ts';
import type { Authenticated } from './contexts.ts';

export interface PlainBody {
  readonly chunks: AsyncGenerator<Buffer, void, undefined>;
  /** The checksum that the client claims, in its head or behind the body. */
  readonly checksum: KeptChecksum | undefined;
}

/** Opens the body of a request; reading it begins with the first chunk that is asked for. */
export function plainBody(context: Authenticated, sizeBytes: number): PlainBody {
  const { exchange, request, chunkSignatures: signatures } = context;
  const { claims, payload } = request;
  const { chunked } = payload;
  if (chunked === undefined) {
    const { checksum } = claims;
    return {
      chunks: verified(context, exchange.body, undefined),
      checksum: checksum && { algorithm: checksum.algorithm, value: () => checksum.value },
    };
  }
  let trailing: Buffer | undefined;
  const value = (): Buffer => {
    if (trailing === undefined) throw new GatewayError('MalformedTrailer', 'seal', { detail: 'no checksum came' });
    return trailing;
  };
  const checksum = chunked.trailer && { algorithm: chunked.trailer, value };
  const source = decodeChunked(exchange.body, { sizeBytes, trailer: chunked.trailer, signatures }, (found) => {
    trailing = found;
  });
  const inHead = claims.checksum;
  return {
    chunks: verified(context, source, checksum),
    checksum: checksum ?? (inHead && { algorithm: inHead.algorithm, value: () => inHead.value }),
  };
}

async function* verified(
  { request, ledger }: Authenticated,
  source: AsyncIterable<Buffer>,
  trailing: KeptChecksum | undefined,
): AsyncGenerator<Buffer, void, undefined> {
  const verifier = createBodyVerifier(request.claims, trailing);
  for await (const chunk of source) {
    ledger.bytesIn += chunk.length;
    verifier?.update(chunk);
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
  return new GatewayError('IncompleteBody', 'seal', { detail: `${got} of ${expected} bytes` });
}
