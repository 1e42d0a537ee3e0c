/**
 * Identity -> credentials of ours. The one place where credentials are issued, for every endpoint: the role is one that
 * policy gives to this identity, and the intent is durable first.
 */
import type { AuditedOperation } from '../contracts/audit-sink.ts';
import type { Decision } from '../contracts/authorizer.ts';
import type { ClientCredentials, ClientSessions } from '../contracts/client-sessions.ts';
import type { Exchange } from '../contracts/exchange.ts';
import type { Principal } from '../contracts/principal.ts';
import { accessDenied } from '../errors/access-denied.ts';
import { accept } from './accept.ts';
import { NO_OBJECT, type AuditTrail } from '../audit/audit-trail.ts';
import type { StsDependencies } from './dependencies.ts';

/** Name of the role that stands for every policy that names the caller. */
export const WHOLE_ROLE = 'sallyport';

/** What is requested. */
export interface Wanted {
  readonly operation: AuditedOperation;
  /** A policy's id, or `WHOLE_ROLE`; `undefined`: the role is not one of ours. */
  readonly role: string | undefined;
  /** `undefined`: as configuration has it. */
  readonly seconds: number | undefined;
}

/**
 * Issues credentials to a verified identity.
 * @throws GatewayError AccessDenied (the same for a role that is not the caller's and for one that does not exist),
 * RevokedToken, SlowDown, SessionTooLarge, ServiceUnavailable, AuditUnavailable
 */
export async function issue(
  dependencies: StsDependencies,
  sessions: ClientSessions,
  { exchange, record }: { readonly exchange: Exchange; readonly record: AuditTrail },
  principal: Principal,
  { operation, role, seconds }: Wanted,
): Promise<ClientCredentials> {
  const { authorizer } = dependencies;
  await accept(dependencies, { exchange, record }, operation, principal);
  const mayHave = role === WHOLE_ROLE || (role !== undefined && authorizer.bindings(principal).includes(role));
  const decision = decide(mayHave, authorizer.policyVersion());
  record.decided([{ ...NO_OBJECT, decision }]);
  if (!mayHave) throw accessDenied(decision);
  const bound: Principal = {
    ...principal,
    ...(role === WHOLE_ROLE ? {} : { binding: role }),
  };
  // Issuing has no effect until the answer leaves, so that the intent can name what is issued.
  const credentials = sessions.issue(bound, seconds);
  const { accessKeyId } = credentials;
  record.issued({ ...bound, accessKeyId });
  await record.intent(undefined);
  return credentials;
}

function decide(mayHave: boolean, policyVersion: string): Decision {
  return mayHave
    ? {
        effect: 'allow',
        rule: 'own-credentials',
        reason: 'Every identity may have credentials that do no more than policy grants it.',
        policyVersion,
      }
    : { effect: 'deny', rule: 'default-deny', reason: 'This is no role of this identity.', policyVersion };
}
