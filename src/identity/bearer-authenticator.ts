/**
 * `Authorization: Bearer <jwt>` -> Principal. Tokens in a query or a body are never looked at.
 */
import type { Authenticator } from '../contracts/authenticator.ts';
import type { TokenVerifier } from '../contracts/client-sessions.ts';
import { GatewayError } from '../errors/gateway-error.ts';

const SCHEME = /^bearer(?: +|$)/i;

/**
 * Makes the authenticator of bearer tokens.
 * @see RFC 6750 section 2.1
 */
export const createBearerAuthenticator = (tokens: TokenVerifier): Authenticator => ({
  name: 'bearer',
  authenticate: async (request) => {
    const token = bearerToken(request.headers.get('authorization'));
    if (token === undefined) return undefined;
    const principal = await tokens.verify(token);
    // The signatures of its chunks start from one of the request, which a bearer does not give.
    if (request.payload.chunked?.signed === true) {
      throw new GatewayError('InvalidRequest', { detail: 'signed chunks under a bearer token' });
    }
    return { principal };
  },
});

/** The token of a header's value; `undefined` where there is no header, or one of another scheme. */
const bearerToken = (header: string | undefined): string | undefined => {
  const scheme = header === undefined ? null : SCHEME.exec(header);
  return header === undefined || scheme === null ? undefined : header.slice(scheme[0].length);
};
