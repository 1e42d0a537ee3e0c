/**
 * Credentialed -> Sealed. Takes the body's announced size, plans its encryption, and gives the stream that the store will
 * read: verified against what the client claimed of it, counted, encrypted. Nothing that would complete the stored object
 * is given before the whole body has been verified. Small bodies are read, verified and sealed in memory.
 */
import type { KeptChecksum, SealedBody } from '../contracts/object-cipher.ts';
import { GatewayError } from '../errors/gateway-error.ts';
import { isKeptPlain } from '../s3/encryption.ts';
import { givenBack } from '../s3/give-back.ts';
import { heldBack } from '../s3/held-back.ts';
import { putsObject } from '../s3/operations/operation.ts';
import { partNumberOf } from '../s3/store-query.ts';
import { ENVELOPE_HEADER } from '../s3/user-metadata.ts';
import type { Credentialed, Sealed } from './contexts.ts';
import type { PipelineParts } from './parts.ts';
import { collect, incomplete, plainBody } from './plain-body.ts';
import type { Stage } from './stage.ts';

type SealParts = Pick<PipelineParts, 'cipher' | 'uploads' | 'limits'>;

/**
 * The stage `seal`.
 * @throws GatewayError MissingContentLength, EntityTooLarge, IncompleteBody, BadDigest, ContentSha256Mismatch,
 * SignatureDoesNotMatch, InvalidChunkSize, MalformedTrailer, InvalidRequest, NoSuchUpload, ServiceUnavailable
 */
export function createSeal(parts: SealParts): Stage<Credentialed, Sealed> {
  const { cipher, limits } = parts;
  const maxBytes = Math.min(limits.objectBytes, cipher.maxPlainSizeBytes);
  return {
    name: 'seal',
    run: async (context) => {
      const { request, bucket } = context;
      const sizeBytes = request.payload.sizeBytes;
      if (sizeBytes === undefined) throw new GatewayError('MissingContentLength');
      if (sizeBytes > maxBytes) {
        throw new GatewayError('EntityTooLarge', { detail: `${sizeBytes} of at most ${maxBytes} bytes` });
      }
      const { chunks, checksum } = plainBody(context, sizeBytes);
      const isSmall = sizeBytes <= limits.smallBodyBytes;
      if (isKeptPlain(bucket, request.key)) {
        const content = isSmall ? await collect(chunks, sizeBytes) : heldBack(chunks, sizeBytes, incomplete);
        return { ...context, sealed: undefined, keyId: undefined, checksum, body: { sizeBytes, content } };
      }
      const { body, sealed, session } = await plan(parts, context, sizeBytes, checksum);
      const { keyId } = body;
      // A sealer is done with a chunk before it asks for the next, and the chunks of a request are nobody else's.
      const content = isSmall ? body.whole(await collect(chunks, sizeBytes)) : body.body(givenBack(chunks));
      return { ...context, session, sealed, keyId, checksum, body: { sizeBytes: body.storedSizeBytes, content } };
    },
  };
}

/** A part belongs to an upload that has a data key; an object gets one of its own. */
async function plan(
  { cipher, uploads }: SealParts,
  { request, bucket, session }: Credentialed,
  sizeBytes: number,
  checksum: KeptChecksum | undefined,
): Promise<{ readonly body: SealedBody } & Pick<Sealed, 'sealed' | 'session'>> {
  const { key, query } = request;
  const number = putsObject(request.descriptor) ? undefined : partNumberOf(request);
  if (number === undefined) {
    const body = await cipher.seal({ bucketId: bucket.id, key }, sizeBytes, checksum);
    return { body, sealed: { headers: { [ENVELOPE_HEADER]: body.envelope } }, session };
  }
  const upload = { key, uploadId: query.get('uploadId') ?? '' };
  const part = await uploads.sealPart(session, upload, { number, sizeBytes, checksum });
  const { taken } = part;
  return {
    body: part,
    sealed: { headers: {}, place: { key: part.key, query: part.query }, taken },
    session: part.session,
  };
}
