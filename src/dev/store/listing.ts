/**
 * One page of a listing, from objects in the byte order of their keys. Pure.
 */
import type { StoredObject } from './object-files.ts';

export interface ListingQuestion {
  readonly prefix: string;
  /** Empty: no grouping. */
  readonly delimiter: string;
  readonly maxKeys: number;
  /** Only what comes after this key, or after all keys of this common prefix. */
  readonly after: string;
}

export interface ListingPage {
  readonly objects: readonly StoredObject[];
  readonly commonPrefixes: readonly string[];
  /** The last key or common prefix of this page when there is more. */
  readonly next: string | undefined;
}

export function listPage(sorted: readonly StoredObject[], question: ListingQuestion): ListingPage {
  const { prefix, delimiter, maxKeys, after } = question;
  const objects: StoredObject[] = [];
  const commonPrefixes: string[] = [];
  let latest = '';
  const start = Math.max(firstNotBefore(sorted, prefix), after === '' ? 0 : firstNotBefore(sorted, after));
  for (let index = start; index < sorted.length; index += 1) {
    const object = sorted[index];
    if (object?.key.startsWith(prefix) !== true) break;
    if (object.key === after) continue;
    const end = delimiter === '' ? -1 : object.key.indexOf(delimiter, prefix.length);
    const group = end < 0 ? undefined : object.key.slice(0, end + delimiter.length);
    if (group !== undefined && (group === after || group === commonPrefixes.at(-1))) continue;
    if (objects.length + commonPrefixes.length >= maxKeys)
      return { objects, commonPrefixes, next: maxKeys === 0 ? undefined : latest };
    if (group === undefined) objects.push(object);
    else commonPrefixes.push(group);
    latest = group ?? object.key;
  }
  return { objects, commonPrefixes, next: undefined };
}

/** Index of the first object whose key is not before `text` in byte order. */
function firstNotBefore(sorted: readonly StoredObject[], text: string): number {
  const bytes = Buffer.from(text);
  let low = 0;
  let high = sorted.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (Buffer.compare(Buffer.from(sorted[middle]?.key ?? ''), bytes) < 0) low = middle + 1;
    else high = middle;
  }
  return low;
}
