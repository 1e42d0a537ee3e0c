/**
 * One page of a listing, from entries in the byte order of their keys. Pure.
 */
export interface ListingRequest<Entry> {
  readonly prefix: string;
  /** Empty: no grouping. */
  readonly delimiter: string;
  readonly maxKeys: number;
  /** Only what comes after this key, or after all keys of this common prefix. */
  readonly after: string;
  /** Of entries with the very key `after`: which of them are still to come. None, unless said. */
  readonly isStillToCome?: (entry: Entry) => boolean;
}

export interface ListingPage<Entry> {
  readonly entries: readonly Entry[];
  readonly commonPrefixes: readonly string[];
  /** Where this page ends, when there is more: its last key or common prefix, and the entry where it was one. */
  readonly next: { readonly key: string; readonly entry: Entry | undefined } | undefined;
}

export function listPage<Entry extends { readonly key: string }>(
  sorted: readonly Entry[],
  listing: ListingRequest<Entry>,
): ListingPage<Entry> {
  const { prefix, delimiter, maxKeys, after, isStillToCome = () => false } = listing;
  const entries: Entry[] = [];
  const commonPrefixes: string[] = [];
  let last: ListingPage<Entry>['next'];
  const start = Math.max(firstNotBefore(sorted, prefix), after === '' ? 0 : firstNotBefore(sorted, after));
  for (let index = start; index < sorted.length; index += 1) {
    const entry = sorted[index];
    if (entry?.key.startsWith(prefix) !== true) break;
    if (entry.key === after && !isStillToCome(entry)) continue;
    const end = delimiter === '' ? -1 : entry.key.indexOf(delimiter, prefix.length);
    const group = end < 0 ? undefined : entry.key.slice(0, end + delimiter.length);
    if (group !== undefined && (group === after || group === commonPrefixes.at(-1))) continue;
    if (entries.length + commonPrefixes.length >= maxKeys) return { entries, commonPrefixes, next: last };
    if (group === undefined) entries.push(entry);
    else commonPrefixes.push(group);
    last = group === undefined ? { key: entry.key, entry } : { key: group, entry: undefined };
  }
  return { entries, commonPrefixes, next: undefined };
}

/** Index of the first entry whose key is not before `text` in byte order. */
function firstNotBefore(sorted: readonly { readonly key: string }[], text: string): number {
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
