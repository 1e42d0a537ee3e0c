/**
 * Credentialed -> Paged. A page of a listing: the store's, or one of those parts alone that policy shows. Nothing of what
 * is hidden gets any further.
 */
import type { Observer } from '../contracts/observer.ts';
import { readShownPage, type StorePage } from '../s3/documents/listing-document.ts';
import { parseListing, storeListingQuery, type ListingQuery } from '../s3/documents/listing.ts';
import { readAnswer } from '../s3/response/read-answer.ts';
import { AFTER_RESERVED, isReservedKey } from '../s3/reserved-keys.ts';
import type { Credentialed, Paged } from './contexts.ts';
import { filteredPage } from './filtered-listing.ts';
import type { Stage } from './stage.ts';

/** The stage `forward` of the class LIST. @throws GatewayError InternalError, what the store says */
export function createForwardListing(observer: Pick<Observer, 'leftOut'>): Stage<Credentialed, Paged> {
  return {
    name: 'forward',
    run: async (context) => ({ ...context, page: await listedPage(context, observer) }),
  };
}

/** Gives the page that a listing's query asks for. @throws GatewayError InternalError, what the store says */
export async function listedPage(
  { request, session, bucket, targets }: Credentialed,
  observer: Pick<Observer, 'leftOut'>,
): Promise<StorePage> {
  const query = parseListing(request);
  const ask = async (asked: ListingQuery): Promise<StorePage> => {
    const response = await session.send({ method: 'GET', key: '', query: storeListingQuery(asked), headers: {} });
    return readShownPage(await readAnswer(response.body), asked.kind.document, asked);
  };
  const parts = targets[0]?.decision.parts;
  const page = parts === undefined ? await shownPage(ask, query) : await filteredPage(ask, query, parts);
  if (page.leftOut > 0) observer.leftOut(bucket.store.name, page.leftOut);
  return page;
}

/** A page of objects on which there is nothing to show is passed over: whoever asks for few keys would see an empty bucket. */
async function shownPage(ask: (query: ListingQuery) => Promise<StorePage>, query: ListingQuery): Promise<StorePage> {
  const page = await ask(query);
  const isAllHidden =
    page.isTruncated &&
    page.hides &&
    page.entries.every(({ key }) => isReservedKey(key)) &&
    page.commonPrefixes.length === 0;
  if (!isAllHidden) return page;
  return ask({ ...query, startAfter: AFTER_RESERVED, idMarker: undefined, continuation: undefined });
}
