/**
 * `--check` of what serves: what can be told of a configuration before it does. Beyond the files themselves: its policies,
 * and whether its keyrings answer, which serving does not wait for. Says everything at once.
 */
import { checkKeyring } from '../check-keyring.ts';
import type { FoundationConfig } from '../config/config.ts';
import { InvalidPolicies } from '../policy/invalid-policies.ts';
import { CommandError } from './io.ts';

/** What `--check` does, for the help of a command. */
export const CHECK_OPTION = [
  '--check',
  'checks configuration and policies, wraps and unwraps a key by each keyring, then exits',
] as const;

/** Checks a configuration that is right in itself. @throws CommandError (2: policies, 1: keyrings) */
export async function checkOnly(
  name: string,
  config: FoundationConfig,
  loadPolicies: () => Promise<unknown>,
): Promise<void> {
  const [ofPolicies, ofKeyrings] = await Promise.all([policyTroubles(loadPolicies), checkKeyring(config)]);
  const lines = [...ofPolicies, ...ofKeyrings].map((line) => `\n  ${line}`);
  if (lines.length === 0) return;
  throw new CommandError(`${name} does not serve:${lines.join('')}`, ofPolicies.length > 0 ? 2 : 1);
}

async function policyTroubles(load: () => Promise<unknown>): Promise<readonly string[]> {
  try {
    await load();
    return [];
  } catch (error) {
    if (error instanceof InvalidPolicies) return error.message.split('\n');
    throw error;
  }
}
