/**
 * GetObject, HeadObject, GetObjectAttributes and GetObjectAcl. Never: the bytes of an archived object, or a checksum of
 * more than is sent.
 */
import { pipeline } from 'node:stream/promises';
import { checksumElement, checksumHeader, checksumHeaders, type Checksum } from './checksums.ts';
import {
  demandObject,
  integerOf,
  isAllowed,
  objectArn,
  OWNER,
  readableVersion,
  sendXml,
  versionHeader,
  versionIdOf,
  type S3Exchange,
} from './exchange.ts';
import { checkReadConditions, ifRangeHolds, parseRange } from './read-conditions.ts';
import { invalidArgument, invalidRequest, StoreError } from './store-error.ts';
import type { StoredPart, StoredVersion } from './stored-object.ts';
import type { XmlElements } from './xml.ts';

/** Query parameters that replace a header of the answer. */
const OVERRIDES: Readonly<Record<string, string>> = {
  'response-cache-control': 'cache-control',
  'response-content-disposition': 'content-disposition',
  'response-content-encoding': 'content-encoding',
  'response-content-language': 'content-language',
  'response-content-type': 'content-type',
  'response-expires': 'expires',
};
export const READ_QUERY = ['versionId', 'partNumber', ...Object.keys(OVERRIDES)];

/** What of an object is sent. */
interface Selection {
  readonly first: number;
  readonly last: number;
  readonly isPartial: boolean;
  /** Of exactly these bytes. */
  readonly checksum: Readonly<Record<string, string>>;
}

export async function getObject(exchange: S3Exchange): Promise<void> {
  const { request, files, response } = exchange;
  const versionId = versionIdOf(request);
  demandObject(exchange, versionId === undefined ? 's3:GetObject' : 's3:GetObjectVersion');
  const opened = await files.read(request.bucket, () => readableVersion(exchange, request, versionId));
  const { version, sizeBytes } = opened;
  try {
    checkReadConditions(request.headers, version);
    if (request.method === 'GET' && (version.storageClass === 'GLACIER' || version.storageClass === 'DEEP_ARCHIVE'))
      throw new StoreError('InvalidObjectState', 403, "The operation is not valid for the object's storage class");
    const { first, last, isPartial, checksum } = select(exchange, version, sizeBytes);
    response.writeHead(isPartial ? 206 : 200, {
      'content-type': 'binary/octet-stream',
      ...version.headers,
      ...describedHeaders(exchange, version),
      ...overrides(request.query),
      ...checksum,
      'accept-ranges': 'bytes',
      'content-length': last - first + 1,
      etag: `"${version.etag}"`,
      'last-modified': new Date(version.lastModifiedMs).toUTCString(),
      ...(isPartial ? { 'content-range': `bytes ${first}-${last}/${sizeBytes}` } : {}),
      ...(request.query.has('partNumber') && version.parts !== undefined
        ? { 'x-amz-mp-parts-count': version.parts.length }
        : {}),
    });
    if (request.method === 'HEAD' || last < first) response.end();
    else await pipeline(opened.stream(first, last), response);
  } finally {
    await opened.close();
  }
}

function select(exchange: S3Exchange, version: StoredVersion, sizeBytes: number): Selection {
  const { request } = exchange;
  const { headers } = request;
  const wantsChecksum = headers.get('x-amz-checksum-mode')?.toUpperCase() === 'ENABLED';
  const partNumber = integerOf(request, 'partNumber', 1, 10_000);
  if (partNumber !== undefined) {
    if (headers.has('range')) throw invalidRequest('Cannot specify both Range header and partNumber query parameter');
    const parts = version.parts ?? [{ number: 1, sizeBytes, checksum: version.checksum }];
    const part = parts[partNumber - 1];
    if (part === undefined)
      throw new StoreError('InvalidPartNumber', 416, 'The requested partnumber is not satisfiable');
    const first = parts.slice(0, partNumber - 1).reduce((sum, before) => sum + before.sizeBytes, 0);
    return {
      first,
      last: first + part.sizeBytes - 1,
      isPartial: part.sizeBytes > 0,
      checksum: wantsChecksum ? partChecksum(part) : {},
    };
  }
  const range = ifRangeHolds(headers.get('if-range'), version)
    ? parseRange(headers.get('range'), sizeBytes)
    : undefined;
  return {
    first: range?.first ?? 0,
    last: range?.last ?? sizeBytes - 1,
    isPartial: range !== undefined,
    checksum: wantsChecksum && range === undefined ? checksumHeaders(version.checksum) : {},
  };
}

const partChecksum = ({ checksum }: StoredPart): Record<string, string> =>
  checksum === undefined ? {} : { [checksumHeader(checksum.algorithm)]: checksum.value };

/** What S3 tells of an object; of tags and locks only to those who may ask for them. */
function describedHeaders(exchange: S3Exchange, version: StoredVersion): Record<string, string> {
  const resource = objectArn(exchange.request);
  const { retention, legalHold, tags } = version;
  return {
    ...version.encryption,
    ...versionHeader(exchange, exchange.request.bucket, version),
    ...(version.storageClass === 'STANDARD' ? {} : { 'x-amz-storage-class': version.storageClass }),
    ...(tags.length > 0 && isAllowed(exchange, 's3:GetObjectTagging', resource)
      ? { 'x-amz-tagging-count': String(tags.length) }
      : {}),
    ...(retention !== undefined && isAllowed(exchange, 's3:GetObjectRetention', resource)
      ? {
          'x-amz-object-lock-mode': retention.mode,
          'x-amz-object-lock-retain-until-date': new Date(retention.untilMs).toISOString(),
        }
      : {}),
    ...(legalHold !== undefined && isAllowed(exchange, 's3:GetObjectLegalHold', resource)
      ? { 'x-amz-object-lock-legal-hold': legalHold ? 'ON' : 'OFF' }
      : {}),
  };
}

