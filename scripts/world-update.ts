/**
 * `npm run world:update`: moves what the foreign clients, stores and providers of test/world are pinned to, each in the form
 * of its own package client, and the model of S3 with it, to the newest that is served; prints what changed. Exits 1 where a
 * lock could not be moved.
 */
import { cp, mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { basename, dirname, join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';
import { readOptions, usage } from './command-line.ts';
import { readModel } from './s3-model/model.ts';
import { debianList } from './world-locks/debian-list.ts';
import { goMod } from './world-locks/go-mod.ts';
import { fetchText, type LockKind } from './world-locks/lock.ts';
import { packageJson } from './world-locks/package-json.ts';
import { pom } from './world-locks/pom.ts';
import { requirements } from './world-locks/requirements.ts';

const KINDS: readonly LockKind[] = [packageJson, requirements, pom, goMod, debianList];
const root = fileURLToPath(new URL('..', import.meta.url));
const world = join(root, 'test', 'world');
const MODEL = 's3-model';

interface Lock {
  /** The folder below test/world. */
  readonly name: string;
  readonly file: string;
  readonly kind: LockKind;
}

/** Every lock below test/world, by its folder. */
async function locks(): Promise<readonly Lock[]> {
  const names = (await readdir(world, { recursive: true, withFileTypes: true })).filter(
    (entry) => entry.isFile() && !entry.parentPath.includes('node_modules'),
  );
  return names
    .flatMap(({ name, parentPath }) => {
      const kind = KINDS.find((one) => one.is(name));
      return kind === undefined ? [] : [{ name: relative(world, parentPath), file: join(parentPath, name), kind }];
    })
    .toSorted((one, other) => one.file.localeCompare(other.file));
}

const every = await locks();
const HELP = `Usage: npm run world:update -- [options]

Moves the locks of test/world and AWS's model of S3 to the newest that their package sources serve, and prints what
changed. Then run the lanes that it names.

  --lane NAME   only the locks in this folder of test/world, or in one below it, or ${MODEL}; may repeat
  --dry-run     prints what would change
  --help        prints this

Folders: ${[...new Set(every.map(({ name }) => name))].join(', ')}, ${MODEL}

A lock stays where a comment in it says "held: REASON".

Exit codes: 0 all were moved, or are the newest, 1 one could not be moved, 2 usage.`;

const requested = readOptions(HELP, {
  lane: { type: 'string', multiple: true, default: [] },
  'dry-run': { type: 'boolean', default: false },
});
const isDry = requested['dry-run'];
const isOf = (name: string, wanted: string): boolean => `/${name}/`.includes(`/${wanted}/`);
for (const wanted of requested.lane) {
  if (wanted !== MODEL && !every.some(({ name }) => isOf(name, wanted)))
    usage(HELP, `${wanted} is no folder with a lock`);
}
const isWanted = (name: string): boolean =>
  requested.lane.length === 0 || requested.lane.some((wanted) => wanted === name || isOf(name, wanted));

const rows: string[][] = [];
const notes: string[] = [];
const toRun = new Set<string>();
let failed = 0;

/** What is another version now, or came, or went. */
function changes(before: ReadonlyMap<string, string>, after: ReadonlyMap<string, string>): string[][] {
  return [...new Set([...before.keys(), ...after.keys()])]
    .map((name) => [name, before.get(name) ?? 'none', after.get(name) ?? 'none'])
    .filter(([, old, now]) => old !== now);
}

async function moveLock({ name, file, kind }: Lock): Promise<void> {
  const label = relative(world, file);
  const reason = await kind.held?.(dirname(file), basename(file));
  if (reason !== undefined) {
    notes.push(`${label} stays: ${reason}`);
    return;
  }
  const folder = await mkdtemp(join(tmpdir(), 'world-update-'));
  try {
    await cp(dirname(file), folder, { recursive: true });
    const before = await kind.versions(folder, basename(file));
    await kind.move(folder, basename(file));
    const after = await kind.versions(folder, basename(file));
    const moved = changes(before.requested, after.requested);
    const further = changes(before.further, after.further);
    rows.push(...moved.map((cells) => [label, ...cells]));
    if (further.length > 0) rows.push([label, `(${further.length} that came along)`, '', '']);
    if (moved.length + further.length > 0) toRun.add(name);
    if (isDry) return;
    for (const one of kind.files(basename(file))) await cp(join(folder, one), join(dirname(file), one));
  } catch (error) {
    failed += 1;
    notes.push(`${label} could not be moved: ${error instanceof Error ? error.message : String(error)}`);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

async function moveModel(): Promise<void> {
  const before = readModel().botocore;
  try {
    const said = await fetchText(root, process.execPath, ['scripts/s3-model.ts', ...(isDry ? [] : ['--update'])]);
    const after = isDry ? (/botocore ([\d.]+)/.exec(said)?.[1] ?? before) : readModel().botocore;
    if (after !== before) rows.push([MODEL, 'botocore', before, after]);
  } catch (error) {
    failed += 1;
    notes.push(`${MODEL}: ${error instanceof Error ? error.message : String(error)}`);
  }
}

for (const lock of every.filter(({ name }) => isWanted(name))) {
  console.error(`looking at ${relative(world, lock.file)}`);
  await moveLock(lock);
}
if (isWanted(MODEL)) {
  console.error(`looking at ${MODEL}`);
  await moveModel();
}

if (rows.length > 0) {
  const all = [['lock', 'package', 'old', 'new'], ...rows];
  const widths = [0, 1, 2, 3].map((column) => Math.max(...all.map((row) => row[column]?.length ?? 0)));
  for (const row of all)
    console.log(
      row
        .map((cell, column) => cell.padEnd(widths[column] ?? 0))
        .join('  ')
        .trimEnd(),
    );
} else console.log('nothing newer is served');
for (const note of notes) console.log(note);
const lanes = [...toRun].filter((name) => name.startsWith('lanes/')).map((name) => name.split('/')[1] ?? '');
if (lanes.length > 0 && !isDry) {
  const flags = [...new Set(lanes)].map((lane) => `--lane ${lane}`).join(' ');
  console.log(`Now run the lanes, and write what they saw: npm run world -- ${flags} --write; npm run docs`);
}
const others = [...toRun].filter((name) => !name.startsWith('lanes/'));
if (others.length > 0 && !isDry) console.log(`Now run what depends on ${others.join(', ')}`);
process.exitCode = failed === 0 ? 0 : 1;
