/**
 * The S3 operations of the embedded store. Enters: a request whose signature holds. Each operation asks whether the
 * signer may, then acts. Never: an operation, subresource or `x-amz-*` header that is not listed here.
 */
import type { IncomingMessage, ServerResponse } from 'node:http';
import { pipeline } from 'node:stream/promises';
import { listPage } from './listing.ts';
import type { ObjectFiles, StoredObject } from './object-files.ts';
import { checkReadConditions, etagMatches, parseRange } from './read-conditions.ts';
import {
  accessDenied,
  invalidArgument,
  noSuchKey,
  notImplemented,
  preconditionFailed,
  StoreError,
} from './store-error.ts';
import type { KeyHolder } from './store-keys.ts';
import type { StoreRequest } from './store-request.ts';
import { xmlDocument } from './xml.ts';

interface S3Exchange {
  readonly request: StoreRequest;
  readonly holder: KeyHolder;
  readonly files: ObjectFiles;
  readonly incoming: IncomingMessage;
  readonly response: ServerResponse;
  /** Tells the client to send the body, where it asked first. */
  readonly proceed: () => void;
}

interface Operation {
  readonly name: string;
  readonly query: readonly string[];
  readonly run: (exchange: S3Exchange) => Promise<void>;
}

const LISTING_QUERY = ['prefix', 'delimiter', 'max-keys', 'encoding-type'];
const GET_OBJECT: Operation = { name: 'GetObject', query: ['x-id'], run: getObject };

const OBJECT_OPERATIONS: Readonly<Record<string, Operation>> = {
  GET: GET_OBJECT,
  HEAD: { ...GET_OBJECT, name: 'HeadObject' },
  PUT: { name: 'PutObject', query: ['x-id'], run: putObject },
  DELETE: { name: 'DeleteObject', query: ['x-id'], run: deleteObject },
};
const HEAD_BUCKET: Operation = { name: 'HeadBucket', query: [], run: headBucket };
const LIST_BUCKETS: Operation = { name: 'ListBuckets', query: ['x-id'], run: listBuckets };
const LIST_V1: Operation = { name: 'ListObjects', query: [...LISTING_QUERY, 'marker'], run: listObjects };
const LIST_V2: Operation = {
  name: 'ListObjectsV2',
  query: [...LISTING_QUERY, 'list-type', 'continuation-token', 'start-after', 'fetch-owner'],
  run: listObjects,
};

/** Headers that are stored with an object and given back; `x-amz-meta-*` joins them. */
const KEPT_HEADERS = [
  'cache-control',
  'content-disposition',
  'content-encoding',
  'content-language',
  'content-type',
  'expires',
];
const SIGNING_HEADERS = ['x-amz-date', 'x-amz-content-sha256', 'x-amz-security-token', 'x-amz-user-agent'];
const MAX_METADATA_BYTES = 2048;
const MAX_OBJECT_BYTES = 5 * 1024 ** 3;
const XMLNS = 'http://s3.amazonaws.com/doc/2006-03-01/';

/** Chooses the operation of a request. @throws StoreError NotImplemented */
export function s3Operation(request: StoreRequest): Operation {
  const operation = chooseOperation(request);
  if (operation === undefined) throw notImplemented('this operation');
  for (const name of request.query.keys())
    if (!operation.query.includes(name)) throw notImplemented('this subresource or parameter');
  for (const name of request.headers.keys())
    if (name.startsWith('x-amz-') && !name.startsWith('x-amz-meta-') && !SIGNING_HEADERS.includes(name))
      throw notImplemented('this x-amz-* header');
  return operation;
}

function chooseOperation({ method, bucket, key, query }: StoreRequest): Operation | undefined {
  if (bucket === '') return method === 'GET' ? LIST_BUCKETS : undefined;
  if (key !== '') return OBJECT_OPERATIONS[method];
  if (method === 'HEAD') return HEAD_BUCKET;
  if (method === 'GET') return query.get('list-type') === '2' ? LIST_V2 : LIST_V1;
  return undefined;
}

/** @throws StoreError AccessDenied */
function demand(exchange: S3Exchange, action: string, resource: string, prefix?: string): void {
  const { holder } = exchange;
  if (holder.kind === 'owner') return;
  const question = { action, resource, ...(prefix === undefined ? {} : { prefix }) };
  // The role itself may do everything in S3; the gateway's own keys may do nothing but assume it.
  if (holder.kind === 'session' && (holder.policy?.(question) ?? true)) return;
  throw accessDenied(`${action} is not allowed by the session policy.`);
}

