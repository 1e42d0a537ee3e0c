/**
 * What the STS client threw in, a GatewayError out. It names the code, the status and the request id, by which an
 * operator finds the rest in the store's log; the thrown error itself holds the signed request and is not passed on.
 */
import type { ErrorCode } from '../errors/codes.ts';
import { GatewayError, type StoreRefusal } from '../errors/gateway-error.ts';
import { STORE_TOKEN_HEADER } from '../s3/request/request-headers.ts';

const THROTTLED = /^(Throttl|TooManyRequests|RequestLimitExceeded|RequestThrottled|SlowDown)/;
const DENIED = /^AccessDenied/;
const BASE_REFUSED = /^(InvalidClientTokenId|InvalidAccessKeyId|SignatureDoesNotMatch|UnrecognizedClient|ExpiredToken)/;
/** Ceph RGW sends its errors in a form of which the SDK reads the status only. */
const UNNAMED = /^Unknown(Error)?$/;
const SAFE = /^[\w.:/+=-]{1,128}$/;
/** STS counts a policy in a packed form of its own, and may find one too large that has few enough characters. */
const TOO_LARGE = 'PackedPolicyTooLarge';

/** What STS says of a token that it was asked with, and not of the gateway. AWS: get a new one, and ask again. */
const TOKEN_EXPIRED = /^ExpiredToken/;
const TOKEN_REFUSED = /^(InvalidIdentityToken|IDPRejectedClaim)/;

export type Action = 'AssumeRole' | 'AssumeRoleWithWebIdentity';

/** What STS may have refused for its session policy: it does not always say so. */
export class PolicyRefusedError extends GatewayError {}

/** Whether STS refused the session policy for its size alone. */
export class PolicyTooLargeError extends PolicyRefusedError {}

/** Whether STS may not have liked who asked. Ceph RGW does not say; AWS does. */
export function blamesBase(error: unknown): boolean {
  const name = safe(member(error, 'name')) ?? '';
  const status = member(member(error, '$metadata'), 'httpStatusCode');
  return BASE_REFUSED.test(name) || (UNNAMED.test(name) && (status === 401 || status === 403));
}

/** Whether a code says that whoever signed is not taken, or not any more. */
export function refusesKeys(code: string): boolean {
  return BASE_REFUSED.test(code);
}

/** The code and the status of what the STS client threw: both out of the answer, or the code alone, of the connection. */
export function namedByStore(error: unknown): { readonly code: string; readonly status: number | undefined } {
  const status = member(member(error, '$metadata'), 'httpStatusCode');
  const code = safe(member(error, 'code')) ?? safe(member(error, 'name')) ?? 'Error';
  return { code, status: typeof status === 'number' ? status : undefined };
}

/** Makes the error of a request that carries no token of the caller's own, to a store that takes nothing else. */
export function needsStoreToken(storeName: string): GatewayError {
  return new GatewayError('MissingSecurityHeader', {
    detail: `store ${storeName} is asked with a token of each caller's own, and there is none`,
    clientFields: { MissingHeaderName: STORE_TOKEN_HEADER },
  });
}

/** Turns a failure of STS into the gateway's own. A failure of our own passes through. */
export function stsFailure(error: unknown, action: Action, storeName: string, roleArn: string): GatewayError {
  if (error instanceof GatewayError) return error;
  const name = safe(member(error, 'name')) ?? 'Error';
  const { code: said, status } = namedByStore(error);
  const facts = [
    said,
    status === undefined ? 'no answer' : `status ${status}`,
    `request id ${safe(member(member(error, '$metadata'), 'requestId')) ?? 'none'}`,
  ];
  const detail = `${action} of ${roleArn} at the STS of store ${storeName}: ${facts.join(', ')}`;
  const refusal: StoreRefusal = { by: 'sts', status, code: said };
  const options = { detail, refusal };
  if (name.startsWith(TOO_LARGE)) return new PolicyTooLargeError('ServiceUnavailable', options);
  const ofToken = action === 'AssumeRole' ? undefined : refusalOfToken(name);
  if (ofToken === undefined) {
    const code = codeOf(name, status);
    const mayBePolicy = status === 400 && code === 'ServiceUnavailable' && !BASE_REFUSED.test(name);
    return new (mayBePolicy ? PolicyRefusedError : GatewayError)(code, options);
  }
  return new GatewayError(ofToken, { ...options, clientFields: { Header: STORE_TOKEN_HEADER } });
}

function refusalOfToken(name: string): ErrorCode | undefined {
  if (TOKEN_EXPIRED.test(name)) return 'ExpiredToken';
  return TOKEN_REFUSED.test(name) ? 'InvalidToken' : undefined;
}

function codeOf(name: string, status: unknown): ErrorCode {
  if (THROTTLED.test(name)) return 'SlowDown';
  if (DENIED.test(name)) return 'AccessDeniedByStore';
  if (UNNAMED.test(name)) {
    if (status === 403) return 'AccessDeniedByStore';
    if (status === 429 || status === 503) return 'SlowDown';
  }
  return 'ServiceUnavailable';
}

function safe(value: unknown): string | undefined {
  return typeof value === 'string' && SAFE.test(value) ? value : undefined;
}

function member(value: unknown, name: string): unknown {
  return typeof value === 'object' && value !== null ? (value as Readonly<Record<string, unknown>>)[name] : undefined;
}
