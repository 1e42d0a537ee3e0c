/**
 * Credentialed -> Sealed. Takes the body's announced size, plans its encryption, and gives the stream that the store will
 * read: verified against what the client claimed of it, counted, encrypted. Nothing that would complete the stored object
 * is given before the whole body has been verified. Small bodies are read, verified and sealed in memory.
 */
import type { ObjectCipher } from '../contracts/object-cipher.ts';
import { GatewayError } from '../errors/gateway-error.ts';
import { createBodyVerifier } from '../s3/body-verifier.ts';
import type { Credentialed, Sealed } from './contexts.ts';
import type { PipelineParts } from './parts.ts';
import type { Stage } from './stage.ts';

/** The stage `seal`. @throws GatewayError MissingContentLength, EntityTooLarge, IncompleteBody, BadDigest, ServiceUnavailable */
export function createSeal(cipher: ObjectCipher, limits: PipelineParts['limits']): Stage<Credentialed, Sealed> {
  const maxBytes = Math.min(limits.objectBytes, cipher.maxPlainSizeBytes);
  return {
    name: 'seal',
    run: async (context) => {
      const { request, bucket, ledger } = context;
      const plainSizeBytes = request.contentLength;
      if (plainSizeBytes === undefined) throw new GatewayError('MissingContentLength', 'seal');
      if (plainSizeBytes > maxBytes) {
        throw new GatewayError('EntityTooLarge', 'seal', { detail: `${plainSizeBytes} of at most ${maxBytes} bytes` });
      }
      const sealed =
        bucket.encryption === 'off'
          ? undefined
          : await cipher.seal({ bucketId: bucket.id, key: request.key }, plainSizeBytes, request.claims.checksum);
      if (sealed !== undefined) ledger.keyId = sealed.keyId;
      const sizeBytes = sealed?.storedSizeBytes ?? plainSizeBytes;
      if (plainSizeBytes <= limits.smallBodyBytes) {
        const plain = await collect(verified(context), plainSizeBytes);
        return { ...context, sealed, body: { sizeBytes, content: sealed === undefined ? plain : sealed.whole(plain) } };
      }
      const plain = verified(context);
      const content = sealed === undefined ? heldBack(plain, plainSizeBytes) : sealed.body(plain);
      return { ...context, sealed, body: { sizeBytes, content } };
    },
  };
}

async function* verified({ exchange, request, ledger }: Credentialed): AsyncGenerator<Buffer, void, undefined> {
  const verifier = createBodyVerifier(request.claims);
  for await (const chunk of exchange.body) {
    ledger.bytesIn += chunk.length;
    verifier?.update(chunk);
    yield chunk;
  }
  verifier?.verify();
}

async function collect(plain: AsyncIterable<Buffer>, sizeBytes: number): Promise<Buffer> {
  const chunks: Buffer[] = [];
  let length = 0;
  for await (const chunk of plain) {
    length += chunk.length;
    if (length > sizeBytes) break;
    chunks.push(chunk);
  }
  if (length !== sizeBytes) throw incomplete(length, sizeBytes);
  return chunks.length === 1 && chunks[0] !== undefined ? chunks[0] : Buffer.concat(chunks, sizeBytes);
}

/** A plaintext body, its last chunk given only when all of it has been verified. */
async function* heldBack(plain: AsyncIterable<Buffer>, sizeBytes: number): AsyncGenerator<Buffer, void, undefined> {
  let held: Buffer | undefined;
  let length = 0;
  for await (const chunk of plain) {
    if (held !== undefined) yield held;
    held = chunk;
    length += chunk.length;
  }
  if (length !== sizeBytes) throw incomplete(length, sizeBytes);
  if (held !== undefined) yield held;
}

function incomplete(got: number, expected: number): GatewayError {
  return new GatewayError('IncompleteBody', 'seal', { detail: `${got} of ${expected} bytes` });
}
