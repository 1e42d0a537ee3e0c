/**
 * Credentialed -> Answered. What GetObjectAttributes tells of an object: of one that is kept plain what the store tells, of
 * any other what is known here. The store's own answer about ciphertext is never asked for.
 */
import type { ObjectLayout } from '../contracts/object-cipher.ts';
import type { ObjectReader, ObjectView } from '../contracts/stored-objects.ts';
import { GatewayError } from '../errors/gateway-error.ts';
import { answerHeaders } from '../s3/response/answer.ts';
import { attributesOf, pageOfParts, type RequestedAttributes } from '../s3/request/attributes-query.ts';
import { shownChecksum } from '../s3/body/checksums.ts';
import { writeAttributes } from '../s3/documents/object-attributes.ts';
import { isKeptPlain } from '../s3/encryption.ts';
import { clientEtag } from '../s3/response/etag.ts';
import { clientAnswer } from './client-answer.ts';
import type { Answer, Answered, Credentialed } from './contexts.ts';
import { objectQuery } from './object-query.ts';
import { plainOutbound } from './outbound.ts';
import type { Stage } from './stage.ts';

/** The stage `open` of GetObjectAttributes. @throws GatewayError as `ObjectReader.describe` */
export function createDescribe(reader: ObjectReader): Stage<Credentialed, Answered> {
  return {
    name: 'open',
    run: async (context) => {
      const { request, bucket, session } = context;
      if (!isKeptPlain(bucket, request.key)) return { ...context, answer: await described(reader, context) };
      const response = await session.send(plainOutbound(context));
      // Ceph before 19 does not know the operation, and answers with the object itself.
      if (response.headers.has('etag')) {
        await response.discard();
        return { ...context, answer: await describedByHead(reader, context) };
      }
      return { ...context, answer: await clientAnswer({ ...context, response }) };
    },
  };
}

/** Of a plain object at a store that does not know the operation: what its head tells. @throws GatewayError NotImplemented */
async function describedByHead(reader: ObjectReader, context: Credentialed): Promise<Answer> {
  const { request, session } = context;
  const requested = attributesOf(request);
  if (requested.names.has('ObjectParts') || requested.names.has('Checksum')) {
    throw new GatewayError('NotImplemented', { detail: 'the store does not know GetObjectAttributes' });
  }
  const facts = await reader.head(session, objectQuery(context));
  return {
    document: writeAttributes(shownOf({ ...facts, layout: undefined }, requested, asStored)),
    headers: answerHeaders(request, facts.headers, false),
  };
}

const asStored = (etag: string): string => etag;

async function described(reader: ObjectReader, context: Credentialed): Promise<Answer> {
  const { request, session } = context;
  const requested = attributesOf(request);
  const query = { ...objectQuery(context), wantsChecksum: requested.names.has('Checksum') };
  // The head knows the size of a regular object; only its trailer knows its parts and its checksum.
  const needsLayout = requested.names.has('ObjectParts') || query.wantsChecksum;
  const facts = needsLayout
    ? await reader.describe(session, query)
    : { ...(await reader.head(session, query)), layout: undefined };
  return {
    document: writeAttributes(shownOf(facts, requested, clientEtag)),
    headers: answerHeaders(request, facts.headers, true),
    effects: { keyId: facts.keyId },
  };
}

function shownOf(
  view: ObjectView & { readonly layout: ObjectLayout | undefined },
  requested: RequestedAttributes,
  shownEtag: (stored: string) => string,
): Parameters<typeof writeAttributes>[0] {
  const { headers, checksum, layout, sizeBytes } = view;
  const { names } = requested;
  const etag = headers.get('etag');
  return {
    ...(names.has('ETag') && etag !== undefined ? { etag: shownEtag(etag) } : {}),
    ...(names.has('Checksum') && checksum !== undefined
      ? { checksum: shownChecksum(checksum, checksum.type, checksum.partsCount) }
      : {}),
    // An object that was put in one piece has no parts.
    ...(names.has('ObjectParts') && layout?.kind === 'm' ? { parts: pageOfParts(layout.runs, requested) } : {}),
    ...(names.has('StorageClass') ? { storageClass: headers.get('x-amz-storage-class') ?? 'STANDARD' } : {}),
    ...(names.has('ObjectSize') ? { sizeBytes } : {}),
  };
}
