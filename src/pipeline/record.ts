/**
 * Authorized -> Recorded. Makes the intents durable before anything is asked of STS or a store; a denial ends here, as
 * durable entries. If an entry cannot be written the request is refused, and nothing was done.
 */
import type { Bucket } from '../contracts/bucket.ts';
import type { AssumeRolePlan, CredentialBroker } from '../contracts/credential-broker.ts';
import type { StoreToken, StoreTokens } from '../contracts/store-tokens.ts';
import { GatewayError } from '../errors/gateway-error.ts';
import { STORE_TOKEN_HEADER } from '../s3/request-headers.ts';
import type { Target } from './accesses-of.ts';
import type { Authorized, Decided, DecidedTarget, Divided, Listed, Portion, Recorded } from './contexts.ts';
import type { Stage } from './stage.ts';

export interface RecordParts {
  readonly broker: CredentialBroker;
  readonly storeTokens: StoreTokens;
  readonly buckets: ReadonlyMap<string, Bucket>;
}

/** The stage `record` for accesses to a store. @throws GatewayError AccessDenied, BucketAlreadyOwnedByYou, NoSuchBucket, NotImplemented, AuditUnavailable, and those of store tokens */
export function createRecord({ broker, storeTokens, buckets }: RecordParts): Stage<Authorized, Recorded> {
  return {
    name: 'record',
    run: async (context) => {
      const { targets, principal, ledger, request } = context;
      refuseSuperfluous(context);
      refuseDenied(targets);
      let bucket: Bucket;
      let sourceBucket: Bucket | undefined;
      let storeToken: StoreToken | undefined;
      try {
        bucket = knownBucket(request.bucket, buckets);
        sourceBucket = request.copySource && knownBucket(request.copySource.bucket, buckets);
        refuseUnperformed(bucket, sourceBucket);
        storeToken = await storeTokenOf(context, bucket, storeTokens);
      } catch (error) {
        // Policy allows what is not configured, or what cannot be done or asked for: an allowed access that failed.
        await ledger.intent(undefined);
        throw error;
      }
      const both = [bucket, ...(sourceBucket === undefined ? [] : [sourceBucket])];
      const plan = planOf(context, targets, both, { broker, storeToken });
      await ledger.intent(plan);
      return { ...context, principal, bucket, sourceBucket, plan };
    },
  };
}

/**
 * The stage `record` for DeleteObjects: denied keys are written down as such, allowed ones are divided into portions that
 * fit into a session each, and every entry is durable before the first portion goes out.
 * @throws GatewayError NoSuchBucket, AuditUnavailable, and those of store tokens
 */
export function createRecordEach({ broker, storeTokens, buckets }: RecordParts): Stage<Listed & Decided, Divided> {
  return {
    name: 'record',
    run: async (context) => {
      const { targets, ledger, request } = context;
      const allowed = targets.flatMap(({ decision }, place) => (decision.effect === 'allow' ? [place] : []));
      const denied = targets.flatMap(({ decision }, place) => (decision.effect === 'deny' ? [place] : []));
      await ledger.deny(denied);
      if (allowed.length === 0) return { ...context, portions: [] };
      let portions: readonly Portion[];
      try {
        const bucket = knownBucket(request.bucket, buckets);
        const storeToken = await storeTokenOf(context, bucket, storeTokens);
        portions = divide(context, allowed, bucket, { broker, storeToken });
      } catch (error) {
        await ledger.intent(undefined);
        throw error;
      }
      await Promise.all(portions.map(({ plan, places }) => ledger.intent(plan, places)));
      return { ...context, portions };
    },
  };
}

/** The stage `record` for what is answered from configuration. @throws as `createRecord` */
export function createRecordLocal(buckets: ReadonlyMap<string, Bucket>): Stage<Authorized, Authorized> {
  return {
    name: 'record',
    run: async (context) => {
      const { targets, request, ledger } = context;
      refuseDenied(targets);
      await ledger.intent(undefined);
      if (request.row.level !== 'service') knownBucket(request.bucket, buckets);
      return context;
    },
  };
}

/** Some clients make the bucket before each upload, and go on when it is theirs already: who may use it is told so. */
function refuseSuperfluous({ request, targets, grants }: Authorized): void {
  const isDenied = targets.some(({ decision }) => decision.effect === 'deny');
  const mayUseIt = grants.get(request.bucket)?.some(({ effect }) => effect === 'allow') ?? false;
  if (request.operation === 'CreateBucket' && isDenied && mayUseIt) {
    throw new GatewayError('BucketAlreadyOwnedByYou', 'record', { detail: 'CreateBucket without ADMIN' });
  }
}

function refuseDenied(targets: readonly DecidedTarget[]): void {
  const denied = targets.find(({ decision }) => decision.effect !== 'allow');
  if (denied === undefined) return;
  const { rule, reason } = denied.decision;
  throw new GatewayError('AccessDenied', 'record', {
    detail: `${rule}: ${reason}`,
    clientFields: { Rule: rule, Reason: reason },
  });
}

function knownBucket(name: string, buckets: ReadonlyMap<string, Bucket>): Bucket {
  const bucket = buckets.get(name);
  if (bucket !== undefined) return bucket;
  throw new GatewayError('NoSuchBucket', 'record', { detail: 'policy allows a bucket that is not configured' });
}

function refuseUnperformed(bucket: Bucket, source: Bucket | undefined): void {
  if (source !== undefined && (source.store.name !== bucket.store.name || source.roleArn !== bucket.roleArn)) {
    throw new GatewayError('NotImplemented', 'record', { detail: 'a copy between two stores or by two roles' });
  }
}

/** Only after the decision: whoever may not do it learns nothing of how the store is asked. */
function storeTokenOf(
  { request, principal }: Pick<Authorized, 'request' | 'principal'>,
  bucket: Bucket,
  storeTokens: StoreTokens,
): Promise<StoreToken | undefined> {
  return storeTokens.verify(bucket.store, request.headers.get(STORE_TOKEN_HEADER), principal);
}

/** Who plans, and what the store is asked with beside. */
interface Planning {
  readonly broker: CredentialBroker;
  readonly storeToken: StoreToken | undefined;
}

function planOf(
  { principal, grants }: Pick<Authorized, 'principal' | 'grants'>,
  targets: readonly Target[],
  buckets: readonly Bucket[],
  { broker, storeToken }: Planning,
): AssumeRolePlan {
  const scopes = [...new Set(buckets)].map((bucket) => ({
    bucket,
    grants: grants.get(bucket.name) ?? [],
    accesses: targets.flatMap((target) => (target.bucket === bucket.name ? target.accesses : [])),
  }));
  return broker.plan(principal, scopes, storeToken);
}

/** Halves until each part fits: where the grants fit into a session, as they mostly do, all keys are one portion. */
function divide(
  context: Listed & Decided,
  places: readonly number[],
  bucket: Bucket,
  planning: Planning,
): readonly Portion[] {
  const targets = pick(context.targets, places);
  try {
    const plan = planOf(context, targets, [bucket], planning);
    return [{ ...context, bucket, sourceBucket: undefined, plan, places, items: pick(context.list.items, places) }];
  } catch (error) {
    if (!(error instanceof GatewayError) || error.code !== 'InvalidRequest' || places.length === 1) throw error;
    const half = places.length >> 1;
    const parts = [places.slice(0, half), places.slice(half)];
    return parts.flatMap((part) => divide(context, part, bucket, planning));
  }
}

function pick<Item>(list: readonly Item[], places: readonly number[]): readonly Item[] {
  return places.flatMap((place) => list[place] ?? []);
}
