/**
 * Conditions about time in; times out, at least one in each part that they cut time into. Of hours in one time zone none is
 * missed; of hours in several, none of the year after each time that a condition names.
 */
import type { Principal } from '../../contracts/principal.ts';
import type { Conditions } from '../condition-schema.ts';
import { compileConditions } from '../conditions.ts';

/** A Monday: where no condition names a time, parts are looked for from here on. */
export const SOME_TIME_MS = Date.UTC(2026, 0, 5);

/** Of whom nothing is known: for conditions that do not look at the caller. */
export const NOBODY: Principal = Object.freeze({
  ...{ issuerName: '', issuer: '', subject: '', groups: [], claims: {}, tokenIdHash: '', expiresAtMs: Infinity },
});

type Hours = NonNullable<Conditions['hours']>;

const SECOND_MS = 1000;
const MINUTE_MS = 60_000;
const DAY_MS = 86_400_000;
/** In two weeks each minute of the week is there at least once, even where the clock is put forward. */
const WEEKS_MS = 15 * DAY_MS;
const YEAR_MS = 400 * DAY_MS;

/** Lists the times, in whole seconds. */
export function timesOf(conditions: readonly Conditions[]): readonly number[] {
  const edges = [...new Set(conditions.flatMap(({ from = [], until = [] }) => [from, until].flat()))].sort(
    (a, b) => a - b,
  );
  const hours = distinctHours(conditions);
  const [first = SOME_TIME_MS] = edges;
  if (hours.length === 0) return edges.length === 0 ? [] : [first - SECOND_MS, ...edges];
  const starts = edges.length === 0 ? [first] : [first - YEAR_MS, ...edges];
  return starts.flatMap((startMs, index) => partsOf(hours, startMs, starts[index + 1] ?? Infinity));
}

function distinctHours(conditions: readonly Conditions[]): readonly Hours[] {
  const found = new Map<string, Hours>();
  for (const { hours } of conditions) if (hours !== undefined) found.set(JSON.stringify(hours), hours);
  return [...found.values()];
}

/** A time for each combination of hours that are open, between two times. */
function partsOf(hours: readonly Hours[], startMs: number, endMs: number): readonly number[] {
  const tests = hours.flatMap((each) => compileConditions({ hours: each }, new Map()));
  const zones = [...new Set(hours.map(({ timeZone }) => timeZone))];
  const lastMs = Math.min(endMs, startMs + (zones.length > 1 ? YEAR_MS : WEEKS_MS));
  const found = new Map<string, number>();
  const look = (nowMs: number): void => {
    if (nowMs < startMs || nowMs >= lastMs) return;
    const open = tests.map(({ holds }) => String(holds({ principal: NOBODY, facts: { nowMs } }))).join();
    if (!found.has(open)) found.set(open, nowMs);
  };
  look(startMs);
  for (const timeZone of zones) {
    const minutes = new Set([0, ...hours.flatMap((each) => (each.timeZone === timeZone ? [each.from, each.to] : []))]);
    const offsetAt = offsetIn(timeZone);
    for (let dayMs = Math.floor(startMs / DAY_MS) * DAY_MS - DAY_MS; dayMs < lastMs + DAY_MS; dayMs += DAY_MS) {
      const ahead = new Set([offsetAt(dayMs), offsetAt(dayMs + DAY_MS)]);
      for (const minute of minutes) for (const offset of ahead) look(dayMs + minute * MINUTE_MS - offset);
      // Where the clock is changed, hours may begin in their middle.
      if (ahead.size > 1) for (let atMs = dayMs; atMs < dayMs + DAY_MS; atMs += 15 * MINUTE_MS) look(atMs);
    }
  }
  return [...found.values()];
}

const offsets = new Map<string, (nowMs: number) => number>();

/** How far the clocks of a time zone are before UTC, in milliseconds. */
function offsetIn(timeZone: string): (nowMs: number) => number {
  const known = offsets.get(timeZone) ?? offsetOf(timeZone);
  offsets.set(timeZone, known);
  return known;
}

function offsetOf(timeZone: string): (nowMs: number) => number {
  const format = new Intl.DateTimeFormat('en-US', {
    ...{ timeZone, hourCycle: 'h23', year: 'numeric', month: 'numeric', day: 'numeric' },
    ...{ hour: 'numeric', minute: 'numeric', second: 'numeric' },
  });
  return (nowMs) => {
    const parts = new Map(format.formatToParts(nowMs).map(({ type, value }) => [type, Number(value)]));
    const part = (type: Intl.DateTimeFormatPartTypes): number => parts.get(type) ?? 0;
    const local = Date.UTC(part('year'), part('month') - 1, part('day'), part('hour'), part('minute'), part('second'));
    return local - nowMs;
  };
}
