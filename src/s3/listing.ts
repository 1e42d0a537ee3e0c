/** Listings from end to end: the client's query in, the client's document out, the store's document between. */
import { readObjects } from './documents/list-objects.ts';
import { readVersions } from './documents/list-versions.ts';
import type { ListingQuery } from './listing-query.ts';
import type { Listing } from './documents/listing-document.ts';

export { isListing, parseListing, storeListingQuery, type ListingQuery } from './listing-query.ts';
export { renderUploads } from './documents/list-uploads.ts';

/**
 * Reads a store's listing of objects or versions (16 MiB at most); its `write` makes the client's of it.
 * @throws GatewayError InternalError (the answer is malformed or goes beyond the query)
 */
export function readListing(document: Uint8Array, query: ListingQuery): Listing {
  return query.kind === 'ListObjectVersions' ? readVersions(document, query) : readObjects(document, query);
}
