/**
 * Enters: a request as it came off the wire. Leaves: an immutable S3Request, of which nothing is verified yet.
 * Works from the raw target and the raw headers alone. Refuses what it does not understand; guesses nothing.
 */
import { GatewayError } from '../errors/gateway-error.ts';
import { checkHeaders } from './accepted-headers.ts';
import { checkArguments } from './arguments.ts';
import { NO_CLAIMS, parseBodyClaims } from './body-claims.ts';
import { sourceConditions, storeConditions } from './conditions.ts';
import { parseCopySource, parseVersionId } from './copy-source.ts';
import { detectOperation } from './detect-operation.ts';
import { documentLimitBytes } from './limits.ts';
import { OPERATIONS, type OperationName, type OperationRow } from './operations.ts';
import { parsePayload } from './payload.ts';
import { separateSignature } from './presigned-query.ts';
import { parseRange } from './range.ts';
import { foldHeaders } from './request-headers.ts';
import { parseTarget } from './request-target.ts';
import type { ByteRange, Payload, RawRequest, S3Request } from './request.ts';
import { bucketOfHost } from './virtual-host.ts';

export interface Arrival {
  readonly requestId: string;
  readonly receivedAtMs: number;
  readonly clientAddress: string;
  /** Hosts under which clients reach the gateway; a bucket may stand before one of them. Lower case, port or none. */
  readonly publicHosts: readonly string[];
}

/**
 * Parses a request.
 * @throws GatewayError InvalidURI, InvalidBucketName, KeyTooLong, BadRequest, HeadersTooLarge, InvalidRequest,
 * InvalidArgument, InvalidDigest, ContentSha256Mismatch, MetadataTooLarge, MissingContentLength, EntityTooLarge,
 * MethodNotAllowed, NotImplemented
 */
export function parseRequest(raw: RawRequest, given: Arrival): S3Request {
  const folded = foldHeaders(raw.rawHeaders);
  const target = parseTarget(raw.target, bucketOfHost(folded.get('host'), given.publicHosts));
  const { presented, query, headers } = separateSignature(target.query, folded);
  const source = headers.get('x-amz-copy-source');
  const operation = detectOperation(raw.method, { ...target, query }, source !== undefined);
  const row: OperationRow = OPERATIONS[operation];
  checkHeaders(operation, headers, presented);
  const payload = parsePayload(headers, row.body);
  checkLength(operation, row, payload);
  const versionId = query.get('versionId');
  const request: S3Request = {
    raw,
    presented,
    requestId: given.requestId,
    receivedAtMs: given.receivedAtMs,
    operation,
    row,
    method: raw.method,
    bucket: target.bucket,
    key: target.key,
    query,
    headers,
    payload,
    versionId: versionId === undefined ? undefined : parseVersionId(versionId),
    copySource: source === undefined ? undefined : parseCopySource(source),
    range: rangeOf(row, headers),
    claims: claimsOf(operation, row, headers, payload),
    clientAddress: given.clientAddress,
  };
  checkArguments(request);
  // Conditions are mapped when they are put to the store; a malformed one is refused here, before anything is done.
  storeConditions(request, false);
  if (request.copySource !== undefined) sourceConditions(request, false);
  return request;
}

/** The size of a sealed object is a function of the plaintext's, and stands in the first byte sent to the store. */
function checkLength(operation: OperationName, row: OperationRow, { sizeBytes }: Payload): void {
  if (row.body === undefined) return;
  // A bucket can be made without a document.
  if (sizeBytes === undefined && operation !== 'CreateBucket')
    throw new GatewayError('MissingContentLength', 'receive');
  if (row.body === 'document' && (sizeBytes ?? 0) > documentLimitBytes(operation)) {
    throw new GatewayError('EntityTooLarge', 'receive', { detail: 'the document' });
  }
}

function rangeOf(row: OperationRow, headers: ReadonlyMap<string, string>): ByteRange | undefined {
  const range = row.operationClass === 'READ' ? headers.get('range') : undefined;
  // If-Range asks for the part or for all of it (RFC 9110 section 13.1.5): all of it is right whatever the entity is, and
  // a store that does not know the header would hand out the part of another entity.
  return range === undefined || headers.has('if-range') ? undefined : parseRange(range);
}

function claimsOf(
  operation: OperationName,
  { body }: OperationRow,
  headers: ReadonlyMap<string, string>,
  { chunked }: Payload,
): S3Request['claims'] {
  if (body === undefined) return NO_CLAIMS;
  if (operation !== 'CompleteMultipartUpload') return parseBodyClaims(headers, chunked?.trailer);
  // Here a checksum header is one of the object, not of the document that names its parts.
  const ofDocument = [...headers].filter(([name]) => !name.startsWith('x-amz-checksum-'));
  return parseBodyClaims(new Map(ofDocument), chunked?.trailer);
}
