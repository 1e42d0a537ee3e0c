/**
 * `npm run conformance`: real S3 clients against the whole product, on both stores. `--json` prints the cells and what was
 * seen on the wire; `--write` keeps the cells in test/conformance/seen.json, of which docs/clients.md is made; `--check` compares it. `--client`, `--store`, `--auth` and
 * `--transport` (each may repeat) limit a run; a whole one puts 10,000 keys with hostile names into Ceph as well. Exits 1 unless everything that must pass did.
 */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { awsCli, awsCliOld } from '../test/conformance/clients/aws-cli.ts';
import { boto3 } from '../test/conformance/clients/boto3.ts';
import { curl } from '../test/conformance/clients/curl.ts';
import { jsSdk } from '../test/conformance/clients/js-sdk.ts';
import { rclone } from '../test/conformance/clients/rclone.ts';
import { s3cmd } from '../test/conformance/clients/s3cmd.ts';
import { TRANSPORTS, UPSTREAMS, AUTH_METHODS } from '../test/conformance/run/cell.ts';
import { runSuite } from '../test/conformance/run/run-suite.ts';
import { keepCells, readCells, staleCells } from '../test/conformance/run/seen.ts';
import { failuresOf, nameOf, wireFigures } from '../test/conformance/run/verdict.ts';

const CLIENTS = [jsSdk, curl, rclone, s3cmd, awsCliOld, awsCli, boto3];
const HOSTILE_KEYS = 10_000;
const hostileKeysTest = fileURLToPath(new URL('../test/conformance/hostile-keys.test.ts', import.meta.url));

const OPTIONS = {
  help: { type: 'boolean', default: false },
  json: { type: 'boolean', default: false },
  write: { type: 'boolean', default: false },
  check: { type: 'boolean', default: false },
  client: { type: 'string', multiple: true },
  store: { type: 'string', multiple: true },
  auth: { type: 'string', multiple: true },
  transport: { type: 'string', multiple: true },
} as const;

const USAGE = `npm run conformance -- [options]: real S3 clients against the whole product, on both stores
  --client NAME     ${CLIENTS.map(({ name }) => name).join(', ')}
  --store NAME      ${UPSTREAMS.join(', ')}
  --auth NAME       ${AUTH_METHODS.join(', ')}
  --transport NAME  ${TRANSPORTS.join(', ')}
  --json            prints the cells and what was seen on the wire
  --write, --check  makes docs/clients.md of a whole run, or compares it
The four that take a name may repeat. Without them everything runs on Ceph, which is given 10,000 keys with hostile names as
well, and session keys alone on the embedded store.`;

const values = orSay(() => parseArgs({ options: OPTIONS }).values);
if (values.help) {
  console.log(USAGE);
  process.exit(0);
}

/** What is wrong with the command line is one line. */
function orSay<Result>(read: () => Result): Result {
  try {
    return read();
  } catch (error) {
    console.error(`conformance: ${error instanceof Error ? error.message : String(error)} (--help says what there is)`);
    process.exit(2);
  }
}

/** @throws Error where a name is none of these */
function chosen<Item>(all: readonly Item[], nameOfItem: (item: Item) => string, names: readonly string[] | undefined) {
  for (const name of names ?? []) {
    if (!all.some((item) => nameOfItem(item) === name)) {
      throw new Error(`${name} is none of ${all.map(nameOfItem).join(', ')}`);
    }
  }
  return all.filter((item) => names?.includes(nameOfItem(item)) ?? true);
}

const limits = [values.client, values.store, values.auth, values.transport];
const whole = limits.every((limit) => limit === undefined);
const requested = orSay(() => ({
  clients: chosen(CLIENTS, ({ name }) => name, values.client),
  upstreams: chosen(UPSTREAMS, String, values.store),
  authMethods: chosen(AUTH_METHODS, String, values.auth),
  transports: chosen(TRANSPORTS, String, values.transport),
}));
const { authMethods, ...others } = requested;
const run = await runSuite({
  ...others,
  // What a client logs in with ends at the gateway: a whole run tries all of it on Ceph.
  authMethodsOn: (upstream) => (whole && upstream === 'embedded' ? ['session keys'] : authMethods),
  onCell: (cell) => {
    const reported = cell.status === 'passed' ? `${cell.steps.length} steps, ${cell.seconds} s` : (cell.reason ?? '');
    console.error(`${cell.status.padEnd(11)} ${nameOf(cell)}: ${reported}`);
  },
});

/** Whether all of them survived on Ceph. (The embedded store is given fewer in `npm test`.) */
async function hostileKeys(): Promise<boolean> {
  const mocha = spawn('mocha', ['--reporter', 'spec', hostileKeysTest], {
    cwd: fileURLToPath(new URL('..', import.meta.url)),
    // Standard output is for the JSON.
    stdio: ['ignore', process.stderr, 'inherit'],
    env: { ...process.env, SALLYPORT_TEST_STORE: 'ceph', SALLYPORT_TEST_KEYS: String(HOSTILE_KEYS) },
  });
  const [code] = (await once(mocha, 'exit')) as [number | null];
  return code === 0;
}
const hostile = whole ? { keys: HOSTILE_KEYS, passed: await hostileKeys() } : undefined;

const order = CLIENTS.map(({ name }) => name);
const cells = run.cells.toSorted(
  (one, other) =>
    order.indexOf(one.client) - order.indexOf(other.client) ||
    AUTH_METHODS.indexOf(one.auth) - AUTH_METHODS.indexOf(other.auth) ||
    UPSTREAMS.indexOf(one.upstream) - UPSTREAMS.indexOf(other.upstream) ||
    TRANSPORTS.indexOf(one.transport) - TRANSPORTS.indexOf(other.transport),
);
const wire = wireFigures(run.seen);
const failures = [
  ...failuresOf(cells, wire, whole),
  ...(hostile?.passed === false ? ['not every hostile key survived'] : []),
];
if (values.check) {
  failures.push(
    ...staleCells(cells, readCells()).map((cell) => `test/conformance/seen.json says something else: ${cell}`),
  );
}
if (values.json) console.log(JSON.stringify({ cells, wire, hostileKeys: hostile, failures }, undefined, 2));
if (values.write) {
  if (whole && failures.length === 0) await keepCells(cells);
  else failures.push('test/conformance/seen.json is written of a whole run in which nothing failed');
}
for (const failure of failures) console.error(`FAILED ${failure}`);
const passed = cells.filter(({ status }) => status === 'passed').length;
console.error(`${passed} cells passed, ${cells.length - passed} did not; on the wire: ${JSON.stringify(wire)}`);
process.exitCode = failures.length === 0 ? 0 : 1;
