/**
 * `npm run world`: foreign clients, as their package sources serve them, against the default demo behind HAProxy over TLS,
 * in an encrypted and a plain bucket; and S3 servers of others behind the gateway. Exits 0 where nothing failed that is not expected to; ends with `N passed, N failed`.
 */
import { mkdir, readFile } from 'node:fs/promises';
import { resolve } from 'node:path';
import { LANES } from '../test/world/lanes.ts';
import { packageCache } from '../test/world/run/cache.ts';
import type { BucketKind, Lane, Site } from '../test/world/run/lane.ts';
import { havePackages, type Sources } from '../test/world/run/packages.ts';
import { withPorts } from '../test/world/run/concurrency-limit.ts';
import { endPrograms, runProgram, type ClientRun, type ProgramRun } from '../test/world/run/run-program.ts';
import { runStore, type StoreRun } from '../test/world/run/run-store.ts';
import { startSite } from '../test/world/run/site.ts';
import { storeTable, table } from '../test/world/run/table.ts';
import { keepSeen } from '../test/world/run/seen.ts';
import { judge, MOST_UNAVAILABLE, readExpectations } from '../test/world/run/verdict.ts';
import { STORES } from '../test/world/stores.ts';
import type { ForeignStore } from '../test/world/stores/store.ts';
import { readOptions, usage } from './command-line.ts';

const HELP = `Usage: npm run world -- [options]

Runs foreign clients against the default demo, and the gateway in front of foreign stores, encrypted and plain. What a store
itself does not do is told, and counts for nobody.

  --lane NAME      only this lane, or this program (NAME, or LANE/NAME); may repeat
  --store NAME     this store, and no client that is not asked for; may repeat
  --bucket KIND    encrypted, plain or both (default: both)
  --cache FOLDER   where packages are kept (default: $XDG_CACHE_HOME/sallyport-world, or ~/.cache/sallyport-world)
  --json           prints all that was seen as one JSON document instead of the table
  --write          keeps in test/world/seen.json what was seen of programs of which nothing failed; then npm run docs
  --help           prints this

Lanes: ${LANES.map(({ name, programs }) => `${name} (${programs.map((program) => program.name).join(', ')})`).join('; ')}
Stores: ${STORES.map(({ name }) => name).join(', ')}

Examples:
  npm run world
  npm run world -- --lane python --bucket plain
  npm run world -- --lane npm/aws4fetch --lane java --json
  npm run world -- --store seaweedfs

Exit codes: 0 nothing failed, 1 something failed that is not expected to, 2 usage.`;

/** Programs at once, and installs at once. */
const AT_ONCE = 2;
const KINDS: readonly BucketKind[] = ['encrypted', 'plain'];

/** The lanes that are asked for, with the programs that are. */
function chosenLanes(wanted: readonly string[]): readonly Lane[] {
  const has = (lane: Lane, program: string, one: string) =>
    one === lane.name || one === program || one === `${lane.name}/${program}`;
  const all = LANES.flatMap((lane) => lane.programs.map((program) => ({ lane, program: program.name })));
  for (const one of wanted) {
    if (!all.some(({ lane, program }) => has(lane, program, one)))
      usage(HELP, `${one} is neither a lane nor a program`);
  }
  return LANES.map((lane) => ({
    ...lane,
    programs: lane.programs.filter((program) => wanted.some((one) => has(lane, program.name, one))),
  })).filter(({ programs }) => programs.length > 0);
}

function chosenStores(wanted: readonly string[]): readonly ForeignStore[] {
  for (const one of wanted) if (!STORES.some(({ name }) => name === one)) usage(HELP, `${one} is no store`);
  return STORES.filter(({ name }) => wanted.includes(name));
}

