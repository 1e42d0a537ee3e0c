/**
 * Where the rooms' observations go: metrics always, the log where somebody should read it. What enters: durations, names,
 * failures. What leaves: bounded numbers of redacted lines. It never throws into the request that it observes.
 */
import type { Clock } from '../contracts/clock.ts';
import { LOG_EVENTS, type LogEvent, type RequestLogEvent } from '../contracts/log-events.ts';
import type { Observer } from '../contracts/observer.ts';
import type { Traces } from '../contracts/tracing.ts';
import type { ErrorCode } from '../errors/codes.ts';
import { GatewayError } from '../errors/gateway-error.ts';
import { LineLimiter } from './line-limiter.ts';
import type { Log, LogFields, LogLevel } from './log.ts';
import type { Metrics } from './metrics.ts';

export interface ObserverOptions {
  readonly metrics: Metrics;
  readonly log: Log;
  readonly clock: Clock;
  /** Absent: nothing is traced. */
  readonly traces?: Traces | undefined;
}

/** Signatures are refused by stores at 15 minutes, and tokens go stale long before. */
const CLOCK_OFFSET_LIMIT_MS = 60_000;

/** Makes the observer that all rooms are handed. */
export function createObserver({ metrics, log, clock, traces }: ObserverOptions): Observer {
  // A budget for each level: a flood of refusals must not hide that the audit fails.
  const limiters = { error: new LineLimiter(clock), warn: new LineLimiter(clock), info: new LineLimiter(clock) };
  const offStores = new Set<string>();

  /** `kind` is what makes lines alike; it comes from closed sets or from the code. */
  const write = (
    level: LogLevel,
    name: LogEvent | RequestLogEvent,
    kind: string,
    message: string,
    fields: LogFields = {},
  ): void => {
    if (!log.enabled(level)) return;
    if (level === 'debug') {
      log.write(level, name, message, fields);
      return;
    }
    const suppressed = limiters[level].admit(kind);
    if (suppressed === undefined) metrics.lineSuppressed();
    else log.write(level, name, message, suppressed === 0 ? fields : { ...fields, suppressed });
  };

  const event: Observer['event'] = (name, fields) => {
    const { level, message } = LOG_EVENTS[name];
    // Told once of each: ten buckets that cannot be used must not hide the eleventh.
    const about = fields?.['bucket'] ?? fields?.['issuer'] ?? fields?.['store'] ?? '';
    write(level, name, `${name} ${about}`, message, fields);
  };

  return {
    traces,
    stage: metrics.stage,
    cache: metrics.cache,
    call: metrics.call,
    lookup: metrics.lookup,
    queued: metrics.queued,
    request: (summary) => {
      const { operation, result } = summary;
      const span = traces?.current();
      metrics.request(summary, span?.isRecorded === true ? span.ids : undefined);
      if (operation !== undefined) span?.rename(operation);
      span?.set({ 'http.route': operation, 'sallyport.result': result });
      if (log.enabled('debug')) log.write('debug', 'request_ended', 'A request ended.', { ...summary });
    },
    failure: ({ requestId, edgeRequestId }, error) => {
      const known = error instanceof GatewayError;
      if (known) metrics.failure(error.code, error.stage);
      const where = known && error.stage !== undefined ? ` at ${error.stage}` : '';
      const message = known ? `${error.code}${where}` : 'an unexpected failure';
      const ids = edgeRequestId === undefined ? { requestId } : { requestId, edgeRequestId };
      traces?.current()?.set({ 'sallyport.error_code': known ? error.code : 'InternalError' });
      write(levelOf(error), 'request_failed', `failure ${message}`, message, { ...ids, error });
    },
    leftOut: (storeName, entries) => {
      metrics.leftOut(entries);
      event('store_keys_omitted', { store: storeName, entries });
    },
    clockOffset: (storeName, offsetMs) => {
      metrics.clockOffset(storeName, offsetMs);
      const off = Math.abs(offsetMs) > CLOCK_OFFSET_LIMIT_MS;
      if (off === offStores.has(storeName)) return;
      const fields = { store: storeName, offsetSeconds: Math.round(offsetMs / 1000) };
      if (off) {
        offStores.add(storeName);
        event('store_clock_skewed', fields);
      } else {
        offStores.delete(storeName);
        event('store_clock_recovered', fields);
      }
    },
    event,
  };
}

const WARNINGS: ReadonlySet<ErrorCode> = new Set(['AccessDeniedByStore', 'ObjectNotEncrypted', 'SlowDown']);
const REFUSALS: ReadonlySet<number> = new Set([401, 403, 501]);

/** What does not work is an error, what an operator has to look into a warning; what a client got wrong is not news. */
function levelOf(error: unknown): LogLevel {
  if (!(error instanceof GatewayError)) return 'error';
  if (WARNINGS.has(error.code)) return 'warn';
  const { status } = error.row;
  if (REFUSALS.has(status)) return 'info';
  return status >= 500 ? 'error' : 'debug';
}
