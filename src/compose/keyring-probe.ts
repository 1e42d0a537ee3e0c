/**
 * Whether a keyring serves: it wraps a data key and unwraps it; the key is thrown away, and nothing is stored. Enters: a
 * keyring. Leaves: what is wrong with it, in a clause that holds no secret.
 */
import { randomBytes } from 'node:crypto';
import type { Clock } from '../contracts/clock.ts';
import type { HealthProbe } from '../contracts/health.ts';
import type { Keyring } from '../contracts/keyring.ts';
import type { RemoteKeyring } from '../core/keyring/remote-keyring.ts';
import { GatewayError } from '../errors/gateway-error.ts';

/** Asks once; `undefined`: nothing is wrong. */
export async function keyringProblem(keyring: Keyring): Promise<string | undefined> {
  const context = randomBytes(32);
  try {
    const { dataKey, ...wrapped } = await keyring.newDataKey(context);
    const opened = await keyring.unwrap(wrapped, context);
    return opened.equals(dataKey) ? undefined : 'what it unwrapped is not what it had wrapped';
  } catch (error) {
    if (error instanceof GatewayError) return error.detail ?? error.code;
    throw error;
  }
}

/** Makes the probe of a key service. A refusal that its requests take for an answer (KMS: status 400) counts as well. */
export function createKeyringProbe(keyring: RemoteKeyring, clock: Clock): HealthProbe {
  let found: { readonly detail: string; readonly checkedAtMs: number } | undefined;
  return {
    report: () => {
      const report = keyring.health();
      return found === undefined || report.state === 'degraded' ? report : { ...report, ...found, state: 'degraded' };
    },
    ask: async () => {
      const detail = await keyringProblem(keyring).catch(() => 'unexpected failure');
      found = detail === undefined ? undefined : { detail, checkedAtMs: clock.now() };
    },
  };
}
