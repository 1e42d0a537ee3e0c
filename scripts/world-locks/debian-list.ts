/**
 * `packages.txt` of a folder of Debian sid, and `versions.txt` beside it: what sid had of them when somebody looked last. Sid
 * serves the newest alone, so that a version can be recorded and not be kept.
 */
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { debianMirror } from '../../test/world/run/sid.ts';
import { fetchText, type LockKind } from './lock.ts';

const RECORD = 'versions.txt';

const lists = (folder: string) => join(folder, 'apt');
/** apt looks at sid, in folders of its own. */
const options = (folder: string): readonly string[] => [
  ...['-o', `Dir::State=${lists(folder)}/state`, '-o', `Dir::Cache=${lists(folder)}/cache`],
  ...['-o', `Dir::State::status=${lists(folder)}/status`, '-o', 'Dir::Etc::sourceparts=/dev/null'],
  ...['-o', `Dir::Etc::sourcelist=${lists(folder)}/sources.list`, '-o', 'Acquire::Check-Valid-Until=false'],
  ...['-o', 'Acquire::Languages=none', '-o', 'APT::Sandbox::User=root'],
];

/** `NAME VERSION` per line. */
export function readRecord(text: string): ReadonlyMap<string, string> {
  return new Map(
    text
      .split('\n')
      .map((line) => line.trim().split(' '))
      .filter((cells): cells is [string, string] => cells.length === 2),
  );
}

/** Of what `apt-cache policy` says: the version that would be installed, by package. */
export function readPolicy(text: string): ReadonlyMap<string, string> {
  const found = [...text.matchAll(/^(\S+):\n(?: .*\n)*? {2}Candidate: (\S+)$/gm)];
  return new Map(found.map(([, name = '', version = '']) => [name, version]));
}

export const debianList: LockKind = {
  is: (name) => name === 'packages.txt',
  files: () => [RECORD],
  versions: async (folder) => ({
    requested: readRecord(await readFile(join(folder, RECORD), 'utf8').catch(() => '')),
    further: new Map(),
  }),
  move: async (folder, name) => {
    const packages = (await readFile(join(folder, name), 'utf8')).trim().split(/\s+/);
    for (const made of ['state/lists/partial', 'cache/archives/partial']) {
      await mkdir(join(lists(folder), made), { recursive: true });
    }
    await writeFile(join(lists(folder), 'status'), '');
    const mirror = await debianMirror((command, parameters) => fetchText(folder, command, parameters));
    const signed = '/usr/share/keyrings/debian-archive-keyring.gpg';
    await writeFile(join(lists(folder), 'sources.list'), `deb [signed-by=${signed}] ${mirror} sid main\n`);
    await fetchText(folder, 'apt-get', [...options(folder), '-q', 'update']);
    const found = readPolicy(await fetchText(folder, 'apt-cache', [...options(folder), 'policy', ...packages]));
    const missing = packages.filter((one) => !found.has(one));
    if (missing.length > 0) throw new Error(`sid has no ${missing.join(', ')}`);
    await writeFile(join(folder, RECORD), packages.map((one) => `${one} ${found.get(one) ?? ''}\n`).join(''));
  },
};
