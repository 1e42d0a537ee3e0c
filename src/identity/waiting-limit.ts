/**
 * Bounds how many wait for one thing outside this process at a time. Each of them holds a permit of the gateway that a
 * caller of another issuer needs: who finds the limit reached is told so at once, and waits for nothing.
 */
import { GatewayError } from '../errors/gateway-error.ts';
import { createConcurrencyLimit, type ConcurrencyLimit } from '../platform/concurrency-limit.ts';

/** Makes the limit, which refuses by SlowDown. `what`: what is waited for, in fixed words for the log. */
export const createWaitingLimit = (limit: number, what: string): ConcurrencyLimit =>
  createConcurrencyLimit(limit, () => new GatewayError('SlowDown', { detail: `${limit} wait for ${what}` }));
