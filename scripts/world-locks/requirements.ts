/**
 * `requirements*.txt` of pip: every package with its version. A line whose comment says `via` came along with another and is
 * written anew; one whose comment says `held: REASON` stays.
 */
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fetchText, type LockKind, type Versions } from './lock.ts';

export interface Requirement {
  readonly name: string;
  /** With its brackets, or empty. */
  readonly extras: string;
  readonly version: string;
  readonly comment: string;
}

/** Reads one line; `undefined` where nothing is asked for. @throws Error where a version is missing */
function readLine(line: string): Requirement | undefined {
  const text = line.trim();
  if (text === '' || text.startsWith('#')) return undefined;
  const [, name, extras = '', version, comment = ''] =
    /^([\w.-]+)(\[[\w,.-]+\])?==([^\s;#]+)\s*(?:#\s*(.*))?$/.exec(text) ?? [];
  if (name === undefined || version === undefined) throw new Error(`"${text}" is not NAME==VERSION`);
  return { name, extras, version, comment };
}

/** @throws Error where a line is not of the form */
export function readRequirements(text: string): readonly Requirement[] {
  return text
    .split('\n')
    .map(readLine)
    .filter((line) => line !== undefined);
}

const isFurther = ({ comment }: Requirement): boolean => comment.startsWith('via ');
const isHeld = ({ comment }: Requirement): boolean => comment.startsWith('held: ');

/** PyPI takes these for one name. */
const plain = (name: string): string => name.toLowerCase().replaceAll(/[-_.]+/g, '-');

/** Of pip's report of an install: what it would install. */
interface Report {
  readonly install: readonly {
    readonly metadata: { readonly name: string; readonly version: string; readonly requires_dist?: readonly string[] };
  }[];
}

/** The file as it is after the install that is reported. */
export function moved(before: readonly Requirement[], report: Report): string {
  const requested = new Map(before.filter((line) => !isFurther(line)).map((line) => [plain(line.name), line]));
  const parents = new Map<string, Set<string>>();
  for (const { metadata } of report.install) {
    for (const wanted of metadata.requires_dist ?? []) {
      const name = plain(/^[\w.-]+/.exec(wanted)?.[0] ?? '');
      parents.set(name, (parents.get(name) ?? new Set()).add(metadata.name));
    }
  }
  const lines = report.install.map(({ metadata: { name, version } }) => {
    const line = requested.get(plain(name));
    const via = [...(parents.get(plain(name)) ?? [])].toSorted((one, other) => one.localeCompare(other)).join(', ');
    const comment = line === undefined ? `via ${via}` : line.comment;
    return `${name}${line?.extras ?? ''}==${version}${comment === '' ? '' : `  # ${comment}`}`;
  });
  return `${lines.toSorted((one, other) => plain(one).localeCompare(plain(other))).join('\n')}\n`;
}

async function versions(folder: string, name: string): Promise<Versions> {
  const lines = readRequirements(await readFile(join(folder, name), 'utf8'));
  const of = (some: readonly Requirement[]) => new Map(some.map((line) => [line.name, line.version]));
  return { requested: of(lines.filter((line) => !isFurther(line))), further: of(lines.filter(isFurther)) };
}

export const requirements: LockKind = {
  is: (name) => /^requirements.*\.txt$/.test(name),
  files: (name) => [name],
  versions,
  move: async (folder, name) => {
    const before = readRequirements(await readFile(join(folder, name), 'utf8'));
    const wanted = before
      .filter((line) => !isFurther(line))
      .map((line) => `${line.name}${line.extras}${isHeld(line) ? `==${line.version}` : ''}`);
    // Debian's own, as the lanes: another Python may be served other packages.
    await fetchText(folder, '/usr/bin/python3', ['-m', 'venv', 'venv']);
    const options = ['--quiet', '--disable-pip-version-check', '--dry-run', '--ignore-installed', '--report', '-'];
    const report = await fetchText(folder, join(folder, 'venv', 'bin', 'pip'), [
      ...['install', ...options, '--only-binary=:all:', ...wanted],
    ]);
    await writeFile(join(folder, name), moved(before, JSON.parse(report) as Report));
  },
};
