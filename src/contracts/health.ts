/** What `/readyz` says of one thing that the gateway depends on. */
export interface HealthReport {
  readonly name: string;
  /** `unknown`: it was not asked yet, or its last answer does not tell. */
  readonly state: 'ok' | 'degraded' | 'unknown';
  /** One clause, safe to show to an operator. */
  readonly detail?: string;
  /** When it was last heard of, in milliseconds since the epoch; absent: never, or it is nothing that can be asked. */
  readonly checkedAtMs?: number;
}

export interface HealthSource {
  readonly health: () => readonly HealthReport[];
}

/** A dependency that can be asked how it is, without harm, where nobody's request has told of late. */
export interface HealthProbe {
  readonly report: () => HealthReport;
  /** Never rejects, and ends in bounded time; what it found out is in the report. */
  readonly ask: () => Promise<void>;
}
