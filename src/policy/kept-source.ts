/**
 * The policies of a process that is told which ones are in force. Enters: versions, of sets that are kept. Leaves: the set in
 * force. In two steps, so that no process uses a set before each has it: `prepare` reads it, `use` only exchanges.
 */
import type { PolicySet } from './load-policies.ts';

export interface KeptSource {
  readonly current: () => PolicySet;
  /** Reads a set and has it ready. @throws what `load` throws */
  readonly prepare: (version: string) => Promise<void>;
  /** Puts a set in force, at once where it is ready. @throws what `load` throws; then the old one stays */
  readonly use: (version: string) => Promise<void>;
}

/** Opens it with a first set. `load` reads that of a version. @throws what `load` throws */
export async function openKeptSource(
  load: (version: string) => Promise<PolicySet>,
  first: string,
): Promise<KeptSource> {
  let inForce = await load(first);
  let wanted = first;
  let next: { readonly version: string; readonly set: Promise<PolicySet> } | undefined;

  const ready = async (version: string): Promise<PolicySet> => {
    if (version === inForce.version) return inForce;
    const reading = next?.version === version ? next : { version, set: load(version) };
    next = reading;
    try {
      return await reading.set;
    } catch (error) {
      // What could not be read is read anew the next time.
      if (next === reading) next = undefined;
      throw error;
    }
  };

  return {
    current: () => inForce,
    prepare: async (version) => {
      await ready(version);
    },
    use: async (version) => {
      wanted = version;
      const set = await ready(version);
      // Another one may have been called for while this one was read.
      if (wanted === version) inForce = set;
      if (next?.version === version) next = undefined;
    },
  };
}
