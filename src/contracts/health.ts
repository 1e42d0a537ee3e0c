/** What `/readyz` says of one thing that the gateway stands on. */
export interface HealthReport {
  readonly name: string;
  readonly state: 'ok' | 'degraded';
  /** One clause, safe to show to an operator. */
  readonly detail?: string;
}

export interface HealthSource {
  readonly health: () => readonly HealthReport[];
}
