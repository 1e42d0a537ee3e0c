/**
 * Credentialed -> Answered. A copy of an object, or of a range of one into a part. Where both ends are kept plain the
 * store makes it in one request; else it takes several, and both ends are seen as their clients see them. Each is reached
 * by the caller's own session, whoever makes the copy.
 */
import type { Copies, CopyResult } from '../contracts/stored-objects.ts';
import { GatewayError } from '../errors/gateway-error.ts';
import { readCopyResult, writeCopyResult } from '../s3/documents/copy-result.ts';
import { isKeptPlain } from '../s3/encryption.ts';
import { clientEtag } from '../s3/etag.ts';
import { readAnswer } from '../s3/read-answer.ts';
import type { CopySource } from '../s3/request.ts';
import type { Answered, Credentialed } from './contexts.ts';
import { objectCopyOf, partCopyOf } from './copy-of.ts';
import { plainOutbound } from './outbound.ts';
import type { Stage } from './stage.ts';

/** The stage `copy`. @throws GatewayError whatever `Copies` throws */
export function createCopy(copies: Copies): Stage<Credentialed, Answered> {
  return {
    name: 'copy',
    run: async (context) => {
      const { request, bucket, sourceBucket, ledger } = context;
      const { copySource } = request;
      if (copySource === undefined) throw new Error('a copy without a source');
      const isPlain = isKeptPlain(bucket, request.key);
      const document = request.operation === 'CopyObject' ? 'CopyObjectResult' : 'CopyPartResult';
      const copied =
        isPlain && isKeptPlain(sourceBucket ?? bucket, copySource.key)
          ? await byStore(context, document).catch((error: unknown) => {
              // Ceph asks no session policy for the source of a part, and so lets no role copy one that it may read.
              const isPartRefused = document === 'CopyPartResult' && isRefusedByStore(error);
              if (isPartRefused) return byUs(copies, context, copySource);
              throw error;
            })
          : await byUs(copies, context, copySource);
      ledger.keyId = copied.keyId;
      // The last answer may have been one about the source.
      ledger.versionId = copied.versionId;
      const etag = isPlain ? copied.etag : clientEtag(copied.etag);
      return {
        ...context,
        answer: { document: writeCopyResult(document, { ...copied, etag }), headers: versionHeaders(copied) },
      };
    },
  };
}

async function byStore(context: Credentialed, document: Parameters<typeof readCopyResult>[1]): Promise<CopyResult> {
  const response = await context.session.ask(plainOutbound(context));
  return {
    ...readCopyResult(await readAnswer(response.body), document),
    versionId: response.headers.get('x-amz-version-id'),
    sourceVersionId: response.headers.get('x-amz-copy-source-version-id'),
  };
}

function isRefusedByStore(error: unknown): boolean {
  return error instanceof GatewayError && error.code === 'AccessDeniedByStore';
}

function byUs(copies: Copies, context: Credentialed, source: CopySource): Promise<CopyResult> {
  const { request, session, sourceSession } = context;
  const ends = { from: sourceSession ?? session, to: session };
  return request.operation === 'CopyObject'
    ? copies.copyObject(ends, objectCopyOf(context, source))
    : copies.copyPart(ends, partCopyOf(context, source));
}

function versionHeaders({ versionId, sourceVersionId }: CopyResult): Record<string, string> {
  return {
    ...(versionId === undefined ? {} : { 'x-amz-version-id': versionId }),
    ...(sourceVersionId === undefined ? {} : { 'x-amz-copy-source-version-id': sourceVersionId }),
  };
}
