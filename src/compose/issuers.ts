/** One issuer of a configuration, with what its preset fills in. Its keys are fetched in the background from then on. */
import type { IssuerConfig } from '../config/issuers/assemble.ts';
import type { Clock } from '../contracts/clock.ts';
import type { Observer } from '../contracts/observer.ts';
import type { IssuerOptions } from '../identity/issuer-options.ts';
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
  limits: Limits,
  deps: { readonly clock: Clock; readonly observer: Observer },
): Issuer => createIssuer(optionsOf(config, limits), deps);

function optionsOf(config: IssuerConfig, { fetchTimeoutMs, maxWaiting }: Limits): IssuerOptions {
  const { ca, maxTokenAgeSeconds, scopesClaim, allowedClients, introspection, ...issuer } = config;
  return {
    ...issuer,
    fetchTimeoutSeconds: fetchTimeoutMs / 1000,
    maxWaiting,
    ...(ca === undefined ? {} : { ca }),
    ...(maxTokenAgeSeconds === undefined ? {} : { maxTokenAgeSeconds }),
    ...(scopesClaim === undefined ? {} : { scopesClaim }),
    ...(allowedClients === undefined ? {} : { allowedClients }),
    ...(introspection === undefined ? {} : { introspection: introspectionOf(introspection) }),
  };
}

function introspectionOf({
  endpoint,
  prefix,
  clientSecret,
  ...introspection
}: NonNullable<IssuerConfig['introspection']>): NonNullable<IssuerOptions['introspection']> {
  return {
    ...introspection,
    clientSecret: () => clientSecret.reveal(),
    ...(endpoint === undefined ? {} : { endpoint }),
    ...(prefix === undefined ? {} : { prefix }),
  };
}
