/**
 * Metrics. What enters: durations, counts and names out of closed sets. What leaves: a registry for `/metrics`.
 * Labels never hold a bucket, a key, an identity or anything else of a request: their number is bounded by the code and,
 * for stores, by configuration. It never throws for a number: a clock that jumps must not fail a request.
 */
import { collectDefaultMetrics, Counter, Gauge, Registry } from 'prom-client';
import type { Observer, RequestSummary } from '../contracts/observer.ts';
import { keptCounter, KeptHistogram } from './kept-series.ts';
import { measurePolicies, type PolicyVersions } from './policy-metrics.ts';

export interface Metrics extends Pick<Observer, 'stage' | 'cache' | 'call' | 'lookup'> {
  readonly registry: Registry;
  readonly inFlight: (change: 1 | -1) => void;
  readonly request: (summary: RequestSummary) => void;
  readonly leftOut: (entries: number) => void;
  /** Milliseconds. */
  readonly clockOffset: (storeName: string, offsetMs: number) => void;
  /** Has the list of revocations in force, and its age, asked for at each scrape. */
  readonly revocations: (status: () => { readonly entries: number; readonly ageMs: number }) => void;
  /** A decision that a previewed set would have made otherwise, or could not make. */
  readonly previewDiffered: (live: string, preview: string) => void;
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

const PREFIX = 'sallyport_';
const STAGE_SECONDS = [0.0002, 0.001, 0.005, 0.02, 0.1, 0.5, 2, 10];
const REQUEST_SECONDS = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 10, 60, 300];
const CALL_SECONDS = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10];
const EVENT_LOOP_RESOLUTION_MS = 20;

/**
 * Makes the metrics of one gateway: its own under `sallyport_`, those of the process and of Node under the names that
 * dashboards expect (`process_*`, `nodejs_*`, event-loop lag among them).
 */
