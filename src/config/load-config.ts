/**
 * One YAML file and the environment in, a complete configuration out, or every reason why not. The environment is a
 * parameter: nothing here looks at the process.
 */
import { readFile, stat } from 'node:fs/promises';
import { basename, dirname, resolve } from 'node:path';
import { createSecureContext } from 'node:tls';
import { assemble } from './assemble.ts';
import type { Config } from './config.ts';
import { ConfigError, type ConfigProblem } from './config-error.ts';
import { checkedSchema } from './cross-checks.ts';
import { applyEnvironment, pathKey, type Environment } from './environment.ts';
import { explain, type Explanation } from './explain.ts';
import { readFiles, type Files } from './read-files.ts';
import { readYaml } from './yaml-file.ts';

export interface LoadOptions {
  /** Path of the YAML file. Relative paths in it, and in variables, start at its directory. */
  readonly path: string;
  readonly env: Environment;
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

/**
 * Loads and checks a configuration, and reads the files that it names.
 * @throws ConfigError with every problem at once
 */
export const loadConfig = async ({ path, env }: LoadOptions): Promise<Config> => {
  const directory = dirname(resolve(path));
  const fileName = basename(path);
  const at = (line = 0) => (line === 0 ? fileName : `${fileName}:${line}`);

  const yaml = readYaml(await readSource(path));
  if (yaml.problems.length > 0) {
    throw new ConfigError(yaml.problems.map(({ line, message }) => ({ where: at(line), key: '', message })));
  }
  const { content, origins, provided, problems: misused } = applyEnvironment(yaml.content, env);
  const parsed = checkedSchema.safeParse(content);
  const { files, problems: unreadable } = await readFiles(content, directory, provided);
  const findings = [
    ...(parsed.error?.issues ?? []).flatMap((issue) => explain(issue, content)),
    ...unreadable,
    ...checkListenTls(files),
  ];
  const located = findings
    .map((finding) => ({
      ...finding,
      line: yaml.lineOf(finding.path) ?? 0,
      variable: origins.get(pathKey(finding.path)),
    }))
    .sort((a, b) => a.line - b.line);
  const problems: ConfigProblem[] = [
    ...misused.map(({ variable, message }) => ({ where: variable, key: '', message })),
    ...located.map(({ path: key, line, variable, message }) => ({
      where: variable ?? at(line),
      key: key.join('.'),
      message,
    })),
  ];
  if (problems.length > 0 || !parsed.success) throw new ConfigError(problems);
  return assemble(parsed.data, { files, provided, directory });
};
