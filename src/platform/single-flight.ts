/**
 * One call for all who want the same thing at the same time. Enters: work, and the key of what it gives. Leaves: the result
 * or the failure of the one call that is in progress for the key. What has ended is forgotten, failures too: whoever wants
 * results kept keeps them.
 */

export interface SingleFlight<Result> {
  /** Joins the call in progress for `key`, or begins one; without a key there is one call at a time. */
  readonly join: (begin: () => Promise<Result>, key?: string) => Promise<Result>;
  /** The call in progress for `key`; `undefined`: none is. */
  readonly inFlight: (key?: string) => Promise<Result> | undefined;
}

/** Makes a group of calls, of which none is in progress yet. */
export function createSingleFlight<Result = void>(): SingleFlight<Result> {
  const calls = new Map<string, Promise<Result>>();
  return {
    join: (begin, key = '') => {
      const joined = calls.get(key);
      if (joined !== undefined) return joined;
      const call = begin().finally(() => calls.delete(key));
      calls.set(key, call);
      return call;
    },
    inFlight: (key = '') => calls.get(key),
  };
}
