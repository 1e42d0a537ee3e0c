/**
 * What the STS client threw in, a GatewayError out. It names the code, the status and the request id, by which an
 * operator finds the rest in the store's log; the thrown error itself holds the signed request and is not passed on.
 */
import type { ErrorCode } from '../errors/codes.ts';
import { GatewayError } from '../errors/gateway-error.ts';

const THROTTLED = /^(Throttl|TooManyRequests|RequestLimitExceeded|RequestThrottled|SlowDown)/;
const DENIED = /^AccessDenied/;
const BASE_REFUSED = /^(InvalidClientTokenId|InvalidAccessKeyId|SignatureDoesNotMatch|UnrecognizedClient|ExpiredToken)/;
/** Ceph RGW sends its errors in a form of which the SDK reads the status only. */
const UNNAMED = /^Unknown(Error)?$/;
const SAFE = /^[\w.:/+=-]{1,128}$/;
/** STS counts a policy in a packed form of its own, and may find one too large that has few enough characters. */
const TOO_LARGE = 'PackedPolicyTooLarge';

/** Whether STS refused the session policy for its size alone. */
export class PolicyTooLargeError extends GatewayError {}

/** Whether STS may not have liked who asked. Ceph RGW does not say; AWS does. */
export function blamesBase(error: unknown): boolean {
  const name = safe(member(error, 'name')) ?? '';
  const status = member(member(error, '$metadata'), 'httpStatusCode');
  return BASE_REFUSED.test(name) || (UNNAMED.test(name) && (status === 401 || status === 403));
}

/** Turns a failure of AssumeRole into the gateway's own. A failure of our own passes through. */
export function stsFailure(error: unknown, storeName: string, roleArn: string): GatewayError {
  if (error instanceof GatewayError) return error;
  const name = safe(member(error, 'name')) ?? 'Error';
  const metadata = member(error, '$metadata');
  const status = member(metadata, 'httpStatusCode');
  const facts = [
    safe(member(error, 'code')) ?? name,
    typeof status === 'number' ? `status ${status}` : 'no answer',
    `request id ${safe(member(metadata, 'requestId')) ?? 'none'}`,
  ];
  const detail = `AssumeRole of ${roleArn} at the STS of store ${storeName}: ${facts.join(', ')}`;
  if (name.startsWith(TOO_LARGE)) return new PolicyTooLargeError('ServiceUnavailable', 'assume-role', { detail });
  return new GatewayError(codeOf(name, status), 'assume-role', { detail });
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
