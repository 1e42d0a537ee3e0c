/** How a budget stands, in words: for the caller who is refused, and for the record. */
import { MEASURES, type Guardrail, type Measure } from '../contracts/guardrails.ts';
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

/** Says what was used of each budget of a guardrail, this request with it. */
export function standingText({ name, limits }: Guardrail, { used }: Standing): string {
  const parts = MEASURES.flatMap((measure) =>
    limits[measure] === undefined ? [] : `${used[measure] ?? 0}/${limits[measure]} ${measure}`,
  );
  return `${name}: ${parts.join(', ')}`;
}
