/**
 * The processes behind one listener. The primary starts workers, replaces those that die or must go, asks them for
 * readiness and metrics over IPC, and stops them by SIGTERM so that each drains itself. It handles no request, and it says
 * that a worker serves only when that worker listens.
 */
import cluster, { type Worker } from 'node:cluster';
import { setTimeout as sleep } from 'node:timers/promises';
import { Counter, Registry } from 'prom-client';
import type { ConfigSnapshot } from '../../config/loading/load.ts';
import type { Readiness } from '../../http/admin-server.ts';
import type { Log } from '../../telemetry/log.ts';
import {
  acceptsOpenMetrics,
  combined,
  countsOf,
  exposed,
  measuredBy,
  type Exposed,
  type Measured,
} from '../../telemetry/exposition.ts';
import { described } from '../../telemetry/metric-table.ts';
import { StartError, type CommandIo } from '../io.ts';
import { createLocalCounters } from '../../guardrails/counters.ts';
import { answerSpending } from './primary-counters.ts';
import {
  isMessage,
  tell,
  WORKER_POLICIES,
  WORKER_SLOT,
  type FromPrimary,
  type NumberedSnapshot,
} from './worker-messages.ts';

export interface Workers {
  /** What the primary itself counts. */
  readonly registry: Registry;
  /**
   * Starts them with a configuration and a kept set of policies, and resolves when each takes requests.
   * @throws StartError in the words of the first that could not start
   */
  readonly start: (snapshot: ConfigSnapshot, policyVersion: string) => Promise<void>;
  readonly readiness: () => Promise<Readiness>;
  /** Those of the primary and, as one, of all workers that there are and have been. `accept`: of the scraper. */
  readonly metrics: (accept: string | undefined) => Promise<Exposed>;
  /** Puts a configuration in force in all of them, once each accepts its keys. @throws Error where one cannot: then in none */
  readonly useConfiguration: (snapshot: ConfigSnapshot) => Promise<void>;
  /** Puts a kept set of policies in force in all of them. @throws Error where one cannot load it: then in none */
  readonly usePolicies: (policyVersion: string) => Promise<void>;
  /** Has a kept set previewed in all of them. */
  readonly previewPolicies: (policyVersion: string) => Promise<void>;
  /** Resolves when every worker has drained and ended. */
  readonly stop: () => Promise<void>;
}

interface Slot {
  worker: Worker;
  startedMs: number;
  /** How often in a row a worker of this slot ended soon after its start. */
  quickEnds: number;
  isStartingNext: boolean;
}

const ANSWER_MS = 500;
const MEASURE_MS = 2000;
/** One that does not answer for so long serves nobody meanwhile: what it was told it does before anything else. */
const PREPARE_MS = 10_000;
/** One that ends before may end for what it meets at its start, and so would the next one. */
const SOON_MS = 30_000;
const FIRST_PAUSE_MS = 200;
const LONGEST_PAUSE_MS = 10_000;

/**
 * In the primary: `count` workers, and as many again as long as it is not stopped. `env`: of the process, as it was started. `keepPolicies` has the set in force there
 * for one that starts.
 */
