/** Listings from end to end: the client's query in, the client's document out, the store's document between. */
import type { ListingQuery } from './listing-query.ts';
import { readListing, writeListing, type ListingView } from './listing-result.ts';

export { parseListing, storeListingQuery, type ListingQuery } from './listing-query.ts';
export { type ListingView } from './listing-result.ts';

/**
 * Turns a store's ListBucketResult (16 MiB at most) into the client's.
 * @throws GatewayError InternalError (the answer is malformed or goes beyond the query)
 */
export function renderListing(document: Uint8Array, query: ListingQuery, view: ListingView): string {
  return writeListing(readListing(document, query), query, view);
}
