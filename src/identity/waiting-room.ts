/**
 * Bounds how many wait for one thing outside this process at a time. Each of them holds a place of the gateway that a
 * caller of another issuer needs: who finds the room full is told so at once, and waits for nothing.
 */
import { GatewayError } from '../errors/gateway-error.ts';

export interface WaitingRoom {
  /** Begins to wait where there is room. @throws GatewayError SlowDown where there is none, and whatever `wait` throws */
  readonly enter: <T>(wait: () => Promise<T>) => Promise<T>;
}

/** Makes an empty room. `what`: what is waited for, in fixed words for the log. */
export const createWaitingRoom = (places: number, what: string): WaitingRoom => {
  let taken = 0;
  return {
    enter: async (wait) => {
      if (taken >= places) throw new GatewayError('SlowDown', { detail: `${places} wait for ${what}` });
      taken += 1;
      try {
        return await wait();
      } finally {
        taken -= 1;
      }
    },
  };
};
