/**
 * PutObject, CopyObject, DeleteObject and DeleteObjects. Never: a body that is not what was declared, or the removal of a
 * version that object lock protects.
 */
import { checksumElement, checksumHeaders, parseAlgorithm } from './checksums.ts';
import { copiedVersionHeader, openCopySource } from './copy-source.ts';
import {
  demandDigest,
  demandObject,
  parseVersionId,
  readDocument,
  sendEmpty,
  sendXml,
  versionHeader,
  versionIdOf,
  type S3Exchange,
} from './exchange.ts';
import { demandUnlocked } from './object-lock.ts';
import type { Deletion } from './object-files.ts';
import { bodyExpectation } from './receive-body.ts';
import { invalidArgument, invalidRequest, notImplemented, preconditionFailed, StoreError } from './store-error.ts';
import type { Description, StoredVersion } from './stored-object.ts';
import { describeWrite, ENCRYPTION_HEADERS, writeCondition } from './write-headers.ts';
import { childText, malformed, onlyChildren, type XmlElement } from './xml-reader.ts';
import { etagMatches } from './read-conditions.ts';
import type { XmlElements } from './xml.ts';

export const MAX_OBJECT_BYTES = 5 * 1024 ** 3;
const MAX_DELETED_KEYS = 1000;

export async function putObject(exchange: S3Exchange): Promise<void> {
  const { request, files, incoming, response } = exchange;
  const { bucket, key, headers } = request;
  demandObject(exchange, 's3:PutObject');
  const admit = writeCondition(headers);
  admit(files.find(bucket, key));
  const description = describeWrite(exchange);
  const expected = bodyExpectation(headers, MAX_OBJECT_BYTES);
  if ((headers.get('x-amz-checksum-type')?.toUpperCase() ?? 'FULL_OBJECT') !== 'FULL_OBJECT')
    throw invalidRequest('Value for x-amz-checksum-type header is invalid.');
  if (description.retention !== undefined || description.legalHold !== undefined) demandDigest(exchange);
  exchange.proceed();
  const body = incoming as AsyncIterable<Buffer>;
  const version = await files.write(bucket, key, { description, body, expected, admit });
  sendEmpty(response, 200, { etag: `"${version.etag}"`, ...writtenHeaders(exchange, version) });
}

/** What every write answers of the version that it made. */
function writtenHeaders(exchange: S3Exchange, version: StoredVersion): Record<string, string> {
  return {
    ...versionHeader(exchange, exchange.request.bucket, version),
    ...version.encryption,
    ...checksumHeaders(version.checksum),
  };
}

export async function copyObject(exchange: S3Exchange): Promise<void> {
  const { request, files, response } = exchange;
  const { bucket, key, headers } = request;
  demandObject(exchange, 's3:PutObject');
  const replacesMetadata = directive(headers, 'x-amz-metadata-directive');
  const replacesTags = directive(headers, 'x-amz-tagging-directive');
  const named = describeWrite(exchange);
  const algorithm = headers.get('x-amz-checksum-algorithm');
  const { source, opened } = await openCopySource(exchange);
  try {
    const { version: from, sizeBytes } = opened;
    const isOntoItself = source.bucket === bucket && source.key === key && source.versionId === undefined;
    const changes = ['x-amz-storage-class', ...ENCRYPTION_HEADERS].some((name) => headers.has(name));
    if (isOntoItself && !replacesMetadata && !changes)
      throw invalidRequest(
        "This copy request is illegal because it is trying to copy an object to itself without changing the object's metadata, storage class, website redirect location or encryption attributes.",
      );
    if (sizeBytes > MAX_OBJECT_BYTES)
      throw invalidRequest('The specified copy source is larger than the maximum allowable size for a copy source');
    const description: Description = {
      ...named,
      headers: replacesMetadata ? named.headers : from.headers,
      tags: replacesTags ? named.tags : copiedTags(exchange, source, from),
    };
    const version = await files.write(bucket, key, {
      description,
      body: sizeBytes === 0 ? emptyBody() : (opened.stream(0, sizeBytes - 1) as AsyncIterable<Buffer>),
      expected: {
        sizeBytes,
        wanted: algorithm === undefined ? from.checksum?.algorithm : parseAlgorithm(algorithm),
      },
      admit: writeCondition(headers),
    });
    const { checksum } = version;
    sendXml(
      response,
      'CopyObjectResult',
      {
        LastModified: new Date(version.lastModifiedMs).toISOString(),
        ETag: `"${version.etag}"`,
        ...(checksum === undefined ? {} : { ...checksumElement(checksum), ChecksumType: checksum.type }),
      },
      {
        ...versionHeader(exchange, bucket, version),
        ...version.encryption,
        ...copiedVersionHeader(exchange, source, from),
      },
    );
  } finally {
    await opened.close();
  }
}

