/**
 * What nobody caught: faults of ours. Enters: an error, and the request that is being worked on. Leaves: a line of the log with the request's id, and a count to alert on. It changes nothing else.
 */
import type { Log } from './log.ts';
import type { Metrics } from './metrics.ts';
import type { Requests } from './request-scope.ts';

export interface Uncaught {
  /** Of a handler, which has cost the request its connection. */
  readonly ofRequest: (error: unknown, requestId?: string) => void;
  /** Of the process, which must end: its state is not known any more. */
  readonly ofProcess: (error: unknown) => void;
}

interface UncaughtOptions {
  readonly metrics: Metrics;
  readonly log: Log;
  readonly requests: Pick<Requests, 'current'>;
}

/** Makes the last place that a failure comes to. */
export function createUncaught({ metrics, log, requests }: UncaughtOptions): Uncaught {
  const tell = (where: 'request' | 'process', error: unknown, requestId?: string): void => {
    metrics.uncaught(where);
    const event = where === 'request' ? 'uncaught_request_error' : 'uncaught_error';
    log.event(event, { requestId: requestId ?? requests.current()?.requestId ?? '', error });
  };
  return {
    ofRequest: (error, requestId) => tell('request', error, requestId),
    ofProcess: (error) => tell('process', error),
  };
}
