/**
 * Enters: a request as it came off the wire. Leaves: an immutable S3Request, of which nothing is verified yet.
 * Works from the raw target and the raw headers alone. Refuses what it does not understand; guesses nothing.
 */
import { GatewayError } from '../../errors/gateway-error.ts';
import { checkHeaders } from './accepted-headers.ts';
import { checkArguments } from './arguments.ts';
import { NO_CLAIMS, parseBodyClaims } from '../body/body-claims.ts';
import { sourceConditions, storeConditions } from './conditions.ts';
import { parseCopySource, parseVersionId } from './copy-source.ts';
import { detectOperation } from './detect-operation.ts';
import { asksForDryRun } from './dry-run.ts';
import { encodeWord } from './encoded-word.ts';
import { withoutIgnored } from './ignored-headers.ts';
import type { Operation } from '../operations/operation.ts';
import { operationOf } from '../operations/operations.ts';
import { parsePayload } from './payload.ts';
import { separateSignature } from './presigned-query.ts';
import { parseRange } from './range.ts';
import { foldHeaders } from './request-headers.ts';
import { parseTarget } from './request-target.ts';
import type { ByteRange, Payload, RawRequest, S3Request, Scheme } from './request.ts';
import { isDirectoryBucketName } from './unsupported.ts';
import { METADATA_PREFIX } from './user-metadata.ts';
import { bucketOfHost } from './virtual-host.ts';

export interface Arrival {
  readonly requestId: string;
  readonly receivedAtMs: number;
  readonly clientAddress: string;
  readonly scheme?: Scheme | undefined;
  /** Hosts under which clients reach the gateway; a bucket may stand before one of them. Lower case, port or none. */
  readonly publicHosts: readonly string[];
}

/**
 * Parses a request.
 * @throws GatewayError InvalidURI, InvalidBucketName, KeyTooLong, BadRequest, HeadersTooLarge, InvalidRequest,
 * InvalidArgument, InvalidDigest, ContentSha256Mismatch, MetadataTooLarge, MissingContentLength, EntityTooLarge,
 * MethodNotAllowed, NotImplemented, SigV4aNotSupported, and those of what is unsupported (unsupported.ts)
 */
export function parseRequest(raw: RawRequest, arrival: Arrival): S3Request {
  const folded = foldHeaders(raw.rawHeaders);
  const isDryRun = asksForDryRun(folded);
  const host = folded.get('host');
  const bucketInHost = bucketOfHost(host, arrival.publicHosts);
  const target = parseTarget(raw.target, bucketInHost);
  if (isDirectoryBucketName(target.bucket)) throw new GatewayError('DirectoryBucketsNotSupported');
  const { presented, query, headers: sent } = separateSignature(target.query, folded);
  const source = sent.get('x-amz-copy-source');
  const operation = detectOperation(raw.method, { ...target, query }, source !== undefined);
  const descriptor = operationOf(operation);
  const headers = withEncodedWords(withoutIgnored(operation, sent));
  checkHeaders(operation, headers, presented);
  const payload = parsePayload(headers, descriptor.body.kind !== 'none');
  checkLength(descriptor, payload);
  const versionId = query.get('versionId');
  const request: S3Request = {
    raw,
    presented,
    requestId: arrival.requestId,
    receivedAtMs: arrival.receivedAtMs,
    operation,
    descriptor,
    method: raw.method,
    bucket: target.bucket,
    bucketUrl: originOf(arrival.scheme, host) + (bucketInHost === undefined ? `/${target.bucket}` : ''),
    key: target.key,
    query,
    headers,
    payload,
    versionId: versionId === undefined ? undefined : parseVersionId(versionId),
    copySource: source === undefined ? undefined : parseCopySource(source),
    range: rangeOf(descriptor, headers),
    claims: claimsOf(descriptor, headers, payload),
    clientAddress: arrival.clientAddress,
    ...(isDryRun && { isDryRun }),
  };
  checkArguments(request);
  // Conditions are mapped when they are put to the store; a malformed one is refused here, before anything is done.
  storeConditions(request, false);
  if (request.copySource !== undefined) sourceConditions(request, false);
  return request;
}

const HOST = /^[\w.:[\]-]{1,255}$/;

function originOf(scheme: Scheme | undefined, host: string | undefined): string {
  return scheme === undefined || host === undefined || !HOST.test(host) ? '' : `${scheme}://${host}`;
}

/** Gives what a store is to keep in ASCII, where it can be; what cannot is refused with all that is malformed. */
export function withEncodedWords(headers: ReadonlyMap<string, string>): ReadonlyMap<string, string> {
  let encoded: Map<string, string> | undefined;
  for (const [name, value] of headers) {
    if (name !== 'content-disposition' && !name.startsWith(METADATA_PREFIX)) continue;
    const word = encodeWord(value) ?? value;
    if (word !== value) encoded = (encoded ?? new Map(headers)).set(name, word);
  }
  return encoded ?? headers;
}

/** The size of a sealed object is a function of the plaintext's, and stands in the first byte sent to the store. */
function checkLength({ body }: Operation, { sizeBytes }: Payload): void {
  if (body.kind === 'none') return;
  if (sizeBytes === undefined && !(body.kind === 'document' && body.mayBeAbsent)) {
    throw new GatewayError('MissingContentLength');
  }
  if (body.kind === 'document' && (sizeBytes ?? 0) > body.maxBytes) {
    throw new GatewayError('EntityTooLarge', { detail: 'the document' });
  }
}

function rangeOf({ operationClass }: Operation, headers: ReadonlyMap<string, string>): ByteRange | undefined {
  const range = operationClass === 'READ' ? headers.get('range') : undefined;
  return range === undefined ? undefined : parseRange(range);
}

function claimsOf(
  { body, objectChecksum }: Operation,
  headers: ReadonlyMap<string, string>,
  { chunked }: Payload,
): S3Request['claims'] {
  // What is claimed of the file of a form stands in its fields.
  if (body.kind === 'none' || body.kind === 'form') return NO_CLAIMS;
  if (objectChecksum === undefined) return parseBodyClaims(headers, chunked?.trailer);
  // Here a checksum header is one of the object, not of the document that names its parts.
  const ofDocument = [...headers].filter(([name]) => !name.startsWith('x-amz-checksum-'));
  return parseBodyClaims(new Map(ofDocument), chunked?.trailer);
}
