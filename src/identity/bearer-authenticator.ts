/**
 * `Authorization: Bearer <jwt>` -> Principal. Tokens in a query or a body are never looked at.
 */
import type { Authenticator, Identification } from '../contracts/authenticator.ts';
import type { TokenVerifier } from '../contracts/client-sessions.ts';
import type { Principal } from '../contracts/principal.ts';
import { GatewayError } from '../errors/gateway-error.ts';
import { andThen } from '../platform/at-once.ts';
import { bearerToken } from '../s3/bearer-token.ts';

/**
 * Makes the authenticator of bearer tokens.
 * @see RFC 6750 section 2.1
 */
export const createBearerAuthenticator = (tokens: TokenVerifier): Authenticator => ({
  name: 'bearer',
  authenticate: (request) => {
    const token = bearerToken(request.headers.get('authorization'));
    if (token === undefined) return undefined;
    const identified = (principal: Principal): Identification => {
      // The signatures of its chunks start from one of the request, which a bearer does not give.
      if (request.payload.chunked?.signed === true) {
        throw new GatewayError('InvalidRequest', { detail: 'signed chunks under a bearer token' });
      }
      return { principal };
    };
    return andThen(tokens.verify(token), identified);
  },
});