const requested = readOptions(HELP, {
  lane: { type: 'string', multiple: true, default: [] },
  store: { type: 'string', multiple: true, default: [] },
  bucket: { type: 'string', default: 'both' },
  cache: { type: 'string' },
  json: { type: 'boolean', default: false },
  write: { type: 'boolean', default: false },
});
if (!['encrypted', 'plain', 'both'].includes(requested.bucket)) usage(HELP, `--bucket is encrypted, plain or both`);
if (requested.write && requested.bucket !== 'both') usage(HELP, '--write keeps what was seen of both buckets');
const kinds = KINDS.filter((kind) => requested.bucket === 'both' || requested.bucket === kind);
const isAll = requested.lane.length === 0 && requested.store.length === 0;
const lanes = isAll ? LANES : chosenLanes(requested.lane);
const stores = isAll ? STORES : chosenStores(requested.store);
const cache = resolve(requested.cache ?? packageCache());
await mkdir(cache, { recursive: true });
const expected = readExpectations(await readFile(new URL('../test/world/expected.json', import.meta.url), 'utf8'));

/** The clients' demo, where a client is asked for. */
const site = lanes.length === 0 ? undefined : await startSite();
let interrupted = false;
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
  process.once(signal, () => {
    if (interrupted) return;
    interrupted = true;
    endPrograms();
    void (site?.stop() ?? Promise.resolve()).finally(() => process.exit(1));
  });
}

const installs = withPorts(AT_ONCE);
const turns = withPorts(AT_ONCE);
const runs: ProgramRun[] = [];
const clientRuns: ClientRun[] = [];
const storeRuns: StoreRun[] = [];
const unavailable: { readonly lane: string; readonly reason: string }[] = [];

/** Gives the folder of the packages; `undefined` where they are not to be had, which is noted. */
async function installed(lane: Lane | ForeignStore, sources: Sources): Promise<string | undefined> {
  const started = performance.now();
  try {
    const folder = await installs(() => havePackages(lane, sources, cache));
    console.error(`${lane.name}: packages are there after ${Math.round((performance.now() - started) / 1000)} s`);
    return folder;
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    unavailable.push({ lane: lane.name, reason });
    console.error(`${lane.name}: unavailable: ${reason}`);
    return undefined;
  }
}

async function runOne(store: ForeignStore): Promise<void> {
  const folder = await installed(store, 'stores');
  if (folder === undefined) return;
  try {
    const run = await runStore(store, folder, kinds, turns);
    storeRuns.push(run);
    runs.push(...run.runs);
    console.error(`store/${store.name}: done after ${run.seconds} s`);
  } catch (error) {
    const step = { name: 'start', ok: false, said: error instanceof Error ? error.message : String(error) };
    for (const bucket of kinds) runs.push({ lane: 'store', program: store.name, bucket, seconds: 0, steps: [step] });
  }
}

async function runLane(lane: Lane, site: Site): Promise<void> {
  const folder = await installed(lane, 'lanes');
  if (folder === undefined) return;
  await Promise.all(
    lane.programs.flatMap((program) =>
      kinds
        .filter((kind) => program.buckets?.includes(kind) ?? true)
        .map((kind) =>
          turns(async () => {
            const run = await runProgram(site, lane.name, folder, program, kind);
            runs.push(run);
            clientRuns.push(run);
            const bad = run.steps.filter(({ ok }) => !ok).length;
            const reported = `${run.steps.length - bad} ok, ${bad} not, ${run.seconds} s`;
            console.error(`${lane.name}/${program.name}, ${kind}: ${reported}`);
          }),
        ),
    ),
  );
}

try {
  await Promise.all([
    ...(site === undefined ? [] : lanes.map((lane) => runLane(lane, site))),
    ...stores.map((store) => runOne(store)),
  ]);
} finally {
  await site?.stop();
}

const verdict = judge(runs, expected);
const tooFew = unavailable.length > MOST_UNAVAILABLE || runs.length === 0;
const failed = verdict.failed.length + (tooFew ? Math.max(unavailable.length, 1) : 0);
if (requested.json) console.log(JSON.stringify({ runs, stores: storeRuns, unavailable, ...verdict }, undefined, 2));
else console.log([table(runs, verdict), ...storeTable(storeRuns)].join('\n'));
for (const { lane, reason } of unavailable) console.log(`unavailable: ${lane}: ${reason.replaceAll(/\s+/g, ' ')}`);
if (requested.write) await keepSeen(LANES, clientRuns, verdict);
console.log(`${verdict.passed} passed, ${failed} failed`);
process.exitCode = failed === 0 ? 0 : 1;
