/**
 * Enters: a request as it came off the wire. Leaves: an immutable S3Request, of which nothing is verified yet.
 * Works from the raw target and the raw headers alone. Refuses what it does not understand; guesses nothing.
 */
import { GatewayError } from '../errors/gateway-error.ts';
import { checkHeaders } from './accepted-headers.ts';
import { NO_CLAIMS, parseBodyClaims, payloadDigest } from './body-claims.ts';
import { storeConditions } from './conditions.ts';
import { detectOperation } from './detect-operation.ts';
import { OPERATIONS } from './operations.ts';
import { parseRange } from './range.ts';
import { contentLength, foldHeaders } from './request-headers.ts';
import { parseTarget } from './request-target.ts';
import type { BodyClaims, RawRequest, S3Request } from './request.ts';

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
 * InvalidArgument, InvalidDigest, MetadataTooLarge, MissingContentLength, MethodNotAllowed, NotImplemented
 */
export function parseRequest(raw: RawRequest, given: Arrival): S3Request {
  const headers = foldHeaders(raw.rawHeaders);
  const sizeBytes = contentLength(headers);
  const target = parseTarget(raw.target);
  const operation = detectOperation(raw.method, target);
  const row = OPERATIONS[operation];
  checkHeaders(row.operationClass, headers);
  const isWrite = row.operationClass === 'WRITE';
  const claims = isWrite ? writeClaims(headers, sizeBytes) : refuseBody(headers, sizeBytes);
  const range = row.operationClass === 'READ' ? headers.get('range') : undefined;
  const request: S3Request = {
    requestId: given.requestId,
    receivedAtMs: given.receivedAtMs,
    operation,
    row,
    method: raw.method,
    bucket: target.bucket,
    key: target.key,
    query: target.query,
    headers,
    contentLength: sizeBytes,
    range: range === undefined ? undefined : parseRange(range),
    claims,
    clientAddress: given.clientAddress,
  };
  // Conditions are mapped when they are put to the store; a malformed one is refused here, before anything is done.
  storeConditions(request, false);
  return request;
}

/** The size of a sealed object is a function of the plaintext's, and stands in the first byte sent to the store. */
function writeClaims(headers: ReadonlyMap<string, string>, sizeBytes: number | undefined): BodyClaims {
  const claims = parseBodyClaims(headers);
  if (sizeBytes === undefined) throw new GatewayError('MissingContentLength', 'receive');
  return claims;
}

function refuseBody(headers: ReadonlyMap<string, string>, sizeBytes: number | undefined): BodyClaims {
  payloadDigest(headers);
  // A body that no one reads is where the next request of a kept connection can hide.
  if ((sizeBytes ?? 0) > 0 || headers.has('transfer-encoding')) throw new GatewayError('InvalidRequest', 'receive');
  return NO_CLAIMS;
}
