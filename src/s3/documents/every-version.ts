/**
 * Every version of every object below a prefix, page by page. Enters: the store's ListVersionsResult or, of a store that
 * lists no versions, its ListBucketResult. Never: a key outside of the prefix, or half a page taken for a whole one.
 */
import { GatewayError } from '../../errors/gateway-error.ts';
import { OPERATIONS } from '../operations/operations.ts';
import { readPage } from './listing-document.ts';
import { parseCount, required, unusable } from './stored-document.ts';
import { storeListingQuery, type ListingKind, type ListingQuery } from '../request/listing-query.ts';
import type { XmlElement } from './xml-reader.ts';

export interface StoredVersion {
  readonly key: string;
  /** `undefined` where the store lists no versions. */
  readonly versionId: string | undefined;
  readonly isMarker: boolean;
  readonly isCurrent: boolean;
  /** 0 of a delete marker. */
  readonly sizeBytes: number;
  readonly lastModifiedMs: number;
}

export type StoreQuery = readonly (readonly [string, string])[];

/** Asks the store for a listing and reads its answer. @throws GatewayError what the store says */
type FetchPage = (query: StoreQuery) => Promise<Uint8Array>;

const PAGE_KEYS = 1000;
/** What a store without versions says of them. */
const UNKNOWN: ReadonlySet<string> = new Set(['NotImplemented', 'MethodNotAllowed']);

/** Tells whether a store answered a listing of versions so that it has none. */
export function isWithoutVersions(error: unknown): boolean {
  return error instanceof GatewayError && UNKNOWN.has(error.code);
}

/** Gives the pages in the store's order: by key, the newest first. `onNoVersions`: hears of a store that lists none. @throws GatewayError InternalError, what the store says */
export async function* everyVersion(
  send: FetchPage,
  prefix: string,
  onNoVersions: () => void = () => undefined,
): AsyncGenerator<readonly StoredVersion[]> {
  const first = queryOf(OPERATIONS.ListObjectVersions.listing, prefix);
  let answer: Page;
  try {
    answer = versionsPage(await send(storeListingQuery(first)), first);
  } catch (error) {
    if (!isWithoutVersions(error)) throw error;
    onNoVersions();
    const query = queryOf(OPERATIONS.ListObjectsV2.listing, prefix);
    answer = objectsPage(await send(storeListingQuery(query)), query);
  }
  for (;;) {
    yield answer.versions;
    const { next } = answer;
    if (next === undefined) return;
    answer = (next.kind.continuesBy === 'token' ? objectsPage : versionsPage)(
      await send(storeListingQuery(next)),
      next,
    );
  }
}

interface Page {
  readonly versions: readonly StoredVersion[];
  readonly next: ListingQuery | undefined;
}

function versionsPage(document: Uint8Array, query: ListingQuery): Page {
  const { entries, isTruncated } = readPage(document, 'ListVersionsResult', query);
  const versions = entries.map(({ key, element }) => ({
    ...read(key, element),
    versionId: required(element, 'VersionId'),
    isCurrent: required(element, 'IsLatest') === 'true',
  }));
  if (!isTruncated) return { versions, next: undefined };
  const last = versions.at(-1) ?? nowhere();
  return { versions, next: { ...query, startAfter: last.key, idMarker: last.versionId } };
}

function objectsPage(document: Uint8Array, query: ListingQuery): Page {
  const { nextToken, entries, isTruncated } = readPage(document, 'ListBucketResult', query);
  const versions = entries.map(({ key, element }) => ({
    ...read(key, element),
    versionId: undefined,
    isCurrent: true,
  }));
  if (!isTruncated) return { versions, next: undefined };
  const stored = nextToken ?? nowhere();
  return { versions, next: { ...query, continuation: { shown: '', stored } } };
}

/** A store that says that there is more must say where: what is behind it would be taken for not there. */
function nowhere(): never {
  throw unusable('a page that goes nowhere');
}

function read(
  key: string,
  element: XmlElement,
): Pick<StoredVersion, 'key' | 'isMarker' | 'sizeBytes' | 'lastModifiedMs'> {
  const isMarker = element.name === 'DeleteMarker';
  const lastModifiedMs = Date.parse(required(element, 'LastModified'));
  return { key, isMarker, sizeBytes: isMarker ? 0 : parseCount(required(element, 'Size')), lastModifiedMs };
}

function queryOf(kind: ListingKind, prefix: string): ListingQuery {
  return {
    ...{ kind, prefix, delimiter: '', maxKeys: PAGE_KEYS, urlEncoded: true, after: [] },
    ...{ startAfter: undefined, idMarker: undefined, continuation: undefined },
  };
}
