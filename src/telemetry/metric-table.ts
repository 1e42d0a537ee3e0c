/**
 * The metrics of this program, as data: what makes them reads it, and docs/metrics.md is made of it. Labels never hold a bucket, a
 * key, an identity or anything else of a request: the values of each come from the code or from configuration, so that their
 * number is bounded.
 */

/** What the values of a label are. */
export const LABELS = {
  http_request_method: 'the method of the request; `_OTHER` for one that HTTP does not name',
  http_response_status_code: 'the status that was sent; `0`: none',
  http_route: 'the S3 operation, such as `GetObject`; `unknown`: none was understood',
  operation:
    'the S3 operation, such as `GetObject`; `unknown`: none was understood. Of small requests what they are for: `read`, `head`, `list` or `health`',
  operation_class:
    'the class of the operation ([operations](operations-supported.md)); `IDENTITY`: of the endpoints that tell and trade identities; `UNKNOWN`',
  outcome:
    'of requests `completed`, `denied` (by policy), `refused` (before the caller was known), `failed` or `aborted` (broken off, by either side); of calls `ok` or `error`; of budgets `admitted`, `spent`, `opened`, `stopped`, `full`, `unavailable` or `degraded`',
  error_type: 'the [reason](errors.md) of a failure, such as `IntegrityFailure`; absent where there is none',
  limit:
    'what the request was beyond: `process` (requests at once of one process), `caller` (callers that wait for one issuer), `queue` (the [queues](running.md#many-callers-at-once) of a caller), `form` (STS forms at once), `budget` ([guardrails](guardrails.md)), `sts` or `store` (which throttle the gateway)',
  pool: '`read` (GET and HEAD, and the endpoints for identities) or `write`',
  stage: 'a [stage](architecture.md#a-request) of the pipeline',
  direction: '`in` or `out`',
  service: '`sts`, `jwks`, `discovery`, `introspection`, `store`, `vault`, `kms` or `redis`',
  cache: '`token`, `session`, `credentials` or `jwks`',
  result: '`hit` or `miss`',
  store: 'the name of a store in configuration',
  issuer: 'the name of an issuer in configuration',
  where: '`request`, or `process`: that process drains and ends',
  why: '`uncaught`: an error that nobody caught; `ended`: any other end',
  live: 'what is decided: `allow`, `deny` or `filtered`',
  preview:
    'what the previewed set would decide: the same, `unknown` (it cannot be told of a session) or `failed` (by an error)',
  version: 'a version of the policies, or of the program',
  dependency:
    'what [`/readyz`](running.md#what-it-depends-on) names so, but `bucket` for all buckets together (the worst of them, the oldest answer)',
  kind: '`session` or `keyring`',
  id: 'the id of a session key, or a keyring and the version of its key',
  use: '`current`: new sessions or objects are made with it; `accepted`: those that there are',
  certificate: 'the key of the configuration that names its file',
} as const;

type Label = keyof typeof LABELS;

interface MetricRow {
  /** Histograms have seconds as their unit, as every name says that has one. */
  readonly type: 'counter' | 'gauge' | 'histogram';
  readonly help: string;
  readonly labels: readonly Label[];
  /** How the values of several workers become one; counters and histograms are added up. */
  readonly aggregator?: 'sum' | 'min' | 'max' | 'average';
}

