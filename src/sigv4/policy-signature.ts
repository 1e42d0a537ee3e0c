/**
 * The signature of a browser's form, which is over its policy alone. Enters: the fields of a form. Leaves: what they say of
 * their signature; then nothing, or a refusal. Unverified until `verifyPolicySignature` has returned.
 * @see Amazon S3 API Reference, "Authenticating Requests in Browser-Based Uploads Using POST (AWS Signature Version 4)"
 */
import { createHmac, timingSafeEqual, type KeyObject } from 'node:crypto';
import { GatewayError } from '../errors/gateway-error.ts';
import { ALGORITHM } from './canonical-request.ts';
import { scopeOf, timeOf, tokenOf, type SignatureClaims } from './parse-signature.ts';

type Claimed = 'accessKeyId' | 'date' | 'region' | 'service' | 'signature' | 'amzDate' | 'signedAtMs' | 'sessionToken';
export type PolicySignature = Pick<SignatureClaims, Claimed> & {
  /** Base64, as it was signed. */
  readonly policy: string;
};

/** Seven days, as of a presigned URL, and as long as a signing key is good. */
const MAX_AGE_MS = 604_800_000;
const MAX_SKEW_MS = 15 * 60_000;
const SIGNATURE = /^[0-9a-f]{64}$/;
const CODE = 'AuthorizationQueryParametersError';

/** Reads the signature of a form. @throws GatewayError MissingToken (nobody signed), InvalidArgument (a policy without a signature), AuthorizationQueryParametersError */
export function parsePolicySignature(fields: ReadonlyMap<string, string>): PolicySignature {
  const policy = fields.get('policy') ?? '';
  const signature = fields.get('x-amz-signature') ?? '';
  if (policy === '') throw new GatewayError('MissingToken');
  if (signature === '') {
    throw new GatewayError('InvalidArgument', { clientFields: { ArgumentName: 'x-amz-signature' } });
  }
  if (fields.get('x-amz-algorithm') !== ALGORITHM) throw malformed('x-amz-algorithm');
  if (!SIGNATURE.test(signature)) throw malformed('x-amz-signature');
  return {
    policy,
    signature,
    ...scopeOf(fields.get('x-amz-credential') ?? '', CODE),
    ...timeOf(fields.get('x-amz-date') ?? '', undefined, CODE),
    sessionToken: tokenOf(fields.get('x-amz-security-token'), CODE),
  };
}

/**
 * Verifies scope, time and signature of a policy.
 * @throws GatewayError AuthorizationQueryParametersError, RequestExpired, RequestTimeTooSkewed, SignatureDoesNotMatch
 */
export function verifyPolicySignature(
  claims: PolicySignature,
  { nowMs, regions }: { readonly nowMs: number; readonly regions: readonly string[] },
  key: KeyObject,
): void {
  if (!claims.amzDate.startsWith(claims.date)) throw malformed('x-amz-date');
  if (claims.service !== 's3' || !regions.includes(claims.region)) throw malformed('x-amz-credential');
  const ageMs = nowMs - claims.signedAtMs;
  if (ageMs > MAX_AGE_MS) throw new GatewayError('RequestExpired');
  if (ageMs < -MAX_SKEW_MS) throw new GatewayError('RequestTimeTooSkewed');
  const expected = createHmac('sha256', key).update(claims.policy).digest();
  if (!timingSafeEqual(expected, Buffer.from(claims.signature, 'hex'))) {
    throw new GatewayError('SignatureDoesNotMatch', {
      clientFields: { LikelyCause: 'policy: another policy was signed, or by another secret' },
    });
  }
}

function malformed(field: string): GatewayError {
  return new GatewayError(CODE, { detail: field, clientFields: { Parameter: field } });
}
