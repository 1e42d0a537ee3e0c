/**
 * Enters: a page of the store's ListVersionsResult and the client's query. Leaves: the client's document, with sizes and ETags of
 * the client's view. Versions and delete markers stay in the store's order.
 */
import type { ListingQuery } from '../request/listing-query.ts';
import { AFTER_RESERVED, isReservedKey } from '../reserved-keys.ts';
import { S3_NAMESPACE, textElement, XML_DECLARATION } from './xml.ts';
import { textOf } from './xml-reader.ts';
import {
  commonPrefixElements,
  ownerElement,
  echoOf,
  isBefore,
  textForm,
  type ListedEntry,
  type Listing,
  type PageEntry,
  type StorePage,
} from './listing-document.ts';
import { parseCount, required } from './stored-document.ts';

interface ListedVersion extends ListedEntry {
  readonly versionId: string;
  readonly isLatest: boolean;
  readonly lastModified: string;
  readonly storageClass: string;
}

interface DeleteMarker extends Omit<ListedVersion, 'etag' | 'sizeBytes' | 'storageClass'> {
  readonly storageClass?: undefined;
}

/**
 * Reads a page of versions.
 * @throws GatewayError InternalError (an entry is malformed)
 * @see Amazon S3 API Reference, "ListObjectVersions"
 */
export function readVersions(page: StorePage, query: ListingQuery): Listing {
  const listed = page.entries.map(readEntry);
  const visible = listed.filter(({ key }) => !isReservedKey(key));
  const entries = visible.filter(isVersion);
  return {
    entries,
    write: (bucket, shown) => {
      const shownOf = new Map(entries.map((entry, index) => [entry, shown[index]]));
      const text = textForm(query);
      const parts = [
        `${XML_DECLARATION}<ListVersionsResult xmlns="${S3_NAMESPACE}">`,
        textElement('Name', bucket),
        textElement('Prefix', text(query.prefix)),
        textElement('KeyMarker', text(query.startAfter ?? '')),
        textElement('VersionIdMarker', query.idMarker ?? ''),
        ...(page.isTruncated ? nextMarkers(page, listed.at(-1), text) : []),
        textElement('MaxKeys', query.maxKeys),
        echoOf(query, page.isTruncated),
      ];
      const owner = ownerElement(query);
      for (const entry of visible) {
        if (!isVersion(entry)) {
          parts.push(`<DeleteMarker>${factsOf(entry, entry.lastModified, text)}${owner}</DeleteMarker>`);
          continue;
        }
        const view = shownOf.get(entry);
        if (view === undefined) continue;
        parts.push(
          `<Version>${factsOf(entry, view.lastModified ?? entry.lastModified, text)}${textElement('ETag', view.etag)}`,
          `${textElement('Size', view.sizeBytes)}${textElement('StorageClass', entry.storageClass)}${owner}</Version>`,
        );
      }
      parts.push(commonPrefixElements(page.commonPrefixes, text), '</ListVersionsResult>');
      return parts.join('');
    },
  };
}

function readEntry({ key, element: entry }: PageEntry): ListedVersion | DeleteMarker {
  const marker = {
    key,
    versionId: required(entry, 'VersionId'),
    isLatest: required(entry, 'IsLatest') === 'true',
    lastModified: required(entry, 'LastModified'),
  };
  if (entry.name === 'DeleteMarker') return marker;
  return {
    ...marker,
    etag: required(entry, 'ETag'),
    sizeBytes: parseCount(required(entry, 'Size')),
    storageClass: textOf(entry, 'StorageClass') ?? 'STANDARD',
  };
}

function isVersion(entry: ListedVersion | DeleteMarker): entry is ListedVersion {
  return entry.storageClass !== undefined;
}

/** Named by the last entry, as in the other listings: not every store encodes its own markers as it says. */
function nextMarkers(
  page: StorePage,
  last: Pick<ListedVersion, 'key' | 'versionId'> | undefined,
  text: (key: string) => string,
): string[] {
  if (page.next !== undefined) {
    const { key, id } = page.next;
    return [
      textElement('NextKeyMarker', text(key)),
      ...(id === undefined ? [] : [textElement('NextVersionIdMarker', id)]),
    ];
  }
  if (last !== undefined && isReservedKey(last.key)) return [textElement('NextKeyMarker', text(AFTER_RESERVED))];
  const prefix = page.commonPrefixes.at(-1);
  if (prefix !== undefined && (last === undefined || isBefore(last.key, prefix))) {
    return [textElement('NextKeyMarker', text(prefix))];
  }
  if (last === undefined) return page.hides ? [textElement('NextKeyMarker', text(AFTER_RESERVED))] : [];
  return [textElement('NextKeyMarker', text(last.key)), textElement('NextVersionIdMarker', last.versionId)];
}

function factsOf(
  { key, versionId, isLatest }: Pick<ListedVersion, 'key' | 'versionId' | 'isLatest'>,
  lastModified: string,
  text: (key: string) => string,
): string {
  return [
    textElement('Key', text(key)),
    textElement('VersionId', versionId),
    textElement('IsLatest', isLatest),
    textElement('LastModified', lastModified),
  ].join('');
}
