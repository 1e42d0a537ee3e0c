/** Measures loads in turns, so that what else the machine does meets all alike. */
import { Pool } from 'undici';
import { cpuSeconds } from './processes.ts';
import type { Target } from './target.ts';

const CONNECTIONS = 32;

/** What sends requests to a target, over connections that are closed afterwards. */
export type Load = (pool: Pool, target: Target) => Promise<unknown>;

export interface Figure {
  /** Units per second of wall time. */
  readonly perSecond: number;
  /** CPU seconds of the target per unit. */
  readonly cpu: number;
}

/** Runs a load of so many units once. */
export async function measure(target: Target, units: number, load: Load, connections = CONNECTIONS): Promise<Figure> {
  const before = await cpuSeconds(target.pids);
  const started = performance.now();
  await run(target, load, connections);
  const seconds = (performance.now() - started) / 1000;
  return { perSecond: units / seconds, cpu: ((await cpuSeconds(target.pids)) - before) / units };
}

/** Runs a load that is not measured. */
export async function run(target: Target, load: Load, connections = CONNECTIONS): Promise<void> {
  const pool = new Pool(target.origin, { connections });
  try {
    await load(pool, target);
  } finally {
    await pool.close();
  }
}

/** What was found of each target, one value per round, in the order of the targets. */
export type Found<Value> = ReadonlyMap<Target, readonly Value[]>;

/** Asks each target once per round; each is as often the first, since what comes later meets a warmer store. */
export async function inTurns<Value, One extends Target>(
  rounds: number,
  targets: readonly One[],
  one: (target: One) => Promise<Value>,
): Promise<Found<Value>> {
  const found = new Map<Target, Value[]>(targets.map((target) => [target, []]));
  for (let round = 0; round < rounds; round += 1) {
    const first = round % targets.length;
    for (const target of [...targets.slice(first), ...targets.slice(0, first)])
      found.get(target)?.push(await one(target));
  }
  return found;
}

/** Picks one number of each value. */
export function each<Value>(found: Found<Value>, pick: (value: Value) => number): Found<number> {
  return new Map([...found].map(([target, values]) => [target, values.map(pick)]));
}

/** Gives the middle one; of an even number of values, the upper. */
export function median(values: readonly number[]): number {
  return values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)] ?? NaN;
}
