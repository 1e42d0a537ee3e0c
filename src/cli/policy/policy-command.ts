/**
 * What the commands about policies have in common: where policies come from, what they are asked about, exit codes, and
 * failures as lines.
 */
import { stat } from 'node:fs/promises';
import { resolve } from 'node:path';
import type { Command } from 'commander';
import { policiesOf } from '../../compose/policies.ts';
import { CannotTell } from '../../policy/analysis/situations.ts';
import type { Config } from '../../config/config.ts';
import { InvalidPolicies } from '../../policy/invalid-policies.ts';
import { loadPolicies, type PolicySet } from '../../policy/load-policies.ts';
import { CommandError, type CommandIo } from '../io.ts';
import { printable } from '../operator/report.ts';
import { CONFIG_OPTION, readConfig } from '../read-config.ts';

export interface SourceFlags {
  readonly config?: string;
  readonly policies?: string;
  readonly json?: true;
}

/** Exit codes beside those of usage and failure. */
export const EXIT = { ok: 0, found: 3, unknown: 4 } as const;

/** Makes a command that reads one set. */
export function policyCommand(policy: Command, name: string, description: string): Command {
  return policy
    .command(name)
    .description(description)
    .option(CONFIG_OPTION[0], `its policies, held against its issuers and buckets: ${CONFIG_OPTION[1]}`)
    .option('--policies <directory>', 'a directory of policies alone')
    .option('--json', 'prints one line of JSON');
}

/** The set that the flags name, and its directory. @throws CommandError */
export async function readSet(
  io: CommandIo,
  { config, policies }: SourceFlags,
): Promise<{ readonly set: PolicySet; readonly directory: string }> {
  if (config !== undefined && policies !== undefined)
    throw new CommandError('name --config or --policies, not both', 2);
  if (policies !== undefined) {
    const directory = resolve(io.cwd, policies);
    return { set: await valid(() => loadPolicies(directory)), directory };
  }
  const read = await readConfig(io, config);
  return { set: await valid(() => policiesOf(read)), directory: read.policies.directory };
}

/** Reads something of policies; whatever is wrong with it is told in lines. @throws CommandError (1) */
export async function valid<T>(read: () => T | Promise<T>): Promise<T> {
  try {
    return await read();
  } catch (error) {
    if (!(error instanceof InvalidPolicies)) throw error;
    throw new CommandError(error.message.split('\n').join('\n  '));
  }
}

/** Answers what can be told, and with exit code 4 that nothing can. */
export function orUnknown(io: CommandIo, flags: SourceFlags, tell: () => void): void {
  try {
    tell();
  } catch (error) {
    if (!(error instanceof CannotTell)) throw error;
    io.stdout.write(
      flags.json === true ? `${JSON.stringify({ unknown: error.message })}\n` : `cannot tell: ${error.message}\n`,
    );
    io.setExitCode(EXIT.unknown);
  }
}

export const exitCodes = (found: string): string =>
  `\n\nExit codes: 0 ${found}, 4 cannot tell, 1 failed, 2 usage or configuration. JSON: docs/policy-commands.md.`;

/** Writes text for people, line by line so that no name commands a terminal, or JSON. */
export function answer(
  io: CommandIo,
  { json }: Pick<SourceFlags, 'json'>,
  report: object,
  text: string,
  code: number,
): void {
  io.stdout.write(json === true ? `${JSON.stringify(report)}\n` : text.split('\n').map(printable).join('\n'));
  io.setExitCode(code);
}

/** Whether a directory is there. */
export const isDirectory = (path: string): Promise<boolean> =>
  stat(path).then(
    (entry) => entry.isDirectory(),
    () => false,
  );

/** The set in a directory, held against a configuration where there is one. @throws CommandError */
export async function setAt(io: CommandIo, path: string, config: Config | undefined): Promise<PolicySet> {
  const directory = resolve(io.cwd, path);
  if (!(await isDirectory(directory))) throw new CommandError(`${path} is no directory`, 2);
  if (config === undefined) return valid(() => loadPolicies(directory));
  return valid(() => policiesOf({ ...config, policies: { ...config.policies, directory, text: undefined } }));
}