const objectArn = ({ bucket, key }: StoreRequest) => `arn:aws:s3:::${bucket}/${key}`;

async function getObject(exchange: S3Exchange): Promise<void> {
  const { request, files, response } = exchange;
  demand(exchange, 's3:GetObject', objectArn(request));
  const opened = await files.read(request.bucket, request.key);
  if (opened === undefined) throw noSuchKey();
  const { object, sizeBytes } = opened;
  try {
    checkReadConditions(request.headers, object);
    const range = parseRange(request.headers.get('range'), sizeBytes);
    const { first, last } = range ?? { first: 0, last: sizeBytes - 1 };
    response.writeHead(range === undefined ? 200 : 206, {
      'content-type': 'binary/octet-stream',
      ...object.headers,
      'accept-ranges': 'bytes',
      'content-length': last - first + 1,
      etag: `"${object.etag}"`,
      'last-modified': new Date(object.lastModifiedMs).toUTCString(),
      ...(range === undefined ? {} : { 'content-range': `bytes ${first}-${last}/${sizeBytes}` }),
    });
    if (request.method === 'HEAD' || last < first) response.end();
    else await pipeline(opened.stream(first, last), response);
  } finally {
    await opened.close();
  }
}

async function putObject(exchange: S3Exchange): Promise<void> {
  const { request, files, incoming, response } = exchange;
  const { bucket, key, headers } = request;
  demand(exchange, 's3:PutObject', objectArn(request));
  const admit = writeCondition(headers);
  admit(files.find(bucket, key));
  const expected = {
    sizeBytes: bodySize(headers),
    md5: headers.get('content-md5'),
    sha256: bodySha256(headers.get('x-amz-content-sha256') ?? ''),
  };
  const kept = keptHeaders(headers);
  exchange.proceed();
  const object = await files.write(bucket, key, kept, incoming as AsyncIterable<Buffer>, expected, admit);
  response.writeHead(200, { etag: `"${object.etag}"`, 'content-length': 0 }).end();
}

function bodySize(headers: ReadonlyMap<string, string>): number {
  const length = headers.get('content-length');
  if (length === undefined)
    throw new StoreError('MissingContentLength', 411, 'You must provide the Content-Length header.');
  if (Number(length) > MAX_OBJECT_BYTES) throw new StoreError('EntityTooLarge', 400, 'The object is too large.');
  return Number(length);
}

function bodySha256(claim: string): string | undefined {
  if (claim === 'UNSIGNED-PAYLOAD') return undefined;
  if (!/^[0-9a-f]{64}$/.test(claim)) throw notImplemented('this kind of x-amz-content-sha256');
  return claim;
}

function keptHeaders(headers: ReadonlyMap<string, string>): Record<string, string> {
  const kept = [...headers].filter(([name]) => KEPT_HEADERS.includes(name) || name.startsWith('x-amz-meta-'));
  const metadataBytes = kept
    .filter(([name]) => name.startsWith('x-amz-meta-'))
    .reduce((sum, [name, value]) => sum + name.length - 'x-amz-meta-'.length + Buffer.byteLength(value), 0);
  if (metadataBytes > MAX_METADATA_BYTES)
    throw new StoreError('MetadataTooLarge', 400, 'Your metadata headers exceed the maximum allowed metadata size.');
  // Back into the form in which Node writes header bytes.
  return Object.fromEntries(kept.map(([name, value]) => [name, Buffer.from(value, 'utf8').toString('latin1')]));
}

function writeCondition(headers: ReadonlyMap<string, string>): (existing: StoredObject | undefined) => void {
  const [ifMatch, ifNoneMatch] = [headers.get('if-match'), headers.get('if-none-match')];
  if (ifNoneMatch !== undefined && ifNoneMatch !== '*') throw notImplemented('If-None-Match other than * on a write');
  return (existing) => {
    if (ifNoneMatch !== undefined && existing !== undefined) throw preconditionFailed();
    if (ifMatch === undefined) return;
    if (existing === undefined) throw noSuchKey();
    if (!etagMatches(ifMatch, existing.etag)) throw preconditionFailed();
  };
}

