/**
 * Credentialed -> Sealed. Takes the body's announced size, plans its encryption, and gives the stream that the store will
 * read: verified against what the client claimed of it, counted, encrypted. Nothing that would complete the stored object
 * is given before the whole body has been verified. Small bodies are read, verified and sealed in memory.
 */
import type { KeptChecksum, SealedBody } from '../contracts/object-cipher.ts';
import { GatewayError } from '../errors/gateway-error.ts';
import { isKeptPlain } from '../s3/encryption.ts';
import { withholdLast } from '../s3/body/withhold-last.ts';
import { putsObject } from '../s3/operations/operation.ts';
import { partNumberOf } from '../s3/request/store-query.ts';
import { ENVELOPE_HEADER } from '../s3/request/user-metadata.ts';
import type { Credentialed, Sealed } from './contexts.ts';
import type { PipelineDependencies } from './dependencies.ts';
import { incomplete, plainBody } from './plain-body.ts';
import type { Stage } from './stage.ts';

type SealDependencies = Pick<PipelineDependencies, 'cipher' | 'uploads' | 'limits'>;

/**
 * The stage `seal`.
 * @throws GatewayError MissingContentLength, EntityTooLarge, IncompleteBody, BadDigest, ContentSha256Mismatch,
 * SignatureDoesNotMatch, InvalidChunkSize, MalformedTrailer, InvalidRequest, NoSuchUpload, ServiceUnavailable
 */
export function createSeal(dependencies: SealDependencies): Stage<Credentialed, Sealed> {
  const { cipher, limits } = dependencies;
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
      const { chunks, whole, checksum } = plainBody(context, sizeBytes);
      const isSmall = sizeBytes <= limits.smallBodyBytes;
      if (isKeptPlain(bucket, request.key)) {
        const content = isSmall ? await whole() : withholdLast(chunks(), sizeBytes, incomplete);
        return { ...context, sealed: undefined, keyId: undefined, checksum, body: { sizeBytes, content } };
      }
      const { body, sealed, session } = await plan(dependencies, context, sizeBytes, checksum);
      const { keyId } = body;
      const content = isSmall ? body.whole(await whole()) : body.body(chunks());
      return { ...context, session, sealed, keyId, checksum, body: { sizeBytes: body.storedSizeBytes, content } };
    },
  };
}

/** A part belongs to an upload that has a data key; an object gets one of its own. */
async function plan(
  { cipher, uploads }: SealDependencies,
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
  const { onStored } = part;
  return {
    body: part,
    sealed: { headers: {}, target: { key: part.key, query: part.query }, onStored },
    session: part.session,
  };
}
