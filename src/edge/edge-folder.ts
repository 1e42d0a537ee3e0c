/**
 * The folder that HAProxy reads at each start: the keys as PEM files, the maps, and the include that switches the check of
 * tokens on. Each file is there whole or not at all, and a key before what names it. Readable by all: nothing in it is secret.
 */
import { hash } from 'node:crypto';
import { mkdir, readFile, readdir, rm } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { replaceDurably, type Prepare } from '../platform/durable-file.ts';
import type { EdgeKey } from './edge-keys.ts';

export interface EdgeIssuer {
  readonly issuer: string;
  readonly clockSkewSeconds: number;
}

export interface EdgeState {
  readonly issuers: readonly EdgeIssuer[];
  readonly keys: readonly EdgeKey[];
  /** Digests, by `subjectDigest`. */
  readonly deniedSubjects: readonly string[];
  /** Networks, such as `198.51.100.7/32`. */
  readonly deniedAddresses: readonly string[];
  /** Since when keys are not published any more, by `nameOf`, in milliseconds. */
  readonly retired: Readonly<Record<string, number>>;
}

/** What a key goes by among those of all issuers. */
export function nameOf({ issuer, kid }: EdgeKey): string {
  return `${issuer}|${kid}`;
}

export const MAPS = ['issuers.map', 'keys.map', 'denied-subjects.map', 'denied-addresses.map'] as const;
export type EdgeMap = (typeof MAPS)[number];
export type EdgeMaps = Readonly<Record<EdgeMap, readonly string[]>>;

const RETIRED = 'retired.json';
export const INCLUDE = 'bearer-filter.cfg';

/** What a revoked subject goes by in the map, where it may hold any text. */
export function subjectDigest(issuer: string, subject: string): string {
  return hash('sha256', `${issuer} ${subject}`, 'hex').toUpperCase();
}

/** The lines of each map. */
export function mapsOf(folder: string, { issuers, keys, deniedSubjects, deniedAddresses }: EdgeState): EdgeMaps {
  return {
    'issuers.map': issuers.map(({ issuer, clockSkewSeconds }) => `${issuer} ${clockSkewSeconds}`).sort(),
    'keys.map': keys
      .flatMap(({ issuer, kid, algorithms, file }) =>
        algorithms.map((algorithm) => `${issuer}|${kid}|${algorithm} ${join(folder, file)}`),
      )
      .sort(),
    'denied-subjects.map': deniedSubjects.map((digest) => `${digest} -`).sort(),
    'denied-addresses.map': deniedAddresses.map((network) => `${network} -`).sort(),
  };
}

/**
 * Before 3.3, HAProxy verifies by variables only with files that it has read for a literal name somewhere: that is what the
 * rules are for.
 */
function includeOf(folder: string, keys: readonly EdgeKey[]): string {
  const lines = keys.map(({ file, algorithms: [algorithm = ''] }) => {
    return `    http-request set-var(txn.unused) str(),jwt_verify(${algorithm},"${join(folder, file)}")`;
  });
  const certificates = keys.map(({ file }) => `    load crt "${join(folder, file)}" jwt on`);
  return `# Made by \`sallyport haproxy sync\`. Name it before haproxy.cfg:  haproxy -f ${join(folder, INCLUDE)} -f haproxy.cfg
global
    setenv SALLYPORT_EDGE_KEYS ${folder}

.if version_atleast(3.3)
crt-store
${[...new Set(certificates)].sort().join('\n')}
.else
# Nobody is sent here: it names the keys.
backend bearer_keys
    mode http
    timeout connect 5s
    timeout server 5s
${[...new Set(lines)].sort().join('\n')}
.endif
`;
}

/** Reads the keys that the folder has; what cannot be read is not there. */
export async function readFolder(
  folder: string,
): Promise<{ readonly keys: readonly EdgeKey[]; readonly retired: Readonly<Record<string, unknown>> }> {
  const lines = (await readFile(join(folder, 'keys.map'), 'utf8').catch(() => '')).split('\n');
  const found = new Map<string, EdgeKey>();
  for (const line of lines) {
    const [, issuer = '', kid = '', algorithm = '', path = ''] = LINE.exec(line) ?? [];
    const pem = await readFile(path, 'utf8').catch(() => '');
    if (pem === '') continue;
    const algorithms = [...(found.get(`${issuer}|${kid}`)?.algorithms ?? []), algorithm];
    found.set(`${issuer}|${kid}`, { issuer, kid, algorithms, file: basename(path), pem });
  }
  return { keys: [...found.values()], retired: await readRetired(folder) };
}

async function readRetired(folder: string): Promise<Readonly<Record<string, unknown>>> {
  try {
    const read: unknown = JSON.parse(await readFile(join(folder, RETIRED), 'utf8'));
    return typeof read === 'object' && read !== null ? (read as Readonly<Record<string, unknown>>) : {};
  } catch {
    return {};
  }
}

const LINE = /^(\S+)\|([^|\s]+)\|(\w+) (\S+)$/;

/** Writes what is not so yet; tells whether HAProxy has to read keys anew. */
export async function writeFolder(folder: string, state: EdgeState): Promise<boolean> {
  await mkdir(folder, { recursive: true, mode: 0o755 });
  const write = async (name: string, content: string): Promise<boolean> => {
    const path = join(folder, name);
    if ((await readFile(path, 'utf8').catch(() => undefined)) === content) return false;
    await replaceDurably(path, content, { prepare: readable });
    return true;
  };
  for (const { file, pem } of state.keys) await write(file, pem);
  const isNews = await write(INCLUDE, includeOf(folder, state.keys));
  const maps = mapsOf(folder, state);
  for (const name of MAPS) await write(name, maps[name].map((line) => `${line}\n`).join(''));
  await write(RETIRED, `${JSON.stringify(state.retired)}\n`);
  return isNews;
}

/** Removes keys that nothing names any more. */
export async function tidyFolder(folder: string, { keys }: EdgeState): Promise<void> {
  const named = new Set(keys.map(({ file }) => file));
  for (const name of await readdir(folder)) {
    if (/^[0-9a-f]{32}\.pem$/.test(name) && !named.has(name)) await rm(join(folder, name), { force: true });
  }
}

const readable: Prepare = (file) => file.chmod(0o644);
