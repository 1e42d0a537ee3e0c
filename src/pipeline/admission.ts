/**
 * Shares this process fairly among callers. Enters: an exchange whose caller is known, of whose body nothing was read. Leaves:
 * its place, at once where there are seats, after a bounded wait in one of the queues of its identity, or SlowDown; and for
 * much work of one request, its turn. Never: anything kept of an identity that has nothing in progress.
 */
import { hash, randomBytes } from 'node:crypto';
import type { Clock } from '../contracts/clock.ts';
import type { Exchange } from '../contracts/exchange.ts';
import type { Observer } from '../contracts/observer.ts';
import type { Principal } from '../contracts/principal.ts';
import { GatewayError } from '../errors/gateway-error.ts';
import { createBudget, type Budget } from '../platform/budget.ts';
import { createFairQueue, HAND, QUEUES, type FairQueue, type Place } from '../platform/fair-queue.ts';

/** Reads and writes wait for their own kind alone. */
export type Pool = 'read' | 'write';

/** What a request will take, as far as it is known before its body is. */
export interface Demand {
  readonly pool: Pool;
  readonly seats: number;
}

export interface Admission {
  /**
   * Takes a place for an exchange, or resolves when it has one.
   * @throws GatewayError SlowDown (at once, or when it has waited), RequestTimeout (the client left while it waited)
   */
  readonly enter: (exchange: Exchange, caller: Caller, demand: Demand) => Promise<void> | undefined;
  /**
   * Resolves when the work of an exchange may begin: so many things that it decides, records or asks a store for. Work of
   * the same identity waits in turn, that of others not at all. A second time for one exchange takes no more: who
   * holds and waits for more could wait for somebody who does the same.
   */
  readonly spend: (exchange: Exchange, things: number) => Promise<void>;
  /** Releases the place and the work of an exchange, if it has any. */
  readonly leave: (exchange: Exchange) => void;
  /** Refuses who waits, and who would have to: this process ends, and another one may have seats. */
  readonly drain: () => void;
  readonly waiting: (pool: Pool) => number;
  /** Of how many something is kept. */
  readonly identitiesAtWork: () => number;
}

/** Who asks, and what is told how long it waited. */
export interface Caller {
  readonly principal: Principal;
  readonly trail: { readonly queued: (durationMs: number) => void };
}

export interface AdmissionOptions {
  readonly clock: Clock;
  readonly observer: Pick<Observer, 'queued'>;
  readonly bounds: AdmissionBounds;
  /** Longest wait for a place. */
  readonly queueMs: number;
}

/** Of each pool. */
export interface AdmissionBounds {
  readonly seats: number;
  readonly maxWaiting: number;
}

/** Things of one identity at once: two whole batches of DeleteObjects, or pages of a listing of which each entry costs a lookup. */
export const THINGS_PER_IDENTITY = 2000;

/**
 * Divides the requests at once of a process: who runs and who waits, in both pools, never take more than seven in eight, so that
 * there is always room to learn who else comes.
 */
export const boundsOf = (inFlight: number): AdmissionBounds => ({
  seats: Math.max(1, Math.floor((inFlight * 3) / 8)),
  maxWaiting: Math.floor(inFlight / 16),
});

/** Where there is one identity nobody is to be protected from it: the limit of the process stands alone. */
export const UNSHARED: AdmissionBounds = { seats: Infinity, maxWaiting: 0 };

interface Holder {
  readonly place: Place;
  readonly principal: Principal;
  /** Once it has asked for its turn. */
  work: Work | undefined;
}

interface Work {
  readonly share: Share;
  /** Resolves with what gives it back. */
  readonly taken: Promise<() => void>;
}

interface Share {
  readonly budget: Budget;
  holders: number;
}

