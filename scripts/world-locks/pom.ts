/** `pom.xml` of Maven: the packages that are asked for. A comment `held: REASON` in it keeps it. */
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fetchText, type LockKind } from './lock.ts';

const MOVES = 'org.codehaus.mojo:versions-maven-plugin:2.21.0:use-latest-releases';
/** No release, whatever Maven calls it. */
const UNFINISHED = '(?i).*[-.](alpha|beta|rc|cr|m|ea|preview|snapshot).*';

/** Version by `group:artifact`. */
export function readPom(text: string): ReadonlyMap<string, string> {
  const field = (part: string, name: string) => new RegExp(`<${name}>\\s*([^<\\s]+)\\s*</${name}>`).exec(part)?.[1];
  const found = [...text.matchAll(/<(dependency|plugin)>([\s\S]*?)<\/\1>/g)].map(([, , part = '']) => [
    `${field(part, 'groupId') ?? 'org.apache.maven.plugins'}:${field(part, 'artifactId') ?? ''}`,
    field(part, 'version') ?? '',
  ]);
  return new Map(found.filter(([, version]) => version !== '') as [string, string][]);
}

export const pom: LockKind = {
  is: (name) => name === 'pom.xml',
  files: (name) => [name],
  versions: async (folder, name) => ({
    requested: readPom(await readFile(join(folder, name), 'utf8')),
    further: new Map(),
  }),
  held: async (folder, name) => /<!--\s*held: (.*?)\s*-->/.exec(await readFile(join(folder, name), 'utf8'))?.[1],
  move: async (folder) => {
    const options = ['-DgenerateBackupPoms=false', `-Dmaven.version.ignore=${UNFINISHED}`];
    await fetchText(folder, 'mvn', ['-B', '-q', MOVES, ...options]);
  },
};
