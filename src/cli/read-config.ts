/** The configuration that a command is given, with every mistake in it as a line of its own. */
import { relative } from 'node:path';
import type { Config } from '../config/config.ts';
import { ConfigError } from '../config/config-error.ts';
import { loadConfig } from '../config/load-config.ts';
import { CommandError, type CommandIo } from './io.ts';

/** Loads it. @throws CommandError (2) */
export async function readConfig(io: CommandIo, path: string): Promise<Config> {
  try {
    return await loadConfig({ path, env: io.env, cwd: io.cwd });
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    const name = relative(io.cwd, path);
    throw new CommandError(`${name} cannot be used:\n${error.lines.map((line) => `  ${line}`).join('\n')}`, 2);
  }
}
