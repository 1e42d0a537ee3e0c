/**
 * What each class of operation asks of the store. Pure. Nothing of the client's request is passed on
 * that is not named here or in the allow-lists of `s3/`; a document is written anew, never passed on.
 */
import { createHash } from 'node:crypto';
import type { StoreQuestion } from '../contracts/store-session.ts';
import { writeDeleteObjects } from '../s3/delete-objects.ts';
import { isKeptPlain } from '../s3/encryption.ts';
import { parseListing, storeListingQuery } from '../s3/listing.ts';
import { storeDocument } from '../s3/store-document.ts';
import { storeHeaders } from '../s3/store-headers.ts';
import { storeQuery } from '../s3/store-query.ts';
import type { Credentialed, Documented, Portion, Sealed } from './contexts.ts';

/** PutObject and UploadPart. */
export function writeOutbound(context: Sealed): StoreQuestion {
  const { sealed, body } = context;
  const outbound = plainOutbound(context);
  if (sealed === undefined) return { ...outbound, body };
  return {
    ...outbound,
    query: sealed.query ?? outbound.query,
    headers: { ...outbound.headers, ...sealed.headers },
    body,
  };
}

/** DeleteObject, CopyObject, UploadPartCopy, and whatever else has neither body nor document. */
export function plainOutbound({ request, bucket, sourceBucket }: Credentialed): StoreQuestion {
  const encrypted = !isKeptPlain(bucket, request.key);
  const source = sourceBucket === undefined ? {} : { sourceBucket: sourceBucket.storeBucket };
  return {
    method: request.row.method,
    key: request.key,
    query: storeQuery(request),
    headers: storeHeaders(request, { encrypted, ...source }),
  };
}

/** ListObjects, ListObjectsV2 and ListObjectVersions. */
export function listOutbound({ request }: Credentialed): StoreQuestion {
  return { method: 'GET', key: '', query: storeListingQuery(parseListing(request)), headers: {} };
}

/** Operations with small documents. */
export function documentOutbound(context: Documented): StoreQuestion {
  const { request, bucket, document } = context;
  const outbound = plainOutbound(context);
  if (document === undefined) return outbound;
  const written = storeDocument(request, document, { region: bucket.store.region });
  return written === undefined ? outbound : withDocument(outbound, written);
}

/** One portion of DeleteObjects. */
export function deletionOutbound(context: Credentialed & Portion): StoreQuestion {
  return withDocument(plainOutbound(context), writeDeleteObjects(context.items));
}

/** The one key of a portion, alone. */
export function singleDeletionOutbound(context: Credentialed & Portion): StoreQuestion {
  const [item] = context.items;
  if (item === undefined) throw new Error('a portion without a key');
  const query = item.versionId === undefined ? [] : [['versionId', item.versionId] as const];
  return { ...plainOutbound(context), method: 'DELETE', key: item.key, query };
}

/** S3 asks for a digest of some documents, and takes one of all. */
function withDocument(outbound: StoreQuestion, content: Buffer): StoreQuestion {
  const headers = {
    ...outbound.headers,
    'content-type': 'application/xml',
    'content-md5': createHash('md5').update(content).digest('base64'),
  };
  return { ...outbound, headers, body: { sizeBytes: content.length, content } };
}
