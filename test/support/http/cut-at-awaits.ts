/**
 * Contracts whose calls can be interrupted: each promise that one of them gives, and each chunk of each stream, is a place
 * at which a connection can be cut. What comes out of a call can be interrupted in the same way.
 */

export interface Cutter {
  /** How many places were passed since the last `arm`. */
  readonly passed: () => number;
  /** Has `cut` run at the place of this number, from 1; 0: nowhere. */
  readonly arm: (nth: number) => void;
  readonly wrap: <T>(value: T) => T;
}

/** `cut` is awaited before the call that it interrupts goes on. */
export function createCutter(cut: () => Promise<void>): Cutter {
  let passed = 0;
  let wanted = 0;
  const pause = async (): Promise<void> => {
    passed += 1;
    if (passed === wanted) await cut();
  };
  const wrapped = (value: unknown): unknown => {
    if (typeof value === 'function') return calling(value as (...args: unknown[]) => unknown);
    if (typeof value !== 'object' || value === null || Buffer.isBuffer(value)) return value;
    if (Symbol.asyncIterator in value) return chunkByChunk(value as AsyncIterable<unknown>);
    if (Array.isArray(value)) return value.map(wrapped);
    if (Object.getPrototypeOf(value) !== Object.prototype) return value;
    return Object.fromEntries(Object.entries(value).map(([name, inner]) => [name, wrapped(inner)]));
  };
  const calling =
    (call: (...args: unknown[]) => unknown) =>
    (...args: unknown[]): unknown => {
      const result = call(...args);
      if (!(result instanceof Promise)) return wrapped(result);
      // It may fail while the cut is in progress; it is waited for below.
      result.catch(() => undefined);
      return (async () => {
        await pause();
        return wrapped(await result);
      })();
    };
  async function* chunkByChunk(stream: AsyncIterable<unknown>): AsyncIterable<unknown> {
    for await (const chunk of stream) {
      await pause();
      yield chunk;
    }
  }
  return {
    passed: () => passed,
    arm: (number) => {
      passed = 0;
      wanted = number;
    },
    wrap: <T>(value: T) => wrapped(value) as T,
  };
}
