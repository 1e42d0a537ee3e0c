/**
 * ListMultipartUploads. A store's page in; out the client's, entry by entry with the ids that Abort and ListParts take. Of
 * a sealed upload the listing cannot know the wrapped key, and so the id that its creator holds.
 */
import type { ObjectCipher } from '../contracts/object-cipher.ts';
import { GatewayError } from '../errors/gateway-error.ts';
import { isKeptPlain } from '../s3/encryption.ts';
import { parseListing, renderUploads, storeListingQuery, type ListingQuery } from '../s3/listing.ts';
import { readAnswer } from '../s3/read-answer.ts';
import type { Answer, Credentialed } from './contexts.ts';

type UploadIds = Pick<ObjectCipher, 'bareUploadId' | 'storeUploadId'>;

/** Asks for a page of uploads under way, and answers with it. @throws GatewayError InvalidArgument, InternalError */
export async function listUploads(ids: UploadIds, context: Credentialed): Promise<Answer> {
  const { request, bucket, session } = context;
  const query = parseListing(request);
  const idMarker = await storeIdMarker(ids, context, query);
  const response = await session.ask({
    method: 'GET',
    key: '',
    query: storeListingQuery({ ...query, idMarker }),
    headers: {},
  });
  const document = renderUploads(await readAnswer(response.body), query, {
    bucket: request.bucket,
    uploadId: (key, stored) => (isKeptPlain(bucket, key) ? stored : ids.bareUploadId(stored)),
  });
  return { document, headers: {} };
}

/** Where the client's page begins, in the store's id. */
async function storeIdMarker(
  { storeUploadId }: UploadIds,
  { bucket }: Credentialed,
  { idMarker, startAfter: key = '' }: ListingQuery,
): Promise<string | undefined> {
  if (idMarker === undefined || isKeptPlain(bucket, key)) return idMarker;
  try {
    return await storeUploadId({ bucketId: bucket.id, key }, idMarker);
  } catch (error) {
    if (!(error instanceof GatewayError) || error.code !== 'NoSuchUpload') throw error;
    throw new GatewayError('InvalidArgument', 'upload', { clientFields: { ArgumentName: 'upload-id-marker' } });
  }
}
