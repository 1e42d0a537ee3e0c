/**
 * What an operator's command does, on record: the intent is durable before it is begun, and how it ended after it. Operators
 * are an issuer of their own, and need no policy.
 */
import { randomUUID } from 'node:crypto';
import { AuditTrail, NO_OBJECT } from '../audit/audit-trail.ts';
import type { AuditedOperation, AuditSink } from '../contracts/audit-sink.ts';
import type { Clock } from '../contracts/clock.ts';
import type { AssumeRolePlan } from '../contracts/credential-broker.ts';
import type { Principal } from '../contracts/principal.ts';
import type { ErrorCode } from '../errors/codes.ts';
import { GatewayError } from '../errors/gateway-error.ts';

/** The issuer under which operators stand in the audit. */
const OPERATOR_ISSUER = 'urn:sallyport:operator';

/** What is done, to what. */
export interface OperatorAction {
  readonly operation: AuditedOperation;
  /** Empty where it is about no bucket. */
  readonly bucket: string;
  readonly key: string;
  readonly reason?: string | undefined;
  readonly plan?: AssumeRolePlan;
  /** The code of what fails without one. */
  readonly unexpected: ErrorCode;
}

/** What the outcome says of an object that was written. */
export interface ActionOutcome {
  readonly keyId?: string;
  readonly versionId?: string | undefined;
  /** Plaintext bytes that were read and written; 0 where the body was not touched. */
  readonly plainBytes?: number;
}

/** Gives the identity of a user of the operating system. */
export function operatorPrincipal(user: string, expiresAtMs: number): Principal {
  return {
    ...{ issuerName: 'operator', issuer: OPERATOR_ISSUER, subject: user },
    ...{ groups: [], claims: {}, tokenIdHash: '', expiresAtMs },
  };
}

/** Does `work` between its two entries of the audit. @throws GatewayError AuditUnavailable; what `work` throws */
export async function onRecord<Outcome extends ActionOutcome>(
  { audit, clock, principal }: { readonly audit: AuditSink; readonly clock: Clock; readonly principal: Principal },
  { operation, bucket, key, reason, plan, unexpected }: OperatorAction,
  work: () => Promise<Outcome>,
): Promise<Outcome> {
  const trail = new AuditTrail(audit, clock, { requestId: randomUUID(), clientAddress: 'local' });
  trail.identified(operation, principal);
  const why = { rule: 'operator', reason: reason ?? 'An operator ran the command.', policyVersion: '' };
  trail.decided([{ ...NO_OBJECT, bucket, key, decision: { effect: 'allow', ...why } }]);
  await trail.intent(plan);
  let outcome: Outcome;
  try {
    outcome = await work();
  } catch (error) {
    const { code, row } = error instanceof GatewayError ? error : new GatewayError(unexpected);
    await trail.end({ result: 'failed', status: row.status, error: code });
    throw error;
  }
  const { keyId, versionId, plainBytes: bytesIn = 0 } = outcome;
  await trail.end({ result: 'completed', status: 200 }, { bytesIn, keyId, versionId });
  return outcome;
}
