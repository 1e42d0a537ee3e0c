/**
 * Which request is being worked on, and its spans. Enters: ids, the trace context that a client sent, and a tracer where
 * traces are on. Leaves: the request and the trace that something belongs to, across timers and callbacks. Without a tracer
 * it makes no span; a client's trace id is kept all the same, for the log and the audit.
 */
import { AsyncLocalStorage } from 'node:async_hooks';
import type { RequestContext, RequestScope, Span, SpanAttributes, TraceIds, Traces } from '../contracts/tracing.ts';
import { GatewayError } from '../errors/gateway-error.ts';
import { parseTraceparent, type TraceParent } from '../platform/trace-context.ts';

/** Makes spans; what they are sent by stays behind it. */
export interface Tracer {
  /** Of a request. `parent`: what its client said; `tracestate`: as it came, not checked. */
  readonly server: (name: string, parent: TraceParent | undefined, tracestate: string | undefined) => Span;
  readonly child: (kind: 'internal' | 'client', name: string, parent: Span, attributes: SpanAttributes) => Span;
  /** Sends what has ended, for so long at most. */
  readonly close: () => Promise<void>;
}

export interface Requests extends RequestScope {
  /** The request that is being worked on. */
  readonly current: () => RequestContext | undefined;
  /** Where that stands in its trace: for lines of the log, and exemplars. */
  readonly trace: () => TraceIds | undefined;
  /** Turns traces on, and gives what makes spans. Before the first request. */
  readonly traceBy: (tracer: Tracer) => Traces;
}

/** Makes the scope of the requests of one process. */
export function createRequests(): Requests {
  const scope = new AsyncLocalStorage<RequestContext>();
  let tracer: Tracer | undefined;

  return {
    begin: (requestId, method, headers) => {
      const parent = parseTraceparent(textOf(headers?.['traceparent']));
      if (tracer === undefined || headers === undefined) {
        return { requestId, trace: parent && { traceId: parent.traceId } };
      }
      const span = tracer.server(method, parent, textOf(headers['tracestate']));
      span.set({ 'http.request.method': method, 'sallyport.request_id': requestId });
      return { requestId, trace: span.ids, span };
    },
    within: (context, run) => scope.run(context, run),
    end: ({ span }, status) => {
      if (span === undefined) return;
      span.set({ 'http.response.status_code': status });
      if (status === undefined || status >= 500) span.fail(status === undefined ? 'no answer' : String(status));
      span.end();
    },
    current: () => scope.getStore(),
    trace: () => scope.getStore()?.trace,
    traceBy: (made) => {
      tracer = made;
      return tracesOf(scope, made);
    },
  };
}

function tracesOf(scope: AsyncLocalStorage<RequestContext>, tracer: Tracer): Traces {
  const inSpan = <Result>(
    kind: 'internal' | 'client',
    name: string,
    attributes: SpanAttributes,
    run: (span: Span | undefined) => Result,
  ): Result => {
    const context = scope.getStore();
    const parent = context?.span;
    if (context === undefined || parent?.isRecorded !== true) return run(parent);
    const span = tracer.child(kind, name, parent, attributes);
    const failed = (error: unknown): never => {
      span.fail(typeOf(error));
      span.end();
      throw error;
    };
    try {
      const result = scope.run({ requestId: context.requestId, trace: span.ids, span }, () => run(span));
      if (!(result instanceof Promise)) {
        span.end();
        return result;
      }
      const ended = (value: unknown): unknown => {
        span.end();
        return value;
      };
      return result.then(ended, failed) as Result;
    } catch (error) {
      return failed(error);
    }
  };
  return {
    stage: (name, run) => inSpan('internal', name, {}, run),
    call: (name, attributes, run) => inSpan('client', name, attributes, run),
    current: () => scope.getStore()?.span,
  };
}

const textOf = (header: string | readonly string[] | undefined): string | undefined =>
  typeof header === 'string' ? header : undefined;

const typeOf = (error: unknown): string =>
  error instanceof GatewayError ? error.code : error instanceof Error ? error.name : 'unknown';
