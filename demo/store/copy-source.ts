/**
 * The source of a copy: where it is, whether the signer may read it, and whether its conditions hold. A header enters,
 * a version opened for reading leaves, which the caller closes.
 * @see https://docs.aws.amazon.com/AmazonS3/latest/API/API_CopyObject.html
 */
import { demandObject, parseVersionId, readableVersion, versionHeader, type S3Exchange } from './exchange.ts';
import type { OpenVersion } from './object-files.ts';
import { dateOf, etagMatches } from './read-conditions.ts';
import { invalidArgument, invalidRequest, preconditionFailed, StoreError } from './store-error.ts';
import type { StoredVersion } from './stored-object.ts';

export interface CopySource {
  readonly bucket: string;
  readonly key: string;
  readonly versionId: string | undefined;
}

export const COPY_HEADERS = [
  'x-amz-copy-source',
  'x-amz-copy-source-if-match',
  'x-amz-copy-source-if-none-match',
  'x-amz-copy-source-if-modified-since',
  'x-amz-copy-source-if-unmodified-since',
  // Another store's spelling, taken without effect as AWS does.
  'x-amz-copy-if-match',
];

/** @throws StoreError AccessDenied, InvalidArgument, InvalidRequest, NoSuchBucket, NoSuchKey, NoSuchVersion, PreconditionFailed */
export async function openCopySource(exchange: S3Exchange): Promise<{ source: CopySource; opened: OpenVersion }> {
  const { request, files } = exchange;
  const source = parseCopySource(request.headers.get('x-amz-copy-source') ?? '');
  demandObject(exchange, source.versionId === undefined ? 's3:GetObject' : 's3:GetObjectVersion', source);
  const opened = await files.read(source.bucket, () => {
    const version = findSource(exchange, source);
    if (version.storageClass === 'GLACIER' || version.storageClass === 'DEEP_ARCHIVE')
      throw new StoreError('InvalidObjectState', 403, 'The source object of the COPY operation is archived.');
    checkConditions(request.headers, version);
    return version;
  });
  return { source, opened };
}

/** `x-amz-copy-source-version-id`, where the source's bucket has had versioning. */
export function copiedVersionHeader(exchange: S3Exchange, source: CopySource, version: StoredVersion) {
  const versionId = versionHeader(exchange, source.bucket, version)['x-amz-version-id'];
  return versionId === undefined ? undefined : { 'x-amz-copy-source-version-id': versionId };
}

function parseCopySource(header: string): CopySource {
  const mark = header.lastIndexOf('?versionId=');
  let path: string;
  try {
    path = decodeURIComponent(mark < 0 ? header : header.slice(0, mark)).replace(/^\//, '');
  } catch {
    throw invalidArgument('Invalid copy source encoding.');
  }
  const slash = path.indexOf('/');
  const key = path.slice(slash + 1);
  if (slash < 1 || key === '') throw invalidArgument('Invalid copy source object key');
  return {
    bucket: path.slice(0, slash),
    key,
    versionId: mark < 0 ? undefined : parseVersionId(header.slice(mark + '?versionId='.length)),
  };
}

function findSource(exchange: S3Exchange, source: CopySource): StoredVersion {
  try {
    return readableVersion(exchange, source, source.versionId);
  } catch (error) {
    if (error instanceof StoreError && error.code === 'MethodNotAllowed')
      throw invalidRequest('The source of a copy request may not specifically refer to a delete marker by version id.');
    throw error;
  }
}

/** A source that was not modified is a failed precondition here, not a 304. */
function checkConditions(headers: ReadonlyMap<string, string>, version: StoredVersion): void {
  const modifiedMs = Math.floor(version.lastModifiedMs / 1000) * 1000;
  const of = (name: string) => headers.get(`x-amz-copy-source-if-${name}`);
  const [match, noneMatch] = [of('match'), of('none-match')];
  if (match !== undefined) {
    if (!etagMatches(match, version.etag)) throw preconditionFailed();
  } else if (modifiedMs > dateOf(of('unmodified-since'))) throw preconditionFailed();
  if (noneMatch !== undefined) {
    if (etagMatches(noneMatch, version.etag)) throw preconditionFailed();
  } else if (modifiedMs <= dateOf(of('modified-since'))) throw preconditionFailed();
}
