/** Listings from end to end: the client's query in, the client's document out, the store's document between. */
import type { Listing, StorePage } from './listing-document.ts';
import { readListingQuery, type ListingQuery } from '../request/listing-query.ts';
import { operationOf, type OperationName } from '../operations/operations.ts';
import type { S3Request } from '../request/request.ts';

export { storeListingQuery, type ListingQuery } from '../request/listing-query.ts';

/** Tells whether an operation is a listing. */
export function isListing(operation: OperationName): boolean {
  return operationOf(operation).listing !== undefined;
}

/**
 * Reads the parameters of a listing.
 * @throws GatewayError InvalidArgument, KeyTooLong
 */
export function parseListing({ operation, query }: Pick<S3Request, 'operation' | 'query'>): ListingQuery {
  const { listing } = operationOf(operation);
  if (listing === undefined) throw new Error(`${operation} is no listing`);
  return readListingQuery(listing, query);
}

/**
 * Reads a page of objects or versions; its `write` makes the client's of it.
 * @throws GatewayError InternalError (an entry is malformed)
 */
export function readListing(operation: OperationName, page: StorePage, query: ListingQuery): Listing {
  const descriptor = operationOf(operation);
  if (descriptor.operationClass !== 'LIST') throw new Error(`${operation} lists no objects`);
  return descriptor.readPage(page, query);
}
