/**
 * What the commands have in common that change a list which gateways obey: a clock, an audit that works, and the name of who
 * does it.
 */
import type { Config } from '../config/config.ts';
import type { Clock } from '../contracts/clock.ts';
import type { Observer } from '../contracts/observer.ts';
import { operatorName } from '../lists/line.ts';
import { createLog } from '../telemetry/log.ts';
import { createMetrics } from '../telemetry/metrics.ts';
import { createObserver } from '../telemetry/observer.ts';
import { openAudit } from './store-access.ts';

export interface ListEditorOptions {
  /** The user of the operating system. */
  readonly user: string;
  readonly pid: number;
  readonly logStream: NodeJS.WritableStream;
  /** Whether the command changes the list: then the audit must work, or nothing is done. */
  readonly writes: boolean;
  readonly clock?: Clock;
}

export interface ListEditing {
  readonly clock: Clock;
  readonly observer: Observer;
  /** Absent where nothing is changed. */
  readonly audit: Awaited<ReturnType<typeof openAudit>> | undefined;
  /** The operator, by the name that an entry can hold. */
  readonly by: string;
  readonly close: () => Promise<void>;
}

/**
 * Opens it. `worker` stands in the names of audit files where gateways have the number of their worker.
 * @throws GatewayError AuditUnavailable
 */
export async function openListEditing(
  config: Config,
  worker: number,
  { user, pid, logStream, writes, clock = { now: Date.now } }: ListEditorOptions,
): Promise<ListEditing> {
  const log = createLog({ level: 'warn', stream: logStream, worker });
  const observer = createObserver({ metrics: createMetrics(), log, clock });
  const audit = writes ? await openAudit(config, { clock, observer, worker, pid }) : undefined;
  return {
    ...{ clock, observer, audit, by: operatorName(user) },
    close: async () => {
      await audit?.close();
      await log.flush();
    },
  };
}
