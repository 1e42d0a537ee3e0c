/**
 * `npm run coverage`: the unit tests, and how much of each room of `src/` they run. Ends with 1 where a test fails or a room is
 * below its floor, and says in one line what is below what. `coverage/index.html` then shows each file.
 */
import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { dirname, join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';

/** Percent. Statements are lines to V8, and comments count as run. */
interface Shares {
  readonly lines: number;
  readonly branches: number;
}

/** What unit tests must run at least: 98 % of lines where a room is pure; of others, and of branches, a little less than they did. */
const FLOORS: Readonly<Record<string, Shares>> = {
  audit: { lines: 98, branches: 93 },
  cli: { lines: 62, branches: 74 },
  client: { lines: 93, branches: 86 },
  compose: { lines: 61, branches: 73 },
  config: { lines: 98, branches: 93 },
  contracts: { lines: 98, branches: 93 },
  'core/cipher': { lines: 98, branches: 95 },
  'core/keyring': { lines: 98, branches: 95 },
  'core/legacy': { lines: 98, branches: 98 },
  'core/upstream': { lines: 95, branches: 85 },
  credentials: { lines: 98, branches: 93 },
  edge: { lines: 60, branches: 80 },
  errors: { lines: 98, branches: 98 },
  grants: { lines: 94, branches: 90 },
  guardrails: { lines: 94, branches: 90 },
  'host-check': { lines: 98, branches: 92 },
  http: { lines: 85, branches: 87 },
  identity: { lines: 98, branches: 96 },
  lists: { lines: 94, branches: 88 },
  main: { lines: 0, branches: 0 },
  objects: { lines: 91, branches: 87 },
  operate: { lines: 71, branches: 63 },
  pipeline: { lines: 95, branches: 88 },
  platform: { lines: 98, branches: 92 },
  policy: { lines: 98, branches: 93 },
  revocation: { lines: 94, branches: 90 },
  s3: { lines: 98, branches: 94 },
  sidecar: { lines: 98, branches: 98 },
  sigv4: { lines: 98, branches: 94 },
  sts: { lines: 98, branches: 96 },
  telemetry: { lines: 97, branches: 95 },
};

const KINDS = ['lines', 'branches'] as const;
type Counts = Readonly<Record<(typeof KINDS)[number], { readonly total: number; readonly covered: number }>>;

const root = fileURLToPath(new URL('../', import.meta.url));
const tests = spawnSync(
  'c8',
  [
    ...['--all', '--src', 'src', '--include', 'src/**/*.ts', '--reporter', 'json-summary', '--reporter', 'html'],
    // In one process: mocha gives its workers a second to end, and what they ran takes longer to write.
    ...['mocha', 'test/unit/**/*.test.ts'],
  ],
  // V8 knows less of functions that come out of a cache.
  { cwd: root, stdio: 'inherit', env: { ...process.env, NODE_DISABLE_COMPILE_CACHE: '1' } },
);

const files = Object.entries(
  JSON.parse(readFileSync(join(root, 'coverage/coverage-summary.json'), 'utf8')) as Record<string, Counts>,
);
const rooms = Map.groupBy(
  files.filter(([file]) => file !== 'total' && hasCode(file)),
  ([file]) => roomOf(file),
);
const problems = [...rooms.keys()].toSorted().flatMap((room) => {
  const shares = { lines: share(room, 'lines'), branches: share(room, 'branches') };
  console.log(`${room.padEnd(14)} ${shares.lines.toFixed(2)} % of lines, ${shares.branches.toFixed(2)} % of branches`);
  const floors = FLOORS[room];
  if (floors === undefined) return [`${room} has no floor in scripts/coverage.ts`];
  const below = KINDS.filter((kind) => shares[kind] < floors[kind]);
  return below.map(
    (kind) => `${room}: ${shares[kind].toFixed(2)} % of ${kind} are run, at least ${floors[kind]} % must be`,
  );
});
const gone = Object.keys(FLOORS).filter((room) => !rooms.has(room));
for (const problem of [
  ...problems,
  ...gone.map((room) => `${room} is no room, and has a floor in scripts/coverage.ts`),
]) {
  console.log(`FAILED coverage of ${problem}`);
  process.exitCode = 1;
}
if (tests.status !== 0) process.exitCode = 1;

function share(room: string, kind: (typeof KINDS)[number]): number {
  const counts = (rooms.get(room) ?? []).map(([, file]) => file[kind]);
  const sum = (of: 'total' | 'covered') => counts.reduce((all, count) => all + count[of], 0);
  return (100 * sum('covered')) / Math.max(1, sum('total'));
}

/** A folder of `src/`, or of `src/core/`. */
function roomOf(file: string): string {
  const [first = '', second = ''] = dirname(relative(join(root, 'src'), file)).split('/');
  return first === 'core' ? `${first}/${second}` : first === '.' ? 'main' : first;
}

/** Whether anything of a file is there at run time: types are not. */
function hasCode(file: string): boolean {
  return /^(?:export )?(?:async )?(?:const|let|class|function)\b/m.test(readFileSync(file, 'utf8'));
}
