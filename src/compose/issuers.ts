/** One issuer of a configuration, with what its preset fills in. Its keys are fetched in the background from then on. */
import type { IssuerConfig } from '../config/issuers/assemble.ts';
import type { Clock } from '../contracts/clock.ts';
import type { Observer } from '../contracts/observer.ts';
import { createIssuer, type Issuer } from '../identity/issuer.ts';

interface Limits {
  /** For one whole document of the issuer's. */
  readonly fetchTimeoutMs: number;
  /** Callers that may wait for the issuer at once. */
  readonly maxWaiting: number;
}

/** Makes it. */
export const issuerOf = (
  config: IssuerConfig,
  { fetchTimeoutMs, maxWaiting }: Limits,
  deps: { readonly clock: Clock; readonly observer: Observer },
): Issuer => createIssuer({ ...config, fetchTimeoutSeconds: fetchTimeoutMs / 1000, maxWaiting }, deps);
