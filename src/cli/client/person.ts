/**
 * What the commands for people have in common: the machine, a profile of theirs, calls that end with the command, and
 * failures as one line that says what to do.
 */
import type { Command } from 'commander';
import { ClientFailure } from '../../client/failure.ts';
import { openHttp, type Http } from '../../client/http.ts';
import { pathsOf, type Machine, type ProfilePaths } from '../../client/profile-paths.ts';
import { readSettings, type Settings } from '../../client/settings.ts';
import { CommandError, type CommandIo } from '../io.ts';

/** A person's command in progress. */
export interface Visit {
  readonly machine: Machine;
  readonly profile: string;
  readonly paths: ProfilePaths;
  readonly settings: Settings;
  readonly http: Http;
}

export interface ProfileFlag {
  readonly profile?: string;
}

const PROFILE_OPTION = [
  '--profile <name>',
  'which login, where there are several (default: $SALLYPORT_CLIENT_PROFILE, or "default")',
] as const;

export const PEOPLE_EXIT_CODES = '\n\nExit codes: 0 done, 1 failed, 2 usage.';

/** Makes a command of people: it knows its profile. */
export function personCommand(program: Command, name: string, description: string): Command {
  return program
    .command(name)
    .description(description)
    .option(...PROFILE_OPTION);
}

export function machineOf(io: CommandIo): Machine {
  return { home: io.home, platform: io.platform, env: io.env };
}

export function profileOf(io: CommandIo, { profile }: ProfileFlag): string {
  const named = io.env['SALLYPORT_CLIENT_PROFILE'];
  return profile ?? (named === undefined || named === '' ? 'default' : named);
}

/** Runs a command of somebody who has logged in before, or else `ifNew`, which fails by default. @throws CommandError */
export async function visit(
  io: CommandIo,
  flags: ProfileFlag,
  run: (visit: Visit) => Promise<void>,
  ifNew: () => void = notLoggedIn,
): Promise<void> {
  await asPerson(async () => {
    const [machine, profile] = [machineOf(io), profileOf(io, flags)];
    const paths = asUsage(() => pathsOf(machine, profile));
    const settings = await readSettings(paths);
    if (settings === undefined) {
      ifNew();
      return;
    }
    const http = await openHttp(io.env, settings.caFile);
    try {
      await run({ machine, profile, paths, settings, http });
    } finally {
      await http.close();
    }
  });
}

function notLoggedIn(): never {
  throw new ClientFailure('nobody is logged in', 'log in: sallyport login');
}

/** Says a failure in one line. @throws CommandError */
export async function asPerson(run: () => Promise<void>): Promise<void> {
  try {
    await run();
  } catch (error) {
    if (!(error instanceof ClientFailure)) throw error;
    throw inOneLine(error, 1);
  }
}

/** Reads what was given: what is wrong with that is wrong usage. @throws CommandError (2) */
export function asUsage<Made>(read: () => Made): Made {
  try {
    return read();
  } catch (error) {
    if (!(error instanceof ClientFailure)) throw error;
    throw inOneLine(error, 2);
  }
}

function inOneLine({ message, remedy }: ClientFailure, exitCode: 1 | 2): CommandError {
  return new CommandError(remedy === undefined ? message : `${message}; ${remedy}`, exitCode);
}
