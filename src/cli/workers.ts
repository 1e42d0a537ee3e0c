/**
 * Several processes behind one listener. The primary starts workers, replaces those that die (with a growing pause), asks
 * them for readiness and metrics over IPC, and stops them by SIGTERM so that each drains itself.
 */
import cluster, { type Worker } from 'node:cluster';
import { AggregatorRegistry } from 'prom-client';
import type { Gateway } from '../app.ts';
import type { Readiness } from '../http/admin-server.ts';
import type { CommandIo } from './io.ts';

export interface Workers {
  readonly readiness: () => Readiness;
  readonly metrics: () => Promise<{ readonly contentType: string; readonly text: string }>;
  readonly reload: () => void;
  /** Resolves when every worker has drained and ended. */
  readonly stop: () => Promise<void>;
}

/** The variable by which a worker knows which of them it is. Not ours to be set by an operator, hence not SALLYPORT_. */
export const WORKER_SLOT = 'WORKER_SLOT';

const REPORT_INTERVAL_MS = 1000;
const FIRST_PAUSE_MS = 200;
const LONGEST_PAUSE_MS = 10_000;
const HEALTHY_AFTER_MS = 30_000;

interface ReadinessMessage {
  readonly kind: 'sallyport:readiness';
  readonly readiness: Readiness;
}

const RELOAD = { kind: 'sallyport:reload' } as const;

/** In the primary: starts `count` workers and keeps that many. */
export function startWorkers(count: number, io: CommandIo): Workers {
  const registry = new AggregatorRegistry();
  const reports = new Map<number, Readiness>();
  let stopping = false;

  const start = (slot: number, pauseMs: number): void => {
    const startedMs = Date.now();
    const worker = cluster.fork({ [WORKER_SLOT]: String(slot) });
    worker.on('message', (message: unknown) => {
      if (isReadiness(message)) reports.set(slot, message.readiness);
    });
    worker.on('exit', (code, signal) => {
      reports.delete(slot);
      if (stopping) return;
      io.stderr.write(`${JSON.stringify({ level: 'error', message: 'a worker ended', worker: slot, code, signal })}\n`);
      const next = Date.now() - startedMs > HEALTHY_AFTER_MS ? FIRST_PAUSE_MS : Math.min(pauseMs * 2, LONGEST_PAUSE_MS);
      setTimeout(() => {
        if (!stopping) start(slot, next);
      }, next);
    });
  };
  for (let slot = 0; slot < count; slot += 1) start(slot, FIRST_PAUSE_MS);

  const alive = (): Worker[] => Object.values(cluster.workers ?? {}).filter((worker) => worker !== undefined);
  return {
    readiness: () => {
      const known = [...reports.values()];
      return { ready: known.some(({ ready }) => ready), reports: worst(known) };
    },
    metrics: async () => ({ contentType: registry.contentType, text: await registry.clusterMetrics() }),
    reload: () => {
      for (const worker of alive()) worker.send(RELOAD);
    },
    stop: async () => {
      stopping = true;
      await Promise.all(
        alive().map(
          (worker) =>
            new Promise<void>((resolve) => {
              worker.once('exit', () => resolve());
              worker.process.kill('SIGTERM');
            }),
        ),
      );
    },
  };
}

/** In a worker: reports to the primary and does what it asks. */
export function answerPrimary(gateway: Gateway): void {
  const { worker } = cluster;
  if (worker === undefined) return;
  // Making one is what starts to answer the primary's questions for metrics.
  new AggregatorRegistry();
  AggregatorRegistry.setRegistries([gateway.registry]);
  const report = (): void => {
    if (worker.isConnected())
      worker.send({ kind: 'sallyport:readiness', readiness: gateway.readiness() } satisfies ReadinessMessage);
  };
  report();
  setInterval(report, REPORT_INTERVAL_MS).unref();
  worker.on('message', (message: unknown) => {
    if (typeof message === 'object' && message !== null && 'kind' in message && message.kind === RELOAD.kind)
      void gateway.reload();
  });
}

function isReadiness(message: unknown): message is ReadinessMessage {
  return typeof message === 'object' && message !== null && 'kind' in message && message.kind === 'sallyport:readiness';
}

/** One line per dependency: the worst that any worker says of it. */
function worst(known: readonly Readiness[]): Readiness['reports'] {
  const byName = new Map<string, Readiness['reports'][number]>();
  for (const { reports } of known) {
    for (const report of reports) {
      if (byName.get(report.name)?.state !== 'degraded') byName.set(report.name, report);
    }
  }
  return [...byName.values()];
}
