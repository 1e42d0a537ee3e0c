/**
 * So many at a time, each key for itself. Enters: work. Leaves: what it gives, or the caller's own error at once where the
 * permits are taken: nobody waits. What waits in turn is a budget (budget.ts).
 */

export interface ConcurrencyLimit {
  /** Begins work where a permit is free; without a key all share them. @throws what `full` makes, and whatever `work` throws */
  readonly enter: <Result>(work: () => Promise<Result>, key?: string) => Promise<Result>;
}

/** Makes a limit of `permits` for each key. `full`: makes the error of who finds none free. */
export function createConcurrencyLimit(permits: number, full: () => Error): ConcurrencyLimit {
  const used = new Map<string, number>();
  return {
    enter: async (work, key = '') => {
      const count = used.get(key) ?? 0;
      if (count >= permits) throw full();
      used.set(key, count + 1);
      try {
        return await work();
      } finally {
        const rest = (used.get(key) ?? 1) - 1;
        if (rest === 0) used.delete(key);
        else used.set(key, rest);
      }
    },
  };
}
