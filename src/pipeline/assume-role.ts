/** Recorded -> Credentialed. Only an allowed and recorded access gets here, so that a denial never reaches STS. */
import type { Bucket } from '../contracts/bucket.ts';
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
    run: (context) => {
      const { bucket, sourceBucket, exchange, meter } = context;
      const { signal } = exchange;
      const onAnswer = (response: UpstreamResponse): void => meter.answered(response);
      const open = (one: Bucket) => sessions.open({ bucket: one, planned: context, signal, onAnswer });
      const credentialed = (opened: StoreSession, sourceSession: StoreSession | undefined): In & Credentialed => {
        let states: Promise<StateSession> | undefined;
        const session: StoreSession = {
          ...opened,
          states: () => (states ??= openStates(dependencies, context)),
          openScoped: (accesses) => openScoped(dependencies, context, accesses),
        };
        return { ...context, session, sourceSession };
      };
      const opened = open(bucket);
      if (sourceBucket === undefined && !(opened instanceof Promise)) return credentialed(opened, undefined);
      const openBoth = async () => credentialed(await opened, sourceBucket && (await open(sourceBucket)));
      return openBoth();
    },
  };
}
