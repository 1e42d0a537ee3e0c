/**
 * Shares the places of this process among callers: one identity, whatever it does with its connections, never holds them
 * all, and what it asks for at once beyond one thing per request is its own to wait for. Enters: an exchange whose caller is
 * known. Leaves: a place, or SlowDown; for much work, its turn.
 */
import type { Exchange } from '../contracts/exchange.ts';
import type { Principal } from '../contracts/principal.ts';
import { GatewayError } from '../errors/gateway-error.ts';

export interface Admission {
  /** Takes a place for an exchange. @throws GatewayError SlowDown */
  readonly enter: (exchange: Exchange, principal: Principal) => void;
  /**
   * Resolves when the work of an exchange may begin: so many things that it decides, records or asks a store for. Work of
   * the same identity waits in turn, that of others not at all. A second time for one exchange it resolves at once: who
   * holds and waits for more could wait for somebody who does the same.
   */
  readonly spend: (exchange: Exchange, things: number) => Promise<void>;
  /** Gives the place and the work of an exchange back, if it has any. */
  readonly leave: (exchange: Exchange) => void;
}

/** Things of one identity at once: two whole batches of DeleteObjects, or pages of a listing of which each entry costs a look. */
export const THINGS_PER_IDENTITY = 2000;

interface Turn {
  readonly things: number;
  readonly begin: () => void;
}

interface Share {
  readonly identity: string;
  places: number;
  leftThings: number;
  readonly waiting: Turn[];
}

interface Holder {
  readonly share: Share;
  things: number;
  hasBegun: boolean;
}

/** Gives each identity at most `perIdentity` places at a time. */
export function createAdmission(perIdentity: number): Admission {
  const shares = new Map<string, Share>();
  const holders = new WeakMap<Exchange, Holder>();

  /** Nobody is passed over for having much to do. */
  const beginNext = ({ waiting, leftThings }: Share): void => {
    const next = waiting[0];
    if (next === undefined || next.things > leftThings) return;
    waiting.shift();
    next.begin();
  };

  return {
    enter: (exchange, { issuer, subject }) => {
      const identity = JSON.stringify([issuer, subject]);
      const share = shares.get(identity) ?? { identity, places: 0, leftThings: THINGS_PER_IDENTITY, waiting: [] };
      if (share.places >= perIdentity) {
        throw new GatewayError('SlowDown', {
          detail: `${perIdentity} requests of one identity are in flight`,
        });
      }
      share.places += 1;
      shares.set(identity, share);
      holders.set(exchange, { share, things: 0, hasBegun: false });
    },
    spend: (exchange, things) => {
      const holder = holders.get(exchange);
      if (holder === undefined) throw new Error('work without a place');
      const { share } = holder;
      if (holder.hasBegun) return Promise.resolve();
      holder.hasBegun = true;
      const counted = Math.min(things, THINGS_PER_IDENTITY);
      return new Promise((resolve) => {
        const begin = (): void => {
          share.leftThings -= counted;
          holder.things += counted;
          resolve();
          beginNext(share);
        };
        share.waiting.push({ things: counted, begin });
        if (share.waiting.length === 1) beginNext(share);
      });
    },
    leave: (exchange) => {
      const holder = holders.get(exchange);
      if (holder === undefined) return;
      holders.delete(exchange);
      const { share, things } = holder;
      share.places -= 1;
      share.leftThings += things;
      if (share.places === 0) shares.delete(share.identity);
      beginNext(share);
    },
  };
}
