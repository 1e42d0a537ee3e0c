import type { S3Request } from '../s3/request/request.ts';
import type { Principal } from './principal.ts';
import type { ChunkSignatures } from './chunk-signatures.ts';

/** Who asks, and how the chunks of the body that follows are to be verified where they are signed one by one. */
export interface Identification {
  readonly principal: Principal;
  readonly chunkSignatures?: ChunkSignatures;
}

/**
 * Request -> Principal, at once where the credential is in memory. "Not mine" differs from "failed": an authenticator that
 * finds no credential of its kind gives `undefined`, and one that finds a bad credential throws.
 */
export interface Authenticator {
  readonly name: string;
  /** @throws GatewayError InvalidToken, ExpiredToken, ServiceUnavailable (the issuer's keys cannot be had) */
  readonly authenticate: (request: S3Request) => Identification | undefined | Promise<Identification>;
}
