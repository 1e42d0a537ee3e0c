/**
 * Credentialed -> Sealed. Takes the body's announced size, plans its encryption, and gives the stream that the store will
 * read: verified against what the client claimed of it, counted, encrypted. Nothing that would complete the stored object
 * is given before the whole body has been verified. Small bodies are read, verified and sealed in memory.
 */
import type { ObjectCipher } from '../contracts/object-cipher.ts';
import { GatewayError } from '../errors/gateway-error.ts';
import type { Credentialed, Sealed } from './contexts.ts';
import type { PipelineParts } from './parts.ts';
import { collect, heldBack, plainBody } from './plain-body.ts';
import type { Stage } from './stage.ts';

/**
 * The stage `seal`.
 * @throws GatewayError MissingContentLength, EntityTooLarge, IncompleteBody, BadDigest, ContentSha256Mismatch,
 * SignatureDoesNotMatch, InvalidChunkSize, MalformedTrailer, InvalidRequest, ServiceUnavailable
 */
export function createSeal(cipher: ObjectCipher, limits: PipelineParts['limits']): Stage<Credentialed, Sealed> {
  const maxBytes = Math.min(limits.objectBytes, cipher.maxPlainSizeBytes);
  return {
    name: 'seal',
    run: async (context) => {
      const { request, bucket, ledger } = context;
      const plainSizeBytes = request.payload.sizeBytes;
      if (plainSizeBytes === undefined) throw new GatewayError('MissingContentLength', 'seal');
      if (plainSizeBytes > maxBytes) {
        throw new GatewayError('EntityTooLarge', 'seal', { detail: `${plainSizeBytes} of at most ${maxBytes} bytes` });
      }
      const { chunks, checksum } = plainBody(context, plainSizeBytes);
      const sealed =
        bucket.encryption === 'off'
          ? undefined
          : await cipher.seal({ bucketId: bucket.id, key: request.key }, plainSizeBytes, checksum);
      if (sealed !== undefined) ledger.keyId = sealed.keyId;
      const sizeBytes = sealed?.storedSizeBytes ?? plainSizeBytes;
      if (plainSizeBytes <= limits.smallBodyBytes) {
        const plain = await collect(chunks, plainSizeBytes);
        return { ...context, sealed, body: { sizeBytes, content: sealed === undefined ? plain : sealed.whole(plain) } };
      }
      const content = sealed === undefined ? heldBack(chunks, plainSizeBytes) : sealed.body(chunks);
      return { ...context, sealed, body: { sizeBytes, content } };
    },
  };
}
