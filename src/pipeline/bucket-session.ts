/**
 * Sessions for what LOCAL operations ask of a store. Enters: a request that policy allowed and that is on record. Leaves: a
 * session of the caller's own name, cut to one request about buckets, whose credentials never leave the gateway. What it
 * learns is told only to those whom policy lets use the bucket.
 */
import type { Bucket } from '../contracts/bucket.ts';
import type { AccessScope } from '../contracts/credential-broker.ts';
import type { StoreSession } from '../contracts/store-session.ts';
import type { UpstreamResponse } from '../contracts/upstream.ts';
import type { Recorded } from './access.ts';
import type { Decided } from './contexts.ts';
import type { PipelineDependencies } from './dependencies.ts';
import { storeTokenOf } from './plan.ts';

type SessionDependencies = Pick<PipelineDependencies, 'broker' | 'sessions' | 'storeTokens'>;
type Requesting = Recorded & Pick<Decided, 'request' | 'principal' | 'exchange' | 'meter'>;

/** Opens a session that may ask whether the bucket is there: a store takes that for a listing of it. */
export function openToHead(
  dependencies: SessionDependencies,
  context: Requesting,
  bucket: Bucket,
): Promise<StoreSession> {
  const listing = { kind: 'listing', verb: 'LIST', bucket: bucket.name, prefix: '', after: [] } as const;
  return open(dependencies, context, {
    bucket,
    grants: [{ effect: 'allow', verbs: ['LIST'], scope: { prefix: '' } }],
    accesses: [listing],
  });
}

/** Opens a session that may ask whether a bucket keeps object locks. */
export function openToReadLocks(
  dependencies: SessionDependencies,
  context: Requesting,
  bucket: Bucket,
): Promise<StoreSession> {
  const document = 'GetObjectLockConfiguration' as const;
  return open(dependencies, context, {
    bucket,
    grants: [{ effect: 'allow', verbs: [], scope: { prefix: '' } }],
    accesses: [{ kind: 'bucket', bucket: bucket.name, document }],
  });
}

/** Opens a session that may list the buckets of a store, that of `bucket`, by their names. */
export function openToListBuckets(
  dependencies: SessionDependencies,
  context: Requesting,
  bucket: Bucket,
): Promise<StoreSession> {
  // The store itself, before any bucket of it.
  const service: Bucket = { ...bucket, storeBucket: '', style: 'path' };
  return open(dependencies, context, { bucket: service, grants: [], accesses: [], listsBuckets: true });
}

async function open(
  { broker, sessions, storeTokens }: SessionDependencies,
  context: Requesting,
  scope: AccessScope,
): Promise<StoreSession> {
  const { bucket } = scope;
  const { principal, meter } = context;
  const storeToken = await storeTokenOf(context, bucket, storeTokens);
  const planned = broker.plan(principal, [scope], storeToken);
  const onAnswer = (response: UpstreamResponse): void => meter.answered(response);
  // Others may be waiting for the same answer: it does not end with the client that asked first.
  return sessions.open({ bucket, planned, onAnswer });
}
