/**
 * Shares the places of this process among callers: one identity, whatever it does with its connections, never holds them
 * all. Enters: an exchange whose caller is known. Leaves: a place, or SlowDown.
 */
import type { Exchange } from '../contracts/exchange.ts';
import type { Principal } from '../contracts/principal.ts';
import { GatewayError } from '../errors/gateway-error.ts';

export interface Admission {
  /** Takes a place for an exchange. @throws GatewayError SlowDown */
  readonly enter: (exchange: Exchange, principal: Principal) => void;
  /** Gives the place of an exchange back, if it has one. */
  readonly leave: (exchange: Exchange) => void;
}

/** Gives each identity at most `perIdentity` places at a time. */
export function createAdmission(perIdentity: number): Admission {
  const taken = new Map<string, number>();
  const holders = new WeakMap<Exchange, string>();
  return {
    enter: (exchange, { issuer, subject }) => {
      const identity = JSON.stringify([issuer, subject]);
      const count = taken.get(identity) ?? 0;
      if (count >= perIdentity) {
        throw new GatewayError('SlowDown', 'authenticate', {
          detail: `${perIdentity} requests of one identity are in flight`,
        });
      }
      taken.set(identity, count + 1);
      holders.set(exchange, identity);
    },
    leave: (exchange) => {
      const identity = holders.get(exchange);
      if (identity === undefined) return;
      holders.delete(exchange);
      const count = (taken.get(identity) ?? 1) - 1;
      if (count === 0) taken.delete(identity);
      else taken.set(identity, count);
    },
  };
}
