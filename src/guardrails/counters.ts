/**
 * What was spent of budgets in their windows. Enters: what a request would take of several. Leaves: all of it taken, or
 * nothing and which budget lacks it. In memory, of this process; the memory is bounded, and what an identity makes it hold is
 * bounded by its own budgets. A window begins with the first request after the one before has ended.
 */
import type { Clock } from '../contracts/clock.ts';
import { MEASURES, type Amounts, type Measure } from '../contracts/guardrails.ts';

/** What one budget is asked for. */
export interface Ask {
  /** Of the budget and of whose it is: a hash, so that it says nothing and is short. */
  readonly id: string;
  readonly windowMs: number;
  readonly limits: Amounts;
  /** Of all but `keys`. */
  readonly amounts: Amounts;
}

/** How a budget stands: what was used of it, and when it refills (milliseconds since 1970). */
export interface Standing {
  readonly used: Amounts;
  readonly refillsAtMs: number;
}

export type Taking =
  | { readonly kind: 'taken'; readonly standings: readonly Standing[] }
  /** `at`: which of those that were asked; `wanted`: what it would have taken. */
  | {
      readonly kind: 'lacking';
      readonly at: number;
      readonly measure: Measure;
      readonly wanted: number;
      readonly standing: Standing;
    }
  /** There is no memory for one more identity. */
  | { readonly kind: 'full' };

/** Counters that are in memory. */
export interface LocalCounters extends Counters {
  readonly take: (asks: readonly Ask[], touched: readonly number[]) => Taking;
  /** How much memory is in use: 10 for each counter, 1 for each key. */
  readonly units: () => number;
}

export interface Counters {
  /** `touched`: 48 bits of a hash of each key, no two alike. @throws Error where the counters cannot be asked */
  readonly take: (asks: readonly Ask[], touched: readonly number[]) => Taking | Promise<Taking>;
  /** Adds what came out later, be it negative; nothing where the window has ended. */
  readonly add: (id: string, amounts: Amounts) => void;
}

interface Counter {
  endsMs: number;
  readonly used: Partial<Record<Measure, number>>;
  /** Those that were touched, where they are counted. */
  readonly keys: Set<number>;
}

/** About 50 bytes each: 50 MB at the very most. */
const MAX_UNITS = 1_000_000;
/** What a counter takes without keys. */
const UNITS_OF_COUNTER = 10;
/** To look through all of them takes some milliseconds. */
const SWEEP_MS = 1000;

/** Makes the counters; all budgets are whole. `maxUnits` bounds the memory. */
export function createLocalCounters(clock: Clock, maxUnits = MAX_UNITS): LocalCounters {
  const counters = new Map<string, Counter>();
  let units = 0;
  let sweptMs = -Infinity;

  const isOver = ({ endsMs }: Counter, windowMs: number, nowMs: number): boolean =>
    // A clock that was set back does not make a window longer.
    nowMs >= endsMs || endsMs - nowMs > windowMs;

  const forget = (id: string, { keys }: Counter): void => {
    counters.delete(id);
    units -= UNITS_OF_COUNTER + keys.size;
  };

  const hasRoom = (wanted: number, nowMs: number): boolean => {
    if (units + wanted <= maxUnits) return true;
    if (Math.abs(nowMs - sweptMs) < SWEEP_MS) return false;
    sweptMs = nowMs;
    for (const [id, counter] of counters) if (nowMs >= counter.endsMs) forget(id, counter);
    return units + wanted <= maxUnits;
  };

  const current = ({ id, windowMs }: Ask, nowMs: number): Counter => {
    const known = counters.get(id);
    if (known !== undefined && !isOver(known, windowMs, nowMs)) return known;
    if (known !== undefined) forget(id, known);
    return { endsMs: nowMs + windowMs, used: {}, keys: new Set() };
  };

  return {
    take: (asks, touched) => {
      const nowMs = clock.now();
      const parts = asks.map((ask) => {
        const counter = current(ask, nowMs);
        const fresh = ask.limits.keys === undefined ? [] : touched.filter((key) => !counter.keys.has(key));
        const wanted: Amounts = fresh.length === 0 ? ask.amounts : { ...ask.amounts, keys: fresh.length };
        return { ask, counter, fresh, wanted };
      });
      let newUnits = 0;
      for (const [at, { ask, counter, fresh, wanted }] of parts.entries()) {
        const measure = lacking(ask.limits, counter.used, wanted);
        if (measure !== undefined) {
          const standing = { used: counter.used, refillsAtMs: counter.endsMs };
          return { kind: 'lacking', at, measure, wanted: wanted[measure] ?? 0, standing };
        }
        newUnits += fresh.length + (counters.has(ask.id) ? 0 : UNITS_OF_COUNTER);
      }
      if (!hasRoom(newUnits, nowMs)) return { kind: 'full' };
      units += newUnits;
      const standings = parts.map(({ ask, counter, fresh, wanted }): Standing => {
        for (const measure of MEASURES) spend(counter, ask.limits, measure, wanted[measure]);
        for (const key of fresh) counter.keys.add(key);
        counters.set(ask.id, counter);
        return { used: { ...counter.used }, refillsAtMs: counter.endsMs };
      });
      return { kind: 'taken', standings };
    },
    add: (id, amounts) => {
      const counter = counters.get(id);
      if (counter === undefined || clock.now() >= counter.endsMs) return;
      for (const measure of MEASURES) spend(counter, counter.used, measure, amounts[measure]);
    },
    units: () => units,
  };
}

/** The first measure of which there is less than what is wanted. */
function lacking(limits: Amounts, used: Amounts, wanted: Amounts): Measure | undefined {
  return MEASURES.find((measure) => {
    const [limit, more] = [limits[measure], wanted[measure] ?? 0];
    return limit !== undefined && more > 0 && (used[measure] ?? 0) + more > limit;
  });
}

/** Only what has a bound is counted. */
function spend({ used }: Counter, bounded: Amounts, measure: Measure, amount: number | undefined): void {
  if (bounded[measure] === undefined) return;
  used[measure] = Math.max(0, (used[measure] ?? 0) + (amount ?? 0));
}
