/**
 * Bounds how many wait for one thing outside this process at a time. Each of them holds a place of the gateway that a
 * caller of another issuer needs: who finds the room full is told so at once, and waits for nothing.
 */
import { GatewayError } from '../errors/gateway-error.ts';
import { createConcurrencyLimit, type ConcurrencyLimit } from '../platform/concurrency-limit.ts';

/** Makes an empty room, which refuses by SlowDown. `what`: what is waited for, in fixed words for the log. */
export const createWaitingRoom = (places: number, what: string): ConcurrencyLimit =>
  createConcurrencyLimit(places, () => new GatewayError('SlowDown', { detail: `${places} wait for ${what}` }));
