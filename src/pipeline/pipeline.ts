/** One exchange through the pipeline: receive, then the route of its class, then the end, whatever happened. */
import type { Exchange } from '../contracts/exchange.ts';
import { GatewayError, inStage } from '../errors/gateway-error.ts';
import { failedCondition } from '../s3/response/failed-condition.ts';
import type { S3Request } from '../s3/request/request.ts';
import { DRY_RUN_HEADER } from '../s3/request/dry-run.ts';
import type { Received } from './contexts.ts';
import { fail, type Failed } from './failure.ts';
import type { PipelineDependencies } from './dependencies.ts';
import { arrive, createReceive } from './receive.ts';
import { createDryRoutes } from './dry-run.ts';
import { createRoutes } from './routes.ts';

/** Handles one exchange to its end; never rejects. */
export type Pipeline = (exchange: Exchange) => Promise<void>;

/** Builds the pipeline from its parts. */
export function createPipeline(dependencies: PipelineDependencies): Pipeline {
  const { observer, clock, admission } = dependencies;
  const receive = createReceive(dependencies.publicHosts);
  const stages = createRoutes(dependencies, admission);
  const dryStages = createDryRoutes(dependencies, admission);
  return async (exchange) => {
    const arrived = arrive(exchange, dependencies);
    const { trail, meter } = arrived;
    let request: S3Request | undefined;
    const failed = (error: unknown, reached: Pick<Received, 'meter'>): Promise<Failed> =>
      fail(
        arrived,
        withRegion(withDryRun(withCondition(error, request), request), exchange, dependencies.region),
        reached,
        observer,
      );
    let failure: Failed | undefined;
    try {
      const read = () => inStage(receive.name, () => receive.run(arrived));
      const received = observer.traces === undefined ? read() : observer.traces.stage(receive.name, read);
      request = received.request;
      const routes = request.isDryRun === true ? dryStages : stages;
      const ended = await routes[request.descriptor.operationClass].run(received, observer);
      if ('error' in ended) failure = await failed(ended.error, ended.reached);
    } catch (error) {
      failure = await failed(error, arrived);
    } finally {
      admission.leave(exchange);
      dependencies.guardrails?.settle(exchange, meter);
    }
    observer.request({
      requestId: exchange.requestId,
      operation: trail.operation,
      method: exchange.raw.method,
      result: trail.hasIdentity ? (failure?.result ?? 'completed') : 'refused',
      error: failure?.error,
      status: exchange.status() ?? 0,
      durationMs: clock.now() - trail.startedMs,
      bytesIn: meter.bytesIn,
      bytesOut: meter.bytesOut,
    });
  };
}

/**
 * SDKs ask without credentials which region a bucket is in, before they can sign: the refusal says it. It is one region for
 * every name, so that it does not say which buckets there are.
 */
function withRegion(error: unknown, { raw }: Exchange, region: string): unknown {
  if (raw.method !== 'HEAD' || !(error instanceof GatewayError)) return error;
  return error.tellingMore({ clientHeaders: { 'x-amz-bucket-region': region } });
}

/** Names the condition that did not hold, where the request leaves no doubt which one it is. */
function withCondition(error: unknown, request: S3Request | undefined): unknown {
  if (request === undefined || !(error instanceof GatewayError) || error.code !== 'PreconditionFailed') return error;
  const Condition = failedCondition(request);
  return Condition === undefined ? error : error.tellingMore({ clientFields: { Condition } });
}

/** Says that what was denied, or failed, was not tried. */
function withDryRun(error: unknown, request: S3Request | undefined): unknown {
  if (request?.isDryRun !== true || !(error instanceof GatewayError)) return error;
  const answer = error.code === 'AccessDenied' ? 'deny' : 'error';
  return error.tellingMore({ clientHeaders: { [DRY_RUN_HEADER]: answer } });
}
