/**
 * A plan in, credentials of the store out: one call of one STS, bounded in time and size. Errors carry the code that STS
 * gave, never what it wrote: a message may repeat what was sent. Nothing here is kept.
 */
import { AssumeRoleCommand } from '@aws-sdk/client-sts';
import type { AssumeRolePlan, StoreCredentials } from '../contracts/credential-broker.ts';
import { GatewayError } from '../errors/gateway-error.ts';
import { chainSource } from './base-credentials.ts';
import { counted, createStsClient, credentialsOf } from './sts-client.ts';
import { blamesBase } from './sts-failure.ts';
import type { AssumeRole, AssumeRoleOptions, StsStore } from './sts-store.ts';

const MAX_CHAINED_SECONDS = 3600;
const LATE = "the gateway's own credentials did not come in time";

/**
 * Makes the caller of one store's STS.
 * @see https://docs.aws.amazon.com/STS/latest/APIReference/API_AssumeRole.html
 */
export function createAssumeRole(store: StsStore, { clock, observer, timeoutMs }: AssumeRoleOptions): AssumeRole {
  const base = store.base ?? chainSource(store.region);
  const client = createStsClient(store, base.current, timeoutMs, observer.traces);
  const { externalId, transitiveTags = [] } = store;

  const assume = async (
    plan: AssumeRolePlan,
    wantedSeconds: number,
    signal: AbortSignal,
  ): Promise<StoreCredentials> => {
    const { sessionToken } = await inTime(base.current(), signal);
    // A role that is assumed out of a session lasts an hour at most; STS refuses whoever asks for more.
    const durationSeconds = sessionToken === undefined ? wantedSeconds : Math.min(wantedSeconds, MAX_CHAINED_SECONDS);
    const tags = plan.sessionTags ?? [];
    const kept = tags.flatMap(([tag]) => (transitiveTags.includes(tag) ? [tag] : []));
    const requestedAtMs = clock.now();
    const command = new AssumeRoleCommand({
      RoleArn: plan.roleArn,
      RoleSessionName: plan.sessionName,
      Policy: plan.sessionPolicy,
      DurationSeconds: durationSeconds,
      ...(externalId === undefined ? {} : { ExternalId: externalId }),
      ...(plan.sourceIdentity === undefined ? {} : { SourceIdentity: plan.sourceIdentity }),
      ...(tags.length === 0 ? {} : { Tags: tags.map(([Key, Value]) => ({ Key, Value })) }),
      ...(kept.length === 0 ? {} : { TransitiveTagKeys: kept }),
    });
    const output = await client.send(command, { abortSignal: signal });
    // Counted from before the call and by our own clock too: a store's clock that runs ahead must not let us use
    // credentials for longer than they live.
    return credentialsOf(output.Credentials, requestedAtMs + durationSeconds * 1000);
  };

  return {
    call: (plan, durationSeconds) => {
      const signal = AbortSignal.timeout(timeoutMs);
      const retry = async (error: unknown): Promise<StoreCredentials> => {
        // Keys may have been rotated since they were looked at.
        if (!blamesBase(error) || !(await inTime(base.renew(), signal))) throw error;
        return assume(plan, durationSeconds, signal);
      };
      const call = (): Promise<StoreCredentials> => assume(plan, durationSeconds, signal).catch(retry);
      return counted(call, { clock, observer }, 'AssumeRole', store.name, plan.roleArn);
    },
    close: () => client.destroy(),
  };
}

/** Whatever credentials come from is not to be waited for without end, and has no way to be told to stop. */
function inTime<T>(answer: Promise<T>, signal: AbortSignal): Promise<T> {
  const { promise, reject } = Promise.withResolvers<never>();
  const late = (): void => reject(new GatewayError('ServiceUnavailable', { detail: LATE }));
  if (signal.aborted) late();
  else signal.addEventListener('abort', late, { once: true });
  return Promise.race([answer, promise]).finally(() => signal.removeEventListener('abort', late));
}
