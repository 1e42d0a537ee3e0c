/**
 * Credentialed -> Answered. A copy of an object, or of a range of one into a part. Where both ends are kept plain the
 * store makes it in one request; else it takes several, and both ends are seen as their clients see them. Each is reached
 * by the caller's own session, whoever makes the copy.
 */
import type { Authorizer } from '../contracts/authorizer.ts';
import type { Copies, CopyEnds, CopyResult } from '../contracts/stored-objects.ts';
import { GatewayError } from '../errors/gateway-error.ts';
import { readCopyResult, writeCopyResult } from '../s3/documents/copy-result.ts';
import { SOURCE_PREFIX } from '../s3/request/conditions.ts';
import { encryptionOfWrite } from '../s3/request/encryption-headers.ts';
import { isKeptPlain } from '../s3/encryption.ts';
import { clientEtag } from '../s3/response/etag.ts';
import { putsObject } from '../s3/operations/operation.ts';
import { readAnswer } from '../s3/response/read-answer.ts';
import type { CopySource } from '../s3/request/request.ts';
import { requestsMore } from '../s3/request/write-terms.ts';
import type { Answered, Credentialed } from './contexts.ts';
import { objectCopyRequest, partCopyRequest } from './copy-request.ts';
import { plainOutbound } from './outbound.ts';
import type { Stage } from './stage.ts';

/** The stage `copy`. @throws GatewayError whatever `Copies` throws */
export function createCopy(copies: Copies, authorizer: Pick<Authorizer, 'decide'>): Stage<Credentialed, Answered> {
  return {
    name: 'copy',
    run: async (context) => {
      const { request, bucket, sourceBucket } = context;
      const { copySource } = request;
      if (copySource === undefined) throw new Error('a copy without a source');
      const isPlain = isKeptPlain(bucket, request.key);
      const document = putsObject(request.descriptor) ? 'CopyObjectResult' : 'CopyPartResult';
      const isGranted = isGrantedTags(authorizer, context, copySource);
      const takesTags = isGranted || bucket.store.isAws === true;
      const bothPlain = isPlain && isKeptPlain(sourceBucket ?? bucket, copySource.key);
      const copying = bothPlain
        ? plainCopy(copies, context, { source: copySource, document, takesTags })
        : byUs(copies, context, copySource, takesTags);
      const copied = await copying.catch((error: unknown) => {
        throw isGranted ? error : withTagVerbs(error);
      });
      const etag = isPlain ? copied.etag : clientEtag(copied.etag);
      return {
        ...context,
        answer: {
          document: writeCopyResult(document, { ...copied, etag }),
          headers: {
            ...versionHeaders(copied),
            ...encryptionOfWrite(request, copied.headers ?? NOTHING_SAID, !isPlain),
          },
          // The last answer may have been one about the source.
          effects: { keyId: copied.keyId, versionId: copied.versionId },
        },
      };
    },
  };
}

/**
 * Tags go along with a copy where policy grants reading and writing them; else the copy has none. AWS decides that itself, by
 * the session policy, and refuses the copy.
 */
function isGrantedTags(
  authorizer: Pick<Authorizer, 'decide'>,
  { request, principal, facts }: Credentialed,
  source: CopySource,
): boolean {
  if (!putsObject(request.descriptor)) return true;
  const isGranted = (verb: 'GET_TAGS' | 'PUT_TAGS', { bucket, key }: Pick<CopySource, 'bucket' | 'key'>): boolean =>
    authorizer.decide(principal, { kind: 'object', verb, bucket, key }, facts).effect === 'allow';
  return isGranted('GET_TAGS', source) && isGranted('PUT_TAGS', request);
}

/** A store that refuses a copy does not say that it is for the tags: that one of the caller's own verbs is missing is told here. */
function withTagVerbs(error: unknown): unknown {
  if (!(error instanceof GatewayError) || !isRefusedByStore(error)) return error;
  const verbs = 'A copy of an object with tags takes GET_TAGS on the source and PUT_TAGS on the target.';
  return error.tellingMore({ clientMessage: `${error.clientMessage} ${verbs}` });
}

interface PlainCopy {
  readonly source: CopySource;
  readonly document: Parameters<typeof readCopyResult>[1];
  readonly takesTags: boolean;
}

async function plainCopy(
  copies: Copies,
  context: Credentialed,
  { source, document, takesTags }: PlainCopy,
): Promise<CopyResult> {
  const { request, bucket } = context;
  const isHonoured = bucket.store.writes === 'all';
  const replaces = (directive: string): boolean => request.headers.get(directive) === 'REPLACE';
  if (!isHonoured && isLeftToPuts(context)) return byUs(copies, context, source, takesTags);
  if (!takesTags && !replaces('x-amz-tagging-directive')) {
    const untagged = await copies.copyUntagged(endsOf(context), objectCopyRequest(context, source, false));
    if (untagged !== undefined) return untagged;
  }
  if (!isHonoured && document === 'CopyObjectResult') {
    const copy = objectCopyRequest(context, source);
    if (Object.keys(copy.origin.conditions).length > 0 || replaces('x-amz-metadata-directive')) {
      return copies.copyPinned(endsOf(context), copy, plainOutbound(context).headers);
    }
  }
  try {
    return await byStore(context, document);
  } catch (error) {
    // Ceph asks no session policy for the source of a part, and so lets no role copy one that it may read.
    if (document === 'CopyPartResult' && isRefusedByStore(error)) return byUs(copies, context, source, takesTags);
    throw error;
  }
}

/** What a store may pass over in a copy and heeds in a PutObject; the source of a part is held to its conditions by a read. */
function isLeftToPuts({ request }: Credentialed): boolean {
  const names = [...request.headers.keys()];
  if (!putsObject(request.descriptor)) return names.some((name) => name.startsWith(`${SOURCE_PREFIX}if-`));
  return (
    request.headers.get('x-amz-tagging-directive') === 'REPLACE' ||
    names.some((name) => name.startsWith('if-')) ||
    requestsMore(Object.fromEntries(request.headers))
  );
}

const NOTHING_SAID: NonNullable<CopyResult['headers']> = new Map();

async function byStore(context: Credentialed, document: Parameters<typeof readCopyResult>[1]): Promise<CopyResult> {
  const response = await context.session.send(plainOutbound(context));
  return {
    ...readCopyResult(await readAnswer(response.body), document),
    versionId: response.headers.get('x-amz-version-id'),
    sourceVersionId: response.headers.get('x-amz-copy-source-version-id'),
    headers: response.headers,
  };
}

function isRefusedByStore(error: unknown): boolean {
  return error instanceof GatewayError && error.code === 'AccessDeniedByStore';
}

function byUs(copies: Copies, context: Credentialed, source: CopySource, takesTags: boolean): Promise<CopyResult> {
  return putsObject(context.request.descriptor)
    ? copies.copyObject(endsOf(context), objectCopyRequest(context, source, takesTags))
    : copies.copyPart(endsOf(context), partCopyRequest(context, source));
}

function endsOf({ session, sourceSession }: Credentialed): CopyEnds {
  return { from: sourceSession ?? session, to: session };
}

function versionHeaders({ versionId, sourceVersionId }: CopyResult): Record<string, string> {
  return {
    ...(versionId === undefined ? {} : { 'x-amz-version-id': versionId }),
    ...(sourceVersionId === undefined ? {} : { 'x-amz-copy-source-version-id': sourceVersionId }),
  };
}
