/**
 * Shares the permits of this process among callers: one identity, whatever it does with its connections, never holds them
 * all, and what it asks for at once beyond one thing per request is its own to wait for. Enters: an exchange whose caller is
 * known. Leaves: a permit, or SlowDown; for much work, its turn.
 */
import type { Exchange } from '../contracts/exchange.ts';
import type { Principal } from '../contracts/principal.ts';
import { GatewayError } from '../errors/gateway-error.ts';
import { createBudget, type Budget } from '../platform/budget.ts';

export interface Admission {
  /** Takes a permit for an exchange. @throws GatewayError SlowDown */
  readonly enter: (exchange: Exchange, principal: Principal) => void;
  /**
   * Resolves when the work of an exchange may begin: so many things that it decides, records or asks a store for. Work of
   * the same identity waits in turn, that of others not at all. A second time for one exchange takes no more: who
   * holds and waits for more could wait for somebody who does the same.
   */
  readonly spend: (exchange: Exchange, things: number) => Promise<void>;
  /** Releases the permit and the work of an exchange, if it has any. */
  readonly leave: (exchange: Exchange) => void;
}

/** Things of one identity at once: two whole batches of DeleteObjects, or pages of a listing of which each entry costs a lookup. */
export const THINGS_PER_IDENTITY = 2000;

interface Share {
  readonly identity: string;
  inFlight: number;
  readonly work: Budget;
}

interface Holder {
  readonly share: Share;
  /** Once it has asked for its turn: what gives it back. */
  work: Promise<() => void> | undefined;
}

/** Gives each identity at most `perIdentity` permits at a time. */
export function createAdmission(perIdentity: number): Admission {
  const shares = new Map<string, Share>();
  const holders = new WeakMap<Exchange, Holder>();
  const identities = new WeakMap<Principal, string>();

  const identityOf = (principal: Principal): string => {
    let identity = identities.get(principal);
    if (identity === undefined) {
      identity = JSON.stringify([principal.issuer, principal.subject]);
      identities.set(principal, identity);
    }
    return identity;
  };

  return {
    enter: (exchange, principal) => {
      const identity = identityOf(principal);
      const share = shares.get(identity) ?? { identity, inFlight: 0, work: createBudget(THINGS_PER_IDENTITY) };
      if (share.inFlight >= perIdentity) {
        throw new GatewayError('SlowDown', {
          detail: `${perIdentity} requests of one identity are in flight`,
        });
      }
      share.inFlight += 1;
      shares.set(identity, share);
      holders.set(exchange, { share, work: undefined });
    },
    spend: async (exchange, things) => {
      const holder = holders.get(exchange);
      if (holder === undefined) throw new Error('work without a place');
      await (holder.work ??= holder.share.work.take(Math.min(things, THINGS_PER_IDENTITY)));
    },
    leave: (exchange) => {
      const holder = holders.get(exchange);
      if (holder === undefined) return;
      holders.delete(exchange);
      const { share, work } = holder;
      share.inFlight -= 1;
      if (share.inFlight === 0) shares.delete(share.identity);
      void work?.then((release) => release());
    },
  };
}
