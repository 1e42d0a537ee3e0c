/**
 * The configuration that a command is given: the file that it names, else the usual one where it is there, else what the
 * variables say; with every mistake in it as a line of its own.
 */
import { lstatSync } from 'node:fs';
import { relative, resolve } from 'node:path';
import type { Config } from '../config/config.ts';
import { ConfigError } from '../config/loading/config-error.ts';
import { hasVariables } from '../config/loading/environment.ts';
import { loadWholeConfig } from '../config/load-config.ts';
import type { LoadedConfig } from '../config/loading/load.ts';
import { CommandError, type CommandIo } from './io.ts';

/** Where the file is that no command line names. */
const USUAL_FILE = '/etc/sallyport/sallyport.yaml';
/** What there is in place of a file. */
const VARIABLES_NAME = 'the environment';

export const CONFIG_OPTION = [
  '--config <file>',
  `the configuration file (default: ${USUAL_FILE} where it exists, else the variables alone; docs/configuration.md)`,
] as const;

/** Loads it. @throws CommandError (2) */
export async function readConfig(io: CommandIo, named?: string): Promise<Config> {
  return (await readWholeConfig(io, named)).config;
}

/** Loads it; gives also what it was made of. @throws CommandError (2) */
export async function readWholeConfig(io: CommandIo, named?: string): Promise<LoadedConfig<Config>> {
  const path = configFile(io, named);
  try {
    if (path !== undefined || hasVariables(io.env)) return await loadWholeConfig({ path, env: io.env, cwd: io.cwd });
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    throw notUsable(configName(io, named), error);
  }
  throw new CommandError(
    `no configuration: name a file with --config, write ${USUAL_FILE}, or set SALLYPORT_ISSUER, SALLYPORT_ISSUER_AUDIENCES, SALLYPORT_BUCKETS and what else docs/configuration.md names under "Without a file"`,
    2,
  );
}

/** The file that is read; undefined: none. */
export function configFile({ cwd }: Pick<CommandIo, 'cwd'>, named?: string, usual = USUAL_FILE): string | undefined {
  if (named !== undefined) return resolve(cwd, named);
  try {
    lstatSync(usual);
  } catch (error) {
    // One that may not be looked at is there; reading it says so.
    if (['ENOENT', 'ENOTDIR'].includes((error as NodeJS.ErrnoException).code ?? '')) return undefined;
  }
  return usual;
}

/** What a message calls the configuration. */
export function configName(io: CommandIo, named?: string): string {
  const path = configFile(io, named);
  return path === undefined ? VARIABLES_NAME : shownPath(io, path);
}

/** Names every mistake in a line of its own; a single one in the same line. */
export function notUsable(name: string, { lines }: ConfigError): CommandError {
  const [only = '', ...more] = lines;
  const what = more.length === 0 ? ` ${only}` : lines.map((line) => `\n  ${line}`).join('');
  return new CommandError(`${name} cannot be used:${what}`, 2);
}

/** A path as somebody would write it here. */
export function shownPath({ cwd }: CommandIo, path: string): string {
  const near = relative(cwd, path);
  return near === '' || near.startsWith('..') ? path : near;
}
