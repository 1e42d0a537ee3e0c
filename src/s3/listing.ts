/** Listings from end to end: the client's query in, the client's document out, the store's document between. */
import { renderObjects } from './documents/list-objects.ts';
import { renderVersions } from './documents/list-versions.ts';
import type { ListingQuery } from './listing-query.ts';
import type { ListingView } from './documents/listing-document.ts';

export { isListing, parseListing, storeListingQuery, type ListingQuery } from './listing-query.ts';
export { renderUploads } from './documents/list-uploads.ts';
export { type ListingView } from './documents/listing-document.ts';

/**
 * Turns a store's listing of objects or versions (16 MiB at most) into the client's.
 * @throws GatewayError InternalError (the answer is malformed or goes beyond the query)
 */
export function renderListing(document: Uint8Array, query: ListingQuery, view: ListingView): string {
  if (query.kind === 'ListObjectVersions') return renderVersions(document, query, view);
  return renderObjects(document, query, view);
}
