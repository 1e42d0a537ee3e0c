/**
 * ListObjects (both), ListObjectVersions and ListMultipartUploads. Never: an entry outside of the prefix that the signer
 * was asked about.
 */
import { demandBucket, integerOf, OWNER, sendXml, type S3Exchange } from './exchange.ts';
import { listPage } from './listing.ts';
import { invalidArgument } from './store-error.ts';
import type { StoredObject, StoredUpload, StoredVersion } from './stored-object.ts';
import type { StoreRequest } from './store-request.ts';
import type { XmlElements } from './xml.ts';

const LISTING_QUERY = ['prefix', 'delimiter', 'encoding-type'];
export const LIST_QUERY = [...LISTING_QUERY, 'max-keys', 'marker'];
export const LIST_V2_QUERY = [
  ...LISTING_QUERY,
  'max-keys',
  'list-type',
  'continuation-token',
  'start-after',
  'fetch-owner',
];
export const VERSIONS_QUERY = [...LISTING_QUERY, 'max-keys', 'versions', 'key-marker', 'version-id-marker'];
export const UPLOADS_QUERY = [...LISTING_QUERY, 'uploads', 'max-uploads', 'key-marker', 'upload-id-marker'];

/** What all listings have in common. */
interface Common {
  readonly prefix: string;
  readonly delimiter: string;
  readonly max: number;
  /** Encodes a key where the client asked for it. */
  readonly shown: (text: string) => string;
  readonly elements: XmlElements;
}

/** @throws StoreError InvalidArgument */
function parseCommon(request: StoreRequest, maxName: string): Common {
  const { bucket, query } = request;
  const encoding = query.get('encoding-type');
  if (encoding !== undefined && encoding !== 'url')
    throw invalidArgument('Invalid Encoding Method specified in Request');
  const prefix = query.get('prefix') ?? '';
  const delimiter = query.get('delimiter') ?? '';
  const shown = encoding === 'url' ? encodeForListing : (text: string) => text;
  return {
    prefix,
    delimiter,
    max: Math.min(integerOf(request, maxName, 0, 2 ** 31 - 1) ?? 1000, 1000),
    shown,
    elements: {
      [maxName === 'max-uploads' ? 'Bucket' : 'Name']: bucket,
      Prefix: shown(prefix),
      Delimiter: delimiter === '' ? undefined : shown(delimiter),
      EncodingType: encoding,
    },
  };
}

