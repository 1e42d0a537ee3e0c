/**
 * The content of a configuration and the environment in, a complete configuration out, or every reason why not, whatever
 * the configuration is for. The environment is a parameter: nothing here looks at the process.
 */
import { readFile, stat } from 'node:fs/promises';
import { basename, dirname, resolve } from 'node:path';
import type { z } from 'zod';
import { ConfigError, isVariable, type ConfigProblem } from './config-error.ts';
import { applyEnvironment, type Environment } from './environment.ts';
import { explain, type Explanation } from './explain.ts';
import { inVariables, variableAt } from './in-variables.ts';
import { keyAt } from './keys.ts';
import { pathKey } from './path-key.ts';
import { readFiles, type Files, type NamedFiles } from './read-files.ts';
import { Secret } from './secret.ts';
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
  readonly assemble: (checked: Checked, named: NamedFiles) => Made;
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

/**
 * What a configuration was made of: the content of its file, and what stands in the files that it names, in base64 by
 * `pathKey`. It holds every secret: it is kept in memory, goes to the processes of one gateway, and nowhere else.
 */
export interface ConfigSnapshot {
  readonly content: unknown;
  readonly files: Readonly<Record<string, string>>;
  /** Where relative paths start. */
  readonly directory: string;
}

/** A configuration, and what it was made of. */
export interface LoadedConfig<Made> {
  readonly config: Made;
  readonly snapshot: ConfigSnapshot;
  /** The files that it names. */
  readonly paths: readonly string[];
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

/** The variable that a key comes from, or the map above it, with the place there. */
const originOf = (origins: ReadonlyMap<string, string>, path: readonly string[]): string | undefined => {
  for (let length = path.length; length > 0; length -= 1) {
    const variable = origins.get(pathKey(path.slice(0, length)));
    if (variable === undefined) continue;
    if (length === path.length || keyAt(path.slice(0, length))?.kind === 'list') return variable;
    // Buckets are named by one variable, and what they are like is said of all by others.
    const alike = path[0] === 'buckets' && length === 1 ? keyAt(path)?.variable : undefined;
    return alike ?? `${variable} (${path.slice(length).join('.')})`;
  }
  return undefined;
};

/** The content where there is no file: nothing but what `start` says, for the variables to fill. */
export const environmentContent = (start: object, directory: string): Content => ({
  content: start,
  directory,
  where: variableAt,
  lineOf: () => undefined,
});

/** Of what a configuration was made of: no file is read again, and its lines are not known. */
export const snapshotContent = ({ content, directory }: ConfigSnapshot): Content => ({
  ...{ content, directory },
  where: () => 'the configuration',
  lineOf: () => undefined,
});

/**
 * Checks the content of a configuration for its purpose, and reads the files that it names.
 * @throws ConfigError with every problem at once
 */
export const loadFor = async <Checked, Made>(
  purpose: Purpose<Checked, Made>,
  source: Content,
  options: Omit<LoadOptions, 'path'>,
): Promise<Made> => (await loadWhole(purpose, source, options)).config;

/** Does the same; gives also what it was made of. What was `read` before takes the place of files. */
export const loadWhole = async <Checked, Made>(
  { schema, checkFiles, assemble: make, assumesRoles }: Purpose<Checked, Made>,
  source: Content,
  { env, cwd }: Omit<LoadOptions, 'path'>,
  before?: Pick<ConfigSnapshot, 'files'>,
): Promise<LoadedConfig<Made>> => {
  const overlay = applyEnvironment(source.content, env, { assumesRoles, cwd });
  const { content, origins, provided } = overlay;
  const parsed = schema.safeParse(content);
  const read = before && filesOf(before);
  const { files, paths, problems: unreadable } = await readFiles(content, source.directory, provided, read);
  const findings = [
    ...(parsed.error?.issues ?? []).flatMap((issue) => explain(issue, content)),
    ...unreadable,
    ...checkFiles(files),
  ].sort((a, b) => (source.lineOf(a.path) ?? 0) - (source.lineOf(b.path) ?? 0));
  const problems: ConfigProblem[] = [
    ...overlay.problems.map(({ variable, message }) => ({ where: variable, key: '', message })),
    ...findings.map(({ path, message }) => {
      const where = originOf(origins, path) ?? source.where(path);
      return { where, key: path.join('.'), message: isVariable(where) ? inVariables(message, path) : message };
    }),
  ];
  if (problems.length > 0 || !parsed.success) throw new ConfigError(problems);
  return {
    config: make(parsed.data, { files, provided, directory: source.directory }),
    snapshot: { content: source.content, files: textsOf(files), directory: source.directory },
    paths,
  };
};

const filesOf = ({ files }: Pick<ConfigSnapshot, 'files'>): Files =>
  new Map(Object.entries(files).map(([key, content]) => [key, new Secret(Buffer.from(content, 'base64'))]));

const textsOf = (files: Files): ConfigSnapshot['files'] =>
  Object.fromEntries([...files].map(([key, secret]) => [key, secret.revealBytes().toString('base64')]));
