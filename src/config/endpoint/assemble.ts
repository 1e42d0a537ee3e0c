/** The checked section `endpoint`, with what stores and issuers say where it is silent. */
import type { TokensFrom } from '../../errors/challenge.ts';
import type { IssuerConfig } from '../issuers/assemble.ts';
import { promised } from '../loading/promised.ts';
import type { FileConfig } from '../schema.ts';

export interface EndpointConfig {
  /** Lower case, with a port where it is not the usual one. */
  readonly publicHosts: readonly string[];
  /** Regions that clients may sign for. */
  readonly regions: readonly string[];
  /** Where callers get tokens. */
  readonly tokensFrom: TokensFrom;
  readonly requireSignedContentHeaders: boolean;
}

/** What clients sign for that were told no region. */
const USUAL_REGION = 'us-east-1';

/** Of the issuers, whose URLs a header names. */
const MAX_NAMED_ISSUERS = 8;

/** Puts the section together. */
export const assembleEndpoint = (
  { endpoint, stores }: Pick<FileConfig, 'endpoint' | 'stores'>,
  issuers: readonly IssuerConfig[],
): EndpointConfig => ({
  publicHosts: endpoint.publicHosts,
  requireSignedContentHeaders: endpoint.requireSignedContentHeaders,
  tokensFrom: { page: endpoint.tokenHelp, issuers: issuers.slice(0, MAX_NAMED_ISSUERS).map(({ issuer }) => issuer) },
  regions: endpoint.regions ?? [
    ...new Set([...Object.values(stores).map(({ region }) => promised(region)), USUAL_REGION]),
  ],
});
