/**
 * So much at a time: bytes in memory, things to do. Who comes when it is taken waits, in turn; nobody is passed over for
 * asking for much. Who is refused instead of waiting has a concurrency limit (concurrency-limit.ts).
 */

export interface Budget {
  /** Whether so much can be had without waiting. */
  readonly isFree: (amount: number) => boolean;
  /**
   * Resolves, when it can be had, with what gives it back; to give back twice does nothing more.
   * @throws RangeError more than all of it
   */
  readonly take: (amount: number) => Promise<() => void>;
}

interface Waiting {
  readonly amount: number;
  readonly begin: () => void;
}

/** Creates a budget of which nothing is taken. */
export function createBudget(total: number): Budget {
  const waiting: Waiting[] = [];
  let left = total;

  const isFree = (amount: number): boolean => waiting.length === 0 && amount <= left;

  const used = (amount: number): (() => void) => {
    let owed = amount;
    left -= amount;
    return () => {
      left += owed;
      owed = 0;
      while (waiting[0] !== undefined && waiting[0].amount <= left) waiting.shift()?.begin();
    };
  };

  return {
    isFree,
    take: (amount) => {
      if (amount > total) throw new RangeError(`${amount} of ${total}`);
      if (isFree(amount)) return Promise.resolve(used(amount));
      return new Promise((resolve) => {
        // Counted at once: who comes next must find it taken.
        waiting.push({ amount, begin: () => resolve(used(amount)) });
      });
    },
  };
}
