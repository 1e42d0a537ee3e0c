/**
 * Metrics. What enters: durations, counts and names out of closed sets. What leaves: a registry for `/metrics`.
 * Labels never hold a bucket, a key, an identity or anything else of a request: their number is bounded by the code and,
 * for stores and issuers, by configuration. It never throws for a number: a clock that jumps must not fail a request.
 */
import { collectDefaultMetrics, Counter, Gauge, Registry } from 'prom-client';
import type { AuditStatus } from '../contracts/audit-sink.ts';
import type { Clock } from '../contracts/clock.ts';
import type { HealthReport } from '../contracts/health.ts';
import type { Observer, RequestSummary } from '../contracts/observer.ts';
import type { TraceIds } from '../contracts/tracing.ts';
import { ERRORS, type ErrorCode } from '../errors/codes.ts';
import type { StageName } from '../errors/gateway-error.ts';
import { OPERATIONS, type OperationName } from '../s3/operations/operations.ts';
import { keptCounter, KeptHistogram } from './kept-series.ts';
import { described, type LabelsOf, type MetricName } from './metric-table.ts';
import { measureDependencies } from './dependency-metrics.ts';
import { measureKeys, type KnownKey } from './configuration-metrics.ts';
import { measurePolicies, type PolicyVersions } from './policy-metrics.ts';

export interface Metrics extends Pick<Observer, 'stage' | 'cache' | 'call' | 'lookup' | 'queued'> {
  readonly registry: Registry;
  readonly inFlight: (change: 1 | -1) => void;
  /** `trace`: where the request stands in its trace, if that is recorded. */
  readonly request: (summary: Omit<RequestSummary, 'requestId'>, trace?: TraceIds) => void;
  /** A request that failed so; `stage`: where. */
  readonly failure: (code: ErrorCode, stage: StageName | undefined) => void;
  /** A request that was refused before anything looked at it. */
  readonly turnedAway: (method: string, code: ErrorCode, status: number) => void;
  readonly leftOut: (entries: number) => void;
  /** Milliseconds. */
  readonly clockOffset: (storeName: string, offsetMs: number) => void;
  /** Has the disk and the queue of the audit asked for at each scrape. */
  readonly audit: (status: () => AuditStatus) => void;
  /** Has the requests that wait for a place asked for at each scrape. */
  readonly waiting: (count: (pool: 'read' | 'write') => number) => void;
  /** A group of entries became durable. */
  readonly auditCommitted: (durationMs: number) => void;
  /** Has the ages of the keys of issuers, by name, asked for at each scrape. */
  readonly issuerKeys: (ages: () => Iterable<readonly [issuer: string, age: KeysAge]>) => void;
  /** Has what is known of dependencies asked for at each scrape. */
  readonly dependencies: (reports: () => readonly HealthReport[], clock: Clock) => void;
  /** Has the ends of certificates (milliseconds since 1970), by the key that names their file, asked for at each scrape. */
  readonly certificates: (ends: () => Iterable<readonly [certificate: string, endsAtMs: number]>) => void;
  /** Has the list of revocations in force, and its age, asked for at each scrape. */
  readonly revocations: (status: () => { readonly entries: number; readonly ageMs: number }) => void;
  /** A decision that a previewed set would have made otherwise, or could not make. */
  readonly previewDiffered: (live: string, preview: string) => void;
  /** Has the keys that this process knows asked for at each scrape. */
  readonly keys: (known: () => readonly KnownKey[]) => void;
  /** Has the versions of the policies asked for at each scrape. */
  readonly policies: (versions: PolicyVersions) => void;
  /** Has the number of grants in force, asked for at each scrape. */
  readonly grants: (count: () => number) => void;
  /** Has the number of open breakers asked for at each scrape. */
  readonly breakers: (count: () => number) => void;
  /** What guardrails said to a request of somebody who has budgets. */
  readonly guardrail: (outcome: string) => void;
  /** An error that nobody caught, in the handler of a request or outside of any. */
  readonly uncaught: (where: 'request' | 'process') => void;
  /** A line that the log did not write because there were too many like it. */
  readonly lineSuppressed: () => void;
}

interface KeysAge {
  readonly ageMs: number;
  readonly maxAgeMs: number;
}

/** What OpenTelemetry advises for `http.server.request.duration`. */
const REQUEST_SECONDS = [0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.25, 0.5, 0.75, 1, 2.5, 5, 7.5, 10];
const STAGE_SECONDS = [0.0002, 0.001, 0.005, 0.02, 0.1, 0.5, 2, 10];
const CALL_SECONDS = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10];
const QUEUE_SECONDS = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10];
const COMMIT_SECONDS = [0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.5, 2.5];
const EVENT_LOOP_RESOLUTION_MS = 20;

const METHODS: ReadonlySet<string> = new Set(['GET', 'HEAD', 'PUT', 'POST', 'DELETE', 'OPTIONS']);

/** What alerts count as faults of the service. */
const FAULTS = Object.entries(ERRORS)
  .filter(([code, { status }]) => (status === 500 || status === 503) && code !== 'SlowDown')
  .map(([code]) => code);
