/** Recorded -> Credentialed. Only an allowed and recorded access gets here, so that a denial never reaches STS. */
import type { CredentialBroker } from '../contracts/credential-broker.ts';
import type { Credentialed, Recorded } from './contexts.ts';
import type { Stage } from './stage.ts';

/** The stage `assume-role`. @throws GatewayError SlowDown, ServiceUnavailable, AccessDeniedByStore */
export function createAssumeRole<In extends Recorded>(broker: CredentialBroker): Stage<In, In & Credentialed> {
  return {
    name: 'assume-role',
    run: async (context) => ({ ...context, credentials: await broker.credentials(context.plan) }),
  };
}
