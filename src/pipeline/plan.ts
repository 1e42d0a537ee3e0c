/**
 * Allowed -> Planned. Finds the bucket, the token that its store takes, and what will be requested of STS; nothing of it asks a
 * store. What policy allows and cannot be done is an allowed access that failed, and is on record as one.
 */
import { setImmediate as nextTurn } from 'node:timers/promises';
import type { Access } from '../contracts/authorizer.ts';
import type { Bucket } from '../contracts/bucket.ts';
import type { CredentialBroker, PlannedSession } from '../contracts/credential-broker.ts';
import type { StoreToken, StoreTokens } from '../contracts/store-tokens.ts';
import { GatewayError, inStage } from '../errors/gateway-error.ts';
import { andThen, orElse } from '../platform/at-once.ts';
import { STORE_TOKEN_HEADER } from '../s3/request/request-headers.ts';
import type { Allowed } from './access.ts';
import type { Decided, DecidedTarget, Divided, Enforced, Keys, Planned, PlannedLocal, Batch } from './contexts.ts';
import { checkExpectedOwner } from './expected-owner.ts';
import { prefixesAsked } from './filtered-listing.ts';
import type { AuditTrail } from '../audit/audit-trail.ts';
import type { Stage } from './stage.ts';

export interface PlanDependencies {
  readonly broker: CredentialBroker;
  readonly storeTokens: StoreTokens;
  readonly buckets: ReadonlyMap<string, Bucket>;
}

/** The buckets of a request, and the token for the STS of their store. */
type Resolved = Pick<Planned, 'bucket' | 'sourceBucket'> & { readonly storeToken: StoreToken | undefined };

/** The stage `plan` for accesses to a store. @throws GatewayError BucketOwnerMismatch, BucketOwnerUnknown, NoSuchBucket, NotImplemented, AuditUnavailable, and those of store tokens */
export function createPlan({ broker, storeTokens, buckets }: PlanDependencies): Stage<Decided & Allowed, Planned> {
  return {
    name: 'plan',
    run: (context) => {
      const { request, trail } = context;
      const planned = ({ bucket, sourceBucket, storeToken }: Resolved): Decided & Allowed & Planned => {
        const both = sourceBucket === undefined || sourceBucket === bucket ? [bucket] : [bucket, sourceBucket];
        const { plan, scopes } = planOf(context, both, { broker, storeToken });
        return { ...context, bucket, sourceBucket, plan, scopes };
      };
      const resolved = orOnRecord<Resolved>(trail, () => {
        const bucket = knownBucket(request.bucket, buckets);
        const sourceBucket = request.copySource && knownBucket(request.copySource.bucket, buckets);
        checkExpectedOwner(request, bucket, sourceBucket);
        refuseUnperformed(bucket, sourceBucket);
        if (request.descriptor.conditions === 'delete' && request.headers.has('if-match')) {
          demandConditionalDeletes(bucket);
        }
        const resolvedWith = (storeToken: StoreToken | undefined): Resolved => ({ bucket, sourceBucket, storeToken });
        return andThen(storeTokenOf(context, bucket, storeTokens), resolvedWith);
      });
      return andThen(resolved, planned);
    },
  };
}

/**
 * The stage `plan` of the class BATCH: divides the allowed keys into batches that fit into a session each.
 * @throws GatewayError NoSuchBucket, AuditUnavailable, and those of store tokens
 */
export function createPlanEach({ broker, storeTokens, buckets }: PlanDependencies): Stage<Enforced, Divided> {
  return {
    name: 'plan',
    run: async (context) => {
      const { allowed, request, list, trail } = context;
      if (allowed.indices.length === 0) return { ...context, batches: [] };
      const batches = await orOnRecord(trail, async () => {
        const bucket = knownBucket(request.bucket, buckets);
        if (list.items.some(({ etag }) => etag !== undefined)) demandConditionalDeletes(bucket);
        checkExpectedOwner(request, bucket);
        return divide(allowed, bucket, { broker, storeToken: await storeTokenOf(context, bucket, storeTokens) });
      });
      return { ...context, batches };
    },
  };
}

/** The stage `plan` for what is decided by configuration. @throws GatewayError as `createPlan` */
export function createPlanLocal(buckets: ReadonlyMap<string, Bucket>): Stage<Decided & Allowed, PlannedLocal> {
  return {
    name: 'plan',
    run: async (context) => {
      const { request, trail } = context;
      if (request.descriptor.level === 'service') return { ...context, bucket: undefined };
      const bucket = await orOnRecord(trail, () => {
        const known = knownBucket(request.bucket, buckets);
        checkExpectedOwner(request, known);
        return known;
      });
      return { ...context, bucket };
    },
  };
}

