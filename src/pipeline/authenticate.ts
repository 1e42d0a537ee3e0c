/**
 * Received -> Authenticated. A request in which no authenticator finds a credential of its kind is refused, and so is one of
 * somebody who was revoked, whatever was found.
 */
import type { Authenticator, Identification } from '../contracts/authenticator.ts';
import type { Revocations } from '../contracts/revocations.ts';
import { GatewayError } from '../errors/gateway-error.ts';
import { andThen } from '../platform/at-once.ts';
import type { S3Request } from '../s3/request/request.ts';
import type { Authenticated, Received } from './contexts.ts';
import type { Stage } from './stage.ts';

/**
 * The stage `authenticate`.
 * @throws GatewayError MissingToken, InvalidToken, ExpiredToken, RevokedToken, RevokedSession, RevokedAddress, InvalidRequest, SlowDown (by an issuer that many wait for),
 * ServiceUnavailable, and those of signatures
 */
export function createAuthenticate(
  authenticators: readonly Authenticator[],
  revocations: Revocations,
): Stage<Received, Authenticated> {
  return {
    name: 'authenticate',
    run: (context) => {
      const { request, exchange, trail } = context;
      const identified = ({ principal, chunkSignatures }: Identification): Authenticated => {
        // Who it was is on record also where that one is refused.
        trail.identified(request.operation, principal, request);
        revocations.check(principal, exchange.clientAddress);
        // Signed by whom? Nothing here could tell, and to leave the signatures unread would be to trust them.
        if (request.payload.chunked?.signed === true && chunkSignatures === undefined) {
          throw new GatewayError('InvalidRequest', {
            detail: 'signed chunks without a signed request',
          });
        }
        return { ...context, principal, chunkSignatures };
      };
      return andThen(identify(authenticators, request), identified);
    },
  };
}

/** What the first authenticator says that finds a credential of its kind. @throws GatewayError MissingToken, InvalidAccessKeyId; those of the authenticators */
function identify(
  authenticators: readonly Authenticator[],
  request: S3Request,
): Identification | Promise<Identification> {
  for (const authenticator of authenticators) {
    const found = authenticator.authenticate(request);
    if (found !== undefined) return found;
  }
  throw new GatewayError(isSigned(request) ? 'InvalidAccessKeyId' : 'MissingToken');
}

const isSigned = ({ presented }: S3Request): boolean => presented === 'signed-header' || presented === 'signed-query';
