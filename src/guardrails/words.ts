/** How a budget stands, in words: for the caller who is refused, and for the record. */
import { MEASURES, type Guardrail, type Measure } from '../contracts/guardrails.ts';
import type { Breaker } from './breaker.ts';
import type { Standing } from './counters.ts';

const WORDS: Readonly<Record<Measure, string>> = {
  requests: 'requests',
  deletes: 'deletions',
  overwrites: 'writes that may overwrite',
  keys: 'distinct keys',
  read: 'bytes read',
  written: 'bytes written',
};

const UNITS = [
  ['d', 86_400_000],
  ['h', 3_600_000],
  ['min', 60_000],
] as const;

/** Says a time in the largest unit that it is a multiple of. */
function timeText(ms: number): string {
  const [unit, each] = UNITS.find(([, size]) => ms >= size && ms % size === 0) ?? ['s', 1000];
  return `${Math.ceil(ms / each)} ${unit}`;
}

/** Says which budget is spent, its window, and when it refills. */
export function spentText(
  { name, per, windowMs, limits }: Guardrail,
  { measure, wanted, standing }: { readonly measure: Measure; readonly wanted: number; readonly standing: Standing },
  nowMs: number,
): string {
  const [limit = 0, used = 0] = [limits[measure], standing.used[measure]];
  const whose = per === 'identity' ? 'of this identity' : 'of all whom its policy names';
  const inAll = `${used} of ${limit} ${WORDS[measure]} in ${timeText(windowMs)}`;
  const more = wanted > 1 ? `; this request takes ${wanted} more` : '';
  const inTime = timeText(Math.max(1000, Math.ceil((standing.refillsAtMs - nowMs) / 1000) * 1000));
  const never = wanted > limit ? ` So much at once is never given: ask for ${limit} at most.` : '';
  return `The budget ${name} ${whose} is spent: ${inAll}${more}. It refills at ${new Date(standing.refillsAtMs).toISOString()}, in ${inTime}.${never}`;
}

/** Says what opens a breaker, in a clause. */
export function trippedText({ windowMs, limits }: Guardrail, measure: Measure): string {
  return `more than ${limits[measure] ?? 0} ${WORDS[measure]} in ${timeText(windowMs)}`;
}

/** Says that a breaker is open, why, and who closes it. */
export function openText({ name, per }: Guardrail, { id, openedAtMs, why }: Breaker): string {
  const who = per === 'identity' ? 'this identity asked' : 'those whom its policy names asked';
  const since = new Date(openedAtMs).toISOString();
  return `The breaker of the budget ${name} is open: ${who} for ${why}, at ${since}. It stays so until an operator closes it (sallyport breakers close ${id}).`;
}

/** Says what was used of each budget of a guardrail, this request with it. */
export function standingText({ name, limits }: Guardrail, { used }: Standing): string {
  const parts = MEASURES.flatMap((measure) =>
    limits[measure] === undefined ? [] : `${used[measure] ?? 0}/${limits[measure]} ${measure}`,
  );
  return `${name}: ${parts.join(', ')}`;
}

/** Says whose breaker it is, and why it opened. Names of others are quoted: they may hold anything that can be seen. */
export function describeBreaker({ guardrail, whose, why }: Breaker): string {
  const actor = whose?.actor === undefined ? '' : `${JSON.stringify(whose.actor)} for `;
  const who =
    whose === undefined ? 'all whom its policy names' : `${actor}${JSON.stringify(whose.subject)} of ${whose.issuer}`;
  return `${guardrail} of ${who}: ${why}`;
}
