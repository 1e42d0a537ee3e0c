/**
 * `--check` of what serves: what can be told of a configuration before it does. Beyond the files themselves: its policies,
 * and whether its keyrings answer, which serving does not wait for; with `--online`, whether everything else that it depends on
 * can be used. Says everything at once.
 */
import type { Listening, ServiceConfig } from '../../compose/check-online.ts';
import type { Finding } from '../../compose/finding.ts';
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
  'with --check: also tries issuers, lists, the folder of the audit, addresses and each bucket: one STS session and one HEAD request',
] as const;

/** How it is said. */
export const JSON_OPTION = ['--json', 'with --check: prints each thing that was checked as JSON'] as const;

export interface CheckFlags {
  readonly check?: true | undefined;
  readonly online?: true | undefined;
  readonly json?: true | undefined;
}

/** @throws CommandError (2) */
export function refuseAlone({ check, online, json }: CheckFlags): void {
  if (check === true) return;
  if (online === true) throw new CommandError('--online goes with --check', 2);
  if (json === true) throw new CommandError('--json goes with --check', 2);
}

interface CheckOptions extends Pick<CheckFlags, 'online' | 'json'> {
  readonly loadPolicies: () => Promise<unknown>;
  readonly listening: readonly Listening[];
  /** What is said where all is right. */
  readonly ok: string;
  readonly io: Pick<CommandIo, 'stdout' | 'stderr'>;
}

/** Checks a configuration that is right in itself. @throws CommandError (2: policies, 1: anything else) */
export async function checkOnly(
  name: string,
  config: ServiceConfig,
  { loadPolicies, listening, online, json, ok, io }: CheckOptions,
): Promise<void> {
  const { checkKeyring } = await import('../../compose/check-keyring.ts');
  const found = await Promise.all([
    checkPolicies(loadPolicies),
    checkKeyring(config),
    online === true ? (await import('../../compose/check-online.ts')).checkOnline(config, listening) : [],
  ]);
  const checks = found.flat();
  const wrong = checks.filter(({ state }) => state === 'wrong');
  if (json === true) io.stdout.write(`${JSON.stringify({ ok: wrong.length === 0, checks })}\n`);
  else {
    for (const { state, detail } of checks) if (state === 'unclear') io.stderr.write(`sallyport: ${detail}\n`);
    if (wrong.length === 0) io.stdout.write(ok);
  }
  if (wrong.length === 0) return;
  const lines = json === true ? [] : [':', ...wrong.map(({ detail }) => `\n  ${detail}`)];
  throw new CommandError(
    `${name} does not serve${lines.join('')}`,
    wrong.some((one) => one.name === 'policies') ? 2 : 1,
  );
}

async function checkPolicies(load: () => Promise<unknown>): Promise<readonly Finding[]> {
  try {
    await load();
    return [{ name: 'policies', state: 'ok' }];
  } catch (error) {
    if (!(error instanceof InvalidPolicies)) throw error;
    return error.message.split('\n').map((detail) => ({ name: 'policies', state: 'wrong', detail }));
  }
}
