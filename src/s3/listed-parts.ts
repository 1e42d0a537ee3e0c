/**
 * Listings of which only parts may be shown. Enters: the prefixes that are shown, what is hidden below them, and the query
 * of a client. Leaves: where to look in the store, in the order of the listing, so that what is hidden is neither read nor
 * counted: hidden names must make no difference to what is asked, nor to what is answered. Pure.
 */
import { GatewayError } from '../errors/gateway-error.ts';
import { isBefore, type ListingPosition } from './documents/listing-document.ts';
import type { ListingQuery } from './request/listing-query.ts';
import { RESERVED_PREFIX } from './reserved-keys.ts';

/** Exactly this key, or every key that starts with this prefix. */
type Scope = { readonly key: string } | { readonly prefix: string };

/** What may be shown of a prefix. */
export interface ListedParts {
  /** Each starts with the prefix that was asked for. */
  readonly prefixes: readonly string[];
  /** What is not shown, also where it lies below one of the prefixes. */
  readonly hidden: readonly Scope[];
}

/** Bytes of UTF-8, one in each unit: texts in this form compare as a store orders keys. */
type Bytes = string;

/** Names next to each other that may all be shown. */
export interface NameRange {
  /** The shortest prefix that a store is asked with. */
  readonly prefix: string;
  readonly startAfter: string | undefined;
  readonly idMarker: string | undefined;
  /** The first name that may be in it, and the first one behind it. */
  readonly from: Bytes;
  readonly to: Bytes;
}

/** A step of a listing: the names of one range or, where `folder` is there, that one name if any range has something. */
export interface ListingStep {
  readonly folder: string | undefined;
  readonly ranges: readonly NameRange[];
}

/** Behind every name that starts with the text before it. No name goes on with the last character of Unicode. */
const LAST = '\u{10FFFF}';
/** Behind all names: no text has this byte. */
const END: Bytes = '\xff';

export const bytesOf = (text: string): Bytes => Buffer.from(text).toString('latin1');

/** Gives the first bytes behind everything that starts with a text. */
export function behindAll(text: string): Bytes {
  const bytes = bytesOf(text);
  if (bytes === '') return END;
  return bytes.slice(0, -1) + String.fromCharCode(bytes.charCodeAt(bytes.length - 1) + 1);
}

/** Gives the common prefix under which a listing shows a name; `undefined`: it shows the name itself. */
export function commonPrefixOf(
  name: string,
  { prefix, delimiter }: Pick<ListingQuery, 'prefix' | 'delimiter'>,
): string | undefined {
  const at = delimiter === '' || !name.startsWith(prefix) ? -1 : name.indexOf(delimiter, prefix.length);
  return at < 0 ? undefined : name.slice(0, at + delimiter.length);
}

/** Gives the steps of a page, from where its query begins. @throws GatewayError InvalidArgument (a token of the store's) */
export function stepsOf(parts: ListedParts, query: ListingQuery): readonly ListingStep[] {
  const hidden: readonly Scope[] = [...parts.hidden, { prefix: RESERVED_PREFIX }];
  const prefixes = withoutInner(parts.prefixes);
  const steps = divided(rangesOf(prefixes, hidden), foldersOf(prefixes, hidden, query));
  const position = positionOf(query);
  return position === undefined ? steps : stepsBehind(steps, position, query);
}

/** Gives the prefixes with which a store is asked by the first so many requests of a page. */
export function askedPrefixes(parts: ListedParts, query: ListingQuery, requests: number): readonly string[] {
  const ranges = stepsOf(parts, query).flatMap((step) => step.ranges);
  return [...new Set(ranges.slice(0, requests).map(({ prefix }) => prefix))];
}

/** Gives a position before a range and behind all that stands before that, made of nothing but the range. */
export function positionBefore({ startAfter, prefix }: NameRange): ListingPosition {
  return { key: startAfter ?? nameBefore(prefix) };
}

/** Gives what is left of a range behind a position in it. */
export function rangeBehind(
  range: NameRange,
  { key, id }: ListingPosition,
  query: ListingQuery,
): NameRange | undefined {
  const isFolder = commonPrefixOf(key, query) === key;
  const idMarker = isFolder ? undefined : id;
  const from = isFolder ? behindAll(key) : idMarker === undefined ? `${bytesOf(key)}\0` : bytesOf(key);
  if (range.to <= from) return undefined;
  if (range.from > from || (range.from === from && idMarker === undefined)) return range;
  return { ...range, from, startAfter: isFolder ? key + LAST : key, idMarker };
}

