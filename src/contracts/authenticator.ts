import type { S3Request } from '../s3/request.ts';
import type { Principal } from './principal.ts';

/**
 * Request -> Principal. "Not mine" differs from "failed": an authenticator that finds no credential of its kind
 * resolves `undefined`, and one that finds a bad credential throws.
 */
export interface Authenticator {
  readonly name: string;
  /** @throws GatewayError InvalidToken, ExpiredToken, ServiceUnavailable (the issuer's keys cannot be had) */
  readonly authenticate: (request: S3Request) => Promise<Principal | undefined>;
}
