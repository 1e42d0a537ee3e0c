/**
 * Spans by the SDK of OpenTelemetry, sent over OTLP/HTTP in batches. Loaded only where traces are on. Enters: names and
 * attributes. Leaves: batches to the collector that `OTEL_EXPORTER_OTLP_*` names (the exporter reads these itself). It never
 * blocks a request: what does not fit into the queue is dropped, and a collector that fails costs a line of the log.
 */
import { AsyncLocalStorage } from 'node:async_hooks';
import {
  ROOT_CONTEXT,
  SpanKind,
  SpanStatusCode,
  trace,
  TraceFlags,
  type Context,
  type Span as OtelSpan,
  type Tracer as OtelTracer,
} from '@opentelemetry/api';
import { ExportResultCode, TraceState } from '@opentelemetry/core';
import { OTLPTraceExporter } from '@opentelemetry/exporter-trace-otlp-proto';
import {
  defaultResource,
  detectResources,
  resourceAttributesEnvDetector,
  resourceFromAttributes,
  serviceNameEnvDetector,
} from '@opentelemetry/resources';
import {
  AlwaysOffSampler,
  AlwaysOnSampler,
  BatchSpanProcessor,
  ParentBasedSampler,
  TraceIdRatioBasedSampler,
  TracerProvider,
  type Sampler,
  type SpanExporter,
} from '@opentelemetry/sdk-trace';
import type { LogEvent } from '../contracts/log-events.ts';
import type { Span } from '../contracts/tracing.ts';
import { formatTraceparent } from '../platform/trace-context.ts';
import type { Tracer } from './request-scope.ts';
import type { Sampling, TracingSettings } from './tracing-settings.ts';

/** Spans that wait for the collector; beyond it they are dropped. */
const QUEUE_SPANS = 4096;
const BATCH_SPANS = 512;
const BATCH_DELAY_MS = 2000;
/** A shutdown waits for the last batch no longer. */
const CLOSE_MS = 2000;

/** Makes the tracer of one process. @throws Error where a variable of the exporter makes no sense */
export function createOtlpTracer({ sampling, isPropagated }: TracingSettings, tell: (event: LogEvent) => void): Tracer {
  const provider = new TracerProvider({
    resource: defaultResource()
      .merge(resourceFromAttributes({ 'service.name': 'sallyport' }))
      .merge(detectResources({ detectors: [resourceAttributesEnvDetector, serviceNameEnvDetector] })),
    sampler: samplerOf(sampling),
    spanLimits: { attributeValueLengthLimit: 256 },
    spanProcessors: [
      new BatchSpanProcessor({
        exporter: telling(new OTLPTraceExporter(), tell),
        maxQueueSize: QUEUE_SPANS,
        maxExportBatchSize: BATCH_SPANS,
        scheduledDelayMillis: BATCH_DELAY_MS,
      }),
    ],
  });
  const tracer: OtelTracer = provider.getTracer('sallyport');
  return {
    server: (name, parent, tracestate) => {
      const remote =
        parent === undefined || !isPropagated
          ? ROOT_CONTEXT
          : trace.setSpanContext(ROOT_CONTEXT, {
              traceId: parent.traceId,
              spanId: parent.spanId,
              traceFlags: parent.isSampled ? TraceFlags.SAMPLED : TraceFlags.NONE,
              isRemote: true,
              // It takes 32 members and 512 characters at most, and nothing that is not of the form.
              ...(tracestate !== undefined && { traceState: new TraceState(tracestate) }),
            });
      return new OtlpSpan(tracer.startSpan(name, { kind: SpanKind.SERVER }, remote), isPropagated);
    },
    child: (kind, name, parent, attributes) => {
      const above = parent instanceof OtlpSpan ? parent.context : ROOT_CONTEXT;
      const options = { kind: kind === 'client' ? SpanKind.CLIENT : SpanKind.INTERNAL, attributes };
      return new OtlpSpan(tracer.startSpan(name, options, above), isPropagated);
    },
    close: async () => {
      const { promise: late, resolve } = Promise.withResolvers<undefined>();
      const timer = setTimeout(() => resolve(undefined), CLOSE_MS);
      await Promise.race([provider.shutdown().catch(() => undefined), late]);
      clearTimeout(timer);
    },
  };
}

class OtlpSpan implements Span {
  readonly ids: Span['ids'];
  readonly isRecorded: boolean;
  readonly #span: OtelSpan;
  readonly #isPropagated: boolean;

  constructor(span: OtelSpan, isPropagated: boolean) {
    const { traceId, spanId } = span.spanContext();
    this.ids = { traceId, spanId };
    this.isRecorded = span.isRecording();
    this.#span = span;
    this.#isPropagated = isPropagated;
  }

  get context(): Context {
    return trace.setSpan(ROOT_CONTEXT, this.#span);
  }

  get headers(): Span['headers'] {
    if (!this.#isPropagated) return {};
    const { traceId, spanId, traceFlags } = this.#span.spanContext();
    // Without `tracestate`: that is a text of the client's, which is no store's business.
    return { traceparent: formatTraceparent({ traceId, spanId, isSampled: (traceFlags & TraceFlags.SAMPLED) !== 0 }) };
  }

  rename(name: string): void {
    this.#span.updateName(name);
  }

  set(attributes: Parameters<Span['set']>[0]): void {
    this.#span.setAttributes(attributes);
  }

  fail(type: string): void {
    this.#span.setAttribute('error.type', type).setStatus({ code: SpanStatusCode.ERROR });
  }

  end(): void {
    this.#span.end();
  }
}

function samplerOf({ root, isParentBased }: Sampling): Sampler {
  const own =
    root === 'on'
      ? new AlwaysOnSampler()
      : root === 'off'
        ? new AlwaysOffSampler()
        : new TraceIdRatioBasedSampler(root);
  return isParentBased ? new ParentBasedSampler({ root: own }) : own;
}

/** Tells when a collector stops taking spans, and when it takes them again; not each time that it does not. */
function telling(exporter: SpanExporter, tell: (event: LogEvent) => void): SpanExporter {
  let isFailing = false;
  // A batch is sent by whichever request was next: what becomes of it is not that one's.
  const outside = AsyncLocalStorage.snapshot();
  return {
    export: (spans, done) =>
      exporter.export(spans, (result) => {
        const failed = result.error !== undefined;
        if (failed !== isFailing) outside(() => tell(failed ? 'trace_export_failed' : 'trace_export_recovered'));
        isFailing = failed;
        // What the SDK does with an error is to print it.
        done(failed ? { code: ExportResultCode.SUCCESS } : result);
      }),
    shutdown: () => exporter.shutdown(),
    forceFlush: () => exporter.forceFlush?.() ?? Promise.resolve(),
  };
}
