/** ListMultipartUploads. A store's page in; out the client's. The ids in it are the store's, as everywhere. */
import type { Observer } from '../contracts/observer.ts';
import { parseListing, renderUploads, storeListingQuery } from '../s3/documents/listing.ts';
import { readAnswer } from '../s3/response/read-answer.ts';
import type { Answer, Credentialed } from './contexts.ts';

/** Asks for a page of uploads in progress, and answers with it. @throws GatewayError InvalidArgument, InternalError */
export async function listUploads(
  { request, session, bucket }: Credentialed,
  observer: Pick<Observer, 'leftOut'>,
): Promise<Answer> {
  const query = parseListing(request);
  const response = await session.send({ method: 'GET', key: '', query: storeListingQuery(query), headers: {} });
  const { document, leftOut } = renderUploads(await readAnswer(response.body), query, request.bucket);
  if (leftOut > 0) observer.leftOut(bucket.store.name, leftOut);
  return { document, headers: {} };
}
