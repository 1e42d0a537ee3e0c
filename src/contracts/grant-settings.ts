import type { SecretBytes } from './secret.ts';

/** What operators may give with `sallyport grant`; the gateways hold every grant to it once more. */
export interface GrantSettings {
  /** Seals each grant, so that who can write to where they are kept cannot make one. */
  readonly key: SecretBytes;
  readonly maxDurationSeconds: number;
  /** Where there are some, one of these must approve each grant; empty: only where that is requested. */
  readonly approvers: readonly string[];
}
