/** What `/readyz` says of one thing that the gateway depends on. */
export interface HealthReport {
  readonly name: string;
  /** `unknown`: it was not asked yet, or its last answer does not tell. */
  readonly state: 'ok' | 'degraded' | 'unknown';
  /** One clause, safe to show to an operator. */
  readonly detail?: string;
}

export interface HealthSource {
  readonly health: () => readonly HealthReport[];
}