export function createMetrics(): Metrics {
  const registry = new Registry();
  const registers = [registry];
  collectDefaultMetrics({ register: registry, eventLoopMonitoringPrecision: EVENT_LOOP_RESOLUTION_MS });

  const requests = keptCounter({
    name: `${PREFIX}requests_total`,
    help: 'Requests by S3 operation and outcome.',
    labelNames: ['operation', 'outcome'],
    registers,
  });
  const requestSeconds = new KeptHistogram(
    {
      name: `${PREFIX}request_duration_seconds`,
      help: 'From the request line to the last byte of the answer.',
      registers,
    },
    'operation',
    REQUEST_SECONDS,
  );
  const stageSeconds = new KeptHistogram(
    { name: `${PREFIX}stage_duration_seconds`, help: 'Time spent in one stage of the pipeline.', registers },
    'stage',
    STAGE_SECONDS,
  );
  const bytes = { in: 0, out: 0 };
  new Counter({
    name: `${PREFIX}bytes_total`,
    help: 'Plaintext bytes received from (in) and handed to (out) clients.',
    labelNames: ['direction'],
    registers,
    collect() {
      this.reset();
      for (const [direction, total] of Object.entries(bytes)) this.inc({ direction }, total);
    },
  });
  const calls = keptCounter({
    name: `${PREFIX}calls_total`,
    help: 'Calls to the services that the gateway depends on.',
    labelNames: ['service', 'outcome'],
    registers,
  });
  const callSeconds = new KeptHistogram(
    { name: `${PREFIX}call_duration_seconds`, help: 'Until the head of the answer.', registers },
    'service',
    CALL_SECONDS,
  );
  const cacheRequests = keptCounter({
    name: `${PREFIX}cache_requests_total`,
    help: 'Look-ups in the caches of tokens, sessions, credentials and issuer keys.',
    labelNames: ['cache', 'result'],
    registers,
  });
  const lookups = keptCounter({
    name: `${PREFIX}looks_total`,
    help: "Small requests to a store by what they are for: an object's facts that its size does not tell, or the health of a bucket.",
    labelNames: ['operation'],
    registers,
  });
  const leftOut = new Counter({
    name: `${PREFIX}listed_left_out_total`,
    help: 'Entries that listings left out: the store gave them keys outside of the prefix, or that are no text.',
    registers,
  });
  let inFlight = 0;
  new Gauge({
    name: `${PREFIX}in_flight`,
    help: 'Requests in progress.',
    registers,
    collect() {
      this.set(inFlight);
    },
  });
  const offsets = new Map<string, number>();
  new Gauge({
    name: `${PREFIX}clock_offset_seconds`,
    help: "A store's clock minus the gateway's, from its Date header.",
    labelNames: ['store'],
    aggregator: 'average',
    registers,
    collect() {
      for (const [store, offsetMs] of offsets) this.set({ store }, offsetMs / 1000);
    },
  });
  const uncaught = new Counter({
    name: `${PREFIX}uncaught_errors_total`,
    help: 'Errors that nobody caught, each a fault of the gateway: where "process", that process drains and ends.',
    labelNames: ['where'],
    registers,
  });
  // A rate needs the zero before the first.
  for (const where of ['request', 'process']) uncaught.inc({ where }, 0);
  const previews = keptCounter({
    name: `${PREFIX}policy_preview_differences_total`,
    help: 'Decisions that the previewed policies would make otherwise ("unknown": it cannot be told of a session, "failed": by an error).',
    labelNames: ['live', 'preview'],
    registers,
  });
  const suppressed = new Counter({
    name: `${PREFIX}log_lines_suppressed_total`,
    help: 'Lines that the log left out because there were too many like them.',
    registers,
  });

  const guardrails = keptCounter({
    name: `${PREFIX}guardrails_total`,
    help: 'Requests of callers who have budgets, by what became of them there.',
    labelNames: ['outcome'],
    registers,
  });

  const guardrailOf = once((outcome) => guardrails({ outcome }));
  const requestOf = once((operation) => ({
    outcome: once((outcome) => requests({ operation, outcome })),
    seconds: requestSeconds.series(operation),
  }));
  const stageOf = once((stage) => stageSeconds.series(stage));
  const previewOf = once((live) => once((preview) => previews({ live, preview })));
  const lookupOf = once((operation) => lookups({ operation }));
  const cacheOf = once((cache) => once((result) => cacheRequests({ cache, result })));
  const callOf = once((service) => ({
    outcome: once((outcome) => calls({ service, outcome })),
    seconds: callSeconds.series(service),
  }));

  return {
    registry,
    inFlight: (change) => {
      inFlight += change;
    },
    stage: (stage, durationMs) => stageOf(stage).observe(seconds(durationMs)),
    request: (summary) => {
      const ofOperation = requestOf(summary.operation ?? 'unknown');
      ofOperation.outcome(summary.result).total += 1;
      ofOperation.seconds.observe(seconds(summary.durationMs));
      bytes.in += count(summary.bytesIn);
      bytes.out += count(summary.bytesOut);
    },
    cache: (cache, hit) => {
      cacheOf(cache)(hit ? 'hit' : 'miss').total += 1;
    },
    call: (service, outcome, durationMs) => {
      const ofService = callOf(service);
      ofService.outcome(outcome).total += 1;
      ofService.seconds.observe(seconds(durationMs));
    },
    lookup: (why) => {
      lookupOf(why).total += 1;
    },
    previewDiffered: (live, preview) => {
      previewOf(live)(preview).total += 1;
    },
    leftOut: (entries) => leftOut.inc(entries),
    clockOffset: (storeName, offsetMs) => {
      if (Number.isFinite(offsetMs)) offsets.set(storeName, offsetMs);
    },
    revocations: (status) => {
      new Gauge({
        name: `${PREFIX}revocations`,
        help: 'Entries of the list of revocations that are in force.',
        aggregator: 'max',
        registers,
        collect() {
          this.set(status().entries);
        },
      });
      new Gauge({
        name: `${PREFIX}revocations_age_seconds`,
        help: 'Since the list of revocations was last known to be current; since the start where it never was.',
        aggregator: 'max',
        registers,
        collect() {
          this.set(status().ageMs / 1000);
        },
      });
    },
    policies: (versions) => measurePolicies(registry, versions),
    grants: (count) => {
      new Gauge({
        name: `${PREFIX}grants`,
        help: 'Grants with an end that are in force.',
        aggregator: 'max',
        registers,
        collect() {
          this.set(count());
        },
      });
    },
    breakers: (count) => {
      new Gauge({
        name: `${PREFIX}breakers_open`,
        help: 'Breakers of budgets that are open.',
        aggregator: 'max',
        registers,
        collect() {
          this.set(count());
        },
      });
    },
    guardrail: (outcome) => {
      guardrailOf(outcome).total += 1;
    },
    uncaught: (where) => uncaught.inc({ where }),
    lineSuppressed: () => suppressed.inc(),
  };
}

/** Makes what belongs to a name when that is first used; the names come from closed sets, so that the map stays small. */
function once<Made>(make: (name: string) => Made): (name: string) => Made {
  const known = new Map<string, Made>();
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
  return count(durationMs) / 1000;
}

/** prom-client throws at what is not finite, and a counter at what is negative. */
function count(value: number): number {
  return Number.isFinite(value) && value > 0 ? value : 0;
}
