/** The S3 port of a gateway and that of a sidecar: what both make of their configurations in the same way. */
import type { Config } from './config/config.ts';
import { createDataServer, type DataServer, type DataServerOptions } from './http/data-server.ts';
import type { Metrics } from './telemetry/metrics.ts';
import { acceptRequestId } from './telemetry/request-id.ts';

type Configured = 'cors' | 'inFlight' | 'limits' | 'requestId' | 'timeouts';

/** Builds the server; `own` is what the two differ in. The caller listens. */
export function dataServerOf(
  { cors, limits, timeouts }: Pick<Config, 'cors' | 'limits' | 'timeouts'>,
  { inFlight }: Pick<Metrics, 'inFlight'>,
  own: Omit<DataServerOptions, Configured>,
): DataServer {
  const { requestBodyIdleMs: idleMs, requestHeadersMs, keepAliveMs } = timeouts;
  return createDataServer({
    ...own,
    ...(cors === undefined ? {} : { cors }),
    requestId: acceptRequestId,
    inFlight,
    limits,
    timeouts: { idleMs, requestHeadersMs, keepAliveMs },
  });
}
