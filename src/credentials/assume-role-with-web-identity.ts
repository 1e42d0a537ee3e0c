/**
 * A plan that holds a token of the caller's own in, credentials of the store out: one unsigned call of one STS, which
 * verifies the token itself. No credentials of the gateway are looked for or sent; the token goes into the form of this
 * call and nowhere else.
 */
import { AssumeRoleWithWebIdentityCommand } from '@aws-sdk/client-sts';
import type { AssumeRolePlan, StoreCredentials } from '../contracts/credential-broker.ts';
import { counted, createStsClient, credentialsOf } from './sts-client.ts';
import { needsStoreToken } from './sts-failure.ts';
import type { AssumeRole, AssumeRoleOptions, StsStore } from './sts-store.ts';

/** The SDK knows that this call is not signed; should it ever sign, the call fails and nothing is sent. */
const noCredentials = (): Promise<never> => Promise.reject(new Error('this call is not signed'));

/**
 * Makes the caller of one store's STS.
 * @see https://docs.aws.amazon.com/STS/latest/APIReference/API_AssumeRoleWithWebIdentity.html
 */
export function createAssumeRoleWithWebIdentity(
  store: StsStore,
  { clock, observer, timeoutMs }: AssumeRoleOptions,
): AssumeRole {
  const client = createStsClient(store, noCredentials, timeoutMs, observer.traces);

  const assume = async (plan: AssumeRolePlan, durationSeconds: number): Promise<StoreCredentials> => {
    if (plan.storeToken === undefined) throw needsStoreToken(store.name);
    const requestedAtMs = clock.now();
    const command = new AssumeRoleWithWebIdentityCommand({
      RoleArn: plan.roleArn,
      RoleSessionName: plan.sessionName,
      Policy: plan.sessionPolicy,
      DurationSeconds: durationSeconds,
      WebIdentityToken: plan.storeToken.reveal(),
    });
    const { Credentials } = await client.send(command, { abortSignal: AbortSignal.timeout(timeoutMs) });
    return credentialsOf(Credentials, requestedAtMs + durationSeconds * 1000);
  };

  return {
    call: (plan, durationSeconds) =>
      counted(
        () => assume(plan, durationSeconds),
        { clock, observer },
        'AssumeRoleWithWebIdentity',
        store.name,
        plan.roleArn,
      ),
    close: () => client.destroy(),
  };
}
