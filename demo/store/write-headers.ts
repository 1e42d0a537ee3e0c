/**
 * What the headers of a write say of the object: kept headers, storage class, encryption, ACL, tags, lock, and the
 * conditions under which it may be written. Never: a value that S3 would not take.
 */
import { demandObject, type S3Exchange } from './exchange.ts';
import { lockOfHeaders } from './object-lock.ts';
import { etagMatches } from './read-conditions.ts';
import {
  invalidArgument,
  invalidRequest,
  noSuchKey,
  notImplemented,
  preconditionFailed,
  StoreError,
} from './store-error.ts';
import type { Description, StoredVersion } from './stored-object.ts';
import { parseTaggingHeader } from './tags.ts';

/** Headers that are stored with an object and given back; `x-amz-meta-*` joins them. */
const KEPT_HEADERS = [
  'cache-control',
  'content-disposition',
  'content-encoding',
  'content-language',
  'content-type',
  'expires',
];
export const ENCRYPTION_HEADERS = [
  'x-amz-server-side-encryption',
  'x-amz-server-side-encryption-aws-kms-key-id',
  'x-amz-server-side-encryption-context',
  'x-amz-server-side-encryption-bucket-key-enabled',
];
/** The `x-amz-*` headers that describe an object. */
export const DESCRIPTION_HEADERS = [
  ...ENCRYPTION_HEADERS,
  'x-amz-acl',
  'x-amz-storage-class',
  'x-amz-tagging',
  'x-amz-object-lock-mode',
  'x-amz-object-lock-retain-until-date',
  'x-amz-object-lock-legal-hold',
];
const STORAGE_CLASSES = [
  'STANDARD',
  'REDUCED_REDUNDANCY',
  'STANDARD_IA',
  'ONEZONE_IA',
  'INTELLIGENT_TIERING',
  'GLACIER_IR',
  'GLACIER',
  'DEEP_ARCHIVE',
];
const ACLS = [
  'private',
  'public-read',
  'public-read-write',
  'authenticated-read',
  'bucket-owner-read',
  'bucket-owner-full-control',
];
const MAX_METADATA_BYTES = 2048;

/**
 * Each thing that is said asks for a permission of its own.
 * @throws StoreError AccessDenied, InvalidArgument, InvalidRequest, InvalidStorageClass, InvalidTag, MetadataTooLarge
 */
export function describeWrite(exchange: S3Exchange): Description {
  const { headers } = exchange.request;
  if (headers.has('x-amz-tagging')) demandObject(exchange, 's3:PutObjectTagging');
  if (headers.has('x-amz-object-lock-mode')) demandObject(exchange, 's3:PutObjectRetention');
  if (headers.has('x-amz-object-lock-legal-hold')) demandObject(exchange, 's3:PutObjectLegalHold');
  const acl = headers.get('x-amz-acl') ?? 'private';
  if (!ACLS.includes(acl)) throw invalidArgument('The value of x-amz-acl is not a canned ACL.');
  if (acl !== 'private') demandObject(exchange, 's3:PutObjectAcl');
  const storageClass = headers.get('x-amz-storage-class') ?? 'STANDARD';
  if (!STORAGE_CLASSES.includes(storageClass))
    throw new StoreError('InvalidStorageClass', 400, 'The storage class you specified is not valid');
  return {
    headers: keptHeaders(headers),
    storageClass,
    encryption: encryptionOf(headers),
    acl,
    tags: parseTaggingHeader(headers.get('x-amz-tagging')),
    ...lockOfHeaders(exchange),
  };
}

function encryptionOf(headers: ReadonlyMap<string, string>): Readonly<Record<string, string>> {
  const encryption = Object.fromEntries([...headers].filter(([name]) => ENCRYPTION_HEADERS.includes(name)));
  const [main = '', ...details] = ENCRYPTION_HEADERS;
  const algorithm = encryption[main];
  if (algorithm !== undefined && !['AES256', 'aws:kms', 'aws:kms:dsse'].includes(algorithm))
    throw invalidArgument('The encryption method specified is not supported');
  if (algorithm?.startsWith('aws:kms') !== true && details.some((name) => name in encryption))
    throw invalidArgument(
      'Server Side Encryption with AWS KMS managed key requires HTTP header x-amz-server-side-encryption : aws:kms',
    );
  return encryption;
}

function keptHeaders(headers: ReadonlyMap<string, string>): Record<string, string> {
  const kept = [...headers].filter(([name]) => KEPT_HEADERS.includes(name) || name.startsWith('x-amz-meta-'));
  const metadataBytes = kept
    .filter(([name]) => name.startsWith('x-amz-meta-'))
    .reduce((sum, [name, value]) => sum + name.length - 'x-amz-meta-'.length + Buffer.byteLength(value), 0);
  if (metadataBytes > MAX_METADATA_BYTES)
    throw new StoreError('MetadataTooLarge', 400, 'Your metadata headers exceed the maximum allowed metadata size.');
  // Back into the form in which Node writes header bytes.
  return Object.fromEntries(
    kept
      .map(([name, value]) => [name, name === 'content-encoding' ? withoutFraming(value) : value] as const)
      .filter(([name, value]) => name !== 'content-encoding' || value !== '')
      .map(([name, value]) => [name, Buffer.from(value, 'utf8').toString('latin1')]),
  );
}

/** `aws-chunked` is how the body came, and nothing of the object. */
function withoutFraming(contentEncoding: string): string {
  const codings = contentEncoding.split(',').map((coding) => coding.trim());
  return codings.filter((coding) => coding !== 'aws-chunked').join(',');
}

/** Decides on a write by the version that is there, `undefined` where there is none or a delete marker. @throws StoreError NotImplemented, InvalidRequest */
export function writeCondition(headers: ReadonlyMap<string, string>): (existing: StoredVersion | undefined) => void {
  const [ifMatch, ifNoneMatch] = [headers.get('if-match'), headers.get('if-none-match')];
  if (ifNoneMatch !== undefined && ifNoneMatch !== '*') throw notImplemented('If-None-Match other than * on a write');
  if (ifMatch === '*') throw notImplemented('If-Match: * on a write');
  if (ifMatch !== undefined && ifNoneMatch !== undefined)
    throw invalidRequest('If-Match and If-None-Match cannot be sent together.');
  return (version) => {
    const existing = version?.isDeleteMarker === true ? undefined : version;
    if (ifNoneMatch !== undefined && existing !== undefined) throw preconditionFailed();
    if (ifMatch === undefined) return;
    if (existing === undefined) throw noSuchKey();
    if (!etagMatches(ifMatch, existing.etag)) throw preconditionFailed();
  };
}
