/**
 * Whether requests are traced: the standard `OTEL_*` variables in, a tracer out, or none. Where they do not turn traces on,
 * nothing of OpenTelemetry is loaded. What they ask for and cannot be had is told, and traces stay off: it must not keep the
 * gateway from serving. @see docs/traces.md
 */
import type { LogEvent } from '../contracts/log-events.ts';
import type { Tracer } from './request-scope.ts';
import { tracingSettings } from './tracing-settings.ts';

type Env = Readonly<Record<string, string | undefined>>;
type Tell = (event: LogEvent, fields?: Readonly<Record<string, string>>) => void;

/** Makes the tracer that the variables ask for; `tell` hears what is wrong, once, and when it is right again. */
export async function startTracing(env: Env, tell: Tell): Promise<Tracer | undefined> {
  try {
    const settings = tracingSettings(env);
    if (settings === undefined) return undefined;
    const { createOtlpTracer } = await import('./otlp-tracer.ts');
    const tracer = createOtlpTracer(settings, tell);
    tell('tracing_started');
    return tracer;
  } catch (error) {
    tell('tracing_misconfigured', { reason: error instanceof Error ? error.message : 'unknown' });
    return undefined;
  }
}