/** Gives what `work` gives; where it fails, the intents are durable before its error goes on. @throws what `work` throws, AuditUnavailable */
function orOnRecord<Result>(trail: AuditTrail, work: () => Result | Promise<Result>): Result | Promise<Result> {
  return orElse(work, async (error) => {
    await trail.intent(undefined);
    throw error;
  });
}

function knownBucket(name: string, buckets: ReadonlyMap<string, Bucket>): Bucket {
  const bucket = buckets.get(name);
  if (bucket !== undefined) return bucket;
  throw new GatewayError('NoSuchBucket', { detail: 'policy allows a bucket that is not configured' });
}

function refuseUnperformed(bucket: Bucket, source: Bucket | undefined): void {
  if (source !== undefined && (source.store.name !== bucket.store.name || source.roleArn !== bucket.roleArn)) {
    throw new GatewayError('NotImplemented', { detail: 'a copy between two stores or by two roles' });
  }
}

/** A condition that a store passes over deletes what was not meant. @throws GatewayError NotImplemented */
function demandConditionalDeletes({ store }: Bucket): void {
  if (store.conditionalDeletes === true) return;
  throw new GatewayError('NotImplemented', {
    detail: `conditional deletes at store ${store.name}; where it heeds them, set conditionalDeletes`,
  });
}

/** Only after the decision: whoever may not do it learns nothing of how the store is asked. */
export function storeTokenOf(
  { request, principal }: Pick<Decided, 'request' | 'principal'>,
  bucket: Bucket,
  storeTokens: StoreTokens,
): Promise<StoreToken> | undefined {
  const storeToken = request.headers.get(STORE_TOKEN_HEADER);
  // A second credential of the caller's: whoever is refused by it is refused as by the first.
  return inStage('authenticate', () => storeTokens.verify(bucket.store, storeToken, principal));
}

/** Who plans, and what the store is asked with beside. */
interface Planning {
  readonly broker: CredentialBroker;
  readonly storeToken: StoreToken | undefined;
}

function planOf(
  { request, principal, grants, targets }: Decided,
  buckets: readonly Bucket[],
  { broker, storeToken }: Planning,
): PlannedSession {
  const [sole] = targets;
  const scopes = buckets.map((bucket) => ({
    bucket,
    grants: grants.get(bucket.name) ?? [],
    accesses:
      sole !== undefined && targets.length === 1 && sole.bucket === bucket.name
        ? plannedAccesses(request, sole)
        : targets.flatMap((target) => (target.bucket === bucket.name ? plannedAccesses(request, target) : [])),
  }));
  return broker.plan(principal, scopes, storeToken);
}

/** Of a listing that policy shows in parts, the listings that it takes of the store, and not the one that was asked for. */
function plannedAccesses(
  request: Decided['request'],
  { accesses, decision: { parts } }: DecidedTarget,
): readonly Access[] {
  if (parts === undefined) return accesses;
  return accesses.flatMap((access): readonly Access[] => {
    if (access.kind !== 'listing') return [access];
    return prefixesAsked(request, parts).map((prefix) => ({ ...access, prefix, after: [], filtered: true as const }));
  });
}

/** Halves until each part fits: where the grants fit into a session, as they mostly do, all keys are one batch. */
async function divide(keys: Keys & Allowed, bucket: Bucket, planning: Planning): Promise<readonly Batch[]> {
  const { indices } = keys;
  try {
    const { plan, scopes } = planOf(keys, [bucket], planning);
    return [{ ...keys, bucket, sourceBucket: undefined, plan, scopes }];
  } catch (error) {
    if (!(error instanceof GatewayError) || error.code !== 'InvalidRequest' || indices.length === 1) throw error;
    const half = indices.length >> 1;
    // Each plan is the work of a slice.
    await nextTurn();
    const first = await divide(partOf(keys, 0, half), bucket, planning);
    return [...first, ...(await divide(partOf(keys, half, indices.length), bucket, planning))];
  }
}

/** Gives the same with the keys from one index up to another one alone. */
export function partOf<Some extends Keys>(keys: Some, from: number, to: number): Some {
  const { targets, items, indices } = keys;
  return { ...keys, targets: targets.slice(from, to), items: items.slice(from, to), indices: indices.slice(from, to) };
}
