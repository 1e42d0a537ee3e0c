/**
 * The refusals of this room. To the caller every bad token looks alike; `detail` is for the log and is written from
 * fixed words and configuration, never from the token.
 */
import { bearerChallenge } from '../errors/challenge.ts';
import { GatewayError } from '../errors/gateway-error.ts';

/** Makes the error of a token that is malformed, forged, or not meant for this gateway. @see RFC 6750 section 3.1 */
export const invalidToken = (detail: string): GatewayError => new GatewayError('InvalidToken', { detail });

/**
 * Makes the error of a good token that its owner did not give all the scopes that this gateway asks for. A new token by the
 * same grant would be no better: no 401. `required`: from configuration, no quotes in them.
 * @see RFC 6750 section 3.1
 */
export const insufficientScope = (required: readonly string[]): GatewayError =>
  new GatewayError('InsufficientScope', {
    detail: `the token has not the scopes ${required.join(' ')}`,
    clientHeaders: {
      'www-authenticate': bearerChallenge(['error="insufficient_scope"', `scope="${required.join(' ')}"`]),
    },
  });

/** Makes the error of a token that cannot be judged, because its issuer's keys cannot be had. */
export const keysUnavailable = (issuerName: string, reason: string): GatewayError =>
  new GatewayError('ServiceUnavailable', { detail: `keys of issuer ${issuerName}: ${reason}`, unavailable: 'issuer' });

/** Makes the error of an opaque token that cannot be judged, because its issuer cannot be asked. */
export const introspectionUnavailable = (issuerName: string, reason: string): GatewayError =>
  new GatewayError('ServiceUnavailable', {
    detail: `introspection of issuer ${issuerName}: ${reason}`,
    unavailable: 'issuer',
  });

/** Tells whether a token was neither accepted nor refused: there was nobody to say. */
export const isUndecided = (error: unknown): error is GatewayError =>
  error instanceof GatewayError && (error.code === 'ServiceUnavailable' || error.code === 'SlowDown');

/** Makes the error of a session token that is malformed, altered, or not of this deployment and its keys. */
export const invalidSession = (detail: string): GatewayError => new GatewayError('InvalidSession', { detail });
