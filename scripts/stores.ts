/**
 * `npm run stores`: `sallyport doctor --store` on stores that this machine can start, compared with what docs/stores.md says of
 * them. Ends with `N as before, N changed`; exits 1 where a store now does what it did not, or no longer does what it did.
 */
import { execFile } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { freePort } from '../demo/free-port.ts';
import { createEmbeddedStore, DEMO_ROLE_ARN } from '../demo/store/embedded-store.ts';
import type { StoreReport } from '../src/operate/store-doctor/store-doctor.ts';
import { startCeph } from '../test/support/store/ceph.ts';
import { isPair, usePair } from '../test/support/store/pair.ts';
import { send } from '../test/support/store/store-client.ts';
import { versionOf } from '../test/support/store/versions.ts';
import { packageCache } from '../test/world/run/cache.ts';
import { havePackages } from '../test/world/run/packages.ts';
import { STORES } from '../test/world/stores.ts';
import { readOptions, usage } from './command-line.ts';
import { readKnownStores, STORES_FILE, type KnownStore } from './store-page.ts';

const HELP = `Usage: npm run stores -- [options]

Runs \`sallyport doctor --store\` on stores, and compares with docs/data/stores.json.

  --store NAME     only this store; may repeat (default: all)
  --pair NAME      which Ceph: stable (this machine's) or current (Debian sid's; default: stable)
  --cache FOLDER   where packages are kept (default: $XDG_CACHE_HOME/sallyport-world)
  --write          writes what was found; then run \`npm run docs\`
  --help           prints this

Stores: embedded, ceph, ${STORES.map(({ name }) => name).join(', ')}

Examples:
  npm run stores -- --store embedded
  npm run stores -- --store ceph --pair current --write

Exit codes: 0 as before or written, 1 something changed or could not be tried, 2 usage.`;

const BUCKET = 'doctor';

interface Running {
  readonly key: string;
  readonly name: string;
  readonly version: string;
  readonly bucket: string;
  readonly storeConfig: Readonly<Record<string, unknown>>;
  readonly environment: Readonly<Record<string, string>>;
  readonly stop: () => Promise<unknown>;
}

async function startEmbedded(folder: string): Promise<Running> {
  const keys = (name: string) => ({ accessKeyId: name.repeat(4), secretAccessKey: randomBytes(20).toString('hex') });
  const gatewayKeys = keys('GATEW');
  const store = await createEmbeddedStore({
    ...{ folder, port: await freePort(), buckets: [BUCKET], gatewayKeys, ownerKeys: keys('OWNER') },
    log: () => undefined,
  });
  await store.start();
  const { endpoint } = store;
  return {
    ...{ key: 'embedded', name: 'The store of the demo', version: '', bucket: BUCKET, stop: store.stop },
    storeConfig: { endpoint, region: 'us-east-1', allowPlaintextHttp: true, sts: { endpoint, roleArn: DEMO_ROLE_ARN } },
    environment: environmentOf(gatewayKeys),
  };
}

async function startRgw(): Promise<Running> {
  const version = (await versionOf('radosgw')).replace(/[^\d.].*$/, '');
  const { lab, stop } = await startCeph();
  return {
    key: `ceph-${version.split('.').slice(0, 2).join('.')}`,
    ...{ name: 'Ceph RGW', version, bucket: lab.buckets[0] ?? '', stop },
    storeConfig: {
      endpoint: lab.endpoint,
      region: lab.region,
      allowPlaintextHttp: true,
      sts: { roleArn: lab.roleArn },
    },
    environment: environmentOf(lab.gateway),
  };
}

const environmentOf = (keys: { readonly accessKeyId: string; readonly secretAccessKey: string }) => ({
  AWS_ACCESS_KEY_ID: keys.accessKeyId,
  AWS_SECRET_ACCESS_KEY: keys.secretAccessKey,
});

async function startForeign(name: string, data: string, cache: string): Promise<Running> {
  const store = STORES.find((one) => one.name === name);
  if (store === undefined) throw new Error(`no store ${name}`);
  const folder = await havePackages(store, 'stores', cache);
  const running = await store.start({ folder, data, buckets: [BUCKET] });
  const { version, storeConfig, environment, stop, endpoint, credentials } = running;
  const made = await send(Number(new URL(endpoint).port), { method: 'PUT', bucket: BUCKET, keys: credentials });
  if (made.status >= 300 && made.status !== 409) {
    await stop();
    throw new Error(`the bucket could not be made: ${made.status} ${made.body.toString().slice(0, 200)}`);
  }
  return { key: name, name, version, bucket: BUCKET, storeConfig, environment, stop };
}

