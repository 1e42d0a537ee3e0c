/**
 * What can be said of an object after it was written: tags, retention, legal hold. Never: a retention that becomes
 * shorter, but for one who may bypass it.
 */
import {
  demandDigest,
  demandObject,
  readableVersion,
  readDocument,
  sendEmpty,
  sendXml,
  versionHeader,
  versionIdOf,
  type S3Exchange,
} from './exchange.ts';
import { demandLocking, mayBypass, parseLegalHold, parseRetention } from './object-lock.ts';
import type { S3Action } from './session-policy.ts';
import { accessDenied, StoreError } from './store-error.ts';
import type { Description, StoredVersion } from './stored-object.ts';
import { MAX_OBJECT_TAGS, parseTagging, taggingElements } from './tags.ts';
import { childText, malformed, onlyChildren } from './xml-reader.ts';

export function getObjectTagging(exchange: S3Exchange): Promise<void> {
  const version = demandVersion(exchange, 's3:GetObjectTagging', 's3:GetObjectVersionTagging');
  sendXml(exchange.response, 'Tagging', taggingElements(version.tags), shownVersion(exchange, version));
  return Promise.resolve();
}

export async function putObjectTagging(exchange: S3Exchange): Promise<void> {
  const version = demandVersion(exchange, 's3:PutObjectTagging', 's3:PutObjectVersionTagging');
  const tags = parseTagging(await readDocument(exchange, 'Tagging'), MAX_OBJECT_TAGS);
  await describe(exchange, version, () => ({ tags }));
  sendEmpty(exchange.response, 200, shownVersion(exchange, version));
}

export async function deleteObjectTagging(exchange: S3Exchange): Promise<void> {
  const version = demandVersion(exchange, 's3:DeleteObjectTagging', 's3:DeleteObjectVersionTagging');
  await describe(exchange, version, () => ({ tags: [] }));
  sendEmpty(exchange.response, 204, shownVersion(exchange, version));
}

export function getObjectRetention(exchange: S3Exchange): Promise<void> {
  const { retention } = demandLockable(exchange, 's3:GetObjectRetention');
  if (retention === undefined) throw noLock();
  sendXml(exchange.response, 'Retention', {
    Mode: retention.mode,
    RetainUntilDate: new Date(retention.untilMs).toISOString(),
  });
  return Promise.resolve();
}

export async function putObjectRetention(exchange: S3Exchange): Promise<void> {
  const version = demandLockable(exchange, 's3:PutObjectRetention');
  demandDigest(exchange);
  const root = await readDocument(exchange, 'Retention');
  onlyChildren(root, ['Mode', 'RetainUntilDate']);
  const wanted =
    root.children.length === 0
      ? undefined
      : parseRetention(childText(root, 'Mode'), childText(root, 'RetainUntilDate'), exchange.nowMs);
  await describe(exchange, version, ({ retention: present }) => {
    if (present !== undefined && present.untilMs > exchange.nowMs) {
      const isLooser = wanted === undefined || wanted.untilMs < present.untilMs || wanted.mode !== present.mode;
      const isStricter = wanted?.mode === 'COMPLIANCE' && wanted.untilMs >= present.untilMs;
      const mayLoosen = present.mode === 'GOVERNANCE' && mayBypass(exchange, exchange.request.key);
      if (isLooser && !isStricter && !mayLoosen)
        throw accessDenied('Access Denied because object protected by object lock.');
    }
    return { retention: wanted };
  });
  sendEmpty(exchange.response, 200);
}

export function getObjectLegalHold(exchange: S3Exchange): Promise<void> {
  const { legalHold } = demandLockable(exchange, 's3:GetObjectLegalHold');
  if (legalHold === undefined) throw noLock();
  sendXml(exchange.response, 'LegalHold', { Status: legalHold ? 'ON' : 'OFF' });
  return Promise.resolve();
}

export async function putObjectLegalHold(exchange: S3Exchange): Promise<void> {
  const version = demandLockable(exchange, 's3:PutObjectLegalHold');
  demandDigest(exchange);
  const root = await readDocument(exchange, 'LegalHold');
  onlyChildren(root, ['Status']);
  const status = childText(root, 'Status');
  if (status !== 'ON' && status !== 'OFF') throw malformed();
  const legalHold = parseLegalHold(status);
  await describe(exchange, version, () => ({ legalHold }));
  sendEmpty(exchange.response, 200);
}

/** @throws StoreError AccessDenied, and as readableVersion */
function demandVersion(exchange: S3Exchange, newest: S3Action, named: S3Action): StoredVersion {
  const { request } = exchange;
  const versionId = versionIdOf(request);
  demandObject(exchange, versionId === undefined ? newest : named);
  return settableVersion(exchange, versionId);
}

/** Retention and legal hold ask the same permission of every version. */
function demandLockable(exchange: S3Exchange, action: S3Action): StoredVersion {
  const { request } = exchange;
  demandObject(exchange, action);
  demandLocking(exchange, request.bucket);
  return settableVersion(exchange, versionIdOf(request));
}

/** S3 answers MethodNotAllowed for a delete marker here, whether or not it was named. */
function settableVersion(exchange: S3Exchange, versionId: string | undefined): StoredVersion {
  const { request, files } = exchange;
  const newest = files.find(request.bucket, request.key, versionId);
  return readableVersion(exchange, request, newest?.isDeleteMarker === true ? newest.versionId : versionId);
}

async function describe(
  { request, files }: S3Exchange,
  { versionId }: StoredVersion,
  change: (version: StoredVersion) => Partial<Description>,
): Promise<void> {
  await files.describe(request.bucket, request.key, versionId, change);
}

function shownVersion(exchange: S3Exchange, version: StoredVersion): Readonly<Record<string, string>> {
  return versionHeader(exchange, exchange.request.bucket, version);
}

const noLock = () =>
  new StoreError('NoSuchObjectLockConfiguration', 404, 'The specified object does not have a ObjectLock configuration');
