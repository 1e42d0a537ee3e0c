/** The configuration of a gateway: one YAML file and the environment in, a complete configuration or every reason why not out. */
import { assemble } from './assemble.ts';
import type { Config } from './config.ts';
import { checkedSchema } from './cross-checks.ts';
import { checkEdgeSecret } from './edge/checks.ts';
import { checkListenTls } from './listen/checks.ts';
import {
  loadWhole,
  readConfigFile,
  sourceAt,
  type ConfigSnapshot,
  type LoadedConfig,
  type LoadOptions,
  type Purpose,
} from './loading/load.ts';
import type { FileConfig } from './schema.ts';
import { checkSessionKeys } from './sessions/checks.ts';

const GATEWAY: Purpose<FileConfig, Config> = {
  schema: checkedSchema,
  checkFiles: (files) => [...checkListenTls(files), ...checkEdgeSecret(files), ...checkSessionKeys(files)],
  assemble,
  assumesRoles: true,
};

/**
 * Loads and checks the configuration of a gateway, and reads the files that it names.
 * @throws ConfigError with every problem at once
 */
export const loadConfig = async (options: LoadOptions): Promise<Config> => (await loadWholeConfig(options)).config;

/** Does the same; gives also what it was made of. @throws ConfigError with every problem at once */
export const loadWholeConfig = async ({ path, ...from }: LoadOptions): Promise<LoadedConfig<Config>> =>
  loadWhole(GATEWAY, await readConfigFile(path), from);

/** Makes it anew of what one was made of: `path` is not read. @throws ConfigError with every problem at once */
export const configOf = async (
  snapshot: ConfigSnapshot,
  { path, ...from }: LoadOptions,
): Promise<LoadedConfig<Config>> => loadWhole(GATEWAY, sourceAt(path), { ...from, snapshot });
