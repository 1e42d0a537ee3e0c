/**
 * DeleteBucket, around the stage that asks the store for it. A bucket that holds nothing but what the gateway keeps of uploads is empty
 * to whoever sees it: that is deleted first. Never where anything else is there, since an upload in progress needs it.
 */
import type { AccessScope } from '../contracts/credential-broker.ts';
import { GatewayError } from '../errors/gateway-error.ts';
import { readPage } from '../s3/documents/listing-document.ts';
import { isWithoutVersions } from '../s3/documents/every-version.ts';
import { storeListingQuery, type ListingQuery } from '../s3/documents/listing.ts';
import { OPERATIONS } from '../s3/operations/operations.ts';
import { changesBucket } from '../s3/operations/operation.ts';
import { readAnswer } from '../s3/response/read-answer.ts';
import { AFTER_RESERVED, isReservedKey } from '../s3/reserved-keys.ts';
import type { Documented, Forwarded } from './contexts.ts';
import type { PipelineDependencies } from './dependencies.ts';
import type { Stage } from './stage.ts';

type ForwardDependencies = Pick<PipelineDependencies, 'broker' | 'sessions' | 'uploads'>;

/** Gives the same stage, which deletes what is hidden in a bucket that is to go. */
export function withUploadStatesDeleted(
  forward: Stage<Documented, Forwarded>,
  dependencies: ForwardDependencies,
): Stage<Documented, Forwarded> {
  return {
    name: forward.name,
    run: async (context) => {
      try {
        return await forward.run(context);
      } catch (error) {
        const isFull = error instanceof GatewayError && error.code === 'BucketNotEmpty';
        if (!isFull || !changesBucket(context.request.descriptor, 'DELETE')) throw error;
        const states = await context.session.states?.();
        if (states === undefined || !(await holdsOnlyReserved(dependencies, context))) throw error;
        await dependencies.uploads.forgetAll(states);
        return await forward.run(context);
      }
    },
  };
}

const PAGES = { ListObjectVersions: 'ListVersionsResult', ListObjectsV2: 'ListBucketResult' } as const;

/** Asks by a session that may list and nothing else: whoever may delete a bucket need not be one who may look into it. */
async function holdsOnlyReserved(
  { broker, sessions }: ForwardDependencies,
  { bucket, principal, plan: { storeToken }, exchange }: Documented,
): Promise<boolean> {
  const scope: AccessScope = {
    bucket,
    grants: [{ effect: 'allow', verbs: ['LIST_VERSIONS', 'LIST'], scope: { prefix: '' } }],
    accesses: (['LIST_VERSIONS', 'LIST'] as const).map((verb) => ({
      ...{ kind: 'listing', verb, bucket: bucket.name, prefix: '', after: [] },
    })),
  };
  const planned = broker.plan(principal, [scope], storeToken);
  const { send } = await sessions.open({ bucket, planned, signal: exchange.signal });
  const isHidden = async (kind: keyof typeof PAGES, startAfter: string | undefined): Promise<boolean> => {
    const query: ListingQuery = {
      ...{ kind: OPERATIONS[kind].listing, prefix: '', delimiter: '', maxKeys: 1, urlEncoded: true },
      ...{ startAfter, idMarker: undefined, continuation: undefined, after: [] },
    };
    const answer = await send({ method: 'GET', key: '', query: storeListingQuery(query), headers: {} });
    return readPage(await readAnswer(answer.body), PAGES[kind], query).entries.every(({ key }) => isReservedKey(key));
  };
  // What is first is reserved, and nothing is behind all that is reserved.
  const areHidden = async (kind: keyof typeof PAGES): Promise<boolean> =>
    (await isHidden(kind, undefined)) && (await isHidden(kind, AFTER_RESERVED));
  return areHidden('ListObjectVersions').catch((error: unknown) => {
    if (isWithoutVersions(error)) return areHidden('ListObjectsV2');
    throw error;
  });
}
