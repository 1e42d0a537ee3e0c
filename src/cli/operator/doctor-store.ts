/** `sallyport doctor --store`: what a store of the configuration can do, and what its users go without. */
import type { Config } from '../../config/config.ts';
import { examineStore, isLacking, TRIALS, type StoreReport } from '../../operate/store-doctor/store-doctor.ts';
import { storeUnderTrial } from '../../compose/store-doctor.ts';
import { GatewayError } from '../../errors/gateway-error.ts';
import { explainRefusal } from '../../objects/explain-refusal.ts';
import { CommandError, type CommandIo } from '../io.ts';
import { printable } from './report.ts';
import { readConfig } from '../read-config.ts';

export interface DoctorStoreFlags {
  readonly store: string;
  readonly config?: string;
  readonly bucket?: string;
  readonly json?: true;
}

/** Runs it. @throws CommandError */
export async function doctorStore(io: CommandIo, flags: DoctorStoreFlags): Promise<void> {
  const config = await readConfig(io, flags.config);
  const { store, bucket } = targetOf(config, flags);
  const control = new AbortController();
  const stop = (): void => {
    if (control.signal.aborted) io.exit(1);
    control.abort();
    io.stderr.write('\nstopping: what was written is taken away first\n');
  };
  io.onSignal('SIGINT', stop);
  io.onSignal('SIGTERM', stop);
  const { dependencies, close } = storeUnderTrial(config, store, bucket.name);
  try {
    const onTrial = (what: string, index: number, count: number): void => {
      if (io.stdout.isTTY === true) io.stderr.write(`\r\u001b[K${index + 1} of ${count}: ${what}`);
    };
    const report = await examineStore({ ...dependencies, signal: control.signal, onTrial });
    if (io.stdout.isTTY === true) io.stderr.write('\r\u001b[K');
    io.stdout.write(flags.json === true ? `${JSON.stringify(report)}\n` : textOf(report));
    io.setExitCode(isLacking(report) ? 1 : 0);
  } catch (error) {
    if (!(error instanceof GatewayError)) throw error;
    const known = { ...bucket, store: { ...store } };
    throw new CommandError(explainRefusal(known, error));
  } finally {
    await close();
  }
}

function targetOf(config: Config, flags: DoctorStoreFlags) {
  const store = config.stores.find(({ name }) => name === flags.store);
  const names = config.stores.map(({ name }) => name).join(', ');
  if (store === undefined)
    throw new CommandError(`--store ${flags.store}: configuration names no such store, but ${names}`, 2);
  if (store.method === 'web-identity') {
    throw new CommandError(
      `--store ${flags.store}: only callers can ask it (method: web-identity), not the gateway itself`,
      2,
    );
  }
  const own = config.buckets.filter(({ storeName }) => storeName === store.name);
  const bucket = flags.bucket === undefined ? own[0] : own.find(({ name }) => name === flags.bucket);
  if (bucket === undefined) {
    throw new CommandError(
      flags.bucket === undefined
        ? `--store ${store.name}: no bucket of the configuration is there`
        : `--bucket ${flags.bucket} is no bucket of store ${store.name}`,
      2,
    );
  }
  return { store, bucket };
}

const WORDS = { works: 'works', lacks: 'MISSING', untried: 'not tried' };

function textOf({ store, bucket, findings, left, complete }: StoreReport): string {
  const lines = findings.flatMap(({ state, what, found, lost, needed, set }) => [
    `${(state === 'lacks' && !needed ? 'without' : WORDS[state]).padEnd(10)}${what}: ${printable(found)}`,
    ...(state === 'lacks' ? [`${' '.repeat(10)}lost: ${lost}`] : []),
    ...(set === undefined ? [] : [`${' '.repeat(10)}set ${set}`]),
  ]);
  const lacking = findings.filter(({ state, needed }) => state === 'lacks' && needed).length;
  const without = findings.filter(({ state, needed }) => state === 'lacks' && !needed).length;
  const end = [
    ...left.map((what) => `not taken away: ${printable(what)}`),
    ...(complete ? [] : [`stopped after ${findings.length} of ${TRIALS.length}`]),
    `${lacking} of what the gateway needs there is missing, ${without} of what its users may want`,
  ];
  return [`store ${store}, bucket ${bucket}`, ...lines, ...end, ''].join('\n');
}
