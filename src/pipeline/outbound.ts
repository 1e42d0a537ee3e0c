/**
 * What each class of operation asks of the store, before it is signed. Pure. Nothing of the client's request is passed on
 * that is not named here or in the allow-lists of `s3/`.
 */
import type { ObjectCipher } from '../contracts/object-cipher.ts';
import type { OutboundRequest } from '../contracts/upstream.ts';
import { storeConditions } from '../s3/conditions.ts';
import { parseListing, storeListingQuery } from '../s3/listing.ts';
import { storedHeaders } from '../s3/stored-headers.ts';
import { ENVELOPE_HEADER } from '../s3/user-metadata.ts';
import type { Credentialed, Sealed } from './contexts.ts';

/** GetObject and HeadObject: an encrypted object is asked for by the cells that cover the range. */
export function readOutbound({ request, bucket }: Credentialed, cipher: ObjectCipher): OutboundRequest {
  const encrypted = bucket.encryption !== 'off';
  const headers = storeConditions(request, encrypted);
  if (request.range !== undefined && request.operation === 'GetObject') {
    headers['range'] = encrypted ? cipher.storedRange(request.range) : (request.headers.get('range') ?? '');
  }
  const method = request.operation === 'HeadObject' ? 'HEAD' : 'GET';
  return { store: bucket.store, method, bucket: bucket.storeBucket, key: request.key, query: [], headers };
}

/** PutObject. */
export function writeOutbound({ request, bucket, sealed, body }: Sealed): OutboundRequest {
  const headers = { ...storedHeaders(request), ...storeConditions(request, bucket.encryption !== 'off') };
  if (sealed !== undefined) headers[ENVELOPE_HEADER] = sealed.envelope;
  return { store: bucket.store, method: 'PUT', bucket: bucket.storeBucket, key: request.key, query: [], headers, body };
}

/** DeleteObject. */
export function deleteOutbound({ request, bucket }: Credentialed): OutboundRequest {
  return {
    store: bucket.store,
    method: 'DELETE',
    bucket: bucket.storeBucket,
    key: request.key,
    query: [],
    headers: {},
  };
}

/** ListObjects and ListObjectsV2. */
export function listOutbound({ request, bucket }: Credentialed): OutboundRequest {
  const query = storeListingQuery(parseListing(request));
  return { store: bucket.store, method: 'GET', bucket: bucket.storeBucket, key: '', query, headers: {} };
}
