/** What `doctor` says about one thing. */
export interface Finding {
  readonly check: string;
  /** `skipped`: something before it has to be fixed first. */
  readonly state: 'ok' | 'warning' | 'wrong' | 'skipped';
  readonly found: string;
  readonly remedy?: string | undefined;
}
