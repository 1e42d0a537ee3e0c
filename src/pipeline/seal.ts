/**
 * Credentialed -> Sealed. Takes the body's announced size, plans its encryption, and gives the stream that the store will
 * read: verified against what the client claimed of it, counted, encrypted. Nothing that would complete the stored object
 * is given before the whole body has been verified. Small bodies are read, verified and sealed in memory.
 */
import type { KeptChecksum, SealedBody } from '../contracts/object-cipher.ts';
import { GatewayError } from '../errors/gateway-error.ts';
import { andThen } from '../platform/at-once.ts';
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
    run: (context) => {
      const { request, bucket } = context;
      const sizeBytes = request.payload.sizeBytes;
      if (sizeBytes === undefined) throw new GatewayError('MissingContentLength');
      if (sizeBytes > maxBytes) {
        throw new GatewayError('EntityTooLarge', { detail: `${sizeBytes} of at most ${maxBytes} bytes` });
      }
      const { chunks, whole, checksum } = plainBody(context, sizeBytes);
      const isSmall = sizeBytes <= limits.smallBodyBytes;
      if (isKeptPlain(bucket, request.key)) {
        const sealed = (content: Buffer | AsyncIterable<Buffer>): Sealed => ({
          ...context,
          ...{ sealed: undefined, keyId: undefined, checksum, body: { sizeBytes, content } },
        });
        return isSmall ? whole().then(sealed) : sealed(withholdLast(chunks(), sizeBytes, incomplete));
      }
      return andThen(plan(dependencies, context, sizeBytes, checksum), ({ body, sealed, session }) => {
        const { keyId, storedSizeBytes } = body;
        const sealedWith = (content: Buffer | AsyncIterable<Buffer>): Sealed => ({
          ...context,
          ...{ session, sealed, keyId, checksum, body: { sizeBytes: storedSizeBytes, content } },
        });
        return isSmall ? whole().then((bytes) => sealedWith(body.whole(bytes))) : sealedWith(body.body(chunks()));
      });
    },
  };
}

type Plan = { readonly body: SealedBody } & Pick<Sealed, 'sealed' | 'session'>;

/** A part belongs to an upload that has a data key; an object gets one of its own. */
function plan(
  { cipher, uploads }: SealDependencies,
  { request, bucket, session }: Credentialed,
  sizeBytes: number,
  checksum: KeptChecksum | undefined,
): Plan | Promise<Plan> {
  const { key, query } = request;
  const number = putsObject(request.descriptor) ? undefined : partNumberOf(request);
  if (number === undefined) {
    return andThen(cipher.seal({ bucketId: bucket.id, key }, sizeBytes, checksum), (body) => ({
      ...{ body, sealed: { headers: { [ENVELOPE_HEADER]: body.envelope } }, session },
    }));
  }
  const upload = { key, uploadId: query.get('uploadId') ?? '' };
  return uploads.sealPart(session, upload, { number, sizeBytes, checksum }).then((part) => ({
    body: part,
    sealed: { headers: {}, target: { key: part.key, query: part.query }, onStored: part.onStored },
    session: part.session,
  }));
}
