/**
 * What nobody caught: faults of ours. Enters: an error, and the request that it belongs to, which is remembered across
 * timers and callbacks. Leaves: a line of the log with the request's id, and a count to alert on. It changes nothing else.
 */
import { AsyncLocalStorage } from 'node:async_hooks';
import type { Log } from './log.ts';
import type { Metrics } from './metrics.ts';

export interface Uncaught {
  /** Runs what belongs to a request: what it leaves behind, such as timers, belongs to it as well. */
  readonly within: (requestId: string, run: () => void) => void;
  /** Of a handler, which has cost the request its connection. */
  readonly ofRequest: (error: unknown, requestId?: string) => void;
  /** Of the process, which must end: its state is not known any more. */
  readonly ofProcess: (error: unknown) => void;
}

/** Makes the last place that a failure comes to. */
export function createUncaught({ metrics, log }: { readonly metrics: Metrics; readonly log: Log }): Uncaught {
  const inFlight = new AsyncLocalStorage<string>();
  const tell = (where: 'request' | 'process', error: unknown, requestId?: string): void => {
    metrics.uncaught(where);
    const event = where === 'request' ? 'uncaught_request_error' : 'uncaught_error';
    log.event(event, { requestId: requestId ?? inFlight.getStore() ?? '', error });
  };
  return {
    within: (requestId, run) => inFlight.run(requestId, run),
    ofRequest: (error, requestId) => tell('request', error, requestId),
    ofProcess: (error) => tell('process', error),
  };
}
