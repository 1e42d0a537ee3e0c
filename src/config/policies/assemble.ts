/** The checked section `policies`, with the key that seals grants from its file. */
import { resolve } from 'node:path';
import type { GrantSettings } from '../../contracts/grant-settings.ts';
import type { SecretBytes } from '../../contracts/secret.ts';
import { pathKey } from '../loading/path-key.ts';
import { promised } from '../loading/promised.ts';
import type { NamedFiles } from '../loading/read-files.ts';
import type { FilePolicies } from './schema.ts';

export interface PoliciesConfig {
  /** Absolute; where `text` is there, the name of the variable that holds it. */
  readonly directory: string;
  /** The policies themselves, in place of their directory. */
  readonly text: string | undefined;
  /** Absolute. Undefined: none is previewed. */
  readonly preview: string | undefined;
  /** Undefined: no grant is in force. */
  readonly grants: GrantSettings | undefined;
  /** What seals breakers. Undefined: there are none. */
  readonly guardrails: { readonly key: SecretBytes } | undefined;
}

/** Where the policies are. Relative paths start at the directory of the configuration. */
export const assemblePolicySource = (
  policies: Pick<FilePolicies, 'directory'>,
  { provided, directory }: NamedFiles,
): Pick<PoliciesConfig, 'directory' | 'text'> => {
  const text = provided.get(pathKey(['policies', 'directory']))?.reveal();
  return { directory: text === undefined ? resolve(directory, policies.directory) : policies.directory, text };
};

/** Puts the section together. */
export const assemblePolicies = (policies: FilePolicies, named: NamedFiles): PoliciesConfig => ({
  ...assemblePolicySource(policies, named),
  preview: policies.preview === undefined ? undefined : resolve(named.directory, policies.preview),
  grants: policies.grants && {
    key: promised(named.files.get(pathKey(['policies', 'grants', 'keyFile']))),
    maxDurationSeconds: policies.grants.maxDurationSeconds,
    approvers: policies.grants.approvers,
  },
  guardrails: policies.guardrails && {
    key: promised(named.files.get(pathKey(['policies', 'guardrails', 'keyFile']))),
  },
});
