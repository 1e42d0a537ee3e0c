/**
 * The configuration of a sidecar: the gateway's, less who may ask and which roles are assumed. From a YAML file or from
 * the command line, and the environment; out comes a complete configuration, or every reason why not.
 */
import { resolve } from 'node:path';
import { z } from 'zod';
import { checkAdmin } from '../admin/checks.ts';
import { admin } from '../admin/schema.ts';
import { assembleStoreAccess } from '../assemble.ts';
import { audit } from '../audit/schema.ts';
import { checkBuckets } from '../buckets/checks.ts';
import { bucket } from '../buckets/schema.ts';
import type { Config, StoreAccessConfig } from '../config.ts';
import { cors } from '../cors/schema.ts';
import { checkNames, type LooseConfig } from '../cross-checks.ts';
import { checkKeyring } from '../keyring/checks.ts';
import { keyring } from '../keyring/schema.ts';
import { limits } from '../limits/schema.ts';
import type { Environment } from '../loading/environment.ts';
import { variableAt } from '../loading/in-variables.ts';
import { environmentContent, loadFor, readConfigFile, type Purpose } from '../loading/load.ts';
import { entries, type Loose, type Report } from '../loading/loose.ts';
import { promised } from '../loading/promised.ts';
import type { NamedFiles } from '../loading/read-files.ts';
import { log } from '../log/schema.ts';
import { assemblePolicySource } from '../policies/assemble.ts';
import { policies } from '../policies/schema.ts';
import { checkStore } from '../stores/checks.ts';
import { store } from '../stores/schema.ts';
import { timeouts } from '../timeouts/schema.ts';
import { parseAddress, type Address } from '../values/shapes.ts';
import { sidecarKeys } from './schema.ts';

export interface SidecarConfig extends StoreAccessConfig, Pick<Config, 'admin' | 'cors' | 'log'> {
  readonly listen: Address;
  readonly subject: string;
  readonly allowedHosts: readonly string[];
  /** Undefined: everything in the configured buckets is allowed. */
  readonly policies: Pick<Config['policies'], 'directory' | 'text'> | undefined;
  /** Undefined: the standard output. */
  readonly audit: Config['audit'] | undefined;
}

const sidecarSchema = z.strictObject({
  ...{ admin, keyring, cors, limits, timeouts, log },
  stores: z.record(z.string(), store.omit({ method: true, sts: true })),
  buckets: z.record(z.string(), bucket.omit({ roleArn: true })),
  policies: policies.omit({ grants: true }).optional(),
  audit: audit.partial({ directory: true }).optional(),
  sidecar: z.strictObject(sidecarKeys).prefault({}),
});

type SidecarFile = z.output<typeof sidecarSchema>;

const crossCheck = (value: unknown, report: Report): void => {
  if (typeof value !== 'object' || value === null) return;
  const config = value as Loose<SidecarFile> & NonNullable<LooseConfig>;
  checkNames(config, report);
  for (const [name, each] of entries(config.stores)) checkStore(['stores', name], each, undefined, report);
  // As of stores that assume no role, which no bucket of theirs needs to name.
  const stores = Object.fromEntries(
    entries(config.stores).map(([name, each]) => [name, { ...each, method: 'static' }]),
  );
  checkBuckets({ ...config, stores }, report);
  checkAdmin({ ...config, stores }, report);
  checkKeyring(config.keyring, report);
  const toStdout = config.sidecar?.audit === 'stdout';
  if (!toStdout && config.audit?.directory === undefined) {
    report(
      ['audit', 'directory'],
      'is missing; must be the path of a directory, or set `sidecar.audit: stdout` in a pod without a disk',
    );
  }
  if (toStdout && config.audit !== undefined)
    report(['audit'], 'is not written with `sidecar.audit: stdout`; remove it');
};

const assemble = ({ sidecar, ...config }: SidecarFile, named: NamedFiles): SidecarConfig => {
  const stores = Object.entries(config.stores).map(
    ([name, each]) => [name, { ...each, method: 'static' as const, sts: store.shape.sts.parse({}) }] as const,
  );
  const inDirectory = (path: string): string => resolve(named.directory, path);
  return {
    ...assembleStoreAccess({ ...config, stores: Object.fromEntries(stores) }, named),
    admin: { ...config.admin, address: promised(parseAddress(config.admin.address)) },
    cors: config.cors,
    log: config.log,
    listen: promised(parseAddress(sidecar.address)),
    subject: sidecar.subject,
    allowedHosts: sidecar.allowedHosts,
    policies: config.policies && assemblePolicySource(config.policies, named),
    audit:
      sidecar.audit === 'stdout'
        ? undefined
        : { ...promised(config.audit), directory: inDirectory(promised(config.audit?.directory)) },
  };
};

const SIDECAR: Purpose<SidecarFile, SidecarConfig> = {
  schema: sidecarSchema.superRefine(
    (config, context) => {
      crossCheck(config, (path, message) => {
        context.addIssue({ code: 'custom', path: [...path], message, params: { across: true } });
      });
    },
    { when: () => true },
  ),
  checkFiles: () => [],
  assemble,
  assumesRoles: false,
};

/** Loads it from a file. @throws ConfigError with every problem at once */
export const loadSidecarFile = async (path: string, env: Environment, cwd?: string): Promise<SidecarConfig> =>
  loadFor(SIDECAR, await readConfigFile(path), { env, cwd });

/** What the options of a command line say, as the content of a configuration file. */
export interface SidecarOptions {
  readonly content: object;
  /** Relative paths start here. */
  readonly directory: string;
  /** The option that a key comes from, for a person; undefined: none. */
  readonly optionOf: (key: string) => string | undefined;
}

/** Loads it from options. @throws ConfigError with every problem at once */
export const loadSidecarOptions = (
  { content, directory, optionOf }: SidecarOptions,
  env: Environment,
): Promise<SidecarConfig> =>
  loadFor(
    SIDECAR,
    {
      ...environmentContent(content, directory),
      where: (path) => optionOf(path.join('.')) ?? variableAt(path),
    },
    { env, cwd: directory },
  );
