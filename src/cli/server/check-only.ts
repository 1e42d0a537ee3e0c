/**
 * `--check` of what serves: what can be told of a configuration before it does. Beyond the files themselves: its policies,
 * and whether its keyrings answer, which serving does not wait for; with `--online`, whether its buckets can be used. Says
 * everything at once.
 */
import type { StoreAccessConfig } from '../../config/config.ts';
import { InvalidPolicies } from '../../policy/invalid-policies.ts';
import { CommandError, type CommandIo } from '../io.ts';

/** What `--check` does, for the help of a command. */
export const CHECK_OPTION = [
  '--check',
  'checks configuration and policies, wraps and unwraps a key by each keyring, then exits',
] as const;

/** What `--online` adds to it. */
export const ONLINE_OPTION = [
  '--online',
  'with --check: also checks each bucket: one STS session and one HEAD request',
] as const;

export interface CheckFlags {
  readonly check?: true | undefined;
  readonly online?: true | undefined;
}

/** @throws CommandError (2) */
export function refuseOnlineAlone({ check, online }: CheckFlags): void {
  if (online === true && check !== true) throw new CommandError('--online goes with --check', 2);
}

/** Checks a configuration that is right in itself. @throws CommandError (2: policies, 1: keyrings, buckets) */
export async function checkOnly(
  name: string,
  config: StoreAccessConfig,
  { loadPolicies, online = false, io }: CheckOptions,
): Promise<void> {
  const { checkKeyring } = await import('../../compose/check-keyring.ts');
  const [ofPolicies, ofKeyrings, ofBuckets] = await Promise.all([
    policyProblems(loadPolicies),
    checkKeyring(config),
    online ? (await import('../../compose/check-buckets.ts')).checkBuckets(config) : NOTHING_FOUND,
  ]);
  for (const line of ofBuckets.inconclusive) io.stderr.write(`sallyport: ${line}\n`);
  const lines = [...ofPolicies, ...ofKeyrings, ...ofBuckets.wrong].map((line) => `\n  ${line}`);
  if (lines.length === 0) return;
  throw new CommandError(`${name} does not serve:${lines.join('')}`, ofPolicies.length > 0 ? 2 : 1);
}

interface CheckOptions {
  readonly loadPolicies: () => Promise<unknown>;
  /** Whether buckets are asked. */
  readonly online?: boolean | undefined;
  readonly io: Pick<CommandIo, 'stderr'>;
}

const NOTHING_FOUND = { wrong: [], inconclusive: [] };

async function policyProblems(load: () => Promise<unknown>): Promise<readonly string[]> {
  try {
    await load();
    return [];
  } catch (error) {
    if (error instanceof InvalidPolicies) return error.message.split('\n');
    throw error;
  }
}
