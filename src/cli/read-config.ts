/** The configuration that a command is given, with every mistake in it as a line of its own. */
import { relative } from 'node:path';
import type { Config } from '../config/config.ts';
import { ConfigError } from '../config/loading/config-error.ts';
import { loadWholeConfig } from '../config/load-config.ts';
import type { LoadedConfig } from '../config/loading/load.ts';
import { CommandError, type CommandIo } from './io.ts';

/** Loads it. @throws CommandError (2) */
export async function readConfig(io: CommandIo, path: string): Promise<Config> {
  return (await readWholeConfig(io, path)).config;
}

/** Loads it; gives also what it was made of. @throws CommandError (2) */
export async function readWholeConfig(io: CommandIo, path: string): Promise<LoadedConfig<Config>> {
  try {
    return await loadWholeConfig({ path, env: io.env, cwd: io.cwd });
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    throw notUsable(shownPath(io, path), error);
  }
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
