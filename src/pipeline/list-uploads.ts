/** Listings of uploads in progress. A store's page in; out the client's. The ids in it are the store's, as everywhere. */
import type { Observer } from '../contracts/observer.ts';
import { parseListing, storeListingQuery } from '../s3/documents/listing.ts';
import type { UploadListOperation } from '../s3/operations/operation.ts';
import { readAnswer } from '../s3/response/read-answer.ts';
import type { Answer, Credentialed } from './contexts.ts';

/** Asks for a page of uploads in progress, and answers with it. @throws GatewayError InvalidArgument, InternalError */
export async function listUploads(
  { request, session, bucket }: Credentialed,
  { renderPage }: Pick<UploadListOperation, 'renderPage'>,
  observer: Pick<Observer, 'leftOut'>,
): Promise<Answer> {
  const query = parseListing(request);
  const response = await session.send({ method: 'GET', key: '', query: storeListingQuery(query), headers: {} });
  const { document, leftOut } = renderPage(await readAnswer(response.body), query, request.bucket);
  if (leftOut > 0) observer.leftOut(bucket.store.name, leftOut);
  return { document, headers: {} };
}
