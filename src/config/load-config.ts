/**
 * One YAML file and the environment in, a complete configuration out, or every reason why not. The environment is a
 * parameter: nothing here looks at the process.
 */
import { readFile, stat } from 'node:fs/promises';
import { basename, dirname, resolve } from 'node:path';
import { createSecureContext } from 'node:tls';
import type { z } from 'zod';
import type { CredentialFiles } from './assemble-credentials.ts';
import { assemble } from './assemble.ts';
import type { Config } from './config.ts';
import { ConfigError, type ConfigProblem } from './config-error.ts';
import { checkedSchema } from './cross-checks.ts';
import { applyEnvironment, pathKey, type Environment } from './environment.ts';
import { explain, type Explanation } from './explain.ts';
import { readFiles, type Files } from './read-files.ts';
import type { FileConfig } from './schema.ts';
import { readYaml } from './yaml-file.ts';

export interface LoadOptions {
  /** Path of the YAML file. Relative paths in it start at its directory. */
  readonly path: string;
  readonly env: Environment;
  /** Where relative paths in variables start (default: where the process runs). */
  readonly cwd?: string | undefined;
}

/** What a configuration is for: which keys it may have, and what is made of them. */
export interface Purpose<Checked, Made> {
  readonly schema: z.ZodType<Checked>;
  /** What cannot be said of a key alone once the files are read. */
  readonly checkFiles: (files: Files) => readonly Explanation[];
  readonly assemble: (checked: Checked, named: CredentialFiles) => Made;
  /** Whether roles are assumed, so that the variables of an STS endpoint mean something. */
  readonly assumesRoles: boolean;
}

/** The content of a configuration, wherever it comes from. */
export interface Content {
  readonly content: unknown;
  /** Relative paths start here. */
  readonly directory: string;
  /** Where a value stands, for a person. */
  readonly where: (path: readonly string[]) => string;
  /** By which problems are put in order. */
  readonly lineOf: (path: readonly string[]) => number | undefined;
}

const MAX_FILE_BYTES = 1_048_576;

const readSource = async (path: string): Promise<string> => {
  const where = basename(path);
  const refuse = (message: string) => new ConfigError([{ where, key: '', message }]);
  try {
    if ((await stat(path)).size > MAX_FILE_BYTES) throw refuse('is larger than 1 MiB');
    return await readFile(path, 'utf8');
  } catch (error) {
    if (error instanceof ConfigError) throw error;
    throw refuse(
      `cannot be read (${error instanceof Error && 'code' in error ? String(error.code) : 'unknown error'})`,
    );
  }
};

/** A certificate and a key that do not belong together would otherwise show at the first connection only. */
const checkListenTls = (files: Files): readonly Explanation[] => {
  const [cert, key] = ['certFile', 'keyFile'].map((name) => files.get(pathKey(['listen', 'tls', name])));
  if (cert === undefined || key === undefined) return [];
  try {
    createSecureContext({ cert: cert.revealBytes(), key: key.revealBytes() });
    return [];
  } catch {
    return [{ path: ['listen', 'tls', 'keyFile'], message: 'does not belong to `certFile`, or has a passphrase' }];
  }
};

/** Whoever guesses it chooses the addresses on record. */
const checkEdgeSecret = (files: Files): readonly Explanation[] => {
  const secret = files.get(pathKey(['edge', 'secretFile']))?.reveal();
  if (secret === undefined || (secret.length >= 32 && secret.length <= 128)) return [];
  const message = 'names a secret of less than 32 or more than 128 characters; make one with `openssl rand -hex 32`';
  return [{ path: ['edge', 'secretFile'], message }];
};

/** Reads one YAML file. @throws ConfigError when it cannot be read or is none */
export const readConfigFile = async (path: string): Promise<Content> => {
  const fileName = basename(path);
  const at = (line = 0) => (line === 0 ? fileName : `${fileName}:${line}`);
  const { content, problems, lineOf } = readYaml(await readSource(path));
  if (problems.length > 0) {
    throw new ConfigError(problems.map(({ line, message }) => ({ where: at(line), key: '', message })));
  }
  return { content, directory: dirname(resolve(path)), where: (key) => at(lineOf(key)), lineOf };
};

/**
 * Checks the content of a configuration for its purpose, and reads the files that it names.
 * @throws ConfigError with every problem at once
 */
export const loadFor = async <Checked, Made>(
  { schema, checkFiles, assemble: make, assumesRoles }: Purpose<Checked, Made>,
  source: Content,
  { env, cwd }: Omit<LoadOptions, 'path'>,
): Promise<Made> => {
  const overlay = applyEnvironment(source.content, env, { assumesRoles, cwd });
  const { content, origins, provided } = overlay;
  const parsed = schema.safeParse(content);
  const { files, problems: unreadable } = await readFiles(content, source.directory, provided);
  const findings = [
    ...(parsed.error?.issues ?? []).flatMap((issue) => explain(issue, content)),
    ...unreadable,
    ...checkFiles(files),
  ].sort((a, b) => (source.lineOf(a.path) ?? 0) - (source.lineOf(b.path) ?? 0));
  const problems: ConfigProblem[] = [
    ...overlay.problems.map(({ variable, message }) => ({ where: variable, key: '', message })),
    ...findings.map(({ path, message }) => ({
      where: origins.get(pathKey(path)) ?? source.where(path),
      key: path.join('.'),
      message,
    })),
  ];
  if (problems.length > 0 || !parsed.success) throw new ConfigError(problems);
  return make(parsed.data, { files, provided, directory: source.directory });
};

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