/** As S3 does: a space as a plus, slashes and asterisks as they are. */
function encodeForListing(text: string): string {
  return encodeURIComponent(text)
    .replaceAll('%20', '+')
    .replaceAll('%2F', '/')
    .replace(/[!'()~]/g, (character) => `%${character.charCodeAt(0).toString(16).toUpperCase()}`);
}

const groups = ({ shown }: Common, prefixes: readonly string[]) => ({
  CommonPrefixes: prefixes.map((prefix) => ({ Prefix: shown(prefix) })),
});

export function listObjects(exchange: S3Exchange): Promise<void> {
  const { request, files, response } = exchange;
  const { bucket, query } = request;
  demandBucket(exchange, 's3:ListBucket', query.get('prefix'));
  const common = parseCommon(request, 'max-keys');
  const { prefix, delimiter, max, shown } = common;
  const isSecond = query.has('list-type');
  const token = query.get('continuation-token');
  const after = token === undefined ? (query.get(isSecond ? 'start-after' : 'marker') ?? '') : decodeToken(token);
  const { entries, commonPrefixes, next } = listPage(currentObjects(files.sorted(bucket)), {
    prefix,
    delimiter,
    maxKeys: max,
    after,
  });
  const startAfter = query.get('start-after');
  const owner = !isSecond || query.get('fetch-owner') === 'true' ? OWNER : undefined;
  sendXml(response, 'ListBucketResult', {
    ...common.elements,
    ...(isSecond
      ? {
          KeyCount: entries.length + commonPrefixes.length,
          ContinuationToken: token,
          NextContinuationToken: next === undefined ? undefined : Buffer.from(next.key).toString('base64url'),
          StartAfter: startAfter === undefined ? undefined : shown(startAfter),
        }
      : {
          Marker: shown(query.get('marker') ?? ''),
          // S3 gives it only where a delimiter was sent; without one the last key is the marker.
          NextMarker: next === undefined || delimiter === '' ? undefined : shown(next.key),
        }),
    MaxKeys: max,
    IsTruncated: next !== undefined,
    Contents: entries.map(({ key, version }) => ({
      Key: shown(key),
      ...versionElements(version),
      Owner: owner,
    })),
    ...groups(common, commonPrefixes),
  });
  return Promise.resolve();
}

interface CurrentObject {
  readonly key: string;
  readonly version: StoredVersion;
}

function currentObjects(objects: readonly StoredObject[]): readonly CurrentObject[] {
  return objects.flatMap(({ key, versions: [version] }) =>
    version === undefined || version.isDeleteMarker ? [] : [{ key, version }],
  );
}

function versionElements(version: StoredVersion): XmlElements {
  return {
    LastModified: new Date(version.lastModifiedMs).toISOString(),
    ETag: `"${version.etag}"`,
    ChecksumAlgorithm: version.checksum?.algorithm,
    ChecksumType: version.checksum?.type,
    Size: version.sizeBytes,
    StorageClass: version.storageClass,
  };
}

export function listObjectVersions(exchange: S3Exchange): Promise<void> {
  const { request, files, response } = exchange;
  const { bucket, query } = request;
  demandBucket(exchange, 's3:ListBucketVersions', query.get('prefix'));
  const common = parseCommon(request, 'max-keys');
  const keyMarker = query.get('key-marker') ?? '';
  const idMarker = query.get('version-id-marker') ?? '';
  if (idMarker !== '' && keyMarker === '')
    throw invalidArgument('A version-id marker cannot be specified without a key marker.');
  const all = files
    .sorted(bucket)
    .flatMap(({ key, versions }) => versions.map((version, age) => ({ key, version, age })));
  const marked = files.sorted(bucket).find(({ key }) => key === keyMarker)?.versions ?? [];
  const markedAge = marked.findIndex(({ versionId }) => versionId === idMarker);
  const { entries, commonPrefixes, next } = listPage(all, {
    ...common,
    maxKeys: common.max,
    after: keyMarker,
    isStillToCome: ({ age }) => markedAge >= 0 && age > markedAge,
  });
  const elementsOf = ({ key, version, age }: (typeof all)[number]): XmlElements => ({
    Key: common.shown(key),
    VersionId: version.versionId,
    IsLatest: age === 0,
    ...(version.isDeleteMarker
      ? { LastModified: new Date(version.lastModifiedMs).toISOString() }
      : versionElements(version)),
    Owner: OWNER,
  });
  sendXml(response, 'ListVersionsResult', {
    ...common.elements,
    KeyMarker: common.shown(keyMarker),
    VersionIdMarker: idMarker,
    NextKeyMarker: next === undefined ? undefined : common.shown(next.key),
    NextVersionIdMarker: next?.entry?.version.versionId,
    MaxKeys: common.max,
    IsTruncated: next !== undefined,
    Version: entries.filter(({ version }) => !version.isDeleteMarker).map(elementsOf),
    DeleteMarker: entries.filter(({ version }) => version.isDeleteMarker).map(elementsOf),
    ...groups(common, commonPrefixes),
  });
  return Promise.resolve();
}

export function listMultipartUploads(exchange: S3Exchange): Promise<void> {
  const { request, uploads, response } = exchange;
  const { bucket, query } = request;
  // IAM has no prefix to bound this one by.
  demandBucket(exchange, 's3:ListBucketMultipartUploads');
  const common = parseCommon(request, 'max-uploads');
  const keyMarker = query.get('key-marker') ?? '';
  // S3 ignores it where no key is named.
  const idMarker = keyMarker === '' ? '' : (query.get('upload-id-marker') ?? '');
  const { entries, commonPrefixes, next } = listPage<StoredUpload>(uploads.list(bucket), {
    ...common,
    maxKeys: common.max,
    after: keyMarker,
    isStillToCome: ({ uploadId }) => idMarker !== '' && uploadId > idMarker,
  });
  sendXml(response, 'ListMultipartUploadsResult', {
    ...common.elements,
    KeyMarker: common.shown(keyMarker),
    UploadIdMarker: idMarker,
    NextKeyMarker: next === undefined ? undefined : common.shown(next.key),
    NextUploadIdMarker: next?.entry?.uploadId,
    MaxUploads: common.max,
    IsTruncated: next !== undefined,
    Upload: entries.map(({ key, uploadId, initiatedMs, description, checksum }) => ({
      Key: common.shown(key),
      UploadId: uploadId,
      Initiator: OWNER,
      Owner: OWNER,
      StorageClass: description.storageClass,
      Initiated: new Date(initiatedMs).toISOString(),
      ChecksumAlgorithm: checksum?.algorithm,
      ChecksumType: checksum?.type,
    })),
    ...groups(common, commonPrefixes),
  });
  return Promise.resolve();
}

/** @throws StoreError InvalidArgument */
function decodeToken(token: string): string {
  const text = Buffer.from(token, 'base64url').toString('utf8');
  if (text === '' || Buffer.from(text).toString('base64url') !== token)
    throw invalidArgument('The continuation token provided is incorrect');
  return text;
}
