/**
 * Enters: method, level and query. Leaves: the name of one operation of the table.
 * A query parameter that an operation does not list names a different operation (`?acl`, `?uploads`, `?versionId`) or
 * another way to authenticate (`X-Amz-Signature`): to ignore it would be to perform something that was not asked.
 */
import { GatewayError } from '../errors/gateway-error.ts';
import type { OperationName } from './operations.ts';
import type { RequestTarget } from './request-target.ts';

/** SDKs repeat the operation's name in this parameter; it is checked and has no other meaning. */
const OPERATION_ID = 'x-id';

const NONE: readonly string[] = [];

/** The query parameters that belong to an operation, `x-id` apart. */
const PARAMETERS: Readonly<Record<OperationName, readonly string[]>> = {
  ListBuckets: NONE,
  HeadBucket: NONE,
  GetBucketLocation: ['location'],
  ListObjects: ['prefix', 'marker', 'delimiter', 'max-keys', 'encoding-type'],
  ListObjectsV2: [
    'list-type',
    'prefix',
    'start-after',
    'continuation-token',
    'delimiter',
    'max-keys',
    'encoding-type',
    'fetch-owner',
  ],
  GetObject: NONE,
  HeadObject: NONE,
  PutObject: NONE,
  DeleteObject: NONE,
};

/**
 * Names the operation that a request asks for.
 * @throws GatewayError NotImplemented, MethodNotAllowed, InvalidArgument (`x-id` names another operation)
 */
export function detectOperation(method: string, target: RequestTarget): OperationName {
  const operation = candidate(method, target);
  if (target.query.size === 0) return operation;
  const known = PARAMETERS[operation];
  for (const [name, value] of target.query) {
    if (known.includes(name)) continue;
    if (name !== OPERATION_ID) throw notImplemented('an unknown query parameter');
    if (value !== operation) throw new GatewayError('InvalidArgument', 'receive', { detail: 'x-id' });
  }
  return operation;
}

function candidate(method: string, { bucket, key, query }: RequestTarget): OperationName {
  const level = bucket === '' ? 'service' : key === '' ? 'bucket' : 'object';
  switch (method) {
    case 'GET':
      if (level === 'service') return 'ListBuckets';
      return level === 'object' ? 'GetObject' : bucketRead(query);
    case 'HEAD':
      if (level === 'service') throw new GatewayError('MethodNotAllowed', 'receive');
      return level === 'bucket' ? 'HeadBucket' : 'HeadObject';
    case 'PUT':
    case 'DELETE':
      if (level === 'service') throw new GatewayError('MethodNotAllowed', 'receive');
      if (level === 'bucket') throw notImplemented('buckets are made by configuration');
      return method === 'PUT' ? 'PutObject' : 'DeleteObject';
    case 'POST':
    case 'OPTIONS':
      throw notImplemented(method);
    default:
      throw new GatewayError('MethodNotAllowed', 'receive');
  }
}

function bucketRead(query: ReadonlyMap<string, string>): OperationName {
  if (query.has('location')) return 'GetBucketLocation';
  const listType = query.get('list-type');
  if (listType === undefined) return 'ListObjects';
  if (listType !== '2') throw new GatewayError('InvalidArgument', 'receive', { detail: 'list-type' });
  return 'ListObjectsV2';
}

function notImplemented(detail: string): GatewayError {
  return new GatewayError('NotImplemented', 'receive', { detail });
}
