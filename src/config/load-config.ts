/**
 * The configuration of a gateway: one YAML file and the environment, or the environment alone, in; a complete configuration,
 * or every reason why not, out.
 */
import { assemble } from './assemble.ts';
import type { Config } from './config.ts';
import { checkedSchema } from './cross-checks.ts';
import { checkEdgeSecret } from './edge/checks.ts';
import { checkListenTls } from './listen/checks.ts';
import {
  environmentContent,
  loadWhole,
  readConfigFile,
  snapshotContent,
  type ConfigSnapshot,
  type Content,
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

/** What is loaded; without a path it is what the variables alone say. */
type WholeOptions = Omit<LoadOptions, 'path'> & { readonly path: string | undefined };

/**
 * Does the same, and gives also what it was made of. Without a `path` it loads what the variables alone say: one store, one
 * issuer; relative paths start at `cwd` then.
 * @throws ConfigError with every problem at once
 */
export const loadWholeConfig = async ({ path, ...from }: WholeOptions): Promise<LoadedConfig<Config>> =>
  loadWhole(GATEWAY, path === undefined ? contentOfVariables(from) : await readConfigFile(path), from);

/** Makes it anew of what one was made of, and of the variables. @throws ConfigError with every problem at once */
export const configOf = (snapshot: ConfigSnapshot, from: Omit<LoadOptions, 'path'>): Promise<LoadedConfig<Config>> =>
  loadWhole(GATEWAY, snapshotContent(snapshot), from, snapshot);

/** Where the edge reaches a gateway that is told nothing else; the image has the folder. */
const SOCKET = '/run/sallyport/gateway.sock';

const contentOfVariables = ({ env, cwd = '.' }: Omit<LoadOptions, 'path'>): Content => {
  const listen = env['SALLYPORT_LISTEN_ADDRESS'] ? {} : { socket: SOCKET };
  const start = { listen, issuers: { issuer: {} }, stores: { store: {} }, policies: {}, audit: {} };
  return environmentContent(start, cwd);
};
