/** How far a run is: counted by the engines, shown by the command line. */
export interface Progress {
  /** Versions there are to look at, once that is known. */
  readonly expect: (versions: number) => void;
  readonly step: () => void;
}

/** What went wrong with one object; the run goes on. */
export interface Failure {
  readonly key: string;
  /** A code of docs/errors.md. */
  readonly error: string;
  /** One clause for the operator, without secrets. */
  readonly detail: string;
}

/** Failures that are shown one by one; the rest is only counted. */
export const MAX_FAILURES_SHOWN = 100;
