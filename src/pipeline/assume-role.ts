/** Recorded -> Credentialed. Only an allowed and recorded access gets here, so that a denial never reaches STS. */
import type { StoreSessions } from '../contracts/store-session.ts';
import type { UpstreamResponse } from '../contracts/upstream.ts';
import type { Credentialed, Recorded } from './contexts.ts';
import type { Stage } from './stage.ts';

/** The stage `assume-role`. @throws GatewayError SlowDown, ServiceUnavailable, AccessDeniedByStore */
export function createAssumeRole<In extends Recorded>(sessions: StoreSessions): Stage<In, In & Credentialed> {
  return {
    name: 'assume-role',
    run: async (context) => {
      const { bucket, sourceBucket, plan, exchange, ledger } = context;
      const { signal } = exchange;
      const onAnswer = ({ headers }: UpstreamResponse): void => {
        ledger.upstreamRequestId = headers.get('x-amz-request-id');
        ledger.versionId = headers.get('x-amz-version-id');
      };
      const session = await sessions.open({ bucket, plan, signal, onAnswer });
      const sourceSession = sourceBucket && (await sessions.open({ bucket: sourceBucket, plan, signal, onAnswer }));
      return { ...context, session, sourceSession };
    },
  };
}
