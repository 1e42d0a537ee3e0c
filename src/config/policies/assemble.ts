/** The checked section `policies`, with the key that seals grants from its file. */
import { resolve } from 'node:path';
import type { GrantSettings } from '../../contracts/grant-settings.ts';
import type { SecretBytes } from '../../contracts/secret.ts';
import { pathKey } from '../loading/path-key.ts';
import { promised } from '../loading/promised.ts';
import type { Files } from '../loading/read-files.ts';
import type { FilePolicies } from './schema.ts';

export interface PoliciesConfig {
  /** Absolute. */
  readonly directory: string;
  /** Absolute. Undefined: none is previewed. */
  readonly preview: string | undefined;
  /** Undefined: no grant is in force. */
  readonly grants: GrantSettings | undefined;
  /** What seals breakers. Undefined: there are none. */
  readonly guardrails: { readonly key: SecretBytes } | undefined;
}

/** Puts the section together. Relative paths start at `directory`. */
export const assemblePolicies = (policies: FilePolicies, files: Files, directory: string): PoliciesConfig => ({
  directory: resolve(directory, policies.directory),
  preview: policies.preview === undefined ? undefined : resolve(directory, policies.preview),
  grants: policies.grants && {
    key: promised(files.get(pathKey(['policies', 'grants', 'keyFile']))),
    maxDurationSeconds: policies.grants.maxDurationSeconds,
    approvers: policies.grants.approvers,
  },
  guardrails: policies.guardrails && {
    key: promised(files.get(pathKey(['policies', 'guardrails', 'keyFile']))),
  },
});
