/**
 * Authorized -> Recorded. Makes the intent durable before anything is asked of STS or a store; a denial ends here, as one
 * durable entry. If the entry cannot be written the request is refused, and nothing was done.
 */
import type { Bucket } from '../contracts/bucket.ts';
import type { CredentialBroker } from '../contracts/credential-broker.ts';
import { GatewayError } from '../errors/gateway-error.ts';
import type { Authorized, Recorded } from './contexts.ts';
import type { Stage } from './stage.ts';

export interface RecordParts {
  readonly broker: CredentialBroker;
  readonly buckets: ReadonlyMap<string, Bucket>;
}

/** The stage `record` for accesses to a store. @throws GatewayError AccessDenied, NoSuchBucket, AuditUnavailable */
export function createRecord(parts: RecordParts): Stage<Authorized, Recorded> {
  return {
    name: 'record',
    run: async (context) => {
      refuseDenied(context);
      const { access, grants, principal, ledger, request } = context;
      if (access === undefined) throw new Error(`${request.operation} addresses no bucket`);
      const bucket = await knownBucket(context, parts.buckets);
      const plan = parts.broker.plan(principal, bucket, grants, access);
      await ledger.intent(plan);
      return { ...context, access, bucket, plan };
    },
  };
}

/** The stage `record` for what is answered from configuration. @throws as `createRecord` */
export function createRecordLocal(buckets: ReadonlyMap<string, Bucket>): Stage<Authorized, Authorized> {
  return {
    name: 'record',
    run: async (context) => {
      refuseDenied(context);
      if (context.access !== undefined) await knownBucket(context, buckets);
      await context.ledger.intent(undefined);
      return context;
    },
  };
}

function refuseDenied({ decision }: Authorized): void {
  if (decision.effect === 'allow') return;
  throw new GatewayError('AccessDenied', 'record', {
    detail: `${decision.rule}: ${decision.reason}`,
    clientFields: { Rule: decision.rule, Reason: decision.reason },
  });
}

async function knownBucket({ request, ledger }: Authorized, buckets: ReadonlyMap<string, Bucket>): Promise<Bucket> {
  const bucket = buckets.get(request.bucket);
  if (bucket !== undefined) return bucket;
  // Policy allows it, configuration does not have it: an allowed access that failed.
  await ledger.intent(undefined);
  throw new GatewayError('NoSuchBucket', 'record', { detail: 'policy allows a bucket that is not configured' });
}
