/**
 * The last stage of ListObjects, ListObjectsV2 and ListObjectVersions. Enters: the store's page. Leaves: the client's, with
 * the sizes and ETags that GET and HEAD show. Where a size has to be looked up and the caller may list and not read, a
 * second session does it, bound to the listing's prefix: what it learns is a size, which the listing grants.
 */
import type { AccessScope } from '../contracts/credential-broker.ts';
import type { StoreSession } from '../contracts/store-session.ts';
import type { ListedSize, StoredEntry } from '../contracts/stored-objects.ts';
import { GatewayError } from '../errors/gateway-error.ts';
import { isKeptPlain } from '../s3/encryption.ts';
import { clientEtag } from '../s3/response/etag.ts';
import { parseListing, readListing, storeListingQuery } from '../s3/documents/listing.ts';
import { AFTER_RESERVED } from '../s3/reserved-keys.ts';
import { responder, type Responder } from './access.ts';
import type { Admission } from './admission.ts';
import type { Forwarded } from './contexts.ts';
import type { PipelineDependencies } from './dependencies.ts';
import { readAnswer } from '../s3/response/read-answer.ts';
import { sendXml } from './respond.ts';

type ListingDependencies = Pick<PipelineDependencies, 'reader' | 'broker' | 'sessions' | 'observer'>;

/** Answers listings in the client's view, entry by entry as their keys are kept. */
export function createRespondListing(dependencies: ListingDependencies, admission: Admission): Responder<Forwarded> {
  return responder(async (context) => {
    const { exchange, request, bucket, response, meter } = context;
    const listing = await readShown(context, await readAnswer(response.body));
    if (listing.leftOut > 0) dependencies.observer.leftOut(bucket.store.name, listing.leftOut);
    // The record is about the listing, and not about the last object that was looked at.
    const effects = meter.lastAnswer;
    const admit = (lookups: number): Promise<void> => admission.spend(exchange, lookups);
    const sizes = await sizesOf(dependencies, context, listing.entries, admit);
    const shown = listing.entries.map(({ key, etag }, index) => {
      const size = sizes[index];
      if (size === undefined) return undefined;
      const { sizeBytes, instead = { etag } } = size;
      return { ...instead, sizeBytes, etag: isKeptPlain(bucket, key) ? instead.etag : clientEtag(instead.etag) };
    });
    await sendXml({ ...context, answer: { effects } }, listing.write(request.bucket, shown));
  });
}

/** A page on which there is nothing to show is passed over: whoever asks for few keys would see an empty bucket. */
async function readShown({ request, session }: Forwarded, document: Buffer): Promise<ReturnType<typeof readListing>> {
  const query = parseListing(request);
  const listing = readListing(request.operation, document, query);
  if (!listing.isAllHidden) return listing;
  const behind = { ...query, startAfter: AFTER_RESERVED, idMarker: undefined, continuation: undefined };
  const response = await session.send({ method: 'GET', key: '', query: storeListingQuery(behind), headers: {} });
  return readListing(request.operation, await readAnswer(response.body), query);
}

async function sizesOf(
  { reader, broker, sessions }: ListingDependencies,
  context: Forwarded,
  entries: readonly StoredEntry[],
  admit: (lookups: number) => Promise<void>,
): Promise<readonly (ListedSize | undefined)[]> {
  const { session } = context;
  try {
    return await reader.sizes(session, entries, admit);
  } catch (error) {
    if (!(error instanceof GatewayError) || error.code !== 'AccessDeniedByStore') throw error;
  }
  return reader.sizes(await openToHeadAll({ broker, sessions }, context), entries, admit);
}

async function openToHeadAll(
  { broker, sessions }: Pick<ListingDependencies, 'broker' | 'sessions'>,
  { request, bucket, principal, plan: { storeToken }, exchange }: Forwarded,
): Promise<StoreSession> {
  const { prefix } = parseListing(request);
  const isOfVersions = request.descriptor.verb === 'LIST_VERSIONS';
  const verb = isOfVersions ? 'GET_VERSION' : 'GET';
  // Where a lookup is refused, listing its key again tells whether it is there still.
  const listing = { kind: 'listing', verb: 'LIST', bucket: bucket.name, prefix, after: [] } as const;
  const scope: AccessScope = {
    bucket,
    grants: [{ effect: 'allow', verbs: isOfVersions ? [verb] : [verb, 'LIST'], scope: { prefix } }],
    accesses: [{ kind: 'object', verb, bucket: bucket.name, key: prefix }, ...(isOfVersions ? [] : [listing])],
  };
  const planned = broker.plan(principal, [scope], storeToken);
  return sessions.open({ bucket, planned, signal: exchange.signal });
}
