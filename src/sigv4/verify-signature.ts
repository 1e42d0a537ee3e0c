/** Enters: a message, what it says of its signature, and the key. Leaves: nothing, or a refusal that explains itself. */
import type { KeyObject } from 'node:crypto';
import { GatewayError } from '../errors/gateway-error.ts';
import type { RawRequest } from '../s3/request.ts';
import type { SignatureClaims } from './parse-signature.ts';

/** What a signature is verified over, and against. */
export interface Expected {
  readonly raw: RawRequest;
  /** Hex digest or literal, as it stands in the canonical request. */
  readonly payloadHash: string;
  readonly nowMs: number;
  readonly service: string;
  /** The accepted regions; the first is told to clients that signed for another one. */
  readonly regions: readonly string[];
}

/**
 * Verifies scope, time, coverage and signature of a message.
 * @throws GatewayError AuthorizationHeaderMalformed, AuthorizationQueryParametersError, RequestTimeTooSkewed,
 * RequestExpired, InvalidRequest, SignatureDoesNotMatch
 */
export function verifySignature(claims: SignatureClaims, expected: Expected, key: KeyObject): void {
  throw new GatewayError('NotImplemented', 'authenticate', { detail: claims.kind + expected.service + key.type });
}
