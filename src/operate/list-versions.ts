/**
 * Every version of every object under a prefix, page by page. Enters: the store's ListVersionsResult. Never: a key outside
 * of the prefix, or half a page taken for a whole one.
 */
import type { StoreSession } from '../contracts/store-session.ts';
import { readPage } from '../s3/documents/listing-document.ts';
import { parseCount, required } from '../s3/documents/stored-document.ts';
import { readAnswer } from '../s3/read-answer.ts';
import { storeListingQuery, type ListingQuery } from '../s3/listing.ts';

export interface ListedVersion {
  readonly key: string;
  /** `undefined` of the only version in a bucket without versioning. */
  readonly versionId: string | undefined;
  readonly isCurrent: boolean;
  readonly sizeBytes: number;
  readonly lastModifiedMs: number;
}

const PAGE_KEYS = 1000;
/** What stores call the version that was written without versioning. */
export const NO_VERSION = 'null';

export type ListedEntry = ListedVersion | { readonly key: string; readonly deleteMarkerId: string };

/** Lists the versions in the store's order: by key, the newest first. */
export async function* listVersions(
  session: () => Promise<StoreSession>,
  prefix: string,
): AsyncGenerator<ListedVersion> {
  for await (const entry of listEntries(session, prefix)) if (!('deleteMarkerId' in entry)) yield entry;
}

/** The same with the delete markers among them. */
export async function* listEntries(session: () => Promise<StoreSession>, prefix: string): AsyncGenerator<ListedEntry> {
  let marker: { readonly key: string; readonly versionId: string } | undefined;
  for (;;) {
    const query: ListingQuery = {
      kind: 'ListObjectVersions',
      prefix,
      delimiter: '',
      maxKeys: PAGE_KEYS,
      urlEncoded: true,
      startAfter: marker?.key,
      idMarker: marker?.versionId,
      continuation: undefined,
      after: [],
    };
    const answer = await (
      await session()
    ).ask({ method: 'GET', key: '', query: storeListingQuery(query), headers: {} });
    const page = readPage(await readAnswer(answer.body), 'ListVersionsResult', query);
    let last: typeof marker;
    for (const entry of page.root.children) {
      if (entry.name !== 'Version' && entry.name !== 'DeleteMarker') continue;
      last = { key: page.keyOf(entry), versionId: required(entry, 'VersionId') };
      if (entry.name === 'DeleteMarker') {
        yield { key: last.key, deleteMarkerId: last.versionId };
        continue;
      }
      const isCurrent = required(entry, 'IsLatest') === 'true';
      yield {
        key: last.key,
        versionId: isCurrent && last.versionId === NO_VERSION ? undefined : last.versionId,
        isCurrent,
        sizeBytes: parseCount(required(entry, 'Size')),
        lastModifiedMs: Date.parse(required(entry, 'LastModified')),
      };
    }
    // A store that says that there is more and shows nothing would be asked for ever.
    if (!page.isTruncated || last === undefined) return;
    marker = last;
  }
}
