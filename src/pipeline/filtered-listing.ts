/**
 * A page of a listing of which policy shows parts. Enters: the parts, and the client's query. Leaves: a page as of a bucket
 * that holds nothing else, by a bounded number of requests to the store. Which requests these are follows from the rules and
 * from what is shown: what is hidden is passed over, and its number shows nowhere.
 */
import { isBefore, type ListingPosition, type PageEntry, type StorePage } from '../s3/documents/listing-document.ts';
import { parseListing, type ListingQuery } from '../s3/documents/listing.ts';
import { required, unusable } from '../s3/documents/stored-document.ts';
import type { S3Request } from '../s3/request/request.ts';
import {
  askedPrefixes,
  behindAll,
  bytesOf,
  commonPrefixOf,
  positionBefore,
  rangeBehind,
  stepsOf,
  type ListedParts,
  type NameRange,
} from '../s3/listed-parts.ts';

/** Requests to the store for one page of the client's. */
const MAX_REQUESTS = 10;
/** One less than a store lists at once: the next name tells whether there is more, whatever is hidden behind it. */
const MAX_SHOWN = 999;

/** Gives the prefixes with which the store is asked for a page: the client's own where all of it is shown. */
export function prefixesAsked(request: S3Request, parts: ListedParts | undefined): readonly string[] {
  const query = parseListing(request);
  return parts === undefined ? [query.prefix] : askedPrefixes(parts, query, MAX_REQUESTS);
}

/** An entry, or a common prefix. */
interface Item {
  readonly position: ListingPosition;
  readonly entry: PageEntry | undefined;
}

/** Reads one page of the store's. */
type Ask = (query: ListingQuery) => Promise<StorePage>;

/** Gives the page. It may be empty and say that there is more, where so many requests found nothing. @throws GatewayError InternalError, what the store says */
export async function filteredPage(ask: Ask, query: ListingQuery, parts: ListedParts): Promise<StorePage> {
  const most = Math.min(query.maxKeys, MAX_SHOWN);
  const items: Item[] = [];
  let leftOut = 0;
  const page = (isTruncated: boolean, end?: ListingPosition): StorePage => {
    const shown = items.slice(0, most);
    const next = isTruncated ? (shown.at(-1)?.position ?? end) : undefined;
    return {
      ...{
        entries: shown.flatMap(({ entry }) => entry ?? []),
        isTruncated,
        hides: false,
        leftOut,
        nextToken: undefined,
      },
      commonPrefixes: shown.flatMap(({ entry, position }) => (entry === undefined ? position.key : [])),
      ...(next === undefined ? {} : { next }),
    };
  };
  if (most === 0) return page(false);
  let requests = 0;
  for (const { folder, ranges } of stepsOf(parts, query)) {
    for (const range of ranges) {
      let rest: NameRange | undefined = range;
      while (rest !== undefined) {
        if (requests === MAX_REQUESTS) {
          // A page that breaks off within a range has shown something of it.
          if (rest !== range && items.length === 0) throw unusable('pages of what was not asked for');
          return page(true, positionBefore(range));
        }
        requests += 1;
        const count = folder === undefined ? most + 1 - items.length : 1;
        const asked: ListingQuery = {
          ...query,
          ...askedOf(rest, query, folder),
          maxKeys: count,
          continuation: undefined,
        };
        const answer: StorePage = await ask(asked);
        leftOut += answer.leftOut;
        const found = itemsOf(answer, rest, query);
        if (folder === undefined) addNew(items, found);
        else if (found.length > 0) items.push({ position: { key: folder }, entry: undefined });
        if (items.length > most) return page(true);
        rest = folder !== undefined && found.length > 0 ? undefined : restOf(answer, rest, query);
      }
      if (folder !== undefined && items.at(-1)?.position.key === folder) break;
    }
  }
  return page(false);
}

/** Below a folder any name will do. A delimiter of several characters may lie across the end of the prefix. */
function askedOf(
  { prefix, startAfter, idMarker }: NameRange,
  query: ListingQuery,
  folder: string | undefined,
): Pick<ListingQuery, 'prefix' | 'delimiter' | 'startAfter' | 'idMarker'> {
  const divides = folder === undefined && (prefix === query.prefix || Array.from(query.delimiter).length === 1);
  return { prefix, startAfter, idMarker, delimiter: divides ? query.delimiter : '' };
}

/** What of a page lies in a range, in order. */
function itemsOf(page: StorePage, { from, to }: NameRange, query: ListingQuery): readonly Item[] {
  const entries = page.entries.flatMap((entry): Item[] => {
    const bytes = bytesOf(entry.key);
    if (bytes < from || bytes >= to) return [];
    const folder = commonPrefixOf(entry.key, query);
    return [folder === undefined ? { position: positionOf(entry, query), entry } : folderItem(folder)];
  });
  const folders = page.commonPrefixes.filter((prefix) => behindAll(prefix) > from && bytesOf(prefix) < to);
  // The sort is stable: the versions of a key stay in the store's order.
  return [...entries, ...folders.map(folderItem)].sort(byName);
}

const folderItem = (key: string): Item => ({ position: { key }, entry: undefined });

function byName({ position: one }: Item, { position: other }: Item): number {
  if (one.key === other.key) return 0;
  return isBefore(one.key, other.key) ? -1 : 1;
}

/** A folder is shown once, however many of its names a page has. */
function addNew(items: Item[], found: readonly Item[]): void {
  for (const item of found) {
    const last = items.at(-1);
    const isShown = item.entry === undefined && last?.entry === undefined && last?.position.key === item.position.key;
    if (!isShown) items.push(item);
  }
}

/** Stores may end a page before it is full: what is left is requested again, as long as the page is not past the range. */
function restOf(page: StorePage, range: NameRange, query: ListingQuery): NameRange | undefined {
  const { entries, commonPrefixes, isTruncated, hides } = page;
  // What clients may not name lies behind the range, as nothing of it is in one.
  if (!isTruncated || hides) return undefined;
  const entry = entries.at(-1);
  const prefix = commonPrefixes.at(-1);
  if (prefix !== undefined && (entry === undefined || isBefore(entry.key, prefix))) {
    return rangeBehind(range, { key: prefix }, query);
  }
  if (entry === undefined) throw unusable('a page that goes nowhere');
  const folder = commonPrefixOf(entry.key, query);
  return rangeBehind(range, folder === undefined ? positionOf(entry, query) : { key: folder }, query);
}

function positionOf({ key, element }: PageEntry, { kind }: ListingQuery): ListingPosition {
  return kind.entryId === undefined ? { key } : { key, id: required(element, kind.entryId) };
}
