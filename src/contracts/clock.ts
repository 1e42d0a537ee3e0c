/** The time, as a parameter. Tests freeze it. */
export interface Clock {
  /** Milliseconds since the epoch. */
  readonly now: () => number;
}
