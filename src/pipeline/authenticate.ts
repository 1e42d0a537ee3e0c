/** Received -> Authenticated. A request in which no authenticator finds a credential of its kind is refused. */
import type { Authenticator } from '../contracts/authenticator.ts';
import { GatewayError } from '../errors/gateway-error.ts';
import type { Admission } from './admission.ts';
import type { Authenticated, Received } from './contexts.ts';
import type { Stage } from './stage.ts';

/** The stage `authenticate`. @throws GatewayError MissingToken, InvalidToken, ExpiredToken, SlowDown, ServiceUnavailable */
export function createAuthenticate(
  authenticators: readonly Authenticator[],
  admission: Admission,
): Stage<Received, Authenticated> {
  return {
    name: 'authenticate',
    run: async (context) => {
      for (const authenticator of authenticators) {
        const principal = await authenticator.authenticate(context.request);
        if (principal !== undefined) {
          context.ledger.identified(context.request, principal);
          admission.enter(context.exchange, principal);
          return { ...context, principal };
        }
      }
      throw new GatewayError('MissingToken', 'authenticate');
    },
  };
}
