/** How a store and its STS are reached, and as whom: configuration says it, and the rooms that connect and ask obey it. */

import type { Bounds } from './bounds.ts';

/** How a caller is served at a store: by a session of its STS, by its own keys, or by a session for a second token. */
export const STORE_METHODS = ['assume-role', 'static', 'web-identity'] as const;
export type StoreMethod = (typeof STORE_METHODS)[number];

export const TLS_VERSIONS = ['TLSv1.2', 'TLSv1.3'] as const;

/** TLS towards a store and its STS. */
export interface StoreTls {
  /** PEM bundle to trust instead of the system's. */
  readonly ca?: string | undefined;
  /** The name that certificates must carry, instead of the host's. */
  readonly serverName?: string | undefined;
  readonly minVersion: (typeof TLS_VERSIONS)[number];
}

/** What STS takes for the life of a session, ours and that of a store. */
export const SESSION_SECONDS: Bounds = { min: 900, max: 43_200, usual: 3600 };

/** A store's STS, and how roles are assumed there. */
export interface StsSettings {
  /** Scheme, host and port. */
  readonly endpoint: string;
  readonly region: string;
  /** Whether its IAM takes `${*}`, `${?}` and `${$}` for the characters themselves. AWS does, Ceph RGW does not. */
  readonly iamEscapes: boolean;
  /** Actions that its IAM does not know, as far as it was said; others are found where its STS refuses them. */
  readonly unknownActions?: readonly string[];
  readonly externalId?: string | undefined;
  readonly sourceIdentity: boolean;
  /** Within `SESSION_SECONDS`. */
  readonly sessionSeconds: number;
  /** Claims by the tags that are made of them; `sub`, `iss`, `groups` and `act` are what the gateway knows itself. */
  readonly sessionTags?: Readonly<Record<string, string>>;
  /** Of these tags, those that stay when a role is assumed out of the session. */
  readonly transitiveTags?: readonly string[];
}
