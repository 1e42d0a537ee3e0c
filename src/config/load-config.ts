/**
 * The configuration of a gateway: one YAML file and the environment, or the environment alone, in; a complete configuration,
 * or every reason why not, out.
 */
import { assemble } from './assemble.ts';
import type { Config } from './config.ts';
import { checkedSchema } from './cross-checks.ts';
import { checkEdgeSecret } from './edge/checks.ts';
import { checkListenTls } from './listen/checks.ts';
import type { Environment } from './loading/environment.ts';
import { environmentContent, loadFor, readConfigFile, type LoadOptions, type Purpose } from './loading/load.ts';
import type { FileConfig } from './schema.ts';

const GATEWAY: Purpose<FileConfig, Config> = {
  schema: checkedSchema,
  checkFiles: (files) => [...checkListenTls(files), ...checkEdgeSecret(files)],
  assemble,
  assumesRoles: true,
};

/**
 * Loads and checks the configuration of a gateway, and reads the files that it names.
 * @throws ConfigError with every problem at once
 */
export const loadConfig = async ({ path, ...from }: LoadOptions): Promise<Config> =>
  loadFor(GATEWAY, await readConfigFile(path), from);

/** Where the edge reaches a gateway that is told nothing else; the image has the folder. */
const SOCKET = '/run/sallyport/gateway.sock';

/**
 * Loads and checks what the variables alone say: one store, one issuer. Relative paths start at `cwd`.
 * @throws ConfigError with every problem at once
 */
export const loadConfigOfVariables = (env: Environment, cwd: string): Promise<Config> => {
  const listen = env['SALLYPORT_LISTEN_ADDRESS'] ? {} : { socket: SOCKET };
  const start = { listen, issuers: { issuer: {} }, stores: { store: {} }, policies: {}, audit: {} };
  return loadFor(GATEWAY, environmentContent(start, cwd), { env, cwd });
};