function directive(headers: ReadonlyMap<string, string>, name: string): boolean {
  const value = headers.get(name) ?? 'COPY';
  if (value !== 'COPY' && value !== 'REPLACE') throw invalidArgument(`Unknown value of ${name}.`);
  return value === 'REPLACE';
}

/** Tags go along only with one who may read and write them. */
function copiedTags(
  exchange: S3Exchange,
  source: { readonly bucket: string; readonly key: string; readonly versionId: string | undefined },
  { tags }: StoredVersion,
): Description['tags'] {
  if (tags.length === 0) return tags;
  demandObject(exchange, source.versionId === undefined ? 's3:GetObjectTagging' : 's3:GetObjectVersionTagging', source);
  demandObject(exchange, 's3:PutObjectTagging');
  return tags;
}

export async function deleteObject(exchange: S3Exchange): Promise<void> {
  const { request, response } = exchange;
  const deletion = await deleteOne(exchange, {
    key: request.key,
    versionId: versionIdOf(request),
    etag: request.headers.get('if-match'),
  });
  sendEmpty(response, 204, {
    ...(deletion.versionId === undefined ? {} : { 'x-amz-version-id': deletion.versionId }),
    ...(deletion.isDeleteMarker ? { 'x-amz-delete-marker': 'true' } : {}),
  });
}

interface Target {
  readonly key: string;
  readonly versionId: string | undefined;
  readonly etag: string | undefined;
}

async function deleteOne(exchange: S3Exchange, { key, versionId, etag }: Target): Promise<Deletion> {
  const { request, files } = exchange;
  const { bucket } = request;
  const action = versionId === undefined ? 's3:DeleteObject' : 's3:DeleteObjectVersion';
  demandObject(exchange, action, { bucket, key });
  if (etag !== undefined) {
    if (versionId !== undefined) throw notImplemented('conditional deletes of a version');
    const existing = files.find(bucket, key);
    if (existing !== undefined && !existing.isDeleteMarker && !etagMatches(etag, existing.etag))
      throw preconditionFailed();
  }
  return files.delete(bucket, key, versionId, (version) => demandUnlocked(exchange, key, version));
}

export async function deleteObjects(exchange: S3Exchange): Promise<void> {
  const { request, files, response } = exchange;
  files.settings(request.bucket);
  demandDigest(exchange);
  const root = await readDocument(exchange, 'Delete');
  onlyChildren(root, ['Quiet', 'Object']);
  const isQuiet = childText(root, 'Quiet') === 'true';
  const objects = root.children.filter(({ name }) => name === 'Object');
  if (objects.length === 0 || objects.length > MAX_DELETED_KEYS) throw malformed();
  const targets = objects.map(parseTarget);
  const deleted: XmlElements[] = [];
  const failed: XmlElements[] = [];
  for (const { key, versionId, etag } of targets) {
    const requested = { Key: key, ...(versionId === undefined ? {} : { VersionId: versionId }) };
    try {
      if (Buffer.byteLength(key) > 1024) throw new StoreError('KeyTooLongError', 400, 'Your key is too long');
      const id = versionId === undefined ? undefined : parseVersionId(versionId);
      const deletion = await deleteOne(exchange, { key, versionId: id, etag });
      const marker = { DeleteMarker: true, DeleteMarkerVersionId: deletion.versionId };
      deleted.push({ ...requested, ...(deletion.isDeleteMarker ? marker : {}) });
    } catch (error) {
      if (!(error instanceof StoreError)) throw error;
      failed.push({ ...requested, Code: error.code, Message: error.message });
    }
  }
  sendXml(response, 'DeleteResult', { Deleted: isQuiet ? [] : deleted, Error: failed });
}

function parseTarget(object: XmlElement): Target {
  onlyChildren(object, ['Key', 'VersionId', 'ETag']);
  const key = childText(object, 'Key') ?? '';
  if (key === '') throw malformed();
  return { key, versionId: childText(object, 'VersionId'), etag: childText(object, 'ETag') };
}

/** The body of an empty file, which cannot be requested by first and last byte. */
// eslint-disable-next-line @typescript-eslint/require-await -- a body is asynchronous
export async function* emptyBody(): AsyncGenerator<Buffer> {
  yield* [];
}
