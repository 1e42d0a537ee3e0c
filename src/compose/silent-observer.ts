import type { Observer } from '../contracts/observer.ts';

const ignore = (): void => undefined;

/** For what is tried once, and tells by itself how it went. */
export const UNOBSERVED: Observer = {
  ...{ stage: ignore, request: ignore, failure: ignore, cache: ignore, call: ignore, lookup: ignore, leftOut: ignore },
  ...{ queued: ignore },
  ...{ clockOffset: ignore, event: ignore },
};
