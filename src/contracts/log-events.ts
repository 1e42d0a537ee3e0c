/**
 * What the service's log tells beside failed requests: a stable name to search and alert on, its level, and a sentence. Names never
 * change their meaning; sentences may be improved. docs/log-events.md is made of this table.
 */
interface LogEventRow {
  readonly level: 'error' | 'warn' | 'info';
  readonly message: string;
}

export const LOG_EVENTS = {
  service_started: { level: 'info', message: 'The gateway serves requests.' },
  sidecar_started: { level: 'info', message: 'The sidecar serves a workload.' },
  sidecar_reachable_remotely: {
    level: 'warn',
    message: 'The sidecar is reachable from other machines and does not authenticate callers.',
  },
  worker_exited: { level: 'error', message: 'A worker process exited.' },
  uncaught_error: { level: 'error', message: 'Uncaught error: the process stops taking requests and exits.' },
  uncaught_request_error: { level: 'error', message: 'Uncaught error in a request: its connection was closed.' },
  tracing_started: { level: 'info', message: 'Requests are traced.' },
  tracing_misconfigured: {
    level: 'warn',
    message: 'Requests are not traced: the variables OTEL_* ask for what is not supported.',
  },
  trace_export_failed: { level: 'warn', message: 'The collector of traces does not take spans; they are dropped.' },
  trace_export_recovered: { level: 'info', message: 'The collector of traces takes spans again.' },
  admin_request_failed: { level: 'error', message: 'A request to the admin port failed.' },
  policies_reloaded: { level: 'info', message: 'The policies were read again.' },
  policies_reload_failed: { level: 'error', message: 'Cannot load the policies; the previous ones stay in force.' },
  policies_preview_reloaded: { level: 'info', message: 'The previewed policies were read again.' },
  policies_preview_failed: { level: 'warn', message: 'Cannot load the policies to be previewed.' },
  configuration_reloaded: { level: 'info', message: 'Changes of the configuration and of its files were taken up.' },
  configuration_reload_failed: {
    level: 'error',
    message: 'Cannot take up the configuration or a file of it; the previous one stays in force.',
  },
  configuration_waits_for_restart: {
    level: 'warn',
    message: 'Keys of the configuration changed that take effect at the next restart.',
  },
  edge_secret_missing: {
    level: 'warn',
    message:
      'A request came without the secret of the edge: the recorded address is not that of the client (edge.secretFile, SALLYPORT_EDGE_SECRET).',
  },
  jwks_changed: { level: 'info', message: 'The signing keys of an issuer changed.' },
  jwks_refresh_failed: { level: 'warn', message: 'Cannot fetch the signing keys of an issuer.' },
  jwks_refresh_recovered: { level: 'info', message: 'The signing keys of an issuer can be fetched again.' },
  edge_keys_written: {
    level: 'info',
    message: 'The keys, issuers and revoked subjects that HAProxy knows were written.',
  },
  edge_sync_failed: { level: 'warn', message: 'HAProxy, or what it is to know, cannot be kept up to date.' },
  edge_sync_recovered: { level: 'info', message: 'HAProxy is up to date again.' },
  introspection_failed: { level: 'warn', message: 'Token introspection at an issuer failed.' },
  introspection_recovered: { level: 'info', message: 'Token introspection at an issuer works again.' },
  revocations_unavailable: { level: 'warn', message: 'Cannot read the revocation list.' },
  revocations_recovered: { level: 'info', message: 'The revocation list can be read again.' },
  revocations_restored: { level: 'warn', message: 'Revocations were missing from the list and were written back.' },
  grants_unavailable: { level: 'warn', message: 'Cannot read the list of grants; no grant is in force meanwhile.' },
  grants_recovered: { level: 'info', message: 'The list of grants can be read again.' },
  breaker_opened: {
    level: 'warn',
    message: 'Somebody asked for more than a budget has: refused from now on, until an operator closes the breaker.',
  },
  breakers_unavailable: {
    level: 'warn',
    message: 'Cannot read or write the list of breakers; those that are known stay open.',
  },
  breakers_recovered: { level: 'info', message: 'The list of breakers can be read and written again.' },
  credentials_reloaded: { level: 'info', message: 'Credential files changed; the new keys are used.' },
  credentials_file_invalid: { level: 'warn', message: 'Cannot use a credential file; the previous keys stay in use.' },
  store_credentials_refused: {
    level: 'error',
    message: "A store refuses the gateway's own keys: no caller can be served there (stores.<name>.credentials).",
  },
  store_credentials_recovered: { level: 'info', message: "A store takes the gateway's own keys again." },
  sts_renewal_failed: {
    level: 'warn',
    message: 'Cannot renew an STS session; the current one is used until it expires.',
  },
  iam_action_unknown: {
    level: 'warn',
    message: "The store's IAM does not know an action; session policies leave it out (set sts.unknownActions).",
  },
  store_credentials_static: {
    level: 'warn',
    message: 'One pair of long-lived keys serves all callers of a store: only this gateway enforces policy there.',
  },
  store_tokens_forwarded: {
    level: 'warn',
    message:
      'The tokens of callers are sent to the STS of a store: whoever holds one can call it directly, with all rights of the role.',
  },
  store_clock_skewed: { level: 'warn', message: 'The clock of a store differs from the clock of this machine.' },
  store_clock_recovered: {
    level: 'info',
    message: 'The clock of a store agrees with the clock of this machine again.',
  },
  store_keys_omitted: {
    level: 'warn',
    message: 'A listing of a store holds keys outside of the prefix, or keys that are not text; they were left out.',
  },
  bucket_unavailable: { level: 'warn', message: 'A bucket cannot be used.' },
  bucket_recovered: { level: 'info', message: 'A bucket can be used again.' },
  legacy_zero_kek_accepted: {
    level: 'warn',
    message: 'Legacy keys wrapped with zeros are accepted: whoever may write to the store can forge such objects.',
  },
  audit_write_failed: { level: 'warn', message: 'Cannot write the audit log.' },
  audit_write_recovered: { level: 'info', message: 'The audit log is written again.' },
  audit_file_deleted: { level: 'warn', message: 'The current file of the audit log was deleted.' },
  audit_rotation_failed: { level: 'warn', message: 'Cannot open a new file of the audit log.' },
  audit_disk_low: { level: 'warn', message: 'The disk of the audit log has less free space than audit.minFreeBytes.' },
  audit_disk_recovered: { level: 'info', message: 'The disk of the audit log has enough free space again.' },
  audit_disk_unreadable: { level: 'warn', message: 'Cannot read the free space of the disk of the audit log.' },
  audit_disk_stalled: { level: 'warn', message: 'The disk of the audit log does not respond.' },
  audit_disk_responding: { level: 'info', message: 'The disk of the audit log responds again.' },
} as const satisfies Record<string, LogEventRow>;

/** A name of `LOG_EVENTS`. */
export type LogEvent = keyof typeof LOG_EVENTS;

/** Of requests, whose level and sentence are those of what became of each; the second one at level debug alone. */
export type RequestLogEvent = 'request_failed' | 'request_ended';