const SERVICES = ['sts', 'jwks', 'discovery', 'introspection', 'store', 'vault', 'kms', 'redis'] as const;

/** What SlowDown means in a stage; in any other it is a store that throttles the gateway. */
const LIMITS: Partial<Record<StageName, string>> = {
  authenticate: 'caller',
  admit: 'queue',
  enforce: 'budget',
  'assume-role': 'sts',
};

/**
 * Makes the metrics of one gateway: its own under `sallyport_` and, where OpenTelemetry has a name, under that; those of the
 * process and of Node under the names that dashboards expect (`process_*`, `nodejs_*`, event-loop lag among them).
 */
export function createMetrics(): Metrics {
  const registry = new Registry();
  const registers = [registry];
  collectDefaultMetrics({ register: registry, eventLoopMonitoringPrecision: EVENT_LOOP_RESOLUTION_MS });

  const counted = <Name extends MetricName>(name: Name) =>
    keptCounter<LabelsOf<Name>>({ ...described(name), registers });
  const histogram = <Name extends MetricName>(name: Name, bounds: readonly number[]) =>
    new KeptHistogram<LabelsOf<Name>>({ ...described(name), registers }, bounds);
  const gauge = (name: MetricName, value: () => number): void => {
    new Gauge({
      ...described(name),
      registers,
      collect() {
        this.set(value());
      },
    });
  };

  const requests = counted('sallyport_requests_total');
  const requestSeconds = histogram('http_server_request_duration_seconds', REQUEST_SECONDS);
  const requestOf = once((operation) => {
    const operationClass = classOf(operation);
    const ended = once((outcome) =>
      once((error) => requests({ operation, operation_class: operationClass, outcome, error_type: error })),
    );
    // A rate needs the zero before the first.
    for (const outcome of ['failed', 'refused']) for (const fault of FAULTS) ended(outcome)(fault);
    return {
      ended,
      answered: once((method) =>
        once((status: number) =>
          requestSeconds.series({
            http_request_method: method,
            http_route: operation,
            operation_class: operationClass,
            http_response_status_code: String(status),
          }),
        ),
      ),
    };
  });
  const count = (
    operation: string,
    {
      method,
      result,
      error,
      status,
      durationMs,
    }: Omit<RequestSummary, 'requestId' | 'operation' | 'bytesIn' | 'bytesOut'>,
    trace?: TraceIds,
  ): void => {
    const ofOperation = requestOf(operation);
    ofOperation.ended(result)(error ?? '').total += 1;
    ofOperation
      .answered(METHODS.has(method) ? method : '_OTHER')(status)
      .observe(seconds(durationMs), trace);
  };

  const throttled = counted('sallyport_throttled_requests_total');
  const throttledOf = once((limit) => throttled({ limit }));
  for (const limit of ['process', 'form', 'store', ...Object.values(LIMITS)]) throttledOf(limit);
  const integrity = counted('sallyport_integrity_failures_total')({});
  const stageSeconds = histogram('sallyport_stage_duration_seconds', STAGE_SECONDS);
  const stageOf = once((stage) => stageSeconds.series({ stage }));
  const bytes = counted('sallyport_bytes_total');
  const [bytesIn, bytesOut] = [bytes({ direction: 'in' }), bytes({ direction: 'out' })];
  const calls = counted('sallyport_calls_total');
  const callSeconds = histogram('sallyport_call_duration_seconds', CALL_SECONDS);
  const callsOf = once((service) => once((outcome) => calls({ service, outcome })));
  for (const service of SERVICES) for (const outcome of ['ok', 'error']) callsOf(service)(outcome);
  const callSecondsOf = once((service) => callSeconds.series({ service }));
  const cacheRequests = counted('sallyport_cache_requests_total');
  const cacheOf = once((cache) => once((result) => cacheRequests({ cache, result })));
  const lookups = counted('sallyport_looks_total');
  const lookupOf = once((operation) => lookups({ operation }));
  const leftOut = new Counter({ ...described('sallyport_listed_left_out_total'), registers });
  const queueSeconds = histogram('sallyport_queue_duration_seconds', QUEUE_SECONDS);
  const queueOf = once((pool) => queueSeconds.series({ pool }));
  for (const pool of ['read', 'write']) queueOf(pool);
  let inFlight = 0;
  gauge('sallyport_in_flight', () => inFlight);
  const offsets = new Map<string, number>();
  new Gauge({
    ...described('sallyport_clock_offset_seconds'),
    registers,
    collect() {
      for (const [store, offsetMs] of offsets) this.set({ store }, offsetMs / 1000);
    },
  });
  const uncaught = new Counter({ ...described('sallyport_uncaught_errors_total'), registers });
  // A rate needs the zero before the first.
  for (const where of ['request', 'process']) uncaught.inc({ where }, 0);
  const previews = counted('sallyport_policy_preview_differences_total');
  const previewOf = once((live) => once((preview) => previews({ live, preview })));
  const suppressed = new Counter({ ...described('sallyport_log_lines_suppressed_total'), registers });
  const guardrails = counted('sallyport_guardrails_total');
  const guardrailOf = once((outcome) => guardrails({ outcome }));
  const commitSeconds = histogram('sallyport_audit_commit_duration_seconds', COMMIT_SECONDS).series({});

  return {
    registry,
    inFlight: (change) => {
      inFlight += change;
    },
    stage: (stage, durationMs) => stageOf(stage).observe(seconds(durationMs)),
    request: (summary, trace) => {
      count(summary.operation ?? UNKNOWN, summary, trace);
      bytesIn.total += positive(summary.bytesIn);
      bytesOut.total += positive(summary.bytesOut);
    },
    failure: (code, stage) => {
      if (code === 'IntegrityFailure') integrity.total += 1;
      if (code !== 'SlowDown') return;
      throttledOf(stage === undefined ? 'form' : (LIMITS[stage] ?? 'store')).total += 1;
    },
    turnedAway: (method, code, status) => {
      if (code === 'SlowDown') throttledOf('process').total += 1;
      count(UNKNOWN, { method, result: 'refused', error: code, status, durationMs: 0 });
    },
    cache: (cache, hit) => {
      cacheOf(cache)(hit ? 'hit' : 'miss').total += 1;
    },
    call: (service, outcome, durationMs) => {
      callsOf(service)(outcome).total += 1;
      callSecondsOf(service).observe(seconds(durationMs));
    },
    lookup: (why) => {
      lookupOf(why).total += 1;
    },
    previewDiffered: (live, preview) => {
      previewOf(live)(preview).total += 1;
    },
    queued: (pool, durationMs) => queueOf(pool).observe(seconds(durationMs)),
    waiting: (count) => {
      new Gauge({
        ...described('sallyport_queue_waiting'),
        registers,
        collect() {
          for (const pool of ['read', 'write'] as const) this.set({ pool }, count(pool));
        },
      });
    },
    leftOut: (entries) => leftOut.inc(entries),
    clockOffset: (storeName, offsetMs) => {
      if (Number.isFinite(offsetMs)) offsets.set(storeName, offsetMs);
    },
    audit: (status) => {
      gauge('sallyport_audit_free_bytes', () => status().freeBytes);
      gauge('sallyport_audit_min_free_bytes', () => status().minFreeBytes);
      gauge('sallyport_audit_queued_entries', () => status().queuedEntries);
      gauge('sallyport_audit_lag_seconds', () => seconds(status().lagMs));
    },
    auditCommitted: (durationMs) => commitSeconds.observe(seconds(durationMs)),
    issuerKeys: (ages) => {
      new Gauge({
        ...described('sallyport_issuer_keys_age_seconds'),
        registers,
        collect() {
          for (const [issuer, { ageMs }] of ages()) this.set({ issuer }, seconds(ageMs));
        },
      });
      new Gauge({
        ...described('sallyport_issuer_keys_max_age_seconds'),
        registers,
        collect() {
          for (const [issuer, { maxAgeMs }] of ages()) this.set({ issuer }, maxAgeMs / 1000);
        },
      });
    },
    dependencies: (reports, clock) => measureDependencies(registry, reports, clock),
    certificates: (ends) => {
      new Gauge({
        ...described('sallyport_certificate_expiry_timestamp_seconds'),
        registers,
        collect() {
          this.reset();
          for (const [certificate, endsAtMs] of ends()) this.set({ certificate }, endsAtMs / 1000);
        },
      });
    },
    revocations: (status) => {
      gauge('sallyport_revocations', () => status().entries);
      gauge('sallyport_revocations_age_seconds', () => status().ageMs / 1000);
    },
    keys: (known) => measureKeys(registry, known),
    policies: (versions) => measurePolicies(registry, versions),
    grants: (number) => gauge('sallyport_grants', number),
    breakers: (number) => gauge('sallyport_breakers_open', number),
    guardrail: (outcome) => {
      guardrailOf(outcome).total += 1;
    },
    uncaught: (where) => uncaught.inc({ where }),
    lineSuppressed: () => suppressed.inc(),
  };
}

const UNKNOWN = 'unknown';

/** The class of an operation of S3; all others are of our endpoints for identities. */
function classOf(operation: string): string {
  if (operation === UNKNOWN) return 'UNKNOWN';
  return isOfS3(operation) ? OPERATIONS[operation].operationClass : 'IDENTITY';
}

function isOfS3(operation: string): operation is OperationName {
  return Object.hasOwn(OPERATIONS, operation);
}

/** Makes what belongs to a name when that is first used; the names come from closed sets, so that the map stays small. */
function once<Made, Name extends string | number = string>(make: (name: Name) => Made): (name: Name) => Made {
  const known = new Map<Name, Made>();
  return (name) => {
    let made = known.get(name);
    if (made === undefined) {
      made = make(name);
      known.set(name, made);
    }
    return made;
  };
}

function seconds(durationMs: number): number {
  return positive(durationMs) / 1000;
}

/** prom-client throws at what is not finite, and a counter at what is negative. */
function positive(value: number): number {
  return Number.isFinite(value) && value > 0 ? value : 0;
}
