/**
 * Object lock that a write asks for, beside a store that may pass over it. Enters: the request. Leaves: a refusal before
 * anything is written where the bucket keeps no locks, and proof after it that the object has its own: whoever asked for a
 * lock relies on it for years.
 */
import type { WriteProofs } from '../contracts/stored-objects.ts';
import { GatewayError } from '../errors/gateway-error.ts';
import { lockOf, termsText, writeTerms, type ObjectLock, type WriteTerms } from '../s3/request/write-terms.ts';
import { openToReadLocks } from './bucket-session.ts';
import type { Credentialed } from './contexts.ts';
import type { PipelineDependencies } from './dependencies.ts';
import type { Stage } from './stage.ts';

type LockDependencies = Pick<PipelineDependencies, 'bucketFacts' | 'broker' | 'sessions' | 'storeTokens'>;
type RequestContext = Pick<Credentialed, 'request' | 'bucket'>;

/** The stage before a write. @throws GatewayError ObjectLockNotEnabled, InvalidArgument; what the store says */
export function createDemandLocks<In extends Credentialed>(dependencies: LockDependencies): Stage<In, In> {
  return {
    name: 'lock',
    run: (context) => {
      const lock = lockToKeep(context);
      return lock === undefined ? context : demand(dependencies, context, lock).then(() => context);
    },
  };
}

/** @throws GatewayError as `createDemandLocks` */
async function demand(dependencies: LockDependencies, context: Credentialed, lock: ObjectLock): Promise<void> {
  const { bucket, request } = context;
  // Told now: at the end of an upload it would be too late.
  if (lock.retention !== undefined && lock.retention.untilMs <= request.receivedAtMs) {
    const clientFields = { ArgumentName: 'x-amz-object-lock-retain-until-date' };
    throw new GatewayError('InvalidArgument', { detail: 'a date that is gone by', clientFields });
  }
  const keeps = await dependencies.bucketFacts.keepsLocks(bucket, () => openToReadLocks(dependencies, context, bucket));
  if (keeps === false) throw new GatewayError('ObjectLockNotEnabled');
  // What is given after the end of an upload must not reach a store that would take it for an object.
  if (keeps === undefined && request.descriptor.operationClass === 'UPLOAD') {
    throw new GatewayError('NotImplemented', {
      detail: 'the store does not say that the bucket keeps locks',
    });
  }
}

/** The stage after one; `headersOf`: of the answer. @throws GatewayError LockNotKept; what the store says */
export function createProveLock<In extends Credentialed>(
  { lock: prove }: WriteProofs,
  headersOf: (context: In) => { readonly get: (name: string) => string | undefined },
): Stage<In, In> {
  return {
    name: 'lock',
    run: (context) => {
      const lock = lockToKeep(context);
      if (lock === undefined) return context;
      const versionId = headersOf(context).get('x-amz-version-id');
      return prove(context.session, { key: context.request.key, versionId }, lock).then(() => context);
    },
  };
}

/** What a request to begin an upload says of its object, where the store may not remember it. */
export function termsToHold({ request, bucket }: RequestContext): WriteTerms | undefined {
  if (bucket.store.writes === 'all') return undefined;
  const terms = writeTerms(request.headers);
  return termsText(terms) === undefined ? undefined : terms;
}

function lockToKeep({ request, bucket }: RequestContext): ObjectLock | undefined {
  return bucket.store.writes === 'all' ? undefined : lockOf(request.headers);
}