async function examined(
  { name: title, version, bucket, storeConfig, environment }: Running,
  folder: string,
): Promise<KnownStore> {
  const config = {
    listen: { address: '127.0.0.1:1', allowPlaintextLoopback: true },
    issuers: { none: { issuer: 'http://127.0.0.1:9/', audiences: ['sallyport'], allowHttp: true } },
    stores: { store: storeConfig },
    buckets: { [bucket]: { encryption: 'off' } },
    policies: { directory: 'policies' },
    audit: { directory: 'audit' },
  };
  await mkdir(join(folder, 'policies'));
  const file = join(folder, 'sallyport.yaml');
  await writeFile(file, JSON.stringify(config));
  const program = fileURLToPath(new URL('../bin/sallyport.js', import.meta.url));
  const parameters = [program, 'doctor', '--store', 'store', '--config', file, '--json'];
  const { PATH = '', HOME = '' } = process.env;
  const { promise, resolve, reject } = Promise.withResolvers<string>();
  execFile(process.execPath, parameters, { env: { PATH, HOME, ...environment } }, (error, stdout, stderr) => {
    // 1: it found that something is missing.
    if (stdout === '') reject(new Error(stderr.trim() || (error?.message ?? 'the doctor said nothing')));
    else resolve(stdout);
  });
  const { findings, left } = JSON.parse(await promise) as StoreReport;
  if (left.length > 0) throw new Error(`not taken away: ${left.join('; ')}`);
  return {
    name: title,
    version,
    findings: findings.map(({ id, state, found }) => ({
      ...{ id, state },
      // The name that it has in this run says nothing to readers.
      found: found.replaceAll('stores.store.', 'stores.<store>.'),
    })),
  };
}

const requested = readOptions(HELP, {
  store: { type: 'string', multiple: true, default: [] },
  pair: { type: 'string', default: 'stable' },
  cache: { type: 'string', default: packageCache() },
  write: { type: 'boolean', default: false },
});
if (!isPair(requested.pair)) usage(HELP, '--pair is stable or current');
const all = ['embedded', 'ceph', ...STORES.map(({ name }) => name)];
for (const name of requested.store) if (!all.includes(name)) usage(HELP, `no store ${name}`);
const chosen = requested.store.length === 0 ? all : all.filter((name) => requested.store.includes(name));
if (chosen.includes('ceph')) await usePair(requested.pair);

const known: Record<string, KnownStore> = { ...readKnownStores() };
let same = 0;
let changed = 0;
for (const name of chosen) {
  const folder = await mkdtemp(join(tmpdir(), `sallyport-doctor-${name}-`));
  const data = join(folder, 'data');
  await mkdir(data);
  let running: Running | undefined;
  try {
    running = await (name === 'embedded'
      ? startEmbedded(data)
      : name === 'ceph'
        ? startRgw()
        : startForeign(name, data, requested.cache));
    const found = await examined(running, folder);
    const before = known[running.key]?.findings ?? [];
    for (const { id, state, found: seen } of found.findings) {
      const old = before.find((finding) => finding.id === id)?.state ?? 'not known';
      if (old === state) same += 1;
      else {
        changed += 1;
        console.log(`${running.key}: ${id}: ${old} before, ${state} now: ${seen}`);
      }
    }
    known[running.key] = found;
  } catch (error) {
    changed += 1;
    console.log(`${name}: could not be tried: ${error instanceof Error ? error.message : String(error)}`);
  } finally {
    await running?.stop();
    await rm(folder, { recursive: true, force: true });
  }
}
if (requested.write) {
  const sorted = Object.fromEntries(Object.entries(known).toSorted(([one], [other]) => one.localeCompare(other)));
  await writeFile(STORES_FILE, `${JSON.stringify(sorted, undefined, 2)}\n`);
}
console.log(`${same} as before, ${changed} changed`);
process.exitCode = changed === 0 || requested.write ? 0 : 1;
