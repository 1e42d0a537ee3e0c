/** The texts and times that a line of a list may hold. */

/** As for the claims of tokens: what no log can carry as it is. */
const UNSAFE = /[\p{Cc}\p{Cf}\p{Cs}\p{Zl}\p{Zp}]/u;

/** Tells whether a text can stand in an entry. */
export function isText(value: unknown, maxLength: number): value is string {
  return typeof value === 'string' && value !== '' && value.length <= maxLength && !UNSAFE.test(value);
}

/** Parses the object of a line; `undefined` where it is none. */
export function membersOf(line: string): Readonly<Record<string, unknown>> | undefined {
  let json: unknown;
  try {
    json = JSON.parse(line);
  } catch {
    return undefined;
  }
  if (typeof json !== 'object' || json === null || Array.isArray(json)) return undefined;
  return json as Readonly<Record<string, unknown>>;
}

/** What is no text becomes the empty one, which is sound nowhere. */
export function textOf(value: unknown): string {
  return typeof value === 'string' ? value : '';
}

/** Reads a time, as milliseconds. */
export function timeOf(value: unknown): number | undefined {
  const timeMs = typeof value === 'string' ? Date.parse(value) : NaN;
  return Number.isNaN(timeMs) ? undefined : timeMs;
}

/** Writes it. */
export function isoOf(timeMs: number): string {
  return new Date(timeMs).toISOString();
}

/** Gives the name of a user of the operating system as an entry can hold it; directories have longer ones. */
export function operatorName(user: string): string {
  const safe = user
    .replace(/[\p{C}\p{Zl}\p{Zp}]/gu, '_')
    .slice(0, MAX_OPERATOR_NAME)
    .toWellFormed();
  return safe === '' ? 'unknown' : safe;
}

/** Longest name of an operator, in characters. */
export const MAX_OPERATOR_NAME = 64;
