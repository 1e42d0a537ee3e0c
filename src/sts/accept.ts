/**
 * A verified identity -> a caller of these endpoints: on record, not revoked, and within its permits. The one place where
 * every endpoint of this room lets an identity in.
 */
import type { AuditedOperation } from '../contracts/audit-sink.ts';
import type { Exchange } from '../contracts/exchange.ts';
import type { Principal } from '../contracts/principal.ts';
import { inStage } from '../errors/gateway-error.ts';
import { NO_OBJECT, type AuditTrail } from '../audit/audit-trail.ts';
import type { StsDependencies } from './dependencies.ts';

/** Lets an identity in, when its turn has come: as one who reads. @throws GatewayError RevokedToken, RevokedSession, RevokedAddress, ServiceUnavailable, SlowDown */
export async function accept(
  { revocations, admission }: StsDependencies,
  { exchange, record }: { readonly exchange: Exchange; readonly record: AuditTrail },
  operation: AuditedOperation,
  principal: Principal,
): Promise<void> {
  record.identified(operation, principal);
  inStage('authenticate', () => revocations.check(principal, exchange.clientAddress));
  await inStage('admit', () => admission.enter(exchange, { principal, trail: record }, { pool: 'read', seats: 1 }));
}

/** Lets an identity ask who it is; that is on record when this resolves. @throws GatewayError as `accept` does, AuditUnavailable */
export async function acceptCaller(
  dependencies: StsDependencies,
  call: { readonly exchange: Exchange; readonly record: AuditTrail },
  operation: AuditedOperation,
  principal: Principal,
): Promise<void> {
  await accept(dependencies, call, operation, principal);
  const decision = {
    effect: 'allow',
    rule: 'own-identity',
    reason: 'Every identity may ask who it is.',
    policyVersion: dependencies.authorizer.policyVersion(),
  } as const;
  call.record.decided([{ ...NO_OBJECT, decision }]);
  await call.record.intent(undefined);
}
