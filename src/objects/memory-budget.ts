/**
 * Bytes that may be in memory at once for one purpose. Who comes when they are taken waits, in turn; nobody is passed over
 * for being large.
 */
export interface MemoryBudget {
  /** Whether so many bytes can be had without waiting. */
  readonly isFree: (sizeBytes: number) => boolean;
  /** Resolves, when they can be had, with what gives them back; to give back twice does nothing more. */
  readonly take: (sizeBytes: number) => Promise<() => void>;
}

interface Waiting {
  readonly sizeBytes: number;
  readonly begin: () => void;
}

/** Creates a budget. Nobody may take more than all of it at once. */
export function createMemoryBudget(totalBytes: number): MemoryBudget {
  const waiting: Waiting[] = [];
  let leftBytes = totalBytes;

  const isFree = (sizeBytes: number): boolean => waiting.length === 0 && sizeBytes <= leftBytes;

  const taken = (sizeBytes: number): (() => void) => {
    let owedBytes = sizeBytes;
    leftBytes -= sizeBytes;
    return () => {
      leftBytes += owedBytes;
      owedBytes = 0;
      while (waiting[0] !== undefined && waiting[0].sizeBytes <= leftBytes) waiting.shift()?.begin();
    };
  };

  return {
    isFree,
    take: (sizeBytes) => {
      if (sizeBytes > totalBytes) throw new RangeError(`${sizeBytes} of ${totalBytes} bytes`);
      if (isFree(sizeBytes)) return Promise.resolve(taken(sizeBytes));
      return new Promise((resolve) => {
        // Counted at once: who comes next must find them taken.
        waiting.push({ sizeBytes, begin: () => resolve(taken(sizeBytes)) });
      });
    },
  };
}
