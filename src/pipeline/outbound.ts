/**
 * What each class of operation asks of the store, before it is signed. Pure. Nothing of the client's request is passed on
 * that is not named here or in the allow-lists of `s3/`; a document is written anew, never passed on.
 */
import { createHash } from 'node:crypto';
import type { ObjectCipher } from '../contracts/object-cipher.ts';
import type { OutboundRequest } from '../contracts/upstream.ts';
import { writeDeleteObjects } from '../s3/delete-objects.ts';
import { storeEtag } from '../s3/etag.ts';
import { parseListing, storeListingQuery } from '../s3/listing.ts';
import { storeDocument } from '../s3/store-document.ts';
import { storeHeaders } from '../s3/store-headers.ts';
import { storeQuery } from '../s3/store-query.ts';
import { ENVELOPE_HEADER } from '../s3/user-metadata.ts';
import type { Credentialed, Documented, Portion, Sealed } from './contexts.ts';

/** GetObject and HeadObject: an encrypted object is asked for by the cells that cover the range. */
export function readOutbound(context: Credentialed, cipher: ObjectCipher): OutboundRequest {
  const { request, bucket } = context;
  const outbound = plainOutbound(context);
  if (request.range === undefined) return outbound;
  const encrypted = bucket.encryption !== 'off';
  // A range of the plaintext says nothing to a store that knows ciphertext only: `open` applies it to what HEAD tells.
  if (encrypted && request.operation === 'HeadObject') return outbound;
  const range = encrypted ? cipher.storedRange(request.range) : (request.headers.get('range') ?? '');
  const headers: Record<string, string> = { ...outbound.headers, range };
  // A checksum is one of the whole object; clients would hold a part of it against it.
  delete headers['x-amz-checksum-mode'];
  return { ...outbound, headers };
}

/** PutObject and UploadPart. */
export function writeOutbound(context: Sealed): OutboundRequest {
  const { sealed, body } = context;
  const outbound = plainOutbound(context);
  const headers = sealed === undefined ? outbound.headers : { ...outbound.headers, [ENVELOPE_HEADER]: sealed.envelope };
  return { ...outbound, headers, body };
}

/** DeleteObject, CopyObject, UploadPartCopy, and whatever else has neither body nor document. */
export function plainOutbound({ request, bucket, sourceBucket }: Credentialed): OutboundRequest {
  const encrypted = bucket.encryption !== 'off';
  const source = sourceBucket === undefined ? {} : { sourceBucket: sourceBucket.storeBucket };
  return {
    store: bucket.store,
    method: request.row.method,
    bucket: bucket.storeBucket,
    key: request.key,
    query: storeQuery(request),
    headers: storeHeaders(request, { encrypted, ...source }),
  };
}

/** ListObjects, ListObjectsV2, ListObjectVersions and ListMultipartUploads. */
export function listOutbound({ request, bucket }: Credentialed): OutboundRequest {
  const query = storeListingQuery(parseListing(request));
  return { store: bucket.store, method: 'GET', bucket: bucket.storeBucket, key: '', query, headers: {} };
}

/** Operations with small documents. */
export function documentOutbound(context: Documented): OutboundRequest {
  const { request, bucket, document } = context;
  const outbound = plainOutbound(context);
  if (document === undefined) return outbound;
  const etag = bucket.encryption === 'off' ? asShown : storeEtag;
  const written = storeDocument(request, document, { region: bucket.store.region, etag });
  return written === undefined ? outbound : withDocument(outbound, written);
}

/** One portion of DeleteObjects. */
export function deletionOutbound(context: Credentialed & Portion): OutboundRequest {
  return withDocument(plainOutbound(context), writeDeleteObjects(context.items));
}

/** The one key of a portion, alone. */
export function singleDeletionOutbound(context: Credentialed & Portion): OutboundRequest {
  const [item] = context.items;
  if (item === undefined) throw new Error('a portion without a key');
  const query = item.versionId === undefined ? [] : [['versionId', item.versionId] as const];
  return { ...plainOutbound(context), method: 'DELETE', key: item.key, query };
}

/** S3 asks for a digest of some documents, and takes one of all. */
function withDocument(outbound: OutboundRequest, content: Buffer): OutboundRequest {
  const headers = {
    ...outbound.headers,
    'content-type': 'application/xml',
    'content-md5': createHash('md5').update(content).digest('base64'),
  };
  return { ...outbound, headers, body: { sizeBytes: content.length, content } };
}

const asShown = (etag: string): string => etag;
