/**
 * The policies in force, and their replacement while requests run. A bad set never replaces a good one: it is
 * reported, and the version in force stays.
 */
import { InvalidPolicies } from './invalid-policies.ts';
import type { PolicySet } from './load-policies.ts';

/** What a reload came to; `version` is the one in force afterwards. */
export type PolicyReload =
  | { readonly outcome: 'replaced' | 'unchanged'; readonly version: string }
  | { readonly outcome: 'refused'; readonly version: string; readonly error: InvalidPolicies };

export interface PolicySource {
  readonly current: () => PolicySet;
  /** Loads again. Calls wait for one another, so that an older set never replaces a newer one. */
  readonly reload: () => Promise<PolicyReload>;
}

/**
 * Loads the first set, which must be good.
 * @throws InvalidPolicies
 */
export async function openPolicySource(load: () => Promise<PolicySet>): Promise<PolicySource> {
  let inForce = await load();
  let last: Promise<unknown> = Promise.resolve();

  async function replace(): Promise<PolicyReload> {
    try {
      const loaded = await load();
      if (loaded.version === inForce.version) return { outcome: 'unchanged', version: inForce.version };
      inForce = loaded;
      return { outcome: 'replaced', version: loaded.version };
    } catch (error) {
      if (!(error instanceof InvalidPolicies)) throw error;
      return { outcome: 'refused', version: inForce.version, error };
    }
  }

  return {
    current: () => inForce,
    reload: () => {
      const reloaded = last.then(replace, replace);
      last = reloaded;
      return reloaded;
    },
  };
}
