/**
 * What the variables of the environment add to a configuration, or all of it. `SALLYPORT_*` overrides the file, and a name
 * that is not known refuses to start; the standard AWS variables only fill what the file leaves open. A relative path starts
 * where the process runs, as for any program that takes these variables. Values never enter a message.
 */
import { resolve } from 'node:path';
import { isPath } from '../values/shapes.ts';
import { isPlaceholder, keyAt, KEYS, ONLY_ENTRIES, type KeyRow } from './keys.ts';
import { nearest } from './nearest.ts';
import { pathKey } from './path-key.ts';
import { replacedVariable } from './replaced-keys.ts';
import { Secret } from './secret.ts';
import { readYaml } from './yaml-file.ts';

export type Environment = Readonly<Record<string, string | undefined>>;

export interface Overlay {
  /** The content of the file with the variables applied. */
  readonly content: unknown;
  /** Which variable a key comes from, by `pathKey`. */
  readonly origins: ReadonlyMap<string, string>;
  /** The content of files whose place a variable takes, by `pathKey` of the file's key. */
  readonly provided: ReadonlyMap<string, Secret>;
  readonly problems: readonly { readonly variable: string; readonly message: string }[];
}

/** The one secret of ours that a variable may hold itself; the process gives it to nobody (`cli/own-environment.ts`). */
const SEED = 'SALLYPORT_KEYRING_SEED';
const SEED_FILE = 'SALLYPORT_KEYRING_SEED_FILE';
const SEED_PATH = ['keyring', 'local', 'versions', '1', 'seedFile'];
/** The text of the policies, in place of their directory. */
const POLICIES = 'SALLYPORT_POLICIES';
const POLICIES_PATH = ['policies', 'directory'];

/** Variables that haproxy/haproxy.cfg reads: the same environment may serve both programs. */
export const EDGE_VARIABLES: readonly string[] = [
  'SALLYPORT_SOCKET',
  'SALLYPORT_SOCKET_2',
  'SALLYPORT_FRONT',
  'SALLYPORT_CERT',
  'SALLYPORT_EDGE_SECRET',
  'SALLYPORT_ACCEPT_PROXY',
  'SALLYPORT_EDGE_CLIENT_CA',
  'SALLYPORT_EDGE_METRICS',
  'SALLYPORT_EDGE_MAPS',
  'SALLYPORT_EDGE_ADMIN',
  'SALLYPORT_EDGE_KEYS',
  'SALLYPORT_UPSTREAM_SECRET',
];
/** What people set for the commands that run on their own machines (docs/people.md); some run both in one shell. */
const PEOPLE_PREFIX = 'SALLYPORT_CLIENT_';

/** What Kubernetes sets in every pod beside a Service whose name begins with `sallyport`. */
const SERVICE_LINK =
  /^SALLYPORT_(?:[A-Z0-9_]+_)?(?:SERVICE_HOST|SERVICE_PORT(?:_[A-Z0-9_]+)?|PORT(?:_\d+_(?:TCP|UDP|SCTP)(?:_(?:PROTO|PORT|ADDR))?)?)$/;

/** Every variable that the gateway itself understands, beside those of AWS. */
export const VARIABLES: readonly string[] = [...KEYS.flatMap(({ variable }) => variable ?? []), SEED, POLICIES];

/** Whether a variable says anything of a configuration. */
export const hasVariables = (env: Environment): boolean =>
  Object.keys(env).some((name) => env[name] !== '' && env[name] !== undefined && isOurs(name));

/** Whether a variable is one of ours, or is meant to be. */
const isOurs = (variable: string): boolean =>
  variable.startsWith('SALLYPORT_') &&
  !(EDGE_VARIABLES.includes(variable) || SERVICE_LINK.test(variable) || variable.startsWith(PEOPLE_PREFIX));

interface Tree {
  [key: string]: unknown;
}

const isTree = (value: unknown): value is Tree => typeof value === 'object' && value !== null && !Array.isArray(value);

