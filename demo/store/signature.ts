/**
 * Verifies Signature Version 4 with `aws4`, an implementation that shares nothing with the gateway's signer. Enters: a
 * parsed request and, for STS, its body. Leaves: the holder of the key that signed. Never: a holder whose signature,
 * session token, clock or expiry is not right.
 * @see https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv-create-signed-request.html
 */
import { createHash, timingSafeEqual } from 'node:crypto';
import aws4 from 'aws4';
import type { KeyHolder, StoreKeys } from './store-keys.ts';
import { accessDenied, StoreError } from './store-error.ts';
import type { StoreRequest } from './store-request.ts';

export interface SignatureScope {
  readonly service: 's3' | 'sts';
  readonly region: string;
  readonly nowMs: number;
  /** The whole body, where it is known before the check (STS). S3 bodies are bound by `x-amz-content-sha256`. */
  readonly body?: string;
}

const AUTHORIZATION =
  /^AWS4-HMAC-SHA256 Credential=([A-Za-z0-9]{4,64})\/(\d{8})\/([a-z0-9-]+)\/([a-z0-9]+)\/aws4_request, ?SignedHeaders=([a-z0-9;._-]+), ?Signature=([0-9a-f]{64})$/;
const MAX_SKEW_MS = 15 * 60_000;

/** @throws StoreError AccessDenied, SignatureDoesNotMatch, InvalidAccessKeyId, InvalidClientTokenId, InvalidToken, ExpiredToken, RequestTimeTooSkewed */
export function verifySignature(request: StoreRequest, keys: StoreKeys, scope: SignatureScope): KeyHolder {
  const match = AUTHORIZATION.exec(request.headers.get('authorization') ?? '');
  if (match === null)
    throw accessDenied('The request is not signed with AWS4-HMAC-SHA256 in its Authorization header.');
  const [, accessKeyId = '', day = '', region = '', service = '', signedHeaders = '', signature = ''] = match;
  if (region !== scope.region || service !== scope.service) throw mismatch('the credential scope is not right');

  const date = request.headers.get('x-amz-date') ?? '';
  if (!date.startsWith(day)) throw mismatch('the scope and x-amz-date name different days');
  if (!(Math.abs(parseAmzDate(date) - scope.nowMs) <= MAX_SKEW_MS))
    throw new StoreError(
      'RequestTimeTooSkewed',
      403,
      'The difference between the request time and the current time is too large.',
    );

  const holder = keys.find(accessKeyId);
  if (holder === undefined) throw unknownKey(scope.service);
  const expected = expectedSignature(request, signedHeaders.split(';'), holder.secretAccessKey, date, scope);
  if (!equal(expected, signature)) throw mismatch('the signature differs');

  const token = request.headers.get('x-amz-security-token');
  if (holder.kind === 'session') {
    if (token === undefined || !equal(token, holder.sessionToken))
      throw new StoreError('InvalidToken', 400, 'The provided token is malformed or otherwise not valid.');
    if (holder.expiresAtMs <= scope.nowMs) throw new StoreError('ExpiredToken', 400, 'The provided token has expired.');
  } else if (token !== undefined) throw unknownKey(scope.service);
  return holder;
}

function expectedSignature(
  request: StoreRequest,
  signedNames: readonly string[],
  secretAccessKey: string,
  date: string,
  scope: SignatureScope,
): string {
  for (const name of request.headers.keys())
    if ((name === 'host' || name.startsWith('x-amz-')) && !signedNames.includes(name))
      throw mismatch('a header that must be signed is not');
  const headers: Record<string, string> = {};
  for (const name of signedNames) {
    const value = request.headers.get(name);
    if (value === undefined || name in headers) throw mismatch('a signed header is missing or repeated');
    headers[name] = value;
  }
  const bodyDigest = request.headers.get('x-amz-content-sha256');
  if (scope.service === 's3' && bodyDigest === undefined) throw mismatch('x-amz-content-sha256 is missing');
  if (scope.body !== undefined && bodyDigest !== undefined && bodyDigest !== sha256Hex(scope.body))
    throw mismatch('x-amz-content-sha256 is not that of the body');

  const options = {
    method: request.method,
    // aws4 reads a bare `+` in a path as a space; in S3 it is a plus.
    path: request.target.replace(/^[^?]*/, (path) => path.replaceAll('+', '%2B')),
    service: scope.service,
    region: scope.region,
    headers,
    body: scope.body ?? '',
    doNotModifyHeaders: true,
    // aws4 leaves out headers such as `range` unless told that they were signed.
    extraHeadersToInclude: Object.fromEntries(signedNames.map((name) => [name, true])),
  };
  const signer = new aws4.RequestSigner(options, { accessKeyId: 'unused', secretAccessKey });
  signer.datetime = date;
  return signer.signature();
}

function parseAmzDate(date: string): number {
  const match = /^(\d{4})(\d\d)(\d\d)T(\d\d)(\d\d)(\d\d)Z$/.exec(date);
  if (match === null) return Number.NaN;
  const [year, month, day, hours, minutes, seconds] = match.slice(1).map(Number) as [
    number,
    number,
    number,
    number,
    number,
    number,
  ];
  return Date.UTC(year, month - 1, day, hours, minutes, seconds);
}

function equal(left: string, right: string): boolean {
  const digest = (text: string) => createHash('sha256').update(text).digest();
  return timingSafeEqual(digest(left), digest(right));
}

function sha256Hex(text: string): string {
  return createHash('sha256').update(text).digest('hex');
}

function mismatch(why: string): StoreError {
  return new StoreError('SignatureDoesNotMatch', 403, `The signature does not match: ${why}.`);
}

function unknownKey(service: 's3' | 'sts'): StoreError {
  return service === 's3'
    ? new StoreError('InvalidAccessKeyId', 403, 'The access key id does not exist in our records.')
    : new StoreError('InvalidClientTokenId', 403, 'The security token included in the request is invalid.');
}
