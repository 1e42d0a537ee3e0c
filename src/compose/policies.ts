/** The policies of a configuration: loaded from its directory, and held against the names that it knows. */
import type { Config } from '../config/config.ts';
import type { SidecarConfig } from '../config/sidecar/load-sidecar.ts';
import { loadPolicies, type PolicySet } from '../policy/load-policies.ts';
import { SIDECAR_ISSUER_NAME } from '../sidecar/workload-authenticator.ts';

/** Loads those of a gateway. @throws InvalidPolicies */
export function policiesOf({ policies, issuers, buckets }: Config): Promise<PolicySet> {
  return loadPolicies(policies.directory, {
    issuers: new Map(issuers.map(({ name, carried }) => [name, carried])),
    buckets: buckets.map(({ name }) => name),
  });
}

/** Loads those of a sidecar, from the directory that it has. @throws InvalidPolicies */
export function sidecarPoliciesOf(directory: string, { buckets }: Pick<SidecarConfig, 'buckets'>): Promise<PolicySet> {
  return loadPolicies(directory, {
    issuers: new Map([[SIDECAR_ISSUER_NAME, []]]),
    buckets: buckets.map(({ name }) => name),
  });
}
