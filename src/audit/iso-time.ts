/** Milliseconds since 1970 -> RFC 3339 in UTC with milliseconds, as `Date` writes it: the seconds of one request are alike. */

let second = NaN;
let untilSecond = '';

/** Gives `new Date(ms).toISOString()`. @throws RangeError beyond what a date can be */
export function isoTime(ms: number): string {
  const of = Math.floor(ms / 1000);
  if (of !== second) {
    untilSecond = new Date(of * 1000).toISOString().slice(0, -4);
    second = of;
  }
  return `${untilSecond}${String(Math.floor(ms - of * 1000)).padStart(3, '0')}Z`;
}
