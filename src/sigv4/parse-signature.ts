/** Where a signature of Signature Version 4 stands in a message, and what it says of itself. Unverified: all of it. */
import { GatewayError } from '../errors/gateway-error.ts';
import type { RawRequest } from '../s3/request.ts';

/** What a message says about its signature. Unverified. */
export interface SignatureClaims {
  /** In the Authorization header, or in the query (presigned). */
  readonly kind: 'header' | 'query';
  readonly accessKeyId: string;
  /** The scope: `YYYYMMDD`, region and service. */
  readonly date: string;
  readonly region: string;
  readonly service: string;
  /** Lower-case names, strictly ascending. */
  readonly signedHeaders: readonly string[];
  /** 64 lower-case hex digits. */
  readonly signature: string;
  /** `YYYYMMDDTHHMMSSZ`, from X-Amz-Date, else from Date. */
  readonly amzDate: string;
  /** 1..604800; presigned only. */
  readonly expiresSeconds: number | undefined;
  readonly sessionToken: string | undefined;
}

/**
 * Reads the signature of a message; `undefined` when it carries none of Signature Version 4.
 * @throws GatewayError AuthorizationHeaderMalformed, AuthorizationQueryParametersError, InvalidRequest (repeated
 * signing headers or parameters, credentials in two places)
 */
export function parseSignature(raw: RawRequest): SignatureClaims | undefined {
  throw new GatewayError('NotImplemented', 'authenticate', { detail: raw.method });
}
