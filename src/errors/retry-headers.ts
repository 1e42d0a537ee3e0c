/** When a client may repeat what was refused for now. Enters: a failure. Leaves: the headers that say so; none where a retry is of no use. */
import type { GatewayError } from './gateway-error.ts';

/** The bounds of `x-amz-retry-after`; SDKs add no more than the upper one to a wait of their own. */
const LEAST_MS = 50;
const MOST_MS = 5000;
/** Clients that were refused together come back over this share of the wait, and never all at once. */
const SPREAD = 0.5;

/** `Retry-After` in whole seconds, and in milliseconds and spread what newer SDKs read instead: `x-amz-retry-after`. */
export function retryHeaders(
  { retryAfterMs, row }: GatewayError,
  random: () => number = Math.random,
): Readonly<Record<string, string>> {
  const waitMs = retryAfterMs ?? (row.retryAfterSeconds === undefined ? undefined : row.retryAfterSeconds * 1000);
  if (waitMs === undefined) return {};
  const boundedMs = Math.min(Math.max(waitMs, LEAST_MS), MOST_MS / (1 + SPREAD));
  return {
    'retry-after': String(Math.max(1, Math.ceil(waitMs / 1000))),
    'x-amz-retry-after': String(Math.floor(boundedMs * (1 + SPREAD * random()))),
  };
}