function positionOf({ continuation, startAfter, idMarker }: ListingQuery): ListingPosition | undefined {
  // It says where the store would go on with all of the names: a client that has one begins anew.
  if (continuation !== undefined && continuation.stored !== '') {
    throw new GatewayError('InvalidArgument', { clientFields: { ArgumentName: 'continuation-token' } });
  }
  const key = continuation?.behind ?? startAfter ?? '';
  return key === '' ? undefined : { key, id: idMarker };
}

function stepsBehind(
  steps: readonly ListingStep[],
  position: ListingPosition,
  query: ListingQuery,
): readonly ListingStep[] {
  return steps.flatMap(({ folder, ranges }) => {
    const left = ranges.flatMap((range) => rangeBehind(range, position, query) ?? []);
    return left.length === 0 ? [] : [{ folder, ranges: left }];
  });
}

/** In order, and none below another one. */
function withoutInner(prefixes: readonly string[]): readonly string[] {
  const outer: string[] = [];
  for (const prefix of sorted(prefixes)) {
    const last = outer.at(-1);
    if (last === undefined || !prefix.startsWith(last)) outer.push(prefix);
  }
  return outer;
}

function rangesOf(prefixes: readonly string[], hidden: readonly Scope[]): readonly NameRange[] {
  const gaps = hidden
    .map((scope) =>
      'key' in scope
        ? { from: bytesOf(scope.key), to: `${bytesOf(scope.key)}\0`, startAfter: scope.key }
        : { from: bytesOf(scope.prefix), to: behindAll(scope.prefix), startAfter: scope.prefix + LAST },
    )
    .sort((one, other) => (one.from < other.from ? -1 : 1));
  const ranges: NameRange[] = [];
  for (const prefix of prefixes) {
    const end = behindAll(prefix);
    let from = bytesOf(prefix);
    let startAfter: string | undefined;
    for (const gap of gaps) {
      if (gap.from >= end) break;
      if (gap.to <= from) continue;
      if (gap.from > from) ranges.push({ prefix, startAfter, idMarker: undefined, from, to: gap.from });
      ({ to: from, startAfter } = gap);
    }
    if (from < end) ranges.push({ prefix, startAfter, idMarker: undefined, from, to: end });
  }
  return ranges;
}

/**
 * The common prefixes of which a store cannot say whether they are to be shown: below them lies a prefix that is shown
 * alone, or something that is hidden.
 */
function foldersOf(prefixes: readonly string[], hidden: readonly Scope[], query: ListingQuery): readonly string[] {
  const above = prefixes.map((prefix) => commonPrefixOf(prefix, query));
  const around = hidden.map((scope) => {
    const name = 'key' in scope ? scope.key : scope.prefix;
    const folder = commonPrefixOf(name, query);
    return 'prefix' in scope && folder === name ? undefined : folder;
  });
  return sorted([...new Set([...above, ...around].filter((folder) => folder !== undefined))]);
}

/** Cuts the ranges where a folder begins and where it ends. */
function divided(ranges: readonly NameRange[], folders: readonly string[]): readonly ListingStep[] {
  const steps: { readonly folder: string | undefined; readonly ranges: NameRange[] }[] = [];
  const add = (folder: string | undefined, range: NameRange): void => {
    const last = steps.at(-1);
    if (folder !== undefined && last?.folder === folder) last.ranges.push(range);
    else steps.push({ folder, ranges: [range] });
  };
  let first = 0;
  for (const range of ranges) {
    let rest = range;
    // Ranges and folders are in one order: what ends before this range is not looked at again.
    while (first < folders.length && behindAll(folders[first] ?? '') <= range.from) first += 1;
    for (const folder of folders.slice(first)) {
      const [begin, end] = [bytesOf(folder), behindAll(folder)];
      if (begin >= rest.to) break;
      if (begin > rest.from) {
        add(undefined, { ...rest, to: begin });
        rest = { ...rest, from: begin, startAfter: undefined };
      }
      const prefix = folder.length > rest.prefix.length ? folder : rest.prefix;
      add(folder, { ...rest, prefix, to: end < rest.to ? end : rest.to });
      rest = { ...rest, from: end, startAfter: folder + LAST };
    }
    if (rest.from < rest.to) add(undefined, rest);
  }
  return steps;
}

const sorted = (names: readonly string[]): readonly string[] =>
  [...names].sort((one, other) => (isBefore(one, other) ? -1 : 1));

/** All that lies between is names that go on with the last character of Unicode. */
function nameBefore(name: string): string {
  const characters = Array.from(name);
  const code = characters.pop()?.codePointAt(0) ?? 0;
  const head = characters.join('');
  // Between the two are the surrogates, which are no characters.
  return code === 0 ? head : head + String.fromCodePoint(code === 0xe000 ? 0xd7ff : code - 1) + LAST;
}