function overrides(query: ReadonlyMap<string, string>): Record<string, string> {
  return Object.fromEntries(
    Object.entries(OVERRIDES).flatMap(([parameter, header]) => {
      const value = query.get(parameter);
      if (value === undefined) return [];
      if (/[\u0000-\u001f\u007f]/.test(value)) throw invalidArgument(`The value of ${parameter} is not valid.`);
      return [[header, Buffer.from(value, 'utf8').toString('latin1')]];
    }),
  );
}

const ATTRIBUTES = ['ETag', 'Checksum', 'ObjectParts', 'StorageClass', 'ObjectSize'];

export function getObjectAttributes(exchange: S3Exchange): Promise<void> {
  const { request, response } = exchange;
  const versionId = versionIdOf(request);
  demandObject(exchange, versionId === undefined ? 's3:GetObject' : 's3:GetObjectVersion');
  demandObject(exchange, versionId === undefined ? 's3:GetObjectAttributes' : 's3:GetObjectVersionAttributes');
  const wanted = (request.headers.get('x-amz-object-attributes') ?? '').split(',').map((name) => name.trim());
  if (!wanted.every((name) => ATTRIBUTES.includes(name))) throw invalidArgument('Invalid attribute name specified.');
  const version = readableVersion(exchange, request, versionId);
  const { checksum } = version;
  const give = (name: string, value: XmlElements[string]): XmlElements =>
    wanted.includes(name) ? { [name]: value } : {};
  sendXml(
    response,
    'GetObjectAttributesResponse',
    {
      ...give('ETag', version.etag),
      ...give('Checksum', checksum && { ...checksumElement(checksum), ChecksumType: checksum.type }),
      ...give('ObjectParts', version.parts && partsPage(exchange, version.parts, checksum)),
      ...give('StorageClass', version.storageClass),
      ...give('ObjectSize', version.sizeBytes),
    },
    {
      ...versionHeader(exchange, request.bucket, version),
      'last-modified': new Date(version.lastModifiedMs).toUTCString(),
    },
  );
  return Promise.resolve();
}

/** S3 lists the parts only of objects with checksums; of others it tells how many there are. */
function partsPage(
  { request: { headers } }: S3Exchange,
  parts: readonly StoredPart[],
  checksum: Checksum | undefined,
): XmlElements {
  if (checksum === undefined) return { PartsCount: parts.length };
  const numberOf = (name: string, otherwise: number): number => {
    const text = headers.get(name) ?? String(otherwise);
    if (!/^\d{1,6}$/.test(text)) throw invalidArgument(`Argument ${name} is not valid.`);
    return Number(text);
  };
  const marker = numberOf('x-amz-part-number-marker', 0);
  const maxParts = Math.min(numberOf('x-amz-max-parts', 1000), 1000);
  const rest = parts.filter(({ number }) => number > marker);
  const page = rest.slice(0, maxParts);
  return {
    PartsCount: parts.length,
    PartNumberMarker: marker,
    NextPartNumberMarker: page.at(-1)?.number ?? marker,
    MaxParts: maxParts,
    IsTruncated: page.length < rest.length,
    Part: page.map((part) => ({
      PartNumber: part.number,
      Size: part.sizeBytes,
      ...(part.checksum === undefined ? {} : checksumElement(part.checksum)),
    })),
  };
}

const ALL_USERS = 'http://acs.amazonaws.com/groups/global/AllUsers';
const AUTHENTICATED_USERS = 'http://acs.amazonaws.com/groups/global/AuthenticatedUsers';
const GRANTS: Readonly<Record<string, readonly (readonly [group: string, permission: string])[]>> = {
  'public-read': [[ALL_USERS, 'READ']],
  'public-read-write': [
    [ALL_USERS, 'READ'],
    [ALL_USERS, 'WRITE'],
  ],
  'authenticated-read': [[AUTHENTICATED_USERS, 'READ']],
};

export function getObjectAcl(exchange: S3Exchange): Promise<void> {
  const { request, response } = exchange;
  const versionId = versionIdOf(request);
  demandObject(exchange, versionId === undefined ? 's3:GetObjectAcl' : 's3:GetObjectVersionAcl');
  const version = readableVersion(exchange, request, versionId);
  const grantee = (type: string) => `Grantee xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance" xsi:type="${type}"`;
  const grants: XmlElements[] = (GRANTS[version.acl] ?? []).map(([group, permission]) => ({
    [grantee('Group')]: { URI: group },
    Permission: permission,
  }));
  sendXml(
    response,
    'AccessControlPolicy',
    {
      Owner: OWNER,
      AccessControlList: {
        Grant: [{ [grantee('CanonicalUser')]: OWNER, Permission: 'FULL_CONTROL' }, ...grants],
      },
    },
    versionHeader(exchange, request.bucket, version),
  );
  return Promise.resolve();
}
