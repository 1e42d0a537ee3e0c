/**
 * What processes have measured -> what Prometheus reads. Enters: the metrics of one process or of several, also such as came
 * over IPC. Leaves: one text, in the format that was asked for; exemplars are in OpenMetrics alone.
 * @see https://prometheus.io/docs/instrumenting/exposition_formats/
 */
import { AggregatorRegistry, Registry, type Metric, type RegistryContentType } from 'prom-client';

/** Where an observation stands in a trace; the labels are those that OpenTelemetry and Grafana look for. */
export interface Exemplar {
  readonly labelSet: { readonly trace_id: string; readonly span_id: string };
  readonly value: number;
  /** Seconds since 1970. */
  readonly timestamp: number;
}

/** One metric of a process, as prom-client gives it. */
export interface Measured {
  readonly name: string;
  readonly help: string;
  readonly type: unknown;
  readonly aggregator: string;
  readonly values: readonly {
    readonly metricName?: string;
    readonly labels: Readonly<Record<string, string | number>>;
    readonly value: number;
    /** prom-client's own histograms have none as `null`. */
    readonly exemplar?: Exemplar | null;
  }[];
}

export interface Exposed {
  readonly contentType: string;
  readonly text: string;
}

/** Gives what a registry has now. */
export async function measuredBy(registry: Registry): Promise<readonly Measured[]> {
  return (await registry.getMetricsAsJSON()) as unknown as readonly Measured[];
}

/** Makes those of several processes those of one: summed, or as each metric says; of exemplars the newest. */
export async function combined(processes: readonly (readonly Measured[])[]): Promise<readonly Measured[]> {
  const newest = new Map<string, Exemplar>();
  for (const { name, values } of processes.flat()) {
    for (const { exemplar, ...series } of values) {
      const key = nameOf(name, series);
      if (exemplar && exemplar.timestamp >= (newest.get(key)?.timestamp ?? 0)) newest.set(key, exemplar);
    }
  }
  const all = await measuredBy(AggregatorRegistry.aggregate(processes.map((each) => [...each])));
  if (newest.size === 0) return all;
  return all.map(({ name, values, ...metric }) => ({
    ...{ name, ...metric },
    values: values.map((series) => {
      const exemplar = newest.get(nameOf(name, series));
      return exemplar === undefined ? series : { ...series, exemplar };
    }),
  }));
}

/** What a process leaves behind that has ended: what it counted, not how it was. */
export function countsOf(measured: readonly Measured[]): readonly Measured[] {
  return measured.filter(({ type }) => type === 'counter' || type === 'histogram');
}

/** Tells whether a scraper that sends this `Accept` reads OpenMetrics. */
export function acceptsOpenMetrics(accept: string | undefined): boolean {
  return accept !== undefined && /\bapplication\/openmetrics-text\s*;[^,]*\bversion=1\.0\.0\b/i.test(accept);
}

/** Writes it. Names are different ones. */
export async function exposed(measured: readonly Measured[], isOpenMetrics: boolean): Promise<Exposed> {
  const format = isOpenMetrics ? Registry.OPENMETRICS_CONTENT_TYPE : Registry.PROMETHEUS_CONTENT_TYPE;
  const registry = new Registry<RegistryContentType>();
  registry.setContentType(format);
  for (const metric of measured) {
    // In OpenMetrics a counter is named without the end that its series have.
    const name = isOpenMetrics && metric.type === 'counter' ? metric.name.replace(/_total$/, '') : metric.name;
    const named = { ...metric, name };
    registry.registerMetric({ ...named, get: () => Promise.resolve(named) } as unknown as Metric);
  }
  return { contentType: format, text: await registry.metrics() };
}

const nameOf = (name: string, { metricName = name, labels }: Measured['values'][number]): string =>
  `${metricName} ${JSON.stringify(labels)}`;