/** Makes an admission of which no seat is taken. */
export function createAdmission({ clock, observer, bounds, queueMs }: AdmissionOptions): Admission {
  const pools: Readonly<Record<Pool, FairQueue>> = { read: createFairQueue(bounds), write: createFairQueue(bounds) };
  /** Nobody outside can tell who shares queues with whom. */
  const secret = randomBytes(32).toString('base64');
  const hands = new WeakMap<Principal, readonly number[]>();
  const holders = new WeakMap<Exchange, Holder>();
  /** Of identities with work in progress. */
  const shares = new Map<string, Share>();

  const handOf = (principal: Principal): readonly number[] => {
    let hand = hands.get(principal);
    if (hand === undefined) {
      hand = dealt(hash('sha256', `${secret}${identityOf(principal)}`, 'buffer'));
      hands.set(principal, hand);
    }
    return hand;
  };

  const slowDown = (pool: Pool, principal: Principal, detail: string): GatewayError => {
    const retryAfterMs = pools[pool].expectedWaitMs(handOf(principal), clock.now()) ?? queueMs;
    return new GatewayError('SlowDown', { detail: `${detail} (${pool})`, retryAfterMs });
  };

  return {
    enter: (exchange, { principal, trail }, { pool, seats }) => {
      const queue = pools[pool];
      const nowMs = clock.now();
      let turn: PromiseWithResolvers<undefined> | undefined = undefined;
      const waiter = {
        begin: () => turn?.resolve(undefined),
        pushOut: () => turn?.reject(slowDown(pool, principal, 'a shorter queue took the place, or the process ends')),
      };
      const place = queue.enter(handOf(principal), seats, waiter, nowMs);
      if (place === undefined) throw slowDown(pool, principal, 'as many wait as may');
      holders.set(exchange, { place, principal, work: undefined });
      if (!place.isWaiting) return undefined;

      turn = Promise.withResolvers();
      const { promise, reject } = turn;
      const { signal } = exchange;
      const giveUp = (error: GatewayError): void => {
        place.leave(clock.now());
        reject(error);
      };
      const tooLate = setTimeout(() => giveUp(slowDown(pool, principal, `waited ${queueMs} ms`)), queueMs);
      const gone = (): void => giveUp(new GatewayError('RequestTimeout', { detail: 'the client is gone' }));
      signal.addEventListener('abort', gone, { once: true });
      if (signal.aborted) gone();
      return promise.finally(() => {
        clearTimeout(tooLate);
        signal.removeEventListener('abort', gone);
        const waitedMs = clock.now() - nowMs;
        trail.queued(waitedMs);
        observer.queued(pool, waitedMs);
      });
    },
    spend: async (exchange, things) => {
      const holder = holders.get(exchange);
      if (holder === undefined) throw new Error('work without a place');
      holder.work ??= begin(holder.principal, things);
      await holder.work.taken;
    },
    leave: (exchange) => {
      const holder = holders.get(exchange);
      if (holder === undefined) return;
      holders.delete(exchange);
      const { place, principal, work } = holder;
      place.leave(clock.now());
      if (work === undefined) return;
      work.share.holders -= 1;
      if (work.share.holders === 0) shares.delete(identityOf(principal));
      void work.taken.then((release) => release());
    },
    drain: () => {
      for (const queue of Object.values(pools)) queue.closeRoom();
    },
    waiting: (pool) => pools[pool].waiting(),
    identitiesAtWork: () => shares.size,
  };

  function begin(principal: Principal, things: number): Work {
    const identity = identityOf(principal);
    const share = shares.get(identity) ?? { budget: createBudget(THINGS_PER_IDENTITY), holders: 0 };
    share.holders += 1;
    shares.set(identity, share);
    return { share, taken: share.budget.take(Math.min(things, THINGS_PER_IDENTITY)) };
  }
}

/** One flow, whatever else its tokens say and however many sessions it has. */
const identityOf = ({ issuer, subject }: Principal): string => JSON.stringify([issuer, subject]);

/** Deals a hand of different queues: the first of a shuffle. */
function dealt(digest: Buffer): readonly number[] {
  const deck = Array.from({ length: QUEUES }, (_, index) => index);
  return Array.from({ length: HAND }, (_, index) => {
    const [card = 0] = deck.splice(digest.readUInt16BE(2 * index) % deck.length, 1);
    return card;
  });
}
