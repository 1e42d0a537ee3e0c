/**
 * What each class of operation asks of the store. Pure. Nothing of the client's request is passed on
 * that is not named here or in the allow-lists of `s3/`; a document is written anew, never passed on.
 */
import type { StoreRequest } from '../contracts/store-session.ts';
import type { Bucket } from '../contracts/bucket.ts';
import { withoutAnnotations } from '../s3/request/annotations.ts';
import { storeEtagOf } from '../s3/request/conditions.ts';
import { writeDeleteObjects, type DeletedItem } from '../s3/documents/delete-objects.ts';
import { withChecksum } from '../s3/body/frame-chunked.ts';
import { putsObject } from '../s3/operations/operation.ts';
import { refuseUnkeptChecksum } from '../s3/request/unkept-checksum.ts';
import { isKeptPlain } from '../s3/encryption.ts';
import { storeDocument } from '../s3/documents/store-document.ts';
import { sentDocument } from '../s3/documents/sent-document.ts';
import { storeHeaders } from '../s3/request/store-headers.ts';
import { storeQuery } from '../s3/request/store-query.ts';
import type { Credentialed, Documented, Batch, Sealed } from './contexts.ts';

/** PutObject and UploadPart. */
export function writeOutbound(context: Sealed): StoreRequest {
  const { sealed, body } = context;
  const outbound = plainOutbound(context);
  if (sealed === undefined) return { ...outbound, ...plainBodyOf(context, outbound.headers) };
  return {
    ...outbound,
    ...sealed.target,
    headers: { ...outbound.headers, ...sealed.headers },
    body,
  };
}

/** A plain body goes with its checksum, verified here, as far as the store keeps it. */
function plainBodyOf(
  { request, bucket, body, checksum }: Sealed,
  headers: StoreRequest['headers'],
): Pick<StoreRequest, 'headers' | 'body'> {
  if (checksum === undefined) return { headers, body };
  const isKnown = request.claims.checksum !== undefined;
  const isInHead = isKnown || Buffer.isBuffer(body.content);
  const keeps = keepsChecksums(bucket) || (isInHead && putsObject(request.descriptor));
  return keeps ? withChecksum({ headers, body }, checksum, { isKnown }) : { headers, body };
}

/** DeleteObject, CopyObject, UploadPartCopy, and whatever else has neither body nor document. */
export function plainOutbound({ request, bucket, sourceBucket }: Credentialed): StoreRequest {
  const encrypted = !isKeptPlain(bucket, request.key);
  const keeps = !encrypted && keepsChecksums(bucket);
  if (!encrypted && !keeps) refuseUnkeptChecksum(request);
  const source = sourceBucket === undefined ? {} : { sourceBucket: sourceBucket.storeBucket };
  return {
    method: request.descriptor.method,
    key: request.key,
    query: storeQuery(request),
    headers: {
      ...storeHeaders(request, { encrypted, keepsChecksums: keeps, ...source }),
      ...(request.descriptor.operationClass === 'COPY' && putsObject(request.descriptor)
        ? withoutAnnotations(bucket.store.endpoint)
        : {}),
    },
  };
}

/** Operations with small documents. */
export function documentOutbound(context: Documented): StoreRequest {
  const { request, bucket, document } = context;
  const outbound = plainOutbound(context);
  if (document === undefined) return outbound;
  const written = storeDocument(request, document, {
    region: bucket.store.region,
    keepsChecksums: keepsChecksums(bucket),
  });
  return written === undefined ? outbound : withDocument(outbound, written);
}

/** One batch of DeleteObjects. */
export function deletionOutbound(context: Credentialed & Batch): StoreRequest {
  const items = context.items.map((item) => ({ ...item, ...storeCondition(context, item) }));
  return withDocument(plainOutbound(context), writeDeleteObjects(items));
}

/** The one key of a batch, alone. */
export function singleDeletionOutbound(context: Credentialed & Batch): StoreRequest {
  const [item] = context.items;
  if (item === undefined) throw new Error('a batch without a key');
  const query = item.versionId === undefined ? [] : [['versionId', item.versionId] as const];
  const outbound = plainOutbound(context);
  const { etag } = storeCondition(context, item);
  const headers = etag === undefined ? outbound.headers : { ...outbound.headers, 'if-match': etag };
  return { ...outbound, method: 'DELETE', key: item.key, query, headers };
}

/** The condition of one key in the store's ETags, after how that key is kept. */
function storeCondition({ bucket }: Credentialed, { key, etag }: DeletedItem): Pick<DeletedItem, 'etag'> {
  return etag === undefined ? {} : { etag: storeEtagOf(etag, !isKeptPlain(bucket, key)) };
}

function withDocument(outbound: StoreRequest, document: Buffer): StoreRequest {
  const { headers, body } = sentDocument(document);
  return { ...outbound, headers: { ...outbound.headers, ...headers }, body };
}

/** Whether the store keeps the checksums of plain objects as S3 does, those of uploads in parts among them. */
function keepsChecksums({ store }: Pick<Bucket, 'store'>): boolean {
  return store.checksums === 'all';
}
