/**
 * Runs the same checks on a store of others as its owner, which is the control, and through the gateway, encrypted and plain.
 * What the store itself does not do is told, and counts for nobody.
 */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { runChecks, SEMANTICS_BUCKETS, type SemanticsMode } from '../../support/store/semantics.ts';
import { send } from '../../support/store/store-client.ts';
import type { ForeignStore, RunningStore } from '../stores/store.ts';
import type { BucketKind } from './lane.ts';
import type { ProgramRun, Step } from './run-program.ts';
import { startStoreSite } from './store-site.ts';

const LIMIT_MS = 480_000;
const START_LIMIT_MS = 30_000;
/** A store may never answer a check that holds two writes of one key at once. */
const PATIENCE_SECONDS = 15;
/** Files of `test/verify/semantics/checks`: what a store has most say in, and what a gateway makes most of. */
const THEMES = [
  ...[
    'atomic',
    'checksums',
    'conditions',
    'copies',
    'deletes',
    'keys',
    'listings',
    'listings_more',
    'objects',
    'reads',
  ],
  ...['tags', 'uploads', 'uploads_more', 'versions'],
];

/** What Ceph adds to S3; and races, which a store wins or loses by chance (`sallyport doctor --store` tries them for itself). */
const OF_THE_STORE_ALONE = /^ceph_|_at_once|_meanwhile|_being_read_/;

export interface StoreRun {
  readonly store: string;
  readonly version: string;
  readonly control: readonly Step[];
  readonly seconds: number;
  /** Through the gateway: the steps that the store itself passes. */
  readonly runs: readonly ProgramRun[];
}

/** A place of the driver's. */
type Turn = <Result>(work: () => Promise<Result>) => Promise<Result>;

/** @throws Error where the store or the product in front of it does not start */
export async function runStore(
  store: ForeignStore,
  folder: string,
  kinds: readonly BucketKind[],
  turn: Turn,
): Promise<StoreRun> {
  const started = performance.now();
  const data = await mkdtemp(join(tmpdir(), `world-store-${store.name}-`));
  const buckets = Object.values(SEMANTICS_BUCKETS);
  const undo: (() => Promise<unknown>)[] = [() => rm(data, { recursive: true, force: true })];
  try {
    const running = await store.start({ folder, data, buckets });
    undo.push(running.stop);
    await prepare(running);
    const site = await startStoreSite(store.name, running, buckets);
    undo.push(site.stop);
    const { endpoint, region, credentials } = running;
    const target = { endpoint: site.endpoint, region: 'us-east-1', ca: site.caFile, keys: site.keys };
    // One after another: the tags of a bucket, its versioning and the like are the same for all.
    const control = await turn(() => checked('direct', { endpoint, region, ca: null, keys: credentials }));
    const through: (Awaited<ReturnType<typeof checked>> & { readonly kind: BucketKind })[] = [];
    for (const kind of kinds) through.push({ kind, ...(await turn(() => checked(kind, target))) });
    const passed = new Set(control.steps.filter(({ ok }) => ok).map(({ name }) => name));
    const runs = through.map(({ kind, steps, seconds }) => ({
      ...{ lane: 'store', program: store.name, bucket: kind, seconds },
      steps: steps.filter(({ name }) => passed.has(name) || name === END),
    }));
    if (runs.some(({ steps }) => steps.some(({ ok }) => !ok))) {
      for (const line of await site.faults()) console.error(`store/${store.name}: the gateway's log: ${line}`);
    }
    return {
      ...{ store: store.name, version: running.version, control: control.steps },
      runs,
      seconds: secondsSince(started),
    };
  } finally {
    for (const step of undo.reverse()) await step().catch(() => undefined);
  }
}

const END = 'end';

/** Never rejects: checks that do not come to their end have a step that says so. */
async function checked(
  mode: SemanticsMode,
  target: Parameters<typeof runChecks>[1],
): Promise<{ readonly steps: readonly Step[]; readonly seconds: number }> {
  const started = performance.now();
  const steps: Step[] = [];
  try {
    await runChecks(mode, target, {
      ...{ themes: THEMES, limitMs: LIMIT_MS, readTimeoutSeconds: PATIENCE_SECONDS },
      onResult: ({ name, ok, error }) => {
        if (!OF_THE_STORE_ALONE.test(name)) steps.push({ name, ok, said: (error ?? '').replaceAll(/\s+/g, ' ') });
      },
    });
  } catch (error) {
    steps.push({ name: END, ok: false, said: error instanceof Error ? error.message : String(error) });
  }
  return { steps, seconds: secondsSince(started) };
}

/** Makes the buckets that are not there, as far as the store can, and waits until it takes an object. */
async function prepare({ endpoint, credentials }: RunningStore): Promise<void> {
  const port = Number(new URL(endpoint).port);
  const sendSigned = (request: Omit<Parameters<typeof send>[1], 'keys'>) =>
    send(port, { ...request, keys: credentials });
  const { locked, versioned, ...others } = SEMANTICS_BUCKETS;
  const endMs = Date.now() + START_LIMIT_MS;
  const first = { method: 'PUT', bucket: others.bucket, key: 'started', body: '' };
  for (const bucket of [...Object.values(others), versioned]) await sendSigned({ method: 'PUT', bucket });
  await sendSigned({ method: 'PUT', bucket: locked, headers: { 'x-amz-bucket-object-lock-enabled': 'true' } });
  const body = '<VersioningConfiguration><Status>Enabled</Status></VersioningConfiguration>';
  await sendSigned({ method: 'PUT', bucket: versioned, query: { versioning: '' }, body });
  let last = await sendSigned(first);
  while (last.status !== 200) {
    if (Date.now() > endMs) throw new Error(`it takes no object: ${last.status} ${last.body.toString().slice(0, 200)}`);
    await new Promise((resolve) => setTimeout(resolve, 200));
    last = await sendSigned(first);
  }
  await sendSigned({ method: 'DELETE', bucket: others.bucket, key: 'started' });
}

const secondsSince = (started: number): number => Math.round((performance.now() - started) / 100) / 10;
