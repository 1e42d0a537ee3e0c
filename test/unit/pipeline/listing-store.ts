/**
 * A bucket in memory that lists its keys, versions and uploads as S3 does: by the bytes of UTF-8, in pages, with delimiters
 * and markers. What it was asked is kept.
 */
import type { StoreRequest } from '../../../src/contracts/store-session.ts';
import { encodeQueryComponent } from '../../../src/s3/encode.ts';

/** One version (the newest first), upload or, by its first version, object. */
export interface Stored {
  readonly key: string;
  readonly id: string;
  readonly isMarker?: boolean;
}

export interface ListingStoreOptions {
  /** Ceph passes over all of a common prefix that a marker is in, AWS over one that it is. */
  readonly marksWithin?: boolean;
  /** What a page holds at most, whatever was requested. */
  readonly pageSize?: number;
}

export interface ListingStore {
  readonly asked: ReadonlyMap<string, string>[];
  readonly answer: (request: StoreRequest) => string;
}

interface Line {
  readonly name: string;
  readonly id: string;
  readonly xml: string;
}

const KINDS = {
  objects: { root: 'ListBucketResult', marker: 'marker', idMarker: '', max: 'max-keys' },
  objects2: { root: 'ListBucketResult', marker: 'start-after', idMarker: '', max: 'max-keys' },
  versions: { root: 'ListVersionsResult', marker: 'key-marker', idMarker: 'version-id-marker', max: 'max-keys' },
  uploads: {
    root: 'ListMultipartUploadsResult',
    marker: 'key-marker',
    idMarker: 'upload-id-marker',
    max: 'max-uploads',
  },
} as const;

export function compareBytes(one: string, other: string): number {
  return Buffer.compare(Buffer.from(one), Buffer.from(other));
}

/** Makes the bucket. Of one key the entries stay in the order in which they are given. */
export function createListingStore(stored: readonly Stored[], options: ListingStoreOptions = {}): ListingStore {
  const { marksWithin = false, pageSize = 1000 } = options;
  const all = [...stored].sort((one, other) => compareBytes(one.key, other.key));
  const asked: ReadonlyMap<string, string>[] = [];
  return {
    asked,
    answer: ({ query }) => {
      const parameters = new Map(query);
      asked.push(parameters);
      const of = (name: string): string => parameters.get(name) ?? '';
      const kind = parameters.has('versions')
        ? 'versions'
        : parameters.has('uploads')
          ? 'uploads'
          : of('list-type') === '2'
            ? 'objects2'
            : 'objects';
      const { root, marker, idMarker, max } = KINDS[kind];
      const [prefix, delimiter, after, afterId] = [of('prefix'), of('delimiter'), of(marker), of(idMarker)];
      const lines: Line[] = [];
      const folders = new Set<string>();
      let isBehindId = afterId === '';
      let lastKey: string | undefined;
      for (const { key, id, isMarker = false } of all) {
        const isFirst = key !== lastKey;
        lastKey = key;
        if (kind.startsWith('objects') && (!isFirst || isMarker)) continue;
        if (!key.startsWith(prefix)) continue;
        if (key === after && !isBehindId) {
          isBehindId = id === afterId;
          continue;
        }
        if (after !== '' && (afterId === '' ? compareBytes(key, after) <= 0 : compareBytes(key, after) < 0)) continue;
        const at = delimiter === '' ? -1 : key.indexOf(delimiter, prefix.length);
        if (at >= 0) {
          const folder = key.slice(0, at + delimiter.length);
          if (folders.has(folder) || (marksWithin ? after.startsWith(folder) : after === folder)) continue;
          folders.add(folder);
          const xml = `<CommonPrefixes><Prefix>${encodeQueryComponent(folder)}</Prefix></CommonPrefixes>`;
          lines.push({ name: folder, id: '', xml });
          continue;
        }
        lines.push({ name: key, id, xml: entryOf(kind, { key, id, isMarker }, isFirst) });
      }
      const most = Math.min(Number(of(max)), pageSize);
      const page = lines.slice(0, most);
      return (
        `<${root}><EncodingType>url</EncodingType><IsTruncated>${lines.length > page.length}</IsTruncated>` +
        `${page.map(({ xml }) => xml).join('')}</${root}>`
      );
    },
  };
}

function entryOf(kind: keyof typeof KINDS, { key, id, isMarker }: Required<Stored>, isLatest: boolean): string {
  const name = `<Key>${encodeQueryComponent(key)}</Key>`;
  const facts = `<LastModified>2026-01-01T00:00:00.000Z</LastModified>`;
  const object = '<ETag>"e"</ETag><Size>1</Size>';
  switch (kind) {
    case 'uploads':
      return `<Upload>${name}<UploadId>${id}</UploadId><Initiated>2026-01-01T00:00:00.000Z</Initiated></Upload>`;
    case 'versions': {
      const version = `${name}<VersionId>${id}</VersionId><IsLatest>${isLatest}</IsLatest>${facts}`;
      return isMarker ? `<DeleteMarker>${version}</DeleteMarker>` : `<Version>${version}${object}</Version>`;
    }
    case 'objects':
    case 'objects2':
      return `<Contents>${name}${facts}${object}</Contents>`;
  }
}
