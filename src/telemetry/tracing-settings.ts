/**
 * What the standard `OTEL_*` variables ask for. Those of the exporter itself (addresses, headers, certificates, time limits) and
 * of the resource are read by the SDK, where it is loaded. @see docs/traces.md
 */

/** How much is traced, as `OTEL_TRACES_SAMPLER` names it. */
export interface Sampling {
  readonly root: 'on' | 'off' | number;
  /** Whether what the client decided goes before it. */
  readonly isParentBased: boolean;
}

export interface TracingSettings {
  readonly sampling: Sampling;
  /** Whether trace context is taken from clients and handed on (`OTEL_PROPAGATORS`). */
  readonly isPropagated: boolean;
}

type Env = Readonly<Record<string, string | undefined>>;

/** Says what the variables ask for; `undefined`: no traces. @throws Error in one line (a value that is not supported) */
export function tracingSettings(env: Env): TracingSettings | undefined {
  const valueOf = (name: string): string => env[name]?.trim().toLowerCase() ?? '';
  const exporter = valueOf('OTEL_TRACES_EXPORTER');
  const isNamed = ['OTEL_EXPORTER_OTLP_TRACES_ENDPOINT', 'OTEL_EXPORTER_OTLP_ENDPOINT'].some(
    (name) => valueOf(name) !== '',
  );
  if (valueOf('OTEL_SDK_DISABLED') === 'true' || exporter === 'none') return undefined;
  if (exporter === '' && !isNamed) return undefined;
  if (exporter !== '' && exporter !== 'otlp') throw new Error('OTEL_TRACES_EXPORTER must be otlp or none');
  const protocol = valueOf('OTEL_EXPORTER_OTLP_TRACES_PROTOCOL') || valueOf('OTEL_EXPORTER_OTLP_PROTOCOL');
  if (protocol !== '' && protocol !== 'http/protobuf') {
    throw new Error('OTEL_EXPORTER_OTLP_PROTOCOL must be http/protobuf (port 4318 of a collector)');
  }
  const propagators = valueOf('OTEL_PROPAGATORS');
  return {
    sampling: samplingOf(valueOf('OTEL_TRACES_SAMPLER'), valueOf('OTEL_TRACES_SAMPLER_ARG')),
    isPropagated: propagators === '' || propagators.split(',').some((name) => name.trim() === 'tracecontext'),
  };
}

function samplingOf(named: string, argument: string): Sampling {
  const isParentBased = named === '' || named.startsWith('parentbased_');
  const root = named.replace(/^parentbased_/, '');
  if (root === '' || root === 'always_on') return { root: 'on', isParentBased };
  if (root === 'always_off') return { root: 'off', isParentBased };
  if (root !== 'traceidratio') throw new Error('OTEL_TRACES_SAMPLER names no sampler that is known');
  const ratio = argument === '' ? 1 : Number(argument);
  if (!(ratio >= 0 && ratio <= 1)) throw new Error('OTEL_TRACES_SAMPLER_ARG must be a number from 0 to 1');
  return { root: ratio, isParentBased };
}