export const METRICS = {
  // requests
  http_server_request_duration_seconds: {
    type: 'histogram',
    help: 'From the request line to the last byte of the answer, of every request.',
    labels: ['http_request_method', 'http_route', 'operation_class', 'http_response_status_code'],
  },
  sallyport_requests_total: {
    type: 'counter',
    help: 'Requests by operation, by how they ended and by why they failed.',
    labels: ['operation', 'operation_class', 'outcome', 'error_type'],
  },
  sallyport_throttled_requests_total: {
    type: 'counter',
    help: 'Requests that were answered by SlowDown, by the limit that they met.',
    labels: ['limit'],
  },
  sallyport_queue_duration_seconds: {
    type: 'histogram',
    help: 'How long requests waited for a place, of those that had to wait.',
    labels: ['pool'],
  },
  sallyport_queue_waiting: {
    type: 'gauge',
    help: 'Requests that wait for a place.',
    labels: ['pool'],
  },
  sallyport_in_flight: { type: 'gauge', help: 'Requests in progress.', labels: [] },
  sallyport_bytes_total: {
    type: 'counter',
    help: 'Plaintext bytes received from (in) and handed to (out) clients.',
    labels: ['direction'],
  },
  sallyport_stage_duration_seconds: {
    type: 'histogram',
    help: 'Time spent in one stage of the pipeline.',
    labels: ['stage'],
  },
  sallyport_integrity_failures_total: {
    type: 'counter',
    help: 'Stored objects, or states of uploads, that did not authenticate: changed, cut, or moved from another place.',
    labels: [],
  },
  sallyport_uncaught_errors_total: {
    type: 'counter',
    help: 'Errors that nobody caught, each a fault of the gateway.',
    labels: ['where'],
  },
  // what it depends on
  sallyport_calls_total: {
    type: 'counter',
    help: 'Calls to the services that the gateway depends on; "error" is no answer, or one that is of no use.',
    labels: ['service', 'outcome'],
  },
  sallyport_call_duration_seconds: {
    type: 'histogram',
    help: 'Of these calls, until the head of the answer.',
    labels: ['service'],
  },
  sallyport_dependency_up: {
    type: 'gauge',
    help: '1 where a dependency is `ok`, 0 where it is `degraded`; absent as long as it is `unknown`.',
    labels: ['dependency'],
    aggregator: 'min',
  },
  sallyport_dependency_check_age_seconds: {
    type: 'gauge',
    help: 'Since a dependency was last heard of, by a request or by a check in the background; absent before that.',
    labels: ['dependency'],
    aggregator: 'max',
  },
  sallyport_cache_requests_total: {
    type: 'counter',
    help: 'Look-ups in the caches of tokens, sessions, credentials and issuer keys.',
    labels: ['cache', 'result'],
  },
  sallyport_looks_total: {
    type: 'counter',
    help: "Small requests to a store by what they are for: an object's facts that its size does not tell, or the health of a bucket.",
    labels: ['operation'],
  },
  sallyport_listed_left_out_total: {
    type: 'counter',
    help: 'Entries that listings left out: the store gave them keys outside of the prefix, or that are no text.',
    labels: [],
  },
  sallyport_clock_offset_seconds: {
    type: 'gauge',
    help: "A store's clock minus the gateway's, from its Date header.",
    labels: ['store'],
    aggregator: 'average',
  },
  sallyport_issuer_keys_age_seconds: {
    type: 'gauge',
    help: 'Since the signing keys of an issuer were last fetched; since the start where they never were.',
    labels: ['issuer'],
    aggregator: 'max',
  },
  sallyport_issuer_keys_max_age_seconds: {
    type: 'gauge',
    help: 'Older keys are not used (`jwksMaxStaleSeconds`): from then on tokens of the issuer are answered with 503.',
    labels: ['issuer'],
    aggregator: 'max',
  },
  // the audit
  sallyport_audit_free_bytes: {
    type: 'gauge',
    help: 'Free on the disk of the audit, at the last look (each second). Absent where the audit is a stream.',
    labels: [],
    aggregator: 'min',
  },
  sallyport_audit_min_free_bytes: {
    type: 'gauge',
    help: 'With less than this nothing new is begun (`audit.minFreeBytes`).',
    labels: [],
    aggregator: 'max',
  },
  sallyport_audit_queued_entries: {
    type: 'gauge',
    help: 'Entries that are not durable yet, but for those that are being written.',
    labels: [],
  },
  sallyport_audit_lag_seconds: {
    type: 'gauge',
    help: 'How long the oldest entry that is not durable yet has waited; 0: there is none.',
    labels: [],
    aggregator: 'max',
  },
  sallyport_audit_commit_duration_seconds: {
    type: 'histogram',
    help: 'From the first entry of a group until the group is durable: what the audit adds to a request, twice.',
    labels: [],
  },
  // configuration
  sallyport_configuration_refused: {
    type: 'gauge',
    help: '1 while the configuration or a file of it on disk is refused, and the last one stays in force.',
    labels: [],
  },
  sallyport_configuration_waits_for_restart: {
    type: 'gauge',
    help: 'Keys of the configuration that changed and take effect at the next restart.',
    labels: [],
  },
  sallyport_keys_known: {
    type: 'gauge',
    help: 'Processes that know this key; `current` where they make new sessions or objects with it.',
    labels: ['kind', 'id', 'use'],
  },
  // policies, revocations, grants, budgets
  sallyport_policies_in_force: {
    type: 'gauge',
    help: 'Processes that decide by this set of policies.',
    labels: ['version'],
  },
  sallyport_policies_refused: {
    type: 'gauge',
    help: 'The set of policies in their directory, where it was refused; `unreadable` where no file could be read.',
    labels: ['version'],
  },
  sallyport_policies_previewed: {
    type: 'gauge',
    help: 'Processes that decide this set of policies beside the one in force.',
    labels: ['version'],
  },
  sallyport_policy_preview_differences_total: {
    type: 'counter',
    help: 'Decisions that the previewed policies would make otherwise.',
    labels: ['live', 'preview'],
  },
  sallyport_revocations: {
    type: 'gauge',
    help: 'Entries of the list of revocations that are in force.',
    labels: [],
    aggregator: 'max',
  },
  sallyport_revocations_age_seconds: {
    type: 'gauge',
    help: 'Since the list of revocations was last known to be current; since the start where it never was.',
    labels: [],
    aggregator: 'max',
  },
  sallyport_grants: { type: 'gauge', help: 'Grants with an end that are in force.', labels: [], aggregator: 'max' },
  sallyport_breakers_open: {
    type: 'gauge',
    help: 'Breakers of budgets that are open.',
    labels: [],
    aggregator: 'max',
  },
  sallyport_guardrails_total: {
    type: 'counter',
    help: 'Requests of callers who have budgets, by what became of them there.',
    labels: ['outcome'],
  },
  // the process
  sallyport_ready: {
    type: 'gauge',
    help: '1 where `/readyz` says 200, else 0.',
    labels: [],
  },
  sallyport_build_info: {
    type: 'gauge',
    help: '1; its label says what runs.',
    labels: ['version'],
  },
  sallyport_certificate_expiry_timestamp_seconds: {
    type: 'gauge',
    help: 'When a certificate ends, in seconds since 1970: of a chain the first that does, of CA certificates the last one. (Session keys and seeds have no end.)',
    labels: ['certificate'],
    aggregator: 'min',
  },
  sallyport_workers_replaced_total: {
    type: 'counter',
    help: 'Workers that were replaced.',
    labels: ['why'],
  },
  sallyport_log_lines_suppressed_total: {
    type: 'counter',
    help: 'Lines that the log left out because there were too many like them.',
    labels: [],
  },
} as const satisfies Record<string, MetricRow>;

export type MetricName = keyof typeof METRICS;

/** The labels of one metric. */
export type LabelsOf<Name extends MetricName> = (typeof METRICS)[Name]['labels'][number];

/** Gives what prom-client wants to know of a metric. */
export function described<Name extends MetricName>(
  name: Name,
): {
  readonly name: string;
  readonly help: string;
  readonly labelNames: LabelsOf<Name>[];
  readonly aggregator: 'sum' | 'min' | 'max' | 'average';
} {
  const { help, labels, aggregator = 'sum' }: MetricRow = METRICS[name];
  return { name, help, labelNames: [...labels] as LabelsOf<Name>[], aggregator };
}
