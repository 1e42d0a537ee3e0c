/** Recorded -> Credentialed. Only an allowed and recorded access gets here, so that a denial never reaches STS. */
import type { StateSession, StoreSession } from '../contracts/store-session.ts';
import type { UpstreamResponse } from '../contracts/upstream.ts';
import type { Recorded } from './access.ts';
import type { Credentialed, Planned } from './contexts.ts';
import type { PipelineDependencies } from './dependencies.ts';
import type { Stage } from './stage.ts';
import { openScoped, openStates } from './state-session.ts';

type AssumeRoleDependencies = Pick<PipelineDependencies, 'broker' | 'sessions'>;

/** The stage `assume-role`. @throws GatewayError SlowDown, ServiceUnavailable, AccessDeniedByStore */
export function createAssumeRole<In extends Planned & Recorded>(
  dependencies: AssumeRoleDependencies,
): Stage<In, In & Credentialed> {
  const { sessions } = dependencies;
  return {
    name: 'assume-role',
    run: async (context) => {
      const { bucket, sourceBucket, plan, exchange, meter } = context;
      const { signal } = exchange;
      const onAnswer = (response: UpstreamResponse): void => meter.answered(response);
      const opened = await sessions.open({ bucket, plan, signal, onAnswer });
      const sourceSession = sourceBucket && (await sessions.open({ bucket: sourceBucket, plan, signal, onAnswer }));
      let states: Promise<StateSession> | undefined;
      const session: StoreSession = {
        ...opened,
        states: () => (states ??= openStates(dependencies, context)),
        openScoped: (accesses) => openScoped(dependencies, context, accesses),
      };
      return { ...context, session, sourceSession };
    },
  };
}
