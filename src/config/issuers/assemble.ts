/** An entry of `issuers`, its preset and its files, as one issuer. What the preset pins is never replaced. */
import type { IssuerSettings } from '../../contracts/issuer-settings.ts';
import { pathKey } from '../loading/path-key.ts';
import { promised } from '../loading/promised.ts';
import type { Files } from '../loading/read-files.ts';
import { carriedClaims, presetOf } from './presets.ts';
import type { FileIssuer } from './schema.ts';

/** An entry with what its preset fills in. */
export interface IssuerConfig extends IssuerSettings {
  /** Names of the claims that principals can carry; of one that is an object, what stands before the dot. */
  readonly carried: readonly string[];
  /** Clients that rules take for agents. */
  readonly agentClients: readonly string[];
}

/** Puts one issuer together. */
export const assembleIssuer = (name: string, entry: FileIssuer, files: Files): IssuerConfig => {
  const { defaults, ...preset } = presetOf(entry);
  const file = (...path: readonly string[]) => files.get(pathKey(['issuers', name, ...path]));
  const issuer = promised(entry.issuer ?? preset.issuer?.(entry));
  const claims = [...new Set([...defaults.claims, ...entry.claims])];
  const claimPaths = { ...defaults.claimPaths, ...entry.claimPaths };
  const scopesClaim = entry.scopesClaim ?? defaults.scopesClaim;
  return {
    ...{ name, issuer, claims, claimPaths, scopesClaim },
    carried: carriedClaims(claims, Object.keys(claimPaths), scopesClaim),
    agentClients: entry.agentClients,
    audiences: entry.audiences,
    allowedClients: entry.allowedClients,
    algorithms: entry.algorithms ?? defaults.algorithms,
    tokenTypes: entry.tokenTypes ?? defaults.tokenTypes,
    tokenKind: entry.tokenKind ?? defaults.tokenKind,
    maxTokenAgeSeconds: entry.maxTokenAgeSeconds ?? defaults.maxTokenAgeSeconds,
    subjectClaim: entry.subjectClaim ?? defaults.subjectClaim,
    groupsClaim: entry.groupsClaim ?? defaults.groupsClaim,
    requiredScopes: entry.requiredScopes,
    requiredClaims: { ...entry.requiredClaims, ...preset.pins?.(entry) },
    unverifiable: preset.unverifiable?.(new URL(issuer)) ?? {},
    introspection: entry.introspection && {
      clientId: promised(file('introspection', 'clientIdFile')).reveal(),
      clientSecret: promised(file('introspection', 'clientSecretFile')),
      authentication: entry.introspection.authentication,
      endpoint: entry.introspection.endpoint,
      jwts: entry.introspection.jwts,
      prefix: entry.introspection.prefix,
      cacheSeconds: entry.introspection.cacheSeconds,
      sessionSeconds: entry.introspection.sessionSeconds,
    },
    clockSkewSeconds: entry.clockSkewSeconds,
    jwksRefreshSeconds: entry.jwksRefreshSeconds,
    jwksMaxStaleSeconds: entry.jwksMaxStaleSeconds,
    ca: file('caFile')?.reveal(),
    allowHttp: entry.allowHttp,
  };
};
