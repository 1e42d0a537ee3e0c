/**
 * The last stage of ListObjects, ListObjectsV2 and ListObjectVersions. Enters: the store's page. Leaves: the client's, with
 * the sizes and ETags that GET and HEAD show. Where a size has to be looked up and the caller may list and not read, a
 * second session does it, bound to the listing's prefix: what it learns is a size, which the listing grants.
 */
import type { Access, Grant } from '../contracts/authorizer.ts';
import type { AccessScope } from '../contracts/credential-broker.ts';
import type { StoreSession } from '../contracts/store-session.ts';
import type { ListedSize, StoredEntry } from '../contracts/stored-objects.ts';
import { GatewayError } from '../errors/gateway-error.ts';
import { isKeptPlain } from '../s3/encryption.ts';
import type { Verb } from '../s3/operations/verb.ts';
import { clientEtag } from '../s3/response/etag.ts';
import { parseListing, readListing } from '../s3/documents/listing.ts';
import { responder, type Responder } from './access.ts';
import type { Admission } from './admission.ts';
import type { Paged } from './contexts.ts';
import type { PipelineDependencies } from './dependencies.ts';
import { prefixesAsked } from './filtered-listing.ts';
import { sendXml } from './respond.ts';

type ListingDependencies = Pick<PipelineDependencies, 'reader' | 'broker' | 'sessions'>;

/** Answers listings in the client's view, entry by entry as their keys are kept. */
export function createRespondListing(dependencies: ListingDependencies, admission: Admission): Responder<Paged> {
  return responder(async (context) => {
    const { exchange, request, bucket, page, meter } = context;
    const listing = readListing(request.operation, page, parseListing(request));
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

async function sizesOf(
  { reader, broker, sessions }: ListingDependencies,
  context: Paged,
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
  { request, bucket, principal, targets, plan: { storeToken }, exchange }: Paged,
): Promise<StoreSession> {
  const isOfVersions = request.descriptor.verb === 'LIST_VERSIONS';
  const verb = isOfVersions ? 'GET_VERSION' : 'GET';
  const verbs: readonly Verb[] = isOfVersions ? [verb] : [verb, 'LIST'];
  const parts = targets[0]?.decision.parts;
  const prefixes = prefixesAsked(request, parts);
  const hidden = parts?.hidden ?? [];
  const scope: AccessScope = {
    bucket,
    grants: [
      ...prefixes.map((prefix): Grant => ({ effect: 'allow', verbs, scope: { prefix } })),
      ...hidden.map((hiddenScope): Grant => ({ effect: 'deny', verbs: [verb], scope: hiddenScope })),
    ],
    accesses: prefixes.flatMap((prefix): Access[] => {
      const object: Access = { kind: 'object', verb, bucket: bucket.name, key: prefix };
      // Where a lookup is refused, listing its key again tells whether it is there still.
      const listing: Access = { kind: 'listing', verb: 'LIST', bucket: bucket.name, prefix, after: [] };
      return isOfVersions ? [object] : [object, listing];
    }),
  };
  const planned = broker.plan(principal, [scope], storeToken);
  return sessions.open({ bucket, planned, signal: exchange.signal });
}
