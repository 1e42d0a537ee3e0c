/**
 * What lies beside an upload: its records, by name, and the parts that are deferred to its end. Enters: the store's listing of
 * its folder. Leaves: names that only the cipher can judge.
 */
import type { StateSession } from '../contracts/store-session.ts';
import { readPage } from '../s3/documents/listing-document.ts';
import { parseCount, required, unusable } from '../s3/documents/stored-document.ts';
import { storeListingQuery, type ListingQuery } from '../s3/documents/listing.ts';
import { OPERATIONS } from '../s3/operations/operations.ts';
import { readAnswer } from '../s3/response/read-answer.ts';

export interface WaitingPart {
  readonly number: number;
  /** Unquoted. */
  readonly etag: string;
  readonly sizeBytes: number;
  /** RFC 3339. */
  readonly lastModified: string;
}

export interface UploadFolder {
  readonly records: readonly string[];
  /** By the client's number. */
  readonly waiting: ReadonlyMap<number, WaitingPart>;
  /** Whether a plain upload was begun with `If-None-Match: *`. */
  readonly onlyIfNone: boolean;
  /** Whether it was said which lock or tags the object is to have. */
  readonly hasTerms: boolean;
}

const PAGE_KEYS = 1000;
/** Ten full ones hold a record of every part there can be; parts that are sent again have several. */
const MAX_PAGES = 100;
const RECORDS = 'parts/';
const WAITING = /^last\/([1-9]\d{0,4})$/;

/** The key of a record. */
export function recordKey(folder: string, record: string): string {
  return `${folder}${RECORDS}${record}`;
}

/** The key of a deferred part; one that is sent again takes its place. */
export function waitingKey(folder: string, number: number): string {
  return `${folder}last/${number}`;
}

/** The key of what says that an upload in a plain prefix was begun with `If-None-Match: *`. */
export function onlyIfNoneKey(folder: string): string {
  return `${folder}only-if-none`;
}

/** The key of what says which lock and tags the object is to have. */
export function termsKey(folder: string): string {
  return `${folder}lock-and-tags`;
}

/** Lists a folder. @throws GatewayError InternalError; what the store says */
export async function readFolder({ send }: StateSession, folder: string): Promise<UploadFolder> {
  const records: string[] = [];
  const waiting = new Map<number, WaitingPart>();
  const said = new Set<string>();
  let stored: string | undefined;
  for (let page = 0; page < MAX_PAGES; page += 1) {
    const query: ListingQuery = {
      ...{
        kind: OPERATIONS.ListObjectsV2.listing,
        prefix: folder,
        delimiter: '',
        maxKeys: PAGE_KEYS,
        urlEncoded: true,
      },
      ...{ startAfter: undefined, idMarker: undefined, after: [] },
      continuation: stored === undefined ? undefined : { shown: '', stored },
    };
    const answer = await send({ method: 'GET', key: '', query: storeListingQuery(query), headers: {} });
    const { nextToken, entries, isTruncated } = readPage(await readAnswer(answer.body), 'ListBucketResult', query);
    for (const { key, element: entry } of entries) {
      const name = key.slice(folder.length);
      if (!name.includes('/')) said.add(key);
      if (name.startsWith(RECORDS)) records.push(name.slice(RECORDS.length));
      const number = Number(WAITING.exec(name)?.[1] ?? 0);
      if (number === 0) continue;
      waiting.set(number, {
        number,
        etag: unquoted(required(entry, 'ETag')),
        sizeBytes: parseCount(required(entry, 'Size')),
        lastModified: required(entry, 'LastModified'),
      });
    }
    if (!isTruncated) {
      return { records, waiting, onlyIfNone: said.has(onlyIfNoneKey(folder)), hasTerms: said.has(termsKey(folder)) };
    }
    stored = nextToken;
    if (stored === undefined || stored === '') throw unusable('a page that goes nowhere');
  }
  throw unusable('too many pages of records');
}

function unquoted(etag: string): string {
  return etag.replace(/^"(.*)"$/, '$1');
}