async function deleteObject(exchange: S3Exchange): Promise<void> {
  const { request, files, response } = exchange;
  demand(exchange, 's3:DeleteObject', objectArn(request));
  if (request.headers.has('if-match')) throw notImplemented('conditional deletes');
  await files.delete(request.bucket, request.key);
  response.writeHead(204).end();
}

function headBucket(exchange: S3Exchange): Promise<void> {
  const { request, files, response } = exchange;
  demand(exchange, 's3:ListBucket', `arn:aws:s3:::${request.bucket}`);
  files.sorted(request.bucket);
  response.writeHead(200, { 'content-length': 0 }).end();
  return Promise.resolve();
}

function listBuckets(exchange: S3Exchange): Promise<void> {
  demand(exchange, 's3:ListAllMyBuckets', '*');
  const names = exchange.files.bucketNames;
  sendXml(exchange.response, 'ListAllMyBucketsResult', {
    Owner: { ID: 'sallyport-demo' },
    Buckets: { Bucket: names.map((name) => ({ Name: name, CreationDate: '2026-01-01T00:00:00.000Z' })) },
  });
  return Promise.resolve();
}

function listObjects(exchange: S3Exchange): Promise<void> {
  const { request, files, response } = exchange;
  const { bucket, query } = request;
  demand(exchange, 's3:ListBucket', `arn:aws:s3:::${bucket}`, query.get('prefix'));
  const second = query.has('list-type');
  const encoding = query.get('encoding-type');
  if (encoding !== undefined && encoding !== 'url')
    throw invalidArgument('Invalid Encoding Method specified in Request');
  const shown = (text: string) => (encoding === 'url' ? encodeURIComponent(text).replaceAll('%2F', '/') : text);
  const optional = (name: string) => {
    const value = query.get(name);
    return value === undefined ? undefined : shown(value);
  };
  const maxKeys = Number(query.get('max-keys') ?? '1000');
  if (!(Number.isInteger(maxKeys) && maxKeys >= 0)) throw invalidArgument('max-keys is not an integer from 0');
  const token = query.get('continuation-token');
  const delimiter = query.get('delimiter') ?? '';
  const page = listPage(files.sorted(bucket), {
    prefix: query.get('prefix') ?? '',
    delimiter,
    maxKeys: Math.min(maxKeys, 1000),
    after: token === undefined ? (query.get(second ? 'start-after' : 'marker') ?? '') : decodeToken(token),
  });
  const owner = !second || query.get('fetch-owner') === 'true' ? { ID: 'sallyport-demo' } : undefined;
  const versionFields = second
    ? {
        KeyCount: page.objects.length + page.commonPrefixes.length,
        ContinuationToken: token,
        NextContinuationToken: page.next === undefined ? undefined : Buffer.from(page.next).toString('base64url'),
        StartAfter: optional('start-after'),
      }
    : {
        Marker: shown(query.get('marker') ?? ''),
        // S3 gives it only where a delimiter was sent; without one the last key is the marker.
        NextMarker: page.next === undefined || delimiter === '' ? undefined : shown(page.next),
      };
  sendXml(response, 'ListBucketResult', {
    Name: bucket,
    Prefix: shown(query.get('prefix') ?? ''),
    ...versionFields,
    MaxKeys: Math.min(maxKeys, 1000),
    Delimiter: optional('delimiter'),
    EncodingType: encoding,
    IsTruncated: page.next !== undefined,
    Contents: page.objects.map((object) => ({
      Key: shown(object.key),
      LastModified: new Date(object.lastModifiedMs).toISOString(),
      ETag: `"${object.etag}"`,
      Size: object.sizeBytes,
      Owner: owner,
      StorageClass: 'STANDARD',
    })),
    CommonPrefixes: page.commonPrefixes.map((prefix) => ({ Prefix: shown(prefix) })),
  });
  return Promise.resolve();
}

function decodeToken(token: string): string {
  const text = Buffer.from(token, 'base64url').toString('utf8');
  if (text === '') throw invalidArgument('The continuation token provided is incorrect');
  return text;
}

function sendXml(response: ServerResponse, root: string, elements: Parameters<typeof xmlDocument>[1]): void {
  const body = xmlDocument(root, elements, XMLNS);
  response.writeHead(200, { 'content-type': 'application/xml', 'content-length': Buffer.byteLength(body) }).end(body);
}
