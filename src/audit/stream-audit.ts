/**
 * The audit of a process without a disk: lines of JSON in, the same on a stream out, refusals among them. An entry is on
 * record when the stream has taken its line, which of a pipe means: whoever reads the pipe can read it also if this process
 * dies now. What becomes of it there is that reader's promise, not ours. Never: an access whose line was not taken.
 */
import type { AuditRefusal } from '../contracts/audit-sink.ts';
import type { Clock } from '../contracts/clock.ts';
import { GatewayError } from '../errors/gateway-error.ts';
import { refusalLine } from './audit-line.ts';
import { AUDIT_DEFAULTS, type AuditLimits, type AuditLog } from './create-audit-sink.ts';

export interface StreamAuditOptions extends Partial<
  Pick<AuditLimits, 'maxQueuedEntries' | 'maxQueuedBytes' | 'refusalsPerSecond'>
> {
  /** Nothing else writes to it. */
  readonly stream: NodeJS.WritableStream;
  readonly clock: Clock;
}

const BROKEN = 'nobody reads the audit any more';
const FULL = 'the reader of the audit is too slow';

/** Opens the audit on a stream; once a line was not taken, every access is refused. */
export function createStreamAudit(options: StreamAuditOptions): AuditLog {
  const { stream, clock, maxQueuedEntries, maxQueuedBytes, refusalsPerSecond } = { ...AUDIT_DEFAULTS, ...options };
  let queuedEntries = 0;
  let queuedBytes = 0;
  let failure: string | undefined;
  let idle: PromiseWithResolvers<void> | undefined;
  let second = 0;
  let refusalsInSecond = 0;

  // Without a listener, the end of the pipe would be the end of the process, and of the requests in progress.
  stream.on('error', () => (failure ??= BROKEN));

  const append = (line: string): Promise<void> => {
    const sizeBytes = Buffer.byteLength(line);
    queuedEntries += 1;
    queuedBytes += sizeBytes;
    return new Promise((resolve, reject) => {
      stream.write(line, (error) => {
        queuedEntries -= 1;
        queuedBytes -= sizeBytes;
        if (queuedEntries === 0) idle?.resolve();
        if (error === undefined || error === null) resolve();
        else {
          failure ??= BROKEN;
          reject(unavailable(BROKEN, error));
        }
      });
    });
  };
  /** What was begun may be concluded by a second helping of the queue. */
  const refusalOf = (share: 1 | 2): string | undefined => {
    const full = queuedEntries >= maxQueuedEntries * share || queuedBytes >= maxQueuedBytes * share;
    return failure ?? (full ? FULL : undefined);
  };
  const mayRefuse = (): boolean => {
    const now = Math.floor(clock.now() / 1000);
    if (now !== second) [second, refusalsInSecond] = [now, 0];
    refusalsInSecond += 1;
    return refusalsInSecond <= refusalsPerSecond && refusalOf(1) === undefined;
  };

  return {
    record: (line, concludes) => {
      const refused = refusalOf(concludes ? 2 : 1);
      return refused === undefined ? append(line) : Promise.reject(unavailable(refused));
    },
    refuse: (refusal: AuditRefusal) => {
      if (mayRefuse()) append(refusalLine(refusal)).catch(() => undefined);
    },
    canAudit: () => refusalOf(1) === undefined,
    health: () => {
      const detail = refusalOf(1);
      return [detail === undefined ? { name: 'audit', state: 'ok' } : { name: 'audit', state: 'degraded', detail }];
    },
    sample: () => Promise.resolve(),
    close: async () => {
      failure ??= 'the audit is closed';
      idle = Promise.withResolvers();
      if (queuedEntries > 0) await idle.promise;
    },
  };
}

function unavailable(detail: string, cause?: unknown): GatewayError {
  return new GatewayError('AuditUnavailable', { detail, ...(cause === undefined ? {} : { cause }) });
}
