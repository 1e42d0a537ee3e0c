/** The S3 port of a gateway and that of a sidecar: how both make it of their configurations, and end it, in the same way. */
import { setTimeout } from 'node:timers/promises';
import type { Config } from '../config/config.ts';
import { createDataServer, type DataServer, type DataServerOptions } from '../http/data-server.ts';
import { closeGracefully, RECORDING_MS, untilIdle } from '../http/listen.ts';
import type { Metrics } from '../telemetry/metrics.ts';
import type { Uncaught } from '../telemetry/uncaught.ts';
import { newRequestId } from '../telemetry/request-id.ts';

type Configured = 'cors' | 'inFlight' | 'limits' | 'requestId' | 'requests' | 'timeouts' | 'turnedAway' | 'uncaught';

/** Builds the server; `own` is what the two differ in. The caller listens. */
export function dataServerOf(
  { cors, limits, timeouts }: Pick<Config, 'cors' | 'limits' | 'timeouts'>,
  {
    inFlight,
    turnedAway,
    uncaught,
    requests,
  }: Pick<Metrics, 'inFlight' | 'turnedAway'> & Pick<DataServerOptions, 'requests'> & { readonly uncaught: Uncaught },
  own: Omit<DataServerOptions, Configured>,
): DataServer {
  const { requestBodyIdleMs: idleMs, requestHeadersMs, keepAliveMs } = timeouts;
  return createDataServer({
    ...own,
    ...(cors === undefined ? {} : { cors }),
    requestId: newRequestId,
    inFlight,
    turnedAway,
    uncaught: uncaught.ofRequest,
    requests,
    limits,
    timeouts: { idleMs, requestHeadersMs, keepAliveMs },
  });
}

/**
 * Waits for the edge to notice, refuses who waits for a place, and waits for the requests in flight; what is not done in time
 * is cut at its store, and recorded.
 */
export async function drainRequests(
  { server, inFlight }: DataServer,
  { drainDelayMs, drainMs }: Pick<Config['timeouts'], 'drainDelayMs' | 'drainMs'>,
  {
    admission,
    stores,
  }: {
    readonly admission: { readonly drain: () => void };
    readonly stores: { readonly close: (graceMs: number) => Promise<void> };
  },
): Promise<void> {
  await setTimeout(drainDelayMs);
  admission.drain();
  await closeGracefully(server, drainMs, inFlight);
  await stores.close(0);
  await untilIdle(inFlight, RECORDING_MS);
}
