/** Listings of uploads in progress. A store's page in; out the client's. The ids in it are the store's, as everywhere. */
import type { Observer } from '../contracts/observer.ts';
import { parseListing } from '../s3/documents/listing.ts';
import type { UploadListOperation } from '../s3/operations/operation.ts';
import type { Answer, Credentialed } from './contexts.ts';
import { listedPage } from './forward-listing.ts';

/** Asks for a page of uploads in progress, and answers with it. @throws GatewayError InvalidArgument, InternalError */
export async function listUploads(
  context: Credentialed,
  { renderPage }: Pick<UploadListOperation, 'renderPage'>,
  observer: Pick<Observer, 'leftOut'>,
): Promise<Answer> {
  const { request } = context;
  const page = await listedPage(context, observer);
  return { document: renderPage(page, parseListing(request), request.bucket), headers: {} };
}
