import type { RawRequest } from '../s3/request/request.ts';
import type { Identification } from './authenticator.ts';
import type { Principal } from './principal.ts';

/** Short-lived credentials of ours, for clients that sign. Never the store's. */
export interface ClientCredentials {
  readonly accessKeyId: string;
  readonly secretAccessKey: string;
  readonly sessionToken: string;
  readonly expiresAtMs: number;
}

/** Every replica that has the keys of configuration can open what another one issued; nothing is kept. */
export interface ClientSessions {
  /**
   * Issues credentials for `principal`, which end with its token at the latest. `seconds`: as asked for, clamped to
   * what configuration allows; `undefined`: the default.
   * @throws GatewayError SessionTooLarge
   */
  readonly issue: (principal: Principal, seconds: number | undefined) => ClientCredentials;
}

/** A signed message: an S3 request, or a form for our STS. */
export interface SignedMessage {
  readonly raw: RawRequest;
  readonly service: 's3' | 'sts';
  /** As it stands in the canonical request: hex digest or literal. The caller verifies the body against it. */
  readonly payloadHash: string;
  readonly receivedAtMs: number;
}

export interface SignatureVerifier {
  /**
   * Resolves `undefined` where the message carries no signature at all.
   * @throws GatewayError AuthorizationHeaderMalformed, AuthorizationQueryParametersError, InvalidAccessKeyId,
   * InvalidSession, ExpiredSession, RequestExpired, RequestTimeTooSkewed, SignatureDoesNotMatch
   */
  readonly verify: (message: SignedMessage) => Identification | undefined;
  /**
   * Verifies the policy of a form by the fields that sign it.
   * @throws GatewayError as `verify`; MissingToken (a form that nobody signed)
   */
  readonly verifyPolicy: (fields: ReadonlyMap<string, string>, receivedAtMs: number) => Identification;
}

/** A token that came elsewhere than in the Authorization header of an S3 request. */
export interface TokenVerifier {
  /** Gives whose it is, at once where that is known. @throws GatewayError InvalidToken, ExpiredToken, ServiceUnavailable */
  readonly verify: (token: string) => Principal | Promise<Principal>;
}
