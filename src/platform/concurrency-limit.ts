/**
 * So many at a time, each key for itself. Enters: work. Leaves: what it gives, or the caller's own error at once where the
 * places are taken: nobody waits. What waits in turn is a budget (budget.ts).
 */

export interface ConcurrencyLimit {
  /** Begins work where a place is free; without a key all share them. @throws what `full` makes, and whatever `work` throws */
  readonly enter: <Result>(work: () => Promise<Result>, key?: string) => Promise<Result>;
}

/** Makes a limit of `places` for each key. `full`: makes the error of who finds none free. */
export function createConcurrencyLimit(places: number, full: () => Error): ConcurrencyLimit {
  const taken = new Map<string, number>();
  return {
    enter: async (work, key = '') => {
      const count = taken.get(key) ?? 0;
      if (count >= places) throw full();
      taken.set(key, count + 1);
      try {
        return await work();
      } finally {
        const rest = (taken.get(key) ?? 1) - 1;
        if (rest === 0) taken.delete(key);
        else taken.set(key, rest);
      }
    },
  };
}
