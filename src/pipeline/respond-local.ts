/**
 * Answers ListBuckets, HeadBucket and GetBucketLocation: of what configuration names and the identity may use, with what
 * the stores know of it.
 */
import type { Bucket } from '../contracts/bucket.ts';
import { GatewayError } from '../errors/gateway-error.ts';
import { pageOfBuckets, parseBucketsQuery, writeBuckets } from '../s3/documents/list-buckets.ts';
import { nameOfClass, type NamesOfClass } from '../s3/operations/operations.ts';
import { bucketLocationDocument } from '../s3/documents/xml.ts';
import { openToHead, openToListBuckets } from './bucket-session.ts';
import { responder, type Recorded, type Responder } from './access.ts';
import type { PlannedLocal } from './contexts.ts';
import type { PipelineDependencies } from './dependencies.ts';
import { complete, sendXml } from './respond.ts';

type LocalDependencies = Pick<
  PipelineDependencies,
  'authorizer' | 'buckets' | 'bucketFacts' | 'broker' | 'sessions' | 'storeTokens'
>;

/** The stage `respond` of the class LOCAL. @throws GatewayError NoSuchBucket, SlowDown, ServiceUnavailable */
export function createRespondLocal(dependencies: LocalDependencies): Responder<PlannedLocal & Recorded> {
  const names = [...dependencies.buckets.keys()].sort();
  return responder(async (context) => {
    await ANSWERS[nameOfClass(context.request.operation, 'LOCAL')](dependencies, context, names);
  });
}

type Local = PlannedLocal & Recorded;
type Answering = (dependencies: LocalDependencies, context: Local, names: readonly string[]) => Promise<void>;

const ANSWERS: Readonly<Record<NamesOfClass<'LOCAL'>, Answering>> = {
  ListBuckets: async (dependencies, context, names) => {
    await sendXml(context, await listBuckets(dependencies, names, context));
  },
  GetBucketLocation: async (_, context) => {
    await sendXml(context, bucketLocationDocument(context.bucket?.store.region ?? ''));
  },
  HeadBucket: async (dependencies, context) => {
    const { exchange, bucket } = context;
    if (bucket !== undefined) await demandBucket(dependencies, context, bucket);
    await complete(context, 200);
    exchange.writeHead(200, { 'x-amz-bucket-region': bucket?.store.region ?? '', 'content-length': '0' });
    exchange.end();
  },
};

/** A bucket that configuration names may not be there (yet, or any more). @throws GatewayError NoSuchBucket */
async function demandBucket(dependencies: LocalDependencies, context: Local, bucket: Bucket): Promise<void> {
  const isThere = await dependencies.bucketFacts
    .exists(bucket, () => openToHead(dependencies, context, bucket))
    .catch(unlessNoToken);
  if (isThere === false) throw new GatewayError('NoSuchBucket', { detail: 'the store does not have it' });
}

async function listBuckets(dependencies: LocalDependencies, names: readonly string[], context: Local): Promise<string> {
  const { authorizer, buckets, bucketFacts } = dependencies;
  const { request, principal, facts } = context;
  const query = parseBucketsQuery(request);
  const visible = authorizer.visibleBuckets(principal, names, facts).flatMap((name) => {
    const bucket = buckets.get(name);
    return bucket === undefined ? [] : [{ name, region: bucket.store.region, bucket }];
  });
  const { page, next } = pageOfBuckets(visible, query);
  const stores = new Map(page.map(({ bucket }) => [bucket.store.name, bucket]));
  const dates = new Map(
    await Promise.all(
      [...stores].map(async ([storeName, bucket]) => {
        const created = await bucketFacts.created(storeName, () => openToListBuckets(dependencies, context, bucket));
        return [storeName, created] as const;
      }),
    ),
  );
  const shown = page.map(({ name, region, bucket }) => ({
    ...{ name, region },
    created: dates.get(bucket.store.name)?.get(bucket.storeBucket),
  }));
  return writeBuckets(shown, query, { owner: principal.subject, next });
}

/** A store that is asked with a token of the caller's own cannot be asked without: clients look before they send one. */
function unlessNoToken(error: unknown): undefined {
  if (error instanceof GatewayError && error.code === 'MissingSecurityHeader') return undefined;
  throw error;
}
