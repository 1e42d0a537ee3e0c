/**
 * One worker under a primary. Enters: a gateway that is yet to be made. It says that it serves only when it listens, ends
 * with a reason where it cannot start, and after an error that nobody caught goes on until another one has taken over: then
 * it drains and ends with code 1. It never drops those whose requests it has.
 */
import cluster, { type Worker } from 'node:cluster';
import type { LiveGateway } from '../../compose/gateway.ts';
import type { Config } from '../../config/config.ts';
import type { ConfigSnapshot } from '../../config/loading/load.ts';
import type { KeptSource } from '../../policy/kept-source.ts';
import type { CommandIo } from '../io.ts';
import { measuredBy } from '../../telemetry/exposition.ts';
import { releaseStartMemory } from './release-memory.ts';
import { isMessage, tell, type NumberedSnapshot } from './worker-messages.ts';

/** A primary that starts no other worker is not waited for longer. */
const TAKEOVER_MS = 30_000;
const REPORT_INTERVAL_MS = 1000;
const LAST_WORDS_MS = 500;

/** A gateway, and the policies that it decides by. */
interface WorkerGateway {
  readonly gateway: LiveGateway;
  readonly policies: KeptSource;
  /** Absent: configuration names none. */
  readonly preview: KeptSource | undefined;
  /** Reads what a configuration is made of. @throws Error */
  readonly configOf: (snapshot: ConfigSnapshot) => Promise<Config>;
}

/** Starts it, and resolves when it serves. */
export async function runWorker(
  io: CommandIo,
  create: (snapshot: ConfigSnapshot) => Promise<WorkerGateway>,
): Promise<void> {
  const { worker } = cluster;
  if (worker === undefined) throw new Error('not a worker');
  // What was said to a primary that ends at that moment (EPIPE): its end tells the rest.
  worker.on('error', () => undefined);
  try {
    const first = await configurationFrom(worker);
    serve(io, worker, await listening(() => create(first.snapshot)), first.configuration);
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    tell(worker, { kind: 'sallyport:failed', reason }, () => io.exit(1));
  }
}

/** Asks the primary, which gives to one that is started later what it has given to the others. */
async function configurationFrom(primary: Worker): Promise<NumberedSnapshot> {
  const { promise, resolve } = Promise.withResolvers<NumberedSnapshot>();
  const answer = (message: unknown): void => {
    if (isMessage(message) && message.kind === 'sallyport:use-configuration') resolve(message);
  };
  primary.on('message', answer);
  tell(primary, { kind: 'sallyport:configure' });
  try {
    return await promise;
  } finally {
    primary.off('message', answer);
  }
}

async function listening(create: () => Promise<WorkerGateway>): Promise<WorkerGateway> {
  const created = await create();
  releaseStartMemory();
  await created.gateway.listen();
  return created;
}

function serve(
  io: CommandIo,
  worker: Worker,
  { gateway, policies, preview, configOf }: WorkerGateway,
  startedWith: number,
): void {
  // Node would end a worker at once whose primary is gone, with all that it is doing.
  worker.exitedAfterDisconnect = true;
  // Terminals and service managers signal the whole group, and then the primary signals too: a worker drains once.
  let ending: Promise<void> | undefined;
  const end = (code: 0 | 1): void => {
    ending ??= gateway.drain().finally(() => {
      // Its last counts go on in those of the others; a primary that takes none is not waited for.
      setTimeout(() => io.exit(code), LAST_WORDS_MS);
      return measure(() => io.exit(code));
    });
  };
  for (const signal of ['SIGTERM', 'SIGINT'] as const) io.onSignal(signal, () => end(0));
  io.onParentExit(() => end(0));
  // The primary reads the policies; by default this signal would end a worker.
  io.onSignal('SIGHUP', () => undefined);

  const measure = async (onSent?: () => void): Promise<void> => {
    const measured = await measuredBy(gateway.registry);
    if (worker.isConnected()) tell(worker, { kind: 'sallyport:measured', measured }, onSent);
    else onSent?.();
  };

  let isLeaving = false;
  io.onUncaught((error) => {
    gateway.uncaught.ofProcess(error);
    if (isLeaving) return;
    isLeaving = true;
    if (worker.isConnected()) tell(worker, { kind: 'sallyport:leaving' });
    setTimeout(() => end(1), TAKEOVER_MS);
  });

  let configuration = startedWith;
  const report = (): void => {
    if (!worker.isConnected()) return;
    const policyVersion = policies.current().version;
    const previewVersion = preview?.current().version ?? '';
    const readiness = gateway.readiness();
    tell(worker, { kind: 'sallyport:readiness', readiness, configuration, policyVersion, previewVersion });
  };
  const prepare = (policyVersion: string): void => {
    const answer = (problem: { readonly problem?: string }): void => {
      if (worker.isConnected()) tell(worker, { kind: 'sallyport:prepared', policyVersion, ...problem });
    };
    policies.prepare(policyVersion).then(
      () => answer({}),
      (error: unknown) => answer({ problem: error instanceof Error ? error.message : String(error) }),
    );
  };
  // One after the other, so that an earlier configuration never replaces a later one.
  let last: Promise<unknown> = Promise.resolve();
  const prepareConfiguration = ({ configuration: number, snapshot }: NumberedSnapshot): void => {
    const answer = (problem: { readonly problem?: string }): void => {
      const kind = 'sallyport:configuration-prepared';
      if (worker.isConnected()) tell(worker, { kind, configuration: number, ...problem });
    };
    last = last
      .then(async () => gateway.prepare(await configOf(snapshot)))
      .then(
        () => answer({}),
        (error: unknown) => answer({ problem: error instanceof Error ? error.message : String(error) }),
      );
  };
  const useConfiguration = ({ configuration: number, snapshot }: NumberedSnapshot): void => {
    last = last
      .then(async () => {
        gateway.use(await configOf(snapshot));
        configuration = number;
        report();
      })
      .catch(() => undefined);
  };
  worker.on('message', (message: unknown) => {
    if (!isMessage(message)) return;
    if (message.kind === 'sallyport:report') report();
    else if (message.kind === 'sallyport:measure') void measure();
    else if (message.kind === 'sallyport:prepare-configuration') prepareConfiguration(message);
    else if (message.kind === 'sallyport:use-configuration') useConfiguration(message);
    else if (message.kind === 'sallyport:prepare') prepare(message.policyVersion);
    // The report has the version in force: where it is another one, the primary says it again.
    else if (message.kind === 'sallyport:use') void policies.use(message.policyVersion).then(report, () => undefined);
    else if (message.kind === 'sallyport:preview') void preview?.use(message.policyVersion).catch(() => undefined);
    else if (message.kind === 'sallyport:drain') end(1);
  });
  report();
  setInterval(report, REPORT_INTERVAL_MS).unref();
}
