/**
 * Enters: a message, what it says of its signature, and the key of its scope. Leaves: nothing, or a refusal that shows
 * what was canonicalised and the likely cause. Must never show a session token, nor say how far a comparison got.
 * @see Amazon S3 API Reference, "Authenticating Requests (AWS Signature Version 4)"
 */
import { createHmac, timingSafeEqual, type KeyObject } from 'node:crypto';
import { GatewayError } from '../errors/gateway-error.ts';
import type { RawRequest } from '../s3/request/request.ts';
import { stringToSign, textHash } from './canonical-request.ts';
import { sentPath } from './encoded-target.ts';
import { explainMismatch } from './explain-mismatch.ts';
import type { SignatureClaims } from './parse-signature.ts';
import { receivedCanonical, receivedRequest } from './received-request.ts';

/** What a signature is verified over, and against. */
export interface Expected {
  readonly raw: RawRequest;
  /** Hex digest or literal, as it stands in the canonical request. The caller holds the body against it. */
  readonly payloadHash: string;
  readonly nowMs: number;
  readonly service: string;
  /** The accepted regions; the first is told to clients that signed for another one. */
  readonly regions: readonly string[];
  /** Whether Content-Type and Content-MD5 must be signed where they are sent; absent: no. */
  readonly requireSignedContentHeaders?: boolean;
}

const MAX_SKEW_MS = 15 * 60_000;

/**
 * Verifies scope, time, coverage and signature of a message.
 * @throws GatewayError AuthorizationHeaderMalformed, AuthorizationQueryParametersError, RequestTimeTooSkewed,
 * RequestExpired, InvalidRequest, InvalidURI, SignatureDoesNotMatch
 */
export function verifySignature(claims: SignatureClaims, expected: Expected, key: KeyObject): void {
  checkScope(claims, expected);
  checkTime(claims, expected.nowMs);
  const request = receivedRequest(claims, expected);
  checkPayloadHash(claims, expected, request.headers.get('x-amz-content-sha256'));
  const scope = scopeOf(claims);
  const provided = Buffer.from(claims.signature, 'hex');
  const isSigned = (canonical: string): boolean => {
    const hmac = createHmac('sha256', key)
      .update(stringToSign(claims.amzDate, scope, textHash(canonical)))
      .digest();
    return hmac.length === provided.length && timingSafeEqual(hmac, provided);
  };
  if (isSigned(receivedCanonical(request, claims.signedHeaders))) return;
  // The CRT of AWS signs the path as it sends it, in whatever spelling. It names the same key.
  const path = sentPath(expected.raw.target);
  if (path !== request.path && isSigned(receivedCanonical({ ...request, path }, claims.signedHeaders))) return;
  throw new GatewayError('SignatureDoesNotMatch', {
    clientFields: explainMismatch(claims, scope, request, isSigned),
  });
}

/** The scope as it stands in strings to sign. */
export function scopeOf({ date, region, service }: SignatureClaims): string {
  return `${date}/${region}/${service}/aws4_request`;
}

function checkScope({ kind, date, amzDate, region, service }: SignatureClaims, expected: Expected): void {
  const code = kind === 'header' ? 'AuthorizationHeaderMalformed' : 'AuthorizationQueryParametersError';
  if (!amzDate.startsWith(date)) throw new GatewayError(code, { detail: 'scope date differs' });
  if (service !== expected.service) throw new GatewayError(code, { detail: 'scope of another service' });
  if (!expected.regions.includes(region)) {
    // SDKs sign again for the region that is named here.
    const clientFields = { Region: expected.regions[0] ?? '' };
    throw new GatewayError(code, { detail: 'scope of another region', clientFields });
  }
}

function checkTime({ signedAtMs, expiresSeconds }: SignatureClaims, nowMs: number): void {
  const ageMs = nowMs - signedAtMs;
  // S3 takes zero seconds as a form, and answers as to every URL whose time is over.
  const isLate = expiresSeconds === 0 || ageMs > (expiresSeconds === undefined ? MAX_SKEW_MS : expiresSeconds * 1000);
  if (!isLate && ageMs >= -MAX_SKEW_MS) return;
  const ServerTime = new Date(nowMs).toISOString();
  if (isLate && expiresSeconds !== undefined) {
    const Expires = new Date(signedAtMs + expiresSeconds * 1000).toISOString();
    throw new GatewayError('RequestExpired', {
      clientFields: { 'X-Amz-Expires': String(expiresSeconds), Expires, ServerTime },
    });
  }
  throw new GatewayError('RequestTimeTooSkewed', {
    clientFields: {
      RequestTime: new Date(signedAtMs).toISOString(),
      ServerTime,
      MaxAllowedSkewMilliseconds: String(MAX_SKEW_MS),
      LikelyCause: 'clock: the clocks of client and server differ',
    },
  });
}

/** What the caller holds the body against must be what the client declared of it. */
function checkPayloadHash({ kind }: SignatureClaims, expected: Expected, declared: string | undefined): void {
  const isMissing = declared === undefined && kind === 'header' && expected.service === 's3';
  if (isMissing || (declared !== undefined && declared !== expected.payloadHash)) {
    throw new GatewayError('InvalidRequest', { clientFields: { Header: 'x-amz-content-sha256' } });
  }
}