/** Sets a key, and makes the groups above it; where something else stands in the way, the schema reports that. */
const setAt = (tree: Tree, path: readonly string[], value: unknown): void => {
  const [head = '', ...rest] = path;
  if (rest.length === 0) {
    tree[head] = value;
    return;
  }
  tree[head] ??= {};
  if (isTree(tree[head])) setAt(tree[head], rest, value);
};

const get = (value: unknown, path: readonly string[]): unknown =>
  path.reduce<unknown>((node, part) => (isTree(node) ? node[part] : undefined), value);

/** The value of a key as a file would have it; what is none is left as it is, for the schema to refuse. */
const typed = ({ kind, path }: Pick<KeyRow, 'kind' | 'path'>, value: string): unknown => {
  if (kind === 'number' && /^\d+$/.test(value)) return Number(value);
  if (kind === 'flag' && (value === 'true' || value === 'false')) return value === 'true';
  if (kind === 'list') return partsOf(value);
  if (kind !== 'map') return value;
  if (path.join('.') === 'buckets' && !/[{:]/.test(value)) {
    return Object.fromEntries(partsOf(value).map((name) => [name, {}]));
  }
  const { content, problems } = readYaml(value);
  return problems.length === 0 && isTree(content) ? content : value;
};

const partsOf = (value: string): readonly string[] =>
  value
    .split(',')
    .map((part) => part.trim())
    .filter((part) => part !== '');

/** Paths of a key whose row has placeholders: of the only entry, or of each bucket; or why a variable cannot mean one. */
const entriesOf = (content: Tree, path: readonly string[]): readonly (readonly string[])[] | string => {
  const index = path.findIndex(isPlaceholder);
  const placeholder = path[index];
  if (placeholder === undefined) return [path];
  const above = path.slice(0, index);
  const map = get(content, above);
  const names = Object.keys(isTree(map) ? map : {});
  const at = (name: string) => [...above, name, ...path.slice(index + 1)];
  if (placeholder === '<bucket>') return names.length > 0 ? names.map(at) : 'needs SALLYPORT_BUCKETS: names of buckets';
  if (names.length < 2) return [at(names[0] ?? ONLY_ENTRIES[placeholder] ?? '')];
  return `could be meant for each of ${names.join(', ')}; set the key of each under \`${above.join('.')}\``;
};

interface EnvironmentOptions {
  /** Whether the variables of an STS endpoint mean something. */
  readonly assumesRoles: boolean;
  /** Where relative paths of variables start (default: where the process runs). */
  readonly cwd?: string | undefined;
}

/** Applies the environment to the content of a file, which stays as it is. An empty variable counts as unset. */
export const applyEnvironment = (
  fileContent: unknown,
  env: Environment,
  { assumesRoles, cwd = '.' }: EnvironmentOptions,
): Overlay => {
  const content: unknown = structuredClone(fileContent ?? {});
  const origins = new Map<string, string>();
  const provided = new Map<string, Secret>();
  const problems: { variable: string; message: string }[] = [];
  const read = (name: string): string | undefined => (env[name] === '' ? undefined : env[name]);

  for (const variable of Object.keys(env)) {
    if (!isOurs(variable) || VARIABLES.includes(variable)) continue;
    const meant = nearest(variable, VARIABLES);
    const unknown = `is no variable of sallyport${meant ? `; is ${meant} meant?` : ''}`;
    problems.push({ variable, message: replacedVariable(variable) ?? unknown });
  }
  if (!isTree(content)) return { content, origins, provided, problems };

  const set = (path: readonly string[], variable: string, value: unknown): void => {
    setAt(content, path, value);
    origins.set(pathKey(path), variable);
  };
  const put = (path: readonly string[], variable: string, value: string): void => {
    const row = keyAt(path) ?? { kind: 'text', path, isLocalPath: false };
    // What is no path at all is left as it is, for the schema to refuse.
    set(path, variable, row.isLocalPath === true && isPath(value) ? resolve(cwd, value) : typed(row, value));
  };
  const putSecret = (path: readonly string[], variable: string, value: string): void => {
    set(path, variable, variable);
    provided.set(pathKey(path), new Secret(value));
  };

  for (const { variable, path } of KEYS) {
    const value = variable === undefined ? undefined : read(variable);
    if (variable === undefined || variable === SEED_FILE || value === undefined) continue;
    const paths = entriesOf(content, path);
    if (typeof paths === 'string') problems.push({ variable, message: paths });
    else for (const each of paths) put(each, variable, value);
  }

  const policies = read(POLICIES);
  if (policies !== undefined && origins.has(pathKey(POLICIES_PATH))) {
    problems.push({ variable: POLICIES, message: 'and SALLYPORT_POLICIES_DIRECTORY are both set; remove one' });
  } else if (policies !== undefined) putSecret(POLICIES_PATH, POLICIES, policies);

  const [seed, seedFile] = [read(SEED), read(SEED_FILE)];
  if ((seed ?? seedFile) !== undefined && get(content, SEED_PATH) !== undefined) {
    problems.push({
      variable: seed === undefined ? SEED_FILE : SEED,
      message: 'sets version 1 of the keyring, as the file does; remove one',
    });
  } else if (seed !== undefined && seedFile !== undefined) {
    problems.push({ variable: SEED, message: `and ${SEED_FILE} are both set; remove one` });
  } else if (seed !== undefined) putSecret(SEED_PATH, SEED, seed);
  else if (seedFile !== undefined) put(SEED_PATH, SEED_FILE, seedFile);

  const stores = Object.keys(isTree(content['stores']) ? content['stores'] : {});
  const [only] = stores.length === 1 ? stores : [];
  const fill = (path: readonly string[], ...variables: readonly string[]): void => {
    const variable = variables.find((name) => read(name) !== undefined) ?? '';
    const value = read(variable);
    if (value === undefined || only === undefined || !isTree(get(content, ['stores', only]))) return;
    if (get(content, ['stores', only, ...path]) === undefined) put(['stores', only, ...path], variable, value);
  };
  fill(['region'], 'AWS_REGION', 'AWS_DEFAULT_REGION');
  fill(['endpoint'], 'AWS_ENDPOINT_URL_S3', 'AWS_ENDPOINT_URL');
  if (assumesRoles) fill(['sts', 'endpoint'], 'AWS_ENDPOINT_URL_STS', 'AWS_ENDPOINT_URL');
  fill(['tls', 'caFile'], 'AWS_CA_BUNDLE');

  const [id, secret, token] = [read('AWS_ACCESS_KEY_ID'), read('AWS_SECRET_ACCESS_KEY'), read('AWS_SESSION_TOKEN')];
  const open = stores.filter((name) => {
    const store = get(content, ['stores', name]);
    return isTree(store) && store['credentials'] === undefined && store['method'] !== 'web-identity';
  });
  if ((id ?? secret) !== undefined && open.length > 1) {
    problems.push({
      variable: 'AWS_ACCESS_KEY_ID',
      message: `could be meant for each of the stores ${open.join(', ')}; give all but one of them \`credentials\``,
    });
  } else if (open[0] !== undefined && (id ?? secret) !== undefined) {
    const path = ['stores', open[0], 'credentials'];
    if (id === undefined)
      problems.push({ variable: 'AWS_ACCESS_KEY_ID', message: 'is not set, but AWS_SECRET_ACCESS_KEY is' });
    else putSecret([...path, 'accessKeyIdFile'], 'AWS_ACCESS_KEY_ID', id);
    if (secret === undefined)
      problems.push({ variable: 'AWS_SECRET_ACCESS_KEY', message: 'is not set, but AWS_ACCESS_KEY_ID is' });
    else putSecret([...path, 'secretAccessKeyFile'], 'AWS_SECRET_ACCESS_KEY', secret);
    if (token !== undefined) putSecret([...path, 'sessionTokenFile'], 'AWS_SESSION_TOKEN', token);
  }
  return { content, origins, provided, problems };
};
