/**
 * Gives back the memory that only a start needed: V8 keeps it as long as nothing more is allocated, which an idle process
 * does not do. Stops the process for a tenth of a second, so it belongs before the first request.
 */

/** Collects all garbage and compacts the heap; does nothing without `--expose-gc`. */
export function releaseStartMemory(): void {
  globalThis.gc?.({ type: 'major', execution: 'sync', flavor: 'last-resort' });
}