export function createWorkers(
  count: number,
  log: Log,
  { env, keepPolicies }: { readonly env: CommandIo['env']; readonly keepPolicies: () => Promise<void> },
): Workers {
  const own = new Registry();
  const replaced = new Counter({
    ...described('sallyport_workers_replaced_total'),
    registers: [own],
  });
  for (const why of ['uncaught', 'ended']) replaced.inc({ why }, 0);
  const counters = createLocalCounters({ now: Date.now });
  const reports = new Map<Worker, Readiness>();
  /** What each said last: one that is busy is taken at its last word. */
  const measured = new Map<Worker, readonly Measured[]>();
  const measuring = new Map<Worker, PromiseWithResolvers<undefined>>();
  /** Counts of those that have ended: a sum that falls would be taken for a new start. */
  let past: readonly Measured[] = [];
  let folding: Promise<void> = Promise.resolve();
  const slots = new Map<number, Slot>();
  const starting = Promise.withResolvers<undefined>();
  const pending = new Map<Worker, PromiseWithResolvers<undefined>>();
  const preparing = new Map<Worker, Map<string, (problem?: string) => void>>();
  let configuration: NumberedSnapshot = {
    configuration: 0,
    snapshot: { content: undefined, files: {}, directory: '' },
  };
  let configurations = 0;
  let policiesInForce = '';
  let policiesPreviewed = '';
  let stopping = false;
  let hasStarted = false;

  const answerOf = (worker: Worker, asked = pending): Promise<undefined> => {
    const answer = asked.get(worker) ?? Promise.withResolvers<undefined>();
    asked.set(worker, answer);
    return answer.promise;
  };
  const answered = (worker: Worker, asked = pending): void => {
    asked.get(worker)?.resolve(undefined);
    asked.delete(worker);
  };
  const keepCounts = (worker: Worker): void => {
    const last = measured.get(worker);
    measured.delete(worker);
    if (last === undefined) return;
    folding = folding.then(async () => {
      past = await combined([past, countsOf(last)]);
    });
  };

  /** `predecessor` goes on until this one serves: the connections of its clients have somebody to go to. */
  const fork = (number: number, predecessor?: Worker): Worker => {
    const worker = cluster.fork({ ...env, [WORKER_SLOT]: String(number), [WORKER_POLICIES]: policiesInForce });
    let said: string | undefined;
    worker.on('message', (message: unknown) => {
      if (!isMessage(message)) return;
      if (message.kind === 'sallyport:readiness') {
        const isFirst = !reports.has(worker);
        reports.set(worker, message.readiness);
        answered(worker);
        if (message.configuration !== configuration.configuration) {
          tell(worker, { kind: 'sallyport:use-configuration', ...configuration });
        }
        // It started before the last reload, or could not load that set.
        if (message.policyVersion !== policiesInForce) {
          tell(worker, { kind: 'sallyport:use', policyVersion: policiesInForce });
        }
        if (message.previewVersion !== policiesPreviewed) {
          tell(worker, { kind: 'sallyport:preview', policyVersion: policiesPreviewed });
        }
        if (isFirst && predecessor?.isConnected() === true) tell(predecessor, { kind: 'sallyport:drain' });
        if (!hasStarted && reports.size === count) {
          hasStarted = true;
          starting.resolve(undefined);
        }
      } else if (message.kind === 'sallyport:measured') {
        measured.set(worker, message.measured);
        answered(worker, measuring);
      } else if (message.kind === 'sallyport:spend' || message.kind === 'sallyport:add') {
        answerSpending(worker, message, counters);
      } else if (message.kind === 'sallyport:failed') said = message.reason;
      else if (message.kind === 'sallyport:configure') {
        tell(worker, { kind: 'sallyport:use-configuration', ...configuration });
      } else if (message.kind === 'sallyport:prepared') {
        // What one that was slow says of an earlier one has nobody who waits.
        preparing.get(worker)?.get(message.policyVersion)?.(message.problem);
      } else if (message.kind === 'sallyport:configuration-prepared') {
        preparing.get(worker)?.get(nameOf(message.configuration))?.(message.problem);
      } else if (message.kind === 'sallyport:leaving') replace(number, worker, 'uncaught');
    });
    // What was said to one that ends at that moment (EPIPE, also by the cluster itself): its exit tells the rest.
    worker.on('error', () => undefined);
    // Its exit may be told before its last words; its channel ends after them.
    worker.on('disconnect', () => keepCounts(worker));
    worker.on('exit', (code: number | null, signal: string | null) => {
      reports.delete(worker);
      answered(worker);
      answered(worker, measuring);
      for (const end of preparing.get(worker)?.values() ?? []) end();
      if (stopping) return;
      if (!hasStarted) {
        starting.reject(new StartError(said ?? `a worker exited while starting (${signal ?? `exit code ${code}`})`));
        return;
      }
      log.event('worker_exited', { worker: number, code, signal, ...(said === undefined ? {} : { reason: said }) });
      replace(number, worker, 'ended');
    });
    return worker;
  };

  const start = (number: number, quickEnds: number, predecessor?: Worker): void => {
    const worker = fork(number, predecessor);
    slots.set(number, { worker, startedMs: performance.now(), quickEnds, isStartingNext: false });
  };

  /** At once, so that nobody waits for it; only what keeps failing at its start is tried less and less often. */
  const replace = (number: number, worker: Worker, why: 'uncaught' | 'ended'): void => {
    const slot = slots.get(number);
    if (stopping || slot?.worker !== worker || slot.isStartingNext) return;
    slot.isStartingNext = true;
    replaced.inc({ why });
    const quickEnds = performance.now() - slot.startedMs < SOON_MS ? slot.quickEnds + 1 : 0;
    const pauseMs = quickEnds < 2 ? 0 : Math.min(FIRST_PAUSE_MS * 2 ** (quickEnds - 2), LONGEST_PAUSE_MS);
    const startNext = (): void => {
      if (!stopping) start(number, quickEnds, worker);
    };
    // Where it cannot be kept, the worker says what is wrong.
    setTimeout(() => void keepPolicies().then(startNext, startNext), pauseMs);
  };

  const alive = (): Worker[] =>
    Object.values(cluster.workers ?? {}).filter((worker): worker is Worker => worker?.isConnected() === true);
  const tellAll = (message: FromPrimary): void => {
    for (const worker of alive()) tell(worker, message);
  };
  /** Gives what is wrong, or nothing once it has what is `name`d ready, has ended or does not answer. */
  const prepare = async (worker: Worker, name: string, message: FromPrimary): Promise<string | undefined> => {
    const { promise, resolve } = Promise.withResolvers<string | undefined>();
    const timer = setTimeout(() => resolve(undefined), PREPARE_MS);
    const waiting = preparing.get(worker) ?? new Map<string, (problem?: string) => void>();
    preparing.set(worker, waiting.set(name, resolve));
    tell(worker, message);
    const problem = await promise;
    clearTimeout(timer);
    waiting.delete(name);
    return problem;
  };
  /** @throws Error in the words of the first that cannot */
  const prepareAll = async (name: string, message: FromPrimary): Promise<void> => {
    const serving = alive().filter((worker) => reports.has(worker));
    const problems = await Promise.all(serving.map((worker) => prepare(worker, name, message)));
    const problem = problems.find((each) => each !== undefined);
    if (problem !== undefined) throw new Error(problem);
  };

  return {
    registry: own,
    start: (snapshot, policyVersion) => {
      configuration = { configuration: configurations, snapshot };
      policiesInForce = policyVersion;
      for (let number = 0; number < count; number += 1) start(number, 0);
      return starting.promise;
    },
    readiness: async () => {
      const fresh = alive().flatMap((worker) => (reports.has(worker) ? [answerOf(worker)] : []));
      tellAll({ kind: 'sallyport:report' });
      // One that is busy is taken at its last word.
      await Promise.race([Promise.all(fresh), sleep(ANSWER_MS)]);
      const known = [...reports.values()];
      return { ready: hasStarted && known.some(({ ready }) => ready), reports: worst(known) };
    },
    metrics: async (accept) => {
      const fresh = alive().flatMap((worker) => (reports.has(worker) ? [answerOf(worker, measuring)] : []));
      tellAll({ kind: 'sallyport:measure' });
      await Promise.race([Promise.all(fresh), sleep(MEASURE_MS)]);
      await folding;
      const all = await combined([...measured.values(), past]);
      return exposed([...all, ...(await measuredBy(own))], acceptsOpenMetrics(accept));
    },
    useConfiguration: async (snapshot) => {
      configurations += 1;
      const next = { configuration: configurations, snapshot };
      try {
        await prepareAll(nameOf(next.configuration), { kind: 'sallyport:prepare-configuration', ...next });
        configuration = next;
      } finally {
        // Those that accept what came to nothing let go of it.
        tellAll({ kind: 'sallyport:use-configuration', ...configuration });
      }
    },
    usePolicies: async (policyVersion) => {
      await prepareAll(policyVersion, { kind: 'sallyport:prepare', policyVersion });
      policiesInForce = policyVersion;
      tellAll({ kind: 'sallyport:use', policyVersion });
    },
    // Nobody's access depends on it: who has it later is told with its next report.
    previewPolicies: (policyVersion) => {
      policiesPreviewed = policyVersion;
      tellAll({ kind: 'sallyport:preview', policyVersion });
      return Promise.resolve();
    },
    stop: async () => {
      stopping = true;
      await Promise.all(
        Object.values(cluster.workers ?? {}).map(
          (worker) =>
            new Promise<void>((resolve) => {
              if (worker === undefined || worker.isDead()) {
                resolve();
                return;
              }
              worker.once('exit', () => resolve());
              worker.process.kill('SIGTERM');
            }),
        ),
      );
    },
  };
}

/** No version of policies is named so. */
const nameOf = (configuration: number): string => `configuration ${configuration}`;

const WORSE: readonly Readiness['reports'][number]['state'][] = ['ok', 'unknown', 'degraded'];

/** One line per dependency: the worst that any worker says of it, and of the same the oldest. */
function worst(known: readonly Readiness[]): Readiness['reports'] {
  const byName = new Map<string, Readiness['reports'][number]>();
  for (const { reports } of known) {
    for (const report of reports) {
      const other = byName.get(report.name);
      const badness = WORSE.indexOf(report.state) - WORSE.indexOf(other?.state ?? report.state);
      const isOlder = (report.checkedAtMs ?? 0) < (other?.checkedAtMs ?? 0);
      if (other === undefined || badness > 0 || (badness === 0 && isOlder)) byName.set(report.name, report);
    }
  }
  return [...byName.values()];
}
