/**
 * The audit: lines in, durable lines out; refusals beside it. What enters: lines that hold no token, secret or query.
 * What leaves: promises that resolve when a line is on stable storage, and word of whether that still works.
 * It never says that an access is on record when it may not be.
 */
import {
  AUDIT_FILE_BYTES,
  AUDIT_MIN_FREE_BYTES,
  REFUSALS_BURST,
  REFUSALS_BYTES,
  REFUSALS_PER_SECOND,
} from '../contracts/audit-limits.ts';
import type { AuditSink, AuditStatus } from '../contracts/audit-sink.ts';
import type { Clock } from '../contracts/clock.ts';
import type { HealthReport, HealthSource } from '../contracts/health.ts';
import type { Observer } from '../contracts/observer.ts';
import { diskFiles, type AuditFiles } from './audit-files.ts';
import { DurableWriter } from './durable-writer.ts';
import { RefusalLog } from './refusal-log.ts';

/** Sizes in bytes. What is not given has the value of `AUDIT_DEFAULTS`. */
export interface AuditLimits {
  readonly maxFileBytes: number;
  readonly maxQueuedEntries: number;
  readonly maxQueuedBytes: number;
  /** Space that is left to the outcomes of accesses already in progress; without it nothing new is begun. */
  readonly minFreeBytes: number;
  /** How often the disk is looked at. */
  readonly sampleIntervalMs: number;
  readonly stallSamples: number;
  readonly refusalsPerSecond: number;
  readonly refusalBurst: number;
  readonly maxRefusalBytes: number;
  readonly summaryTicks: number;
}

export const AUDIT_DEFAULTS: AuditLimits = {
  maxFileBytes: AUDIT_FILE_BYTES.usual,
  // A batch of a thousand keys is a thousand entries; what bounds the queue as a rule is its size.
  maxQueuedEntries: 32_768,
  maxQueuedBytes: 16 * 1024 * 1024,
  minFreeBytes: AUDIT_MIN_FREE_BYTES.usual,
  sampleIntervalMs: 1000,
  stallSamples: 5,
  refusalsPerSecond: REFUSALS_PER_SECOND.usual,
  refusalBurst: REFUSALS_BURST.usual,
  maxRefusalBytes: REFUSALS_BYTES.usual,
  summaryTicks: 60,
};

export interface AuditSinkOptions extends Partial<AuditLimits> {
  /** Created, mode 0700, where it is missing. Several workers may share it. */
  readonly directory: string;
  readonly worker: number;
  readonly pid: number;
  readonly clock: Clock;
  readonly observer: Pick<Observer, 'event'>;
  /** Told how long each group of entries took to be durable. */
  readonly committed?: (durationMs: number) => void;
  /** The real disk unless a test says otherwise. */
  readonly files?: AuditFiles;
}

export interface AuditLog extends AuditSink, HealthSource {
  /** Whether a new access could be put on record now; `/readyz` depends on it. */
  readonly canAudit: () => boolean;
  /** Absent: it is no disk's. */
  readonly status?: () => AuditStatus;
  /** Looks at the disk at once instead of at the next interval. */
  readonly sample: () => Promise<void>;
  /** Takes no more entries; resolves when everything queued is durable and the files are closed. */
  readonly close: () => Promise<void>;
}

const NEAR_RESERVE_FACTOR = 2;

/** Opens the audit in a directory. @throws GatewayError AuditUnavailable (the directory or its first file fails) */
export async function createAuditSink(options: AuditSinkOptions): Promise<AuditLog> {
  const settings = { ...AUDIT_DEFAULTS, files: diskFiles, ...options };
  const writer = await DurableWriter.open({ ...settings, prefix: 'access' });
  const hasSpace = (): boolean => writer.freeBytes >= settings.minFreeBytes * NEAR_RESERVE_FACTOR;
  const refusals = new RefusalLog({ ...settings, hasSpace });

  // It was opened, and its first file written, a moment ago.
  let checkedAtMs = settings.clock.now();
  const sample = async (): Promise<void> => {
    await Promise.all([writer.sample(), refusals.tick()]);
    checkedAtMs = settings.clock.now();
  };
  const timer = setInterval(() => void sample(), settings.sampleIntervalMs);
  timer.unref();

  const health = (): readonly HealthReport[] => {
    const refusal = writer.refusal();
    const detail = refusal ?? (hasSpace() ? undefined : 'the disk of the audit is nearly full');
    if (detail !== undefined) return [{ name: 'audit', state: 'degraded', detail, checkedAtMs }];
    return [{ name: 'audit', state: 'ok', checkedAtMs }];
  };

  return {
    record: (line, concludes) => writer.append(line, concludes),
    refuse: (refusal) => refusals.refuse(refusal),
    canAudit: () => writer.refusal() === undefined,
    status: () => writer.status(),
    health,
    sample,
    close: async () => {
      await writer.close();
      clearInterval(timer);
      await refusals.close();
    },
  };
}
