/** A small configuration that is right, in a folder of its own, to be made wrong by tests. */
import { chmod, copyFile, mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { parse, stringify } from 'yaml';
import type { Config } from '../../../src/config/config.ts';
import { ConfigError, type ConfigProblem } from '../../../src/config/loading/config-error.ts';
import { keyAt } from '../../../src/config/loading/keys.ts';
import { loadConfig } from '../../../src/config/load-config.ts';

/** What is done to the right configuration: values by dotted path; `undefined` removes. */
export type Changes = Readonly<Record<string, unknown>>;
export type Variables = Readonly<Record<string, string>>;

export const SECRET_KEY = 'wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY';
export const SEED = 'a seed of no less than thirty-two bytes';

const right = (): object => ({
  listen: { socket: 'gateway.sock' },
  issuers: { corp: { issuer: 'https://idp.example/realms/corp', audiences: ['sallyport'] } },
  stores: {
    main: {
      endpoint: 'https://store.example:9000',
      region: 'eu-central-1',
      credentials: { accessKeyIdFile: 'id', secretAccessKeyFile: 'secret' },
      sts: { roleArn: 'arn:aws:iam::123456789012:role/sallyport' },
    },
  },
  buckets: { reports: {} },
  keyring: { local: { versions: { 1: { seedFile: 'seed' } } } },
  policies: { directory: 'policies' },
  audit: { directory: 'audit' },
});

const put = (tree: object, path: readonly string[], value: unknown): void => {
  const [head = '', ...rest] = path;
  const node = tree as Record<string, unknown>;
  if (rest.length === 0) node[head] = value;
  else {
    if (typeof node[head] !== 'object' || node[head] === null) node[head] = {};
    put(node[head] as object, rest, value);
  }
};

/** The right configuration, changed. */
export const changed = (changes: Changes): object => {
  const tree = right();
  for (const [path, value] of Object.entries(changes)) put(tree, path.split('.'), value);
  return tree;
};

/** The folders of a real system that a configuration may name. */
const ROOTS = /(?<=^|[\s'"])\/(etc|var|run)\//gm;

const namedFiles = (node: unknown, path: readonly string[] = []): [kind: string, name: string][] => {
  if (typeof node === 'object' && node !== null) {
    return Object.entries(node).flatMap(([part, value]) => namedFiles(value, [...path, part]));
  }
  const kind = keyAt(path)?.file;
  return typeof node === 'string' && kind !== undefined ? [[kind, node]] : [];
};

const PLACEHOLDERS: Readonly<Record<string, string>> = {
  certificates: 'test-only.crt.pem',
  'private key': 'test-only.key.pem',
  secret: 'secret',
  seed: 'seed',
};

export class Sample {
  readonly directory: string;

  private constructor(directory: string) {
    this.directory = directory;
  }

  static async create(): Promise<Sample> {
    const sample = new Sample(await mkdtemp(join(tmpdir(), 'sallyport-config-')));
    await mkdir(sample.file('policies'));
    await mkdir(sample.workingDirectory);
    await sample.write('id', 'AKIAEXAMPLE\n');
    await sample.write('secret', `${SECRET_KEY}\n`);
    await sample.write('seed', `${SEED}\n`);
    for (const name of ['test-only.crt.pem', 'test-only.key.pem']) {
      await copyFile(join(import.meta.dirname, 'fixtures', name), sample.file(name));
      await chmod(sample.file(name), 0o600);
    }
    return sample;
  }

  /** Where relative paths of variables start; another place than that of the configuration. */
  get workingDirectory(): string {
    return this.file('work');
  }

  file(name: string): string {
    return join(this.directory, name);
  }

  async write(name: string, content: string | Uint8Array, mode = 0o600): Promise<void> {
    await writeFile(this.file(name), content);
    await chmod(this.file(name), mode);
  }

  async remove(): Promise<void> {
    await rm(this.directory, { recursive: true });
  }

  /** Loads a YAML text. */
  async loadText(text: string, env: Variables = {}): Promise<Config> {
    await this.write('sallyport.yaml', text);
    return loadConfig({ path: this.file('sallyport.yaml'), env, cwd: this.workingDirectory });
  }

  /** Loads the right configuration after changes. */
  async load(changes: Changes = {}, env: Variables = {}): Promise<Config> {
    return this.loadText(stringify(changed(changes)), env);
  }

  /** Gives what is wrong after changes. */
  async problems(changes: Changes, env: Variables = {}): Promise<readonly ConfigProblem[]> {
    try {
      await this.load(changes, env);
      return [];
    } catch (error) {
      if (error instanceof ConfigError) return error.problems;
      throw error;
    }
  }

  /** Gives the keys (or variables) that are wrong after changes. */
  async wrongKeys(changes: Changes, env: Variables = {}): Promise<readonly string[]> {
    return (await this.problems(changes, env)).map(({ key, where }) => (key === '' ? where : key));
  }

  /** Loads a configuration that is meant for a real system: its folders move here, its files get stand-ins. */
  async loadReal(path: string, env: Variables = {}): Promise<Config> {
    const text = (await readFile(path, 'utf8')).replace(ROOTS, `${this.directory}/$1/`);
    for (const [kind, name] of namedFiles(parse(text))) {
      await mkdir(kind === 'directory' ? name : dirname(name), { recursive: true });
      if (kind === 'directory') continue;
      await copyFile(this.file(PLACEHOLDERS[kind] ?? ''), name);
      await chmod(name, 0o600);
    }
    return this.loadText(text, env);
  }
}
