/** docs/metrics.md out of the table that the program makes its metrics of, and of the registry that prom-client fills by itself. */
import { collectDefaultMetrics, Registry } from 'prom-client';
import { LABELS, METRICS } from '../src/telemetry/metric-table.ts';

/** What stands in the registry of a metric. */
interface Registered {
  readonly name: string;
  readonly help: string;
  readonly type: string;
  readonly labelNames: readonly string[];
}

type Table = (head: readonly string[], rows: readonly (readonly string[])[]) => string;

const UNITS = [
  [/_timestamp_seconds$/, 'seconds since 1970'],
  [/_seconds(?:_total)?$|_seconds_[a-z0-9]+$/, 'seconds'],
  [/_bytes(?:_total)?$/, 'bytes'],
] as const;

const unitOf = (name: string): string => UNITS.find(([end]) => end.test(name))?.[1] ?? '';

const code = (names: readonly string[]): string => names.map((name) => `\`${name}\``).join(', ');

/** Renders the page. */
export function metricsPage({ table, generated }: { readonly table: Table; readonly generated: string }): string {
  const registry = new Registry();
  collectDefaultMetrics({ register: registry });
  const defaults = (registry.getMetricsAsArray() as unknown as readonly Registered[]).toSorted((one, other) =>
    one.name < other.name ? -1 : 1,
  );
  const used = (Object.keys(LABELS) as (keyof typeof LABELS)[]).toSorted();
  return `# Metrics

${generated}

\`GET /metrics\` on the operators' port (\`admin.address\`) has them in the text format of Prometheus: of a gateway the sum over its
workers, those that drain among them (gauges that are an age, an end or a limit: the worst one); the counts of a worker end with
it. \`sallyport_ready\`, \`sallyport_build_info\`, \`sallyport_policies_refused\`, \`sallyport_workers_replaced_total\` and
\`process_start_time_seconds\` are the primary's.

Names follow the [semantic conventions of OpenTelemetry](https://opentelemetry.io/docs/specs/semconv/http/http-metrics/), version
1.44, where these have a stable name, in the spelling of Prometheus: \`http.server.request.duration\`, with the buckets that are
advised for it. Its \`http.route\` is the S3 operation: a path would hold bucket and key. Of its attributes those are left out that
say the same of every request here (\`url.scheme\`, \`network.protocol.*\`, \`server.*\`); \`error.type\` is a label of
\`sallyport_requests_total\`, so that it does not multiply buckets.

No label holds a bucket, a key, an identity, an address or anything else that callers choose: the values of each are named in the
code or in the configuration.

${table(
  ['metric', 'type', 'unit', 'labels', 'meaning'],
  Object.entries(METRICS).map(([name, { type, labels, help }]) => [
    `\`${name}\``,
    type,
    unitOf(name),
    code(labels),
    help,
  ]),
)}

## Labels

${table(
  ['label', 'values'],
  used.map((label) => [`\`${label}\``, LABELS[label]]),
)}

What is not counted among requests: \`/-/ready\`, by which the edge asks whether a process serves, and preflights of browsers.
Latency of large objects is that of the client's network: alerts look at operations whose duration does not grow with an object.

## Of the process and of Node.js

These come from prom-client, under the names that dashboards for Node.js expect; \`nodejs_eventloop_lag_p99_seconds\` over 0.1 for
minutes says that workers are missing.

${table(
  ['metric', 'type', 'unit', 'meaning'],
  defaults.map(({ name, type, help }) => [`\`${name}\``, type, unitOf(name), help]),
)}
`;
}
